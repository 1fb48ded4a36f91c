package identity_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
)

func TestADetachedUserIsChangedAsByItsIdP(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*identity.Config){"SQLite": func(*identity.Config) {}, "PostgreSQL": onPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, database)
			i := b.idp()
			ann := i.user(`{"userName":"ann","externalId":"e1","displayName":"Ann","title":"Guide","emails":[{"value":"a@example.com","type":"home"},{"value":"d@example.com"}]}`).GetId()
			i.user(`{"userName":"bob","externalId":"e2"}`)
			detached := identityv1.NewDetachedUserServiceClient(b.gateway)
			change := func(user *identityv1.DetachedUser, revision int64, mask ...string) (*identityv1.UpdateUserResponse, error) {
				return detached.UpdateUser(b.admin(), &identityv1.UpdateUserRequest{
					OrganizationId: "acme", UserId: strings.ToUpper(ann), User: user, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask}, Revision: revision,
				})
			}
			_, err := change(&identityv1.DetachedUser{Active: proto.Bool(false)}, 0)
			refused(t, "a user of an open directory", err, fault.NotDetached)
			i.deleteDirectory()
			before := b.end()
			got, err := change(&identityv1.DetachedUser{
				UserName: proto.String("Anna"), DisplayName: proto.String(""), Email: proto.String("b@example.com"), Active: proto.Bool(false),
			}, 1)
			must(t, err)
			u := got.GetUser()
			equal(t, "the user", []any{u.GetUserName(), u.GetDisplayName(), u.GetEmail(), u.GetActive(), u.GetExternalId(), u.GetRevision(), u.GetDetached()},
				[]any{"Anna", "", "b@example.com", false, "e1", 2, true})
			// On PostgreSQL, an open transaction of another test delays the feed.
			last := &identityv1.Change{}
			for deadline := time.Now().Add(20 * time.Second); last.GetCursor() != got.GetChangeCursor() && time.Now().Before(deadline); {
				if changes := b.since(before); len(changes) > 0 {
					last = changes[len(changes)-1]
				}
			}
			equal(t, "the last change", []any{last.GetResourceId(), last.GetKind(), last.GetCursor()},
				[]any{ann, identityv1.ChangeKind_CHANGE_KIND_UPDATED, got.GetChangeCursor()})
			found, _ := b.searched(&identityv1.SearchUsersRequest{Query: "b@"})
			equal(t, "who is found by the address", found, []string{"Anna"})

			_, err = change(&identityv1.DetachedUser{Active: proto.Bool(true)}, 1)
			refused(t, "an old revision", err, fault.Conflict)
			_, err = change(&identityv1.DetachedUser{UserName: proto.String("BOB")}, 0)
			equal(t, "the taken attribute", refused(t, "a taken userName", err, fault.Uniqueness).Metadata["attribute"], "userName")
			_, err = change(&identityv1.DetachedUser{ExternalId: proto.String("e2")}, 0)
			equal(t, "the taken attribute", refused(t, "a taken externalId", err, fault.Uniqueness).Metadata["attribute"], "externalId")
			_, err = change(&identityv1.DetachedUser{DisplayName: proto.String(strings.Repeat("ä", 1000))}, 0)
			equal(t, "the long attribute", refused(t, "a long displayName", err, fault.InvalidValue).Metadata["attribute"], "displayName")
			_, err = change(&identityv1.DetachedUser{Active: proto.Bool(true)}, 0, "active", "email")
			refused(t, "a field that is not set", err, fault.InvalidRequest)
			_, err = change(nil, 0)
			refused(t, "no user", err, fault.InvalidRequest)

			got, err = change(&identityv1.DetachedUser{Active: proto.Bool(true), Email: proto.String(""), ExternalId: proto.String("")}, 2, "email", "active")
			must(t, err)
			u = got.GetUser()
			equal(t, "the masked change", []any{u.GetEmail(), u.GetActive(), u.GetExternalId(), u.GetRevision()}, []any{"d@example.com", true, "e1", 3})
			got, err = change(&identityv1.DetachedUser{Active: proto.Bool(true)}, 3)
			must(t, err)
			equal(t, "the revision after no change", got.GetUser().GetRevision(), 3)
			if got.GetChangeCursor() == "" {
				t.Error("there is no cursor after no change")
			}

			// The address that is left is not the primary one. It can be changed and removed.
			got, err = change(&identityv1.DetachedUser{Email: proto.String(`"c"@example.com`)}, 3)
			must(t, err)
			equal(t, "the changed address", got.GetUser().GetEmail(), `"c"@example.com`)
			got, err = change(&identityv1.DetachedUser{Email: proto.String("")}, 4)
			must(t, err)
			equal(t, "the removed address", []any{got.GetUser().GetEmail(), got.GetUser().GetRevision()}, []any{"", 5})
		})
	}
}

func TestAMissingDetachedUserIsNotFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idpOf("other")
	theirs := i.named("ann")[0]
	i.deleteDirectory()
	for what, id := range map[string]string{"a missing user": ids.New(), "a user of another organization": theirs} {
		_, err := identityv1.NewDetachedUserServiceClient(b.gateway).UpdateUser(b.admin(), &identityv1.UpdateUserRequest{
			OrganizationId: "acme", UserId: id, User: &identityv1.DetachedUser{Active: proto.Bool(false)},
		})
		equal(t, what, refused(t, what, err, fault.NotFound).Metadata["resource"], "user")
	}
}
