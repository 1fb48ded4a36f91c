package e2e

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// An admin takes the access of a detached user away, whom no IdP manages any more, and gives it back. Invariant 13.
func TestTheAccessOfADetachedUserFollowsItsState(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		ann, bob := d.user("ann"), d.user("bob")
		d.group("Designers", ann, bob)
		u.caughtUp()
		_, err := u.directories().DeleteDirectory(u.ctx(), &directoryv1.DeleteDirectoryRequest{OrganizationId: demo, Id: d.id})
		u.must(err)
		if !u.allowed(ann, "designer") {
			t.Fatal("the deletion of a directory took access away")
		}
		path := "/api/v1/organizations/demo/users/" + ann
		for i, active := range []string{"false", "true", "false"} {
			var answer struct{ ChangeCursor string }
			eventually(t, "the user is changed", func() bool {
				code, raw := u.rest("PATCH", path, `{"active":`+active+`}`) // once identity has learned of the directory's deletion
				u.must(json.Unmarshal(raw, &answer))
				return code == http.StatusOK
			})
			_, err = u.access().WaitUntilCaughtUp(u.ctx(), &rulev1.WaitUntilCaughtUpRequest{
				OrganizationId: demo, ChangeCursor: answer.ChangeCursor, Timeout: durationpb.New(time.Minute),
			})
			u.must(err)
			if got := u.allowed(ann, "designer"); got != (active == "true") {
				t.Errorf("change %d: with active=%s, the user may: %v", i, active, got)
			}
		}
		if !u.allowed(bob, "designer") {
			t.Error("another user lost access")
		}
		if code, raw := u.rest("PATCH", path, `{"userName":"bob"}`); code != http.StatusConflict {
			t.Errorf("a name that is taken: %d %s", code, raw)
		}
		if code, raw := u.rest("PATCH", path+"?revision=1", `{"active":true}`); code != http.StatusConflict {
			t.Errorf("an old revision: %d %s", code, raw)
		}
		if code, raw := u.rest("PATCH", path, `{"title":"x"}`); code != http.StatusBadRequest {
			t.Errorf("an attribute that cannot be changed: %d %s", code, raw)
		}
	})
}

// Nobody ends the access of the last Organization Admin by hand, neither over REST nor over gRPC.
func TestTheLastAdminIsNeitherDeactivatedNorErased(t *testing.T) {
	t.Parallel()
	inEveryTopology(t, func(t *testing.T, u *usher) {
		d := u.newDirectory(nil)
		ann, bob := d.user("ann"), d.user("bob")
		grant := func(user string) {
			_, err := u.access().GrantAccess(u.ctx(), &rulev1.GrantAccessRequest{OrganizationId: demo, UserId: user, RoleId: "organization-admin"})
			u.must(err)
		}
		grant(ann)
		u.caughtUp()
		_, err := u.directories().DeleteDirectory(u.ctx(), &directoryv1.DeleteDirectoryRequest{OrganizationId: demo, Id: d.id})
		u.must(err)
		detached := identityv1.NewDetachedUserServiceClient(u.conn)
		deactivate := &identityv1.UpdateUserRequest{OrganizationId: demo, UserId: ann, User: &identityv1.DetachedUser{Active: proto.Bool(false)}}
		erase := &identityv1.EraseUserRequest{OrganizationId: demo, UserId: ann}
		_, err = detached.UpdateUser(u.ctx(), deactivate)
		requireReason(t, "deactivating the last admin", err, fault.LastAdmin)
		_, err = detached.EraseUser(u.ctx(), erase)
		requireReason(t, "erasing the last admin", err, fault.LastAdmin)
		path := "/api/v1/organizations/demo/users/" + ann
		if code, raw := u.rest("PATCH", path, `{"active":false}`); code != http.StatusConflict {
			t.Errorf("deactivating the last admin over REST: %d %s", code, raw)
		}
		if code, raw := u.rest("POST", path+":erase", `{}`); code != http.StatusConflict {
			t.Errorf("erasing the last admin over REST: %d %s", code, raw)
		}
		eventually(t, "the last admin gets another name", func() bool { // once identity has learned of the directory's deletion
			code, _ := u.rest("PATCH", path, `{"displayName":"Ann"}`)
			return code == http.StatusOK
		})
		grant(bob)
		_, err = detached.UpdateUser(u.ctx(), deactivate)
		u.must(err)
		u.caughtUp()
		_, err = detached.EraseUser(u.ctx(), erase)
		u.must(err)
	})
}
