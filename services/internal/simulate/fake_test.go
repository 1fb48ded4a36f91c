package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const testKey = "key-that-must-not-show"

// fakeServer is a SCIM server that is just tolerant enough for the simulation. It is strict where a mistake of the simulation
// would otherwise stay hidden: it refuses unknown members, duplicate names, and removals of missing members.
type fakeServer struct {
	*httptest.Server

	// trouble, if set, is called before each request, and may respond in the server's place. after means that the request is
	// carried out first, and then its response is lost.
	trouble func(w http.ResponseWriter, r *http.Request) (handled, after bool)

	mu      sync.Mutex
	next    int
	users   map[string]document
	groups  map[string]document
	members map[string]map[string]bool // group id -> user ids
	log     []string                   // "METHOD path body"
}

func newFakeServer(t *testing.T) *fakeServer {
	t.Helper()
	f := &fakeServer{users: map[string]document{}, groups: map[string]document{}, members: map[string]map[string]bool{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.trouble != nil {
		handled, after := f.trouble(w, r)
		if after {
			f.serve(httptest.NewRecorder(), r)
		}
		if handled {
			return
		}
	}
	f.serve(w, r)
}

func (f *fakeServer) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set(messageIDHeader, fmt.Sprintf("message-%d", len(f.log)+1))
	var body document
	if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			fail(w, 400, "invalidSyntax", err.Error())
			return
		}
	}
	text, _ := json.Marshal(body)
	f.log = append(f.log, r.Method+" "+r.URL.RequestURI()+" "+string(text))
	if r.Header.Get("Authorization") != "Bearer "+testKey {
		fail(w, 401, "", "no")
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	kind, id := parts[0], ""
	if len(parts) > 1 {
		id = parts[1]
	}
	table := map[string]map[string]document{"Users": f.users, "Groups": f.groups}[kind]
	switch {
	case table == nil:
		fail(w, 404, "", "no such endpoint")
	case id == "" && r.Method == http.MethodGet:
		f.list(w, kind, table, r.URL.Query())
	case id == "" && r.Method == http.MethodPost:
		f.next++
		id = fmt.Sprintf("%s-%04d", strings.ToLower(kind[:1]), f.next)
		if f.store(w, kind, table, id, body) {
			answer(w, 201, f.render(kind, id))
		}
	case table[id] == nil:
		fail(w, 404, "", "no such resource")
	case r.Method == http.MethodGet:
		doc := f.render(kind, id)
		if r.URL.Query().Get("excludedAttributes") == "members" {
			delete(doc, "members")
		}
		answer(w, 200, doc)
	case r.Method == http.MethodPut:
		if f.store(w, kind, table, id, body) {
			answer(w, 200, f.render(kind, id))
		}
	case r.Method == http.MethodPatch:
		f.patch(w, kind, table, id, body)
	case r.Method == http.MethodDelete:
		delete(table, id)
		delete(f.members, id)
		for _, set := range f.members {
			delete(set, id)
		}
		w.WriteHeader(204)
	}
}

func (f *fakeServer) list(w http.ResponseWriter, kind string, table map[string]document, q url.Values) {
	attribute, quoted, filtered := strings.Cut(q.Get("filter"), " eq ")
	var want string
	if filtered && json.Unmarshal([]byte(quoted), &want) != nil {
		fail(w, 400, "invalidFilter", "not a JSON string: "+quoted)
		return
	}
	found := []any{}
	for id, doc := range table {
		if !filtered || strings.EqualFold(doc.text(attribute), want) {
			found = append(found, f.render(kind, id))
		}
	}
	total := len(found)
	if count, err := strconv.Atoi(q.Get("count")); err == nil && count < len(found) {
		found = found[:count]
	}
	answer(w, 200, document{"totalResults": total, "Resources": found})
}

// store stores a whole resource, and checks that its names are free.
func (f *fakeServer) store(w http.ResponseWriter, kind string, table map[string]document, id string, doc document) bool {
	unique := map[string][]string{"Users": {"userName", "externalId"}, "Groups": {"displayName"}}[kind]
	for other, existing := range table {
		for _, attribute := range unique {
			if v := doc.text(attribute); other != id && v != "" && strings.EqualFold(existing.text(attribute), v) {
				fail(w, 409, "uniqueness", attribute+" is taken")
				return false
			}
		}
	}
	doc = clone(doc)
	if kind == "Groups" {
		set := map[string]bool{}
		list, _ := doc["members"].([]any)
		for _, m := range list {
			member := document(m.(map[string]any)).text("value")
			if f.users[member] == nil {
				fail(w, 400, "invalidValue", "no such member")
				return false
			}
			set[member] = true
		}
		f.members[id] = set
		delete(doc, "members")
	}
	doc["id"] = id
	table[id] = doc
	return true
}

func (f *fakeServer) render(kind, id string) document {
	if kind == "Users" {
		return clone(f.users[id])
	}
	doc := clone(f.groups[id])
	list := []any{}
	for m := range f.members[id] {
		list = append(list, document{"value": m})
	}
	doc["members"] = list
	return doc
}

