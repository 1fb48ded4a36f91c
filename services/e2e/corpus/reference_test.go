package corpus

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// The files must not contradict themselves: a small tolerant server, written only for this test, can play all of them, in
// the identity provider's form and in the standard form.
func TestCorpusCanBePlayed(t *testing.T) {
	shared := newReference(t)
	for _, s := range all(t) {
		forms := map[string]Scenario{"as sent": s}
		if standard, ok := s.Standard(); ok {
			forms["standard"] = standard
		}
		for form, scenario := range forms {
			t.Run(s.Name+" "+form, func(t *testing.T) {
				own := newReference(t)
				if _, err := Play(t.Context(), own.Client(), own.URL, testKey, scenario); err != nil {
					t.Error(err)
				}
			})
		}
		if !s.EmptyDirectory {
			if _, err := Play(t.Context(), shared.Client(), shared.URL, testKey, s); err != nil {
				t.Errorf("in a shared directory: %v", err)
			}
		}
	}
}

type object = map[string]any

// reference stores resources as JSON, and members as ids.
type reference struct {
	*httptest.Server
	next    int
	order   []string // ids, in the order of creation
	docs    map[string]object
	kinds   map[string]string
	members map[string][]string
}

func newReference(t *testing.T) *reference {
	t.Helper()
	r := &reference{docs: map[string]object{}, kinds: map[string]string{}, members: map[string][]string{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (s *reference) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body object
	if r.ContentLength > 0 {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			refuse(w, 400, "invalidSyntax")
			return
		}
	}
	kind, id, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case id == "" && r.Method == http.MethodGet:
		s.list(w, r, kind)
	case id == "":
		s.next++
		id = fmt.Sprintf("%s-%d", kind, s.next)
		if s.store(w, kind, id, body) {
			s.order = append(s.order, id)
			w.Header().Set("Location", s.URL+"/"+kind+"/"+id)
			reply(w, 201, s.render(id, r))
		}
	case s.kinds[id] != kind:
		refuse(w, 404, "")
	case r.Method == http.MethodGet:
		reply(w, 200, s.render(id, r))
	case r.Method == http.MethodPut:
		if s.store(w, kind, id, body) {
			reply(w, 200, s.render(id, r))
		}
	case r.Method == http.MethodPatch:
		doc := copyOf(s.docs[id]).(object)
		for _, op := range body["Operations"].([]any) {
			op := op.(object)
			path, _ := op["path"].(string)
			s.apply(doc, strings.ToLower(op["op"].(string)), path, op["value"])
		}
		if !s.store(w, kind, id, doc) {
			return
		}
		if kind == "Groups" {
			w.WriteHeader(204)
			return
		}
		reply(w, 200, s.render(id, r))
	case r.Method == http.MethodDelete:
		delete(s.docs, id)
		delete(s.kinds, id)
		s.order = slices.DeleteFunc(s.order, func(x string) bool { return x == id })
		for _, doc := range s.docs {
			doc["members"] = without(doc["members"], id)
		}
		w.WriteHeader(204)
	}
}

func (s *reference) store(w http.ResponseWriter, kind, id string, doc object) bool {
	doc = tidy(spelled(doc)).(object)
	for _, key := range []string{"id", "meta", "groups", "password"} {
		delete(doc, key)
	}
	// The schemas of an early draft are accepted, and not stored.
	if list := elements(doc["schemas"]); len(list) > 0 && strings.HasPrefix(list[0].(string), "urn:scim:schemas:core:") {
		doc["schemas"] = []any{"urn:ietf:params:scim:schemas:core:2.0:User"}
	}
	if emails, ok := doc["emails"].(object); ok {
		doc["emails"] = []any{emails}
	}
	if active, ok := doc["active"].(string); ok {
		doc["active"] = strings.EqualFold(active, "true")
	}
	if extension, ok := doc[enterprise].(object); ok && extension["manager"] != nil {
		extension["manager"] = manager(extension["manager"])
	}
	for other, existing := range s.docs {
		for _, key := range []string{"userName", "externalId"} {
			a, _ := existing[key].(string)
			b, _ := doc[key].(string)
			if other != id && s.kinds[other] == kind && a != "" && strings.EqualFold(a, b) {
				refuse(w, 409, "uniqueness")
				return false
			}
		}
	}
	s.docs[id], s.kinds[id] = doc, kind
	return true
}

