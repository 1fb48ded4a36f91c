package simulate

import "strings"

// Schemas of RFC 7643 and URNs of RFC 7644.
const (
	coreUser   = "urn:ietf:params:scim:schemas:core:2.0:User"
	coreGroup  = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchOp    = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// document is a JSON object, sent or received.
type document map[string]any

// value reads the value at a path: `userName`, `name.givenName`, `emails[type eq "work"].value`, or an attribute of the
// enterprise extension by its full URN. nil means that there is none.
func (d document) value(path string) any {
	object := map[string]any(d)
	if rest, ok := strings.CutPrefix(path, enterprise+":"); ok {
		object, _ = object[enterprise].(map[string]any)
		path = rest
	}
	if attribute, rest, ok := strings.Cut(path, `[type eq "`); ok {
		kind, sub, _ := strings.Cut(rest, `"].`)
		list, _ := object[attribute].([]any)
		for _, element := range list {
			if e, _ := element.(map[string]any); e["type"] == kind {
				return e[sub]
			}
		}
		return nil
	}
	if head, tail, ok := strings.Cut(path, "."); ok {
		child, _ := object[head].(map[string]any)
		return child[tail]
	}
	return object[path]
}

// text returns value as a string: "" if there is none, and the value of a reference such as manager.
func (d document) text(path string) string {
	switch v := d.value(path).(type) {
	case string:
		return v
	case map[string]any:
		s, _ := v["value"].(string)
		return s
	}
	return ""
}

// attribute is one mapped attribute of a user, as in an IdP's mapping table. value is a string or a bool; "" means none.
type attribute struct {
	path  string
	value any
}

// change is an attribute that has another value at the server.
type change struct {
	attribute
	had bool // the server has a value
}

// differences compares a server's document with the wanted attributes.
func differences(d document, want []attribute) []change {
	var changes []change
	for _, a := range want {
		var same bool
		if flag, ok := a.value.(bool); ok {
			same = d.value(a.path) == flag
		} else {
			same = d.text(a.path) == a.value
		}
		if !same {
			changes = append(changes, change{a, d.value(a.path) != nil})
		}
	}
	return changes
}

func workEmail(u userState) []any {
	if u.email == "" {
		return nil
	}
	return []any{document{"primary": true, "type": "work", "value": u.email}}
}

func mobilePhone(u userState) []any {
	if u.phone == "" {
		return nil
	}
	return []any{document{"type": "mobile", "value": u.phone}}
}

// set sets a value that is not empty.
func (d document) set(key string, value any) {
	switch v := value.(type) {
	case string:
		if v == "" {
			return
		}
	case []any:
		if len(v) == 0 {
			return
		}
	}
	d[key] = value
}

func operations(ops ...document) document {
	return document{"schemas": []string{patchOp}, "Operations": ops}
}
