package e2e

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
)

// Whoever lacks the directory's own key learns nothing, and leaves no failed event.
func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		ann := d.user("ann")
		other := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("other")}})
		deleted := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("deleted")}})
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
		r, err := u.events().ListFailedEvents(u.ctx(), &failedeventsv1.ListFailedEventsRequest{OrganizationId: demo})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.GetFailedEvents()) != 0 {
			t.Errorf("there are failed events: %v", r.GetFailedEvents())
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
				OrganizationId: demo, Organization: &directoryv1.Organization{Federated: proto.Bool(federated)},
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
		if _, err := u.directories().CreateDirectory(u.ctx(), &directoryv1.CreateDirectoryRequest{OrganizationId: demo, Directory: &directoryv1.Directory{DisplayName: proto.String("x")}}); err == nil {
			t.Error("a directory was created")
		}
		federate(true)
		await(http.StatusOK)
	})
}