func (s *reference) render(id string, r *http.Request) object {
	doc := copyOf(s.docs[id]).(object)
	kind := s.kinds[id]
	doc["id"] = id
	doc["meta"] = object{
		"resourceType": strings.TrimSuffix(kind, "s"), "location": s.URL + "/" + kind + "/" + id,
		"created": "2026-01-01T00:00:00Z", "lastModified": "2026-01-01T00:00:00Z",
	}
	if kind == "Users" {
		doc["groups"] = s.groupsOf(id)
	}
	if r.URL.Query().Get("excludedAttributes") == "members" {
		delete(doc, "members")
	}
	return doc
}

// groupsOf returns the groups of a member, and the groups above them.
func (s *reference) groupsOf(id string) []any {
	groups := []any{}
	for _, g := range s.order {
		for _, m := range elements(s.docs[g]["members"]) {
			if m.(object)["value"] == id {
				groups = append(groups, object{"value": g, "display": s.docs[g]["displayName"]})
				groups = append(groups, s.groupsOf(g)...)
			}
		}
	}
	return groups
}

// names are attributes in the schema's spelling; names are compared without case (RFC 7643 §2.1).
var names = []string{
	"userName", "externalId", "active", "displayName", "name", "givenName", "familyName", "emails", "type", "value", "primary",
	"department", "manager",
}

// spelled returns a value with names in the schema's spelling.
func spelled(v any) any {
	switch v := v.(type) {
	case object:
		clean := object{}
		for key, child := range v {
			if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, key) }); i >= 0 {
				key = names[i]
			}
			clean[key] = spelled(child)
		}
		return clean
	case []any:
		list := slices.Clone(v)
		for i := range list {
			list[i] = spelled(list[i])
		}
		return list
	}
	return v
}

var comparison = regexp.MustCompile(`^(?:([\w:.-]+):)?(\w+)(?:\[(\w+) eq "([^"]*)"(?: and (\w+) eq "([^"]*)")?\])?(?:\.(\w+))?(?: eq "([^"]*)")?$`)

func (s *reference) list(w http.ResponseWriter, r *http.Request, kind string) {
	found := []any{}
	for _, id := range s.order {
		if s.kinds[id] == kind && matches(s.docs[id], r.URL.Query().Get("filter")) {
			found = append(found, s.render(id, r))
		}
	}
	start, err := strconv.Atoi(r.URL.Query().Get("startIndex"))
	if err != nil {
		start = 1
	}
	page := found[min(start-1, len(found)):]
	if count, err := strconv.Atoi(r.URL.Query().Get("count")); err == nil {
		page = page[:min(count, len(page))]
	}
	reply(w, 200, object{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}, "totalResults": len(found),
		"startIndex": start, "itemsPerPage": len(page), "Resources": page,
	})
}

func matches(doc object, filter string) bool {
	if filter == "" {
		return true
	}
	m := comparison.FindStringSubmatch(filter)
	if m == nil {
		return false
	}
	for _, name := range names {
		if strings.EqualFold(name, m[2]) {
			m[2] = name
		}
	}
	if m[1] != "" {
		doc, _ = doc[m[1]].(object)
	}
	if m[7] == "" && m[8] != "" {
		m[7] = "value" // the sub-attribute for comparing a complex attribute
	}
	equal := func(v any, want string) bool {
		text, ok := v.(string)
		return ok && strings.EqualFold(text, want)
	}
	for _, e := range elements(doc[m[2]]) {
		switch e := e.(type) {
		case object:
			if (m[3] == "" || equal(e[m[3]], m[4])) && (m[5] == "" || equal(e[m[5]], m[6])) && (m[7] == "" || equal(e[m[7]], m[8])) {
				return true
			}
		default:
			return equal(e, m[8])
		}
	}
	return false
}

