package e2e

import (
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// A user whose directory is deleted keeps its access until an admin erases it: all of it goes then, what was given by hand too.
func TestAnErasedUserLosesAllAccess(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		ann, bob := d.user("ann@example.com"), d.user("bob@example.com")
		for _, user := range []string{ann, bob} {
			_, err := u.access().GrantAccess(u.ctx(), &rulev1.GrantAccessRequest{
				OrganizationId: demo, UserId: user, TenantId: "production", RoleId: "designer",
			})
			u.must(err)
		}
		erase := func(user string) (*identityv1.EraseUserResponse, error) {
			return identityv1.NewErasureServiceClient(u.conn).EraseUser(u.ctx(), &identityv1.EraseUserRequest{OrganizationId: demo, UserId: user})
		}
		managed := func(err error) bool {
			f := rpc.Fault(err)
			return f != nil && f.Reason == fault.NotDetached
		}
		if _, err := erase(ann); !managed(err) {
			t.Fatalf("erasing a user that an IdP manages: %v", err)
		}
		_, err := u.directories().DeleteDirectory(u.ctx(), &directoryv1.DeleteDirectoryRequest{OrganizationId: demo, Id: d.id})
		u.must(err)
		if !u.allowed(ann, "designer") {
			t.Error("the deletion of the directory took access away")
		}
		r, err := erase(ann)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(time.Minute); managed(err) && time.Now().Before(deadline); {
			<-tick.C // until identity has learned of the deletion
			r, err = erase(ann)
		}
		u.must(err)
		_, err = u.access().WaitUntilCaughtUp(u.ctx(), &rulev1.WaitUntilCaughtUpRequest{
			OrganizationId: demo, ChangeCursor: r.GetChangeCursor(), Timeout: durationpb.New(time.Minute),
		})
		u.must(err)
		if u.allowed(ann, "designer") || !u.allowed(bob, "designer") {
			t.Errorf("ann may: %v, bob may: %v", u.allowed(ann, "designer"), u.allowed(bob, "designer"))
		}
		for path, want := range map[string]int{
			"/api/v1/organizations/" + demo + "/users/" + ann + ":erase": http.StatusNotFound,
			"/api/v1/organizations/" + demo + "/users/" + bob + ":erase": http.StatusOK,
			"/api/v1/organizations/" + demo + "/users/anybody:erase":     http.StatusBadRequest,
		} {
			if code, answer := u.rest(http.MethodPost, path, `{}`); code != want {
				t.Errorf("POST %s got %d: %s", path, code, answer)
			}
		}
	})
}
