package identity_test

import (
	"testing"
	"time"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
)

func impatient(c *identity.Config) { c.ReadyWait = 10 * time.Millisecond }

// everyCall tries each SCIM call on a directory; id names what its calls are about.
func everyCall(i *idp, id string) map[string]error {
	all := map[string]error{}
	_, all["CreateUser"] = i.tryUser(`{"userName":"new"}`)
	_, all["GetUser"] = i.users.GetUser(i.ctx(), &identityv1.GetUserRequest{Target: i.target, Id: id})
	_, all["ReplaceUser"] = i.users.ReplaceUser(i.ctx(), &identityv1.ReplaceUserRequest{Target: i.target, Id: id, Document: []byte(`{"userName":"x"}`)})
	_, all["PatchUser"] = i.tryPatchUser(id, operation("add", "title", `"x"`))
	_, all["DeleteUser"] = i.users.DeleteUser(i.ctx(), &identityv1.DeleteUserRequest{Target: i.target, Id: id})
	_, all["ListUsers"] = i.users.ListUsers(i.ctx(), &identityv1.ListUsersRequest{Target: i.target})
	_, all["CreateGroup"] = i.tryGroup(`{"displayName":"new"}`)
	_, all["GetGroup"] = i.groups.GetGroup(i.ctx(), &identityv1.GetGroupRequest{Target: i.target, Id: id})
	_, all["ReplaceGroup"] = i.groups.ReplaceGroup(i.ctx(), &identityv1.ReplaceGroupRequest{Target: i.target, Id: id, Document: []byte(`{"displayName":"x"}`)})
	_, all["PatchGroup"] = i.tryPatchGroup(id, operation("add", "displayName", `"x"`))
	_, all["DeleteGroup"] = i.groups.DeleteGroup(i.ctx(), &identityv1.DeleteGroupRequest{Target: i.target, Id: id})
	_, all["ListGroups"] = i.groups.ListGroups(i.ctx(), &identityv1.ListGroupsRequest{Target: i.target})
	return all
}

func TestADirectoryThatIdentityHasNotHeardOfIsNotReady(t *testing.T) {
	t.Parallel()
	b := setup(t, impatient)
	unheard := b.client("acme", ids.New())
	for name, err := range everyCall(unheard, ids.New()) {
		if f := refused(t, name, err, fault.NotReady); f.RetryAfter <= 0 {
			t.Errorf("%s does not say when to try again", name)
		}
	}
}

func TestARequestWaitsForItsDirectory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	early := b.client("acme", ids.New())
	done := make(chan error)
	go func() {
		_, err := early.tryUser(`{"userName":"anna"}`)
		done <- err
	}()
	b.idp().user(`{"userName":"bob"}`) // another directory wakes it in vain
	b.directories.put(&directoryv1.Directory{Id: early.target.GetDirectoryId(), OrganizationId: "acme"})
	must(t, <-done)
}

func TestADirectoryOfAnotherOrganizationIsNotReady(t *testing.T) {
	t.Parallel()
	b := setup(t, impatient)
	other := b.idpOf("other")
	made, err := other.tryUser(`{"userName":"anna"}`)
	for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); {
		made, err = other.tryUser(`{"userName":"anna"}`) // nobody waits long here for the directory to be heard of
	}
	must(t, err)
	id := made.GetResource().GetId()
	for name, err := range everyCall(b.client("acme", other.target.GetDirectoryId()), id) {
		refused(t, name, err, fault.NotReady)
	}
}

func TestADeletedDirectoryAnswersNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	id := i.user(`{"userName":"anna"}`).GetId()
	i.deleteDirectory()
	before := b.end()
	for name, err := range everyCall(i, id) {
		refused(t, name, err, fault.Deleted)
	}
	equal(t, "the feed's end", b.end(), before)
	user, err := b.reads.LookupUser(t.Context(), &identityv1.LookupUserRequest{OrganizationId: "acme", By: &identityv1.LookupUserRequest_Id{Id: id}})
	must(t, err)
	equal(t, "detached", user.GetUser().GetDetached(), true)
	equal(t, "active", user.GetUser().GetActive(), true)
}

func TestWhatIsOfAnotherDirectoryIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i, other := b.idp(), b.idp()
	user := i.user(`{"userName":"anna"}`).GetId()
	group := i.group("eng", user).GetId()
	for _, id := range []string{user, group} {
		for name, err := range everyCall(other, id) {
			switch name {
			case "CreateUser", "ListUsers", "CreateGroup", "ListGroups":
				continue
			}
			refused(t, name, err, fault.NotFound)
		}
	}
	_, err := other.tryGroup(groupDocument("theirs", user))
	refused(t, "a member of another directory", err, fault.InvalidValue)
}

func TestTheModeOfADirectoryIsFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	id := i.user(`{"userName":"anna"}`).GetId()
	capital := operation("Add", "title", `"x"`)
	_, err := i.tryPatchUser(id, capital)
	must(t, err)
	b.directories.put(&directoryv1.Directory{
		Id: i.target.GetDirectoryId(), OrganizationId: "acme", Mode: directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT,
	})
	b.idp().user(`{"userName":"settling"}`) // served only after what came before was applied
	_, err = i.tryPatchUser(id, capital)
	refused(t, "a capital op in strict mode", err, fault.InvalidSyntax)
}

func TestStreamsThatBreakDoNotDelayWhatComesNext(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *identity.Config) { c.ReadyWait = 1500 * time.Millisecond })
	b.idp().user(`{"userName":"anna"}`)
	b.directories.breakStreams(7) // each a connection that worked: the next is tried at once
	b.idp().user(`{"userName":"bob"}`)
}
