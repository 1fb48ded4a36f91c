package scimhttp

import (
	"strings"

	"github.com/usher-scim/usher/services/internal/eventname"
)

// named are the attributes that name a resource, in lower case, with the URN of their schema.
var named = map[kind]struct{ attribute, schema string }{
	users:  {"username", "urn:ietf:params:scim:schemas:core:2.0:user:"},
	groups: {"displayname", "urn:ietf:params:scim:schemas:core:2.0:group:"},
}

// subjectOf returns the name of the resource that a failed message is about, as the message has it: the userName or displayName of its
// document, or the one that its PATCH sets. It is empty if there is none, or if the body is not valid JSON. The body of a failed message
// is read a second time for it, and no other.
func subjectOf(r route, body []byte) string {
	name, ok := named[r.kind]
	if !ok || len(body) == 0 || r.verb.reads() {
		return ""
	}
	document, err := objectMembers(body)
	if err != nil {
		return ""
	}
	is := func(attribute string) bool { return strings.TrimPrefix(attribute, name.schema) == name.attribute }
	subject := textOf(document, is)
	for _, operation := range elements(document["operations"], maxMembers) {
		members, err := objectMembers(operation)
		if err != nil {
			continue
		}
		if path := text(members["path"]); path != "" {
			if is(strings.ToLower(path)) {
				subject = text(members["value"])
			}
			continue
		}
		if values, err := objectMembers(members["value"]); err == nil && textOf(values, is) != "" {
			subject = textOf(values, is)
		}
	}
	return eventname.Cut(subject)
}

// textOf returns the text of the member with a name.
func textOf(members map[string][]byte, is func(name string) bool) string {
	for name, value := range members {
		if is(name) {
			return text(value)
		}
	}
	return ""
}

// text returns the text of a JSON string, and nothing for another value.
func text(value []byte) string {
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	return unquoted(string(value))
}
