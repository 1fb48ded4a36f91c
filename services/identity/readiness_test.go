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

// everyCall tries each SCIM call on a directory; id is the resource of the calls.
func everyCall(i *idp, id string) map[string]error {
	all := map[string]error{}
	_, all["CreateUser"] = i.tryUser(`{"userName":"new"}`)
	_, all["GetUser"] = i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.users, Id: id})
	_, all["ReplaceUser"] = i.write(i.users, &identityv1.Write{Operation: replace, Id: id}, []byte(`{"userName":"x"}`))
	_, all["PatchUser"] = i.tryPatchUser(id, operation("add", "title", `"x"`))
	_, all["DeleteUser"] = i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.users, Id: id})
	_, all["ListUsers"] = i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.users})
	_, all["CreateGroup"] = i.tryGroup(`{"displayName":"new"}`)
	_, all["GetGroup"] = i.resources.GetResource(i.ctx(), &identityv1.GetResourceRequest{Target: i.groups, Id: id})
	_, all["ReplaceGroup"] = i.write(i.groups, &identityv1.Write{Operation: replace, Id: id}, []byte(`{"displayName":"x"}`))
	_, all["PatchGroup"] = i.tryPatchGroup(id, operation("add", "displayName", `"x"`))
	_, all["DeleteGroup"] = i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.groups, Id: id})
	_, all["ListGroups"] = i.resources.ListResources(i.ctx(), &identityv1.ListResourcesRequest{Target: i.groups})
	return all
}

func TestAnUnknownDirectoryIsNotReady(t *testing.T) {
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
	b.idp().user(`{"userName":"bob"}`) // another directory wakes the request without effect
	b.directories.set(&directoryv1.Directory{Id: early.target.GetDirectoryId(), OrganizationId: "acme"})
	must(t, <-done)
}

func TestADirectoryOfAnotherOrganizationIsNotReady(t *testing.T) {
	t.Parallel()
	b := setup(t, impatient)
	other := b.idpOf("other")
	made, err := other.tryUser(`{"userName":"anna"}`)
	for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); {
		made, err = other.tryUser(`{"userName":"anna"}`) // here the request waits only briefly
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

func TestResourcesOfAnotherDirectoryAreNotFound(t *testing.T) {
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
	b.directories.set(&directoryv1.Directory{
		Id: i.target.GetDirectoryId(), OrganizationId: "acme", Mode: directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT,
	})
	b.idp().user(`{"userName":"settling"}`) // served only after earlier changes were applied
	_, err = i.tryPatchUser(id, capital)
	refused(t, "a capital op in strict mode", err, fault.InvalidSyntax)
}

func TestBrokenStreamsDoNotDelayTheNextChange(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *identity.Config) { c.ReadyWait = 1500 * time.Millisecond })
	b.idp().user(`{"userName":"anna"}`)
	b.directories.breakStreams(7) // each connection worked, so the next try is immediate
	b.idp().user(`{"userName":"bob"}`)
}