var target = regexp.MustCompile(`^(?:(urn:.*):)?(\w+)(?:\[(\w+) eq (.*)\])?(?:\.(\w+))?$`)

func (s *reference) apply(doc object, op, path string, value any) {
	if path == "" {
		if text, ok := value.(string); ok { // SCIM for Keycloak
			_ = json.Unmarshal([]byte(text), &value)
		}
		for key, v := range value.(object) {
			s.apply(doc, op, key, v)
		}
		return
	}
	m := target.FindStringSubmatch(path)
	if m[1] == "" && m[2] == "manager" {
		m[1], value = enterprise, manager(value)
	}
	if m[1] != "" {
		doc = within(doc, m[1])
	}
	attribute, sub := m[2], m[5]
	if sub == "primary" {
		value = value == true || value == "True"
	}
	switch {
	case m[3] != "":
		s.applyFiltered(doc, op, attribute, m[3], m[4], sub, value)
	case sub != "":
		doc = within(doc, attribute)
		attribute = sub
		fallthrough
	case !slices.Contains([]string{"emails", "phoneNumbers", "addresses", "roles", "members"}, attribute):
		if op == "remove" {
			delete(doc, attribute)
		} else {
			doc[attribute] = value
		}
	case op == "add":
		list := elements(doc[attribute])
		for _, v := range elements(value) {
			v = tidy(v)
			if attribute == "members" {
				v = object{"value": v.(object)["value"]}
			}
			if !slices.ContainsFunc(list, func(e any) bool { return reflect.DeepEqual(e, v) }) {
				list = append(list, v)
			}
		}
		doc[attribute] = list
	case op == "remove" && value == nil:
		delete(doc, attribute)
	case op == "remove":
		for _, v := range elements(value) {
			doc[attribute] = without(doc[attribute], v.(object)["value"])
		}
	default:
		doc[attribute] = value
	}
}

func (s *reference) applyFiltered(doc object, op, attribute, key, quoted, sub string, value any) {
	var want any
	_ = json.Unmarshal([]byte(quoted), &want)
	if want == "True" {
		want = true
	}
	list := elements(doc[attribute])
	at := slices.IndexFunc(list, func(e any) bool { return e.(object)[key] == want })
	switch {
	case op == "remove" && sub == "":
		list = slices.DeleteFunc(list, func(e any) bool { return e.(object)[key] == want })
	case at < 0:
		list = append(list, object{key: want, sub: value})
	default:
		list[at].(object)[sub] = value
	}
	doc[attribute] = list
}

func manager(v any) any {
	all := elements(v)
	if len(all) == 0 {
		return nil
	}
	if id, ok := all[0].(string); ok {
		return object{"value": id}
	}
	return tidy(all[0])
}

func within(doc object, key string) object {
	child, ok := doc[key].(object)
	if !ok {
		child = object{}
		doc[key] = child
	}
	return child
}

// elements returns an array's elements, or a single value as a list of one.
func elements(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func without(list any, id any) []any {
	return slices.DeleteFunc(slices.Clone(elements(list)), func(e any) bool { return e.(object)["value"] == id })
}

// tidy removes nulls and empty arrays.
func tidy(v any) any {
	o, ok := v.(object)
	if !ok {
		return v
	}
	clean := object{}
	for key, child := range o {
		if !unassigned(child) {
			clean[key] = tidy(child)
		}
	}
	return clean
}

func copyOf(v any) any {
	raw, _ := json.Marshal(v)
	var c any
	_ = json.Unmarshal(raw, &c)
	return c
}

func reply(w http.ResponseWriter, status int, doc object) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}

func refuse(w http.ResponseWriter, status int, scimType string) {
	reply(w, status, object{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(status), "scimType": scimType,
	})
}
