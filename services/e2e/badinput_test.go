package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
)

const (
	userSchema  = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]`
	groupSchema = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]`
	patchSchema = `"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
	nobody      = "01980000-0000-7000-8000-000000000000"
)

// Each bad request gets a SCIM error with its status, the RFC's scimType, a detail that names what is wrong and the message
// ID; it is one failed event; and it writes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(&directoryv1.CreateDirectoryRequest{UniqueGroupNames: true})
		ann, group := d.user("ann"), d.group("Crew")
		before := d.send("GET", "/Users/"+ann, "", http.StatusOK).header.Get("ETag") + d.send("GET", "/Groups/"+group, "", http.StatusOK).header.Get("ETag")
		op := func(text string) string { return `{` + patchSchema + `,"Operations":[` + text + `]}` }
		var messages []string
		for _, c := range []struct {
			name, method, path, body string
			status                   int
			scimType, names          string
		}{
			{"malformed JSON", "POST", "/Users", `{"userName":`, 400, "invalidSyntax", ""},
			{"JSON that is no object", "POST", "/Users", `["x"]`, 400, "invalidSyntax", "object"},
			{"an empty body", "POST", "/Users", ``, 400, "invalidSyntax", ""},
			{"a key twice", "POST", "/Users", `{` + userSchema + `,"userName":"x","userName":"y"}`, 400, "invalidSyntax", "userName"},
			{"JSON nested too deep", "POST", "/Users", strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), 400, "invalidSyntax", "deep"},
			{"a number for a string", "POST", "/Users", `{` + userSchema + `,"userName":["x","y"]}`, 400, "invalidValue", "userName"},
			{"a string for an object", "POST", "/Users", `{` + userSchema + `,"userName":"x","name":"Ann"}`, 400, "invalidValue", "name"},
			{"a boolean that is none", "POST", "/Users", `{` + userSchema + `,"userName":"x","active":"maybe"}`, 400, "invalidValue", "active"},
			{"no userName", "POST", "/Users", `{` + userSchema + `}`, 400, "invalidValue", "userName"},
			{"a blank userName", "POST", "/Users", `{` + userSchema + `,"userName":"  "}`, 400, "invalidValue", "userName"},
			{"a group without a displayName", "POST", "/Groups", `{` + groupSchema + `}`, 400, "invalidValue", "displayName"},
			{"a userName that is taken", "POST", "/Users", `{` + userSchema + `,"userName":"ANN"}`, 409, "uniqueness", "userName"},
			{"an externalId that is taken", "POST", "/Users", `{` + userSchema + `,"userName":"x","externalId":"ext-ann"}`, 409, "uniqueness", "externalId"},
			{"a displayName that is taken", "POST", "/Groups", `{` + groupSchema + `,"displayName":"crew"}`, 409, "uniqueness", "displayName"},
			{"a member that is not there", "POST", "/Groups", `{` + groupSchema + `,"displayName":"x","members":[{"value":"` + nobody + `"}]}`, 400, "invalidValue", nobody},
			{"the second of two members is not there", "PATCH", "/Groups/" + group, op(`{"op":"add","path":"members","value":[{"value":"` + ann + `"},{"value":"` + nobody + `"}]}`), 400, "invalidValue", nobody},
			{"a group in itself", "PATCH", "/Groups/" + group, op(`{"op":"add","path":"members","value":[{"value":"` + group + `"}]}`), 400, "invalidValue", "member of itself"},
			{"a user that is not there", "PATCH", "/Users/" + nobody, op(`{"op":"replace","path":"title","value":"x"}`), 404, "", ""},
			{"deleting a user that is not there", "DELETE", "/Users/" + nobody, ``, 404, "", ""},
			{"replacing a group that is not there", "PUT", "/Groups/" + nobody, `{` + groupSchema + `,"displayName":"x"}`, 404, "", ""},
			{"an operation that SCIM does not have", "PATCH", "/Users/" + ann, op(`{"op":"move","path":"title","value":"x"}`), 400, "invalidSyntax", "move"},
			{"no operations", "PATCH", "/Users/" + ann, `{` + patchSchema + `}`, 400, "invalidSyntax", "Operations"},
			{"a path to no attribute", "PATCH", "/Users/" + ann, op(`{"op":"replace","path":"shoeSize","value":"43"}`), 400, "invalidPath", "shoeSize"},
			{"a path that is none", "PATCH", "/Users/" + ann, op(`{"op":"replace","path":"emails[type eq","value":"43"}`), 400, "invalidFilter", "byte 14"},
			{"removing without a path", "PATCH", "/Users/" + ann, op(`{"op":"remove"}`), 400, "noTarget", "path"},
			{"removing what is required", "PATCH", "/Users/" + ann, op(`{"op":"remove","path":"userName"}`), 400, "mutability", "userName"},
			{"writing the id", "PATCH", "/Users/" + ann, op(`{"op":"replace","path":"id","value":"x"}`), 400, "mutability", "id"},
			{"the second operation fails", "PATCH", "/Users/" + ann, op(`{"op":"replace","path":"title","value":"x"},{"op":"replace","path":"nope","value":1}`), 400, "invalidPath", "nope"},
			{"a filter that is none", "GET", "/Users?filter=userName+eq", ``, 400, "invalidFilter", ""},
			{"a filter on no attribute", "GET", "/Users?filter=shoeSize+eq+%2243%22", ``, 400, "invalidFilter", "shoeSize"},
			{"a count that is no number", "GET", "/Users?count=many", ``, 400, "invalidValue", "count"},
			{"a path that SCIM does not have", "POST", "/Sandwiches", `{}`, 404, "", ""},
			{"a method that is not allowed", "PUT", "/Users", `{}`, 405, "", ""},
			{"a body over the limit", "POST", "/Users", `{"userName":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "", "1048576 bytes"},
			{"a NUL in a string", "POST", "/Users", `{` + userSchema + `,"userName":"a\u0000b"}`, 400, "invalidValue", "userName"},
			{"bytes that are no UTF-8", "POST", "/Users", "{" + userSchema + ",\"userName\":\"a\xff\"}", 400, "invalidSyntax", ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				a, err := d.try(t.Context(), c.method, c.path, c.body)
				if err != nil {
					t.Fatal(err)
				}
				messages = append(messages, a.messageID)
				if a.status != c.status || a.str("status") != fmt.Sprint(c.status) {
					t.Errorf("status %d, in the body %q, want %d: %s", a.status, a.str("status"), c.status, a.raw)
				}
				if c.scimType != "" && a.str("scimType") != c.scimType {
					t.Errorf("scimType %q, want %q: %s", a.str("scimType"), c.scimType, a.raw)
				}
				if detail := a.str("detail"); !strings.Contains(detail, c.names) || !strings.Contains(detail, a.messageID) || a.messageID == "" {
					t.Errorf("the detail must name %q and the message ID %q: %s", c.names, a.messageID, detail)
				}
				if a.header.Get("Content-Type") != "application/scim+json" {
					t.Errorf("Content-Type %q", a.header.Get("Content-Type"))
				}
			})
		}
		after := d.send("GET", "/Users/"+ann, "", http.StatusOK).header.Get("ETag") + d.send("GET", "/Groups/"+group, "", http.StatusOK).header.Get("ETag")
		if before != after {
			t.Errorf("something was written: versions %s, then %s", before, after)
		}
		if users, groups := len(d.all("/Users")), len(d.all("/Groups")); users != 1 || groups != 1 {
			t.Errorf("%d users and %d groups, want 1 and 1", users, groups)
		}
		u.waitForEvents(len(messages))
		for _, id := range messages {
			r, err := u.events().ListEvents(u.ctx(), &failedeventsv1.ListEventsRequest{OrganizationId: demo, MessageId: id})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.GetEvents()) != 1 || r.GetEvents()[0].GetDetail() == "" || r.GetEvents()[0].GetRemedy() == "" {
				t.Errorf("message %s has the events %v, want one that says why and what to do", id, r.GetEvents())
			}
		}
	})
}