func (f *fakeServer) patch(w http.ResponseWriter, kind string, table map[string]document, id string, body document) {
	doc := clone(table[id])
	set := map[string]bool{}
	for m := range f.members[id] {
		set[m] = true
	}
	ops, _ := body["Operations"].([]any)
	for _, o := range ops {
		op := document(o.(map[string]any))
		if err := f.apply(doc, set, strings.ToLower(op.text("op")), op.text("path"), op["value"]); err != nil {
			fail(w, 400, err.Error(), "can't apply "+fmt.Sprint(op))
			return
		}
	}
	if kind == "Groups" {
		list := []any{}
		for m := range set {
			list = append(list, map[string]any{"value": m})
		}
		doc["members"] = list
	}
	if !f.store(w, kind, table, id, doc) {
		return
	}
	if kind == "Groups" {
		w.WriteHeader(204)
		return
	}
	answer(w, 200, f.render(kind, id))
}

func (f *fakeServer) apply(doc document, set map[string]bool, op, path string, value any) error {
	if path == "" {
		for key, v := range value.(map[string]any) {
			if err := f.apply(doc, set, op, key, v); err != nil {
				return err
			}
		}
		return nil
	}
	if quoted, ok := strings.CutPrefix(path, "members[value eq "); ok {
		var member string
		if json.Unmarshal([]byte(strings.TrimSuffix(quoted, "]")), &member) != nil || !set[member] || op != "remove" {
			return fmt.Errorf("noTarget")
		}
		delete(set, member)
		return nil
	}
	if path == "members" {
		for _, m := range value.([]any) {
			id := document(m.(map[string]any)).text("value")
			if op == "remove" {
				delete(set, id)
			} else {
				set[id] = true
			}
		}
		return nil
	}
	if s, ok := value.(string); ok && path == "active" {
		value = s == "True"
	}
	if s, ok := value.(string); ok && path == managerPath {
		value = map[string]any{"value": s}
	}
	object := map[string]any(doc)
	if rest, ok := strings.CutPrefix(path, enterprise+":"); ok {
		object, path = child(object, enterprise), rest
	}
	if attribute, rest, ok := strings.Cut(path, `[type eq "`); ok {
		kind, sub, _ := strings.Cut(rest, `"].`)
		list, _ := object[attribute].([]any)
		at := slices.IndexFunc(list, func(e any) bool { return e.(map[string]any)["type"] == kind })
		if at < 0 {
			list, at = append(list, map[string]any{"type": kind}), len(list)
			object[attribute] = list
		}
		object, path = list[at].(map[string]any), sub
	} else if head, tail, ok := strings.Cut(path, "."); ok {
		object, path = child(object, head), tail
	}
	if op == "remove" {
		delete(object, path)
	} else {
		object[path] = value
	}
	return nil
}

func child(object map[string]any, key string) map[string]any {
	c, ok := object[key].(map[string]any)
	if !ok {
		c = map[string]any{}
		object[key] = c
	}
	return c
}

// state is the server's state in the form of an expectation.
func (f *fakeServer) state() *Expectation {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := &Expectation{Users: []ExpectedUser{}, Groups: []ExpectedGroup{}, Roles: map[string][]string{}}
	for _, u := range f.users {
		active, _ := u["active"].(bool)
		e.Users = append(e.Users, ExpectedUser{
			UserName: u.text("userName"), ExternalID: u.text("externalId"), Active: active,
			DisplayName: u.text("displayName"), Email: u.text(workMailPath),
		})
	}
	roles := map[string]string{
		"Participants": "Participant", "Designers": "Designer", "Developers": "Developer",
		"Automation Admins": "Automation Admin", "Administrators": "Global Admin",
	}
	for id, g := range f.groups {
		names := []string{}
		for m := range f.members[id] {
			names = append(names, f.users[m].text("userName"))
			if role := roles[g.text("displayName")]; role != "" && f.users[m]["active"] == true {
				e.Roles[f.users[m].text("userName")] = append(e.Roles[f.users[m].text("userName")], role)
			}
		}
		slices.Sort(names)
		e.Groups = append(e.Groups, ExpectedGroup{DisplayName: g.text("displayName"), Members: names})
	}
	for _, r := range e.Roles {
		slices.Sort(r)
	}
	slices.SortFunc(e.Users, func(a, b ExpectedUser) int { return cmp.Compare(a.UserName, b.UserName) })
	slices.SortFunc(e.Groups, func(a, b ExpectedGroup) int { return cmp.Compare(a.DisplayName, b.DisplayName) })
	return e
}

func (f *fakeServer) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

// unreliable makes a share of the requests fail, some of them after they were carried out.
func unreliable(share float64) func(http.ResponseWriter, *http.Request) (bool, bool) {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(7, 7))
	return func(w http.ResponseWriter, _ *http.Request) (handled, after bool) {
		mu.Lock()
		roll, kind := rng.Float64(), rng.IntN(4)
		mu.Unlock()
		if roll >= share {
			return false, false
		}
		switch kind {
		case 0:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
		case 1:
			w.WriteHeader(503)
		case 2:
			w.WriteHeader(500)
			return true, true
		case 3:
			connection, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				connection.Close()
			}
		}
		return true, false
	}
}

func clone(d document) document {
	raw, _ := json.Marshal(d)
	var c document
	_ = json.Unmarshal(raw, &c)
	return c
}

func answer(w http.ResponseWriter, status int, doc document) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(doc)
}

func fail(w http.ResponseWriter, status int, scimType, detail string) {
	answer(w, status, document{"status": strconv.Itoa(status), "scimType": scimType, "detail": detail})
}
