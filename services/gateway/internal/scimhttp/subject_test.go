package scimhttp

import (
	"fmt"
	"strings"
	"testing"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/internal/eventname"
	"github.com/usher-scim/usher/services/internal/fault"
)

// conflict is identity's error for a name that bob has.
func conflict() error {
	return fault.New(fault.Uniqueness, "another user of this directory has this userName").With("attribute", "userName").
		With(eventname.ConflictingID, someID).With(eventname.ConflictingName, "bob@example.com")
}

func TestAFailedEventNamesItsSubject(t *testing.T) {
	t.Parallel()
	const core = "urn:ietf:params:scim:schemas:core:2.0:User:"
	patch := func(operations string) string { return `{"Operations":[` + operations + `]}` }
	for _, c := range []struct{ name, method, path, body, want string }{
		{"a user", "POST", "/Users", `{"emails":[{"userName":"x"}],"USERNAME":"ann@example.com"}`, "ann@example.com"},
		{"a replaced user", "PUT", "/Users/" + someID, `{"userName":"Ann\u00e9 \"A\""}`, `Anné "A"`},
		{"a group", "POST", "/Groups", `{"userName":"x","displayName":"Designers","members":[]}`, "Designers"},
		{"a path", "PATCH", "/Users/" + someID, patch(`{"op":"Replace","path":"UserName","value":"ann"}`), "ann"},
		{"a path with a URN", "PATCH", "/Users/" + someID, patch(`{"op":"add","path":"` + core + `userName","value":"ann"}`), "ann"},
		{"no path", "PATCH", "/Users/" + someID, patch(`{"op":"add","value":{"active":true,"userName":"ann"}}`), "ann"},
		{"no path, and a URN", "PATCH", "/Users/" + someID, patch(`{"op":"add","value":{"` + core + `userName":"ann"}}`), "ann"},
		{"the last one", "PATCH", "/Groups/" + someID, patch(`{"op":"add","path":"displayName","value":"a"},7,{"op":"add","value":{"displayName":"Builders"}}`), "Builders"},
		{"another attribute", "PATCH", "/Users/" + someID, patch(`{"op":"add","path":"displayName","value":"ann"}`), ""},
		{"of another type", "POST", "/Users", `{"userName":["ann"]}`, ""},
		{"in a schema of its own", "POST", "/Users", `{"urn:x:userName":"ann"}`, ""},
		{"no JSON", "POST", "/Users", `{"userName":"ann"`, ""},
		{"no object", "POST", "/Users", `["userName","ann"]`, ""},
		{"twice", "POST", "/Users", `{"userName":"ann","username":"bob"}`, ""},
		{"a long one", "POST", "/Users", `{"userName":"` + strings.Repeat("é", 101) + `"}`, strings.Repeat("é", 100)},
		{"a search", "POST", "/Users/.search", `{"userName":"ann"}`, ""},
		{"a deletion", "DELETE", "/Users/" + someID, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.identity.err = fault.New(fault.InvalidValue, "no")
			w.do(c.method, c.path, c.body)
			events := w.events.all()
			if len(events) != 1 || events[0].GetSubject() != c.want {
				t.Errorf("the failed events are %v", events)
			}
			if c.want != "" && strings.Contains(w.logs.String(), c.want) {
				t.Errorf("the log contains it: %s", w.logs)
			}
		})
	}
}

func TestAFailedEventNamesWhomItConflictsWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.err = conflict()
	a := w.do("POST", "/Users", `{"userName":"Bob@example.com"}`)
	events := w.events.all()
	if a.Code != 409 || len(events) != 1 {
		t.Fatalf("%d: %v", a.Code, events)
	}
	e := events[0]
	if e.GetSubject() != "Bob@example.com" || e.GetConflictingResourceId() != someID || e.GetConflictingName() != "bob@example.com" {
		t.Errorf("the failed event is %v", e)
	}
	for where, text := range map[string]string{"answer": a.Body.String(), "log": w.logs.String(), "detail": e.GetDetail()} {
		if strings.Contains(text, someID) || strings.Contains(text, "bob@example.com") || strings.Contains(text, "Bob@") {
			t.Errorf("the %s contains it: %s", where, text)
		}
	}
}

func TestEachFailedOperationOfABulkNamesItsSubject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.err = conflict()
	operation := func(n int, data string) string {
		return fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"b%d","data":%s}`, n, data)
	}
	w.do("POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`+
		operation(1, `{"userName":"ann"}`)+","+operation(2, `{"userName":"bob"}`)+","+operation(3, `{}`)+`]}`)
	events := w.events.all()
	if len(events) != 3 {
		t.Fatalf("the failed events are %v", events)
	}
	for i, want := range []string{"ann", "bob", ""} {
		if events[i].GetSubject() != want || events[i].GetConflictingName() != "bob@example.com" {
			t.Errorf("the failed event is %v", events[i])
		}
	}
}

func TestAFailedEventOfALargeGroupNamesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.identity.err = fault.New(fault.InvalidValue, "no")
	r := w.request("POST", "/Groups", `{"displayName":"Designers"}`)
	r.ContentLength = -1 // forwarded as it arrives
	w.serve(r)
	if events := w.events.all(); len(events) != 1 || events[0].GetSubject() != "" {
		t.Errorf("the failed events are %v", events)
	}
}

func TestAFailedEventSaysWhoDoesWhat(t *testing.T) {
	t.Parallel()
	event := func(err error, method, path, body string) *failedeventsv1.FailedEvent {
		t.Helper()
		w := newWorld(t)
		w.identity.err = err
		w.do(method, path, body)
		events := w.events.all()
		if len(events) != 1 {
			t.Fatalf("the failed events are %v", events)
		}
		return events[0]
	}
	e := event(fault.New(fault.InvalidSyntax, "no"), "POST", "/Users", `{"userName":"ann"}`)
	if !strings.Contains(e.GetRemedy(), "identity provider") || !strings.Contains(e.GetAdminAction(), "tolerant mode") {
		t.Errorf("the failed event is %v", e)
	}
	e = event(nil, "POST", "/Devices", "{}") // its own remedy, and nothing to do in Usher
	if !strings.Contains(e.GetRemedy(), "Base URL") || e.GetAdminAction() != "" {
		t.Errorf("the failed event is %v", e)
	}
}