// Whoever lacks the directory's own key learns nothing, and leaves no failed event.
func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		ann := d.user("ann")
		other := u.newDirectory(&directoryv1.CreateDirectoryRequest{DisplayName: "other"})
		deleted := u.newDirectory(&directoryv1.CreateDirectoryRequest{DisplayName: "deleted"})
		if _, err := u.directories().DeleteDirectory(u.ctx(), &directoryv1.DeleteDirectoryRequest{OrganizationId: demo, Id: deleted.id}); err != nil {
			t.Fatal(err)
		}
		details := map[string]bool{}
		for name, c := range map[string]struct{ base, key string }{
			"no key":                            {d.baseURL, ""},
			"a text that is no key":             {d.baseURL, "letmein"},
			"another directory's key":           {d.baseURL, other.key},
			"the operator's token":              {d.baseURL, u.token},
			"a deleted directory's key":         {deleted.baseURL, deleted.key},
			"a good key at a strange directory": {strings.Replace(d.baseURL, d.id, nobody, 1), d.key},
			"a good key at no directory":        {strings.Replace(d.baseURL, d.id, "x", 1), d.key},
		} {
			t.Run(name, func(t *testing.T) {
				wrong := &directory{u: u, baseURL: c.base, key: c.key, http: d.http}
				for _, path := range []string{"/Users", "/Users/" + ann, "/Nothing", "/ServiceProviderConfig"} {
					a := wrong.send("GET", path, "", http.StatusUnauthorized)
					details[strings.Replace(a.str("detail"), a.messageID, "", 1)] = true
				}
			})
		}
		if len(details) != 1 {
			t.Errorf("the answers tell the cases apart: %v", details)
		}
		r, err := u.events().ListEvents(u.ctx(), &failedeventsv1.ListEventsRequest{OrganizationId: demo})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.GetEvents()) != 0 {
			t.Errorf("there are failed events: %v", r.GetEvents())
		}
	})
}

// An organization that is no longer federated has its directories suspended, and back when it is again.
func TestSuspendedWhileNotFederated(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		d.user("ann")
		federate := func(federated bool) {
			t.Helper()
			if _, err := directoryv1.NewOrganizationServiceClient(u.conn).UpdateOrganization(u.ctx(), &directoryv1.UpdateOrganizationRequest{
				OrganizationId: demo, Organization: &directoryv1.Organization{DisplayName: "Demo", Federated: federated},
			}); err != nil {
				t.Fatal(err)
			}
		}
		await := func(want int) {
			t.Helper()
			for range 100_000 {
				a, err := d.try(t.Context(), "GET", "/Users", "")
				if err != nil {
					t.Fatal(err)
				}
				if a.status == want {
					return
				}
			}
			t.Fatalf("it never answered %d", want)
		}
		federate(false)
		await(http.StatusForbidden)
		if _, err := u.directories().CreateDirectory(u.ctx(), &directoryv1.CreateDirectoryRequest{OrganizationId: demo, DisplayName: "x"}); err == nil {
			t.Error("a directory was created")
		}
		federate(true)
		await(http.StatusOK)
	})
}
