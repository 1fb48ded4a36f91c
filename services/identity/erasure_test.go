package identity_test

import (
	"bytes"
	"context"
	"os"
	"sync"
	"testing"
	"time"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
)

// erasures is a fake of the directory service's list of organizations to erase.
type erasures struct {
	directoryv1.UnimplementedErasureServiceServer

	mu        sync.Mutex
	all       []*directoryv1.Erasure
	asked     int         // how often the list was read
	confirmed chan string // the organizations whose erasure was confirmed
}

func (e *erasures) ListErasures(context.Context, *directoryv1.ListErasuresRequest) (*directoryv1.ListErasuresResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	return &directoryv1.ListErasuresResponse{Erasures: e.all}, nil
}

func (e *erasures) ConfirmErasure(_ context.Context, r *directoryv1.ConfirmErasureRequest) (*directoryv1.ConfirmErasureResponse, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var others []*directoryv1.Erasure
	for _, other := range e.all {
		if other.GetOrganizationId() != r.GetOrganizationId() {
			others = append(others, other)
		}
	}
	e.all = others // the other services have confirmed it before, so it leaves the list
	e.confirmed <- r.GetOrganizationId()
	return &directoryv1.ConfirmErasureResponse{}, nil
}

func (e *erasures) set(all ...*directoryv1.Erasure) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = all
}

func (e *erasures) asks() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked
}

// erase erases the organization of an IdP, which has only this directory.
func (i *idp) erase() {
	i.Helper()
	b := i.bundle
	b.directories.set(&directoryv1.Directory{
		Id: i.target.GetDirectoryId(), OrganizationId: i.target.GetOrganizationId(), State: directoryv1.DirectoryState_DIRECTORY_STATE_DELETED,
	})
	b.erasures.set(&directoryv1.Erasure{OrganizationId: i.target.GetOrganizationId(), Revision: b.directories.last()})
	equal(i, "what was erased", b.erased(), i.target.GetOrganizationId())
}

// erased waits for an erasure to be confirmed.
func (b *bundle) erased() string {
	b.Helper()
	select {
	case organization := <-b.erasures.confirmed:
		return organization
	case <-time.After(time.Minute):
		b.Fatal("nothing was erased")
		return ""
	}
}

func (d *directories) last() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.revision
}

// everywhere is a text in all data about people.
const everywhere = "MARKER-OF-A-PERSON"

func TestAnErasedOrganizationLeavesNothingAndItsIdIsFree(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]func(t *testing.T) func(*identity.Config){
		"SQLite":     func(*testing.T) func(*identity.Config) { return func(*identity.Config) {} },
		"PostgreSQL": onPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var path string
			b := setup(t, engine(t), func(c *identity.Config) { path = c.DatabasePath })
			old, other := b.idp(), b.idpOf("other")
			schema(t, old)
			user := old.user(`{"userName":"` + everywhere + `","displayName":"` + everywhere + `","externalId":"` + everywhere + `","` + everywhere + `":1,
				"emails":[{"value":"` + everywhere + `@example.com"}],"title":"` + everywhere + `"}`)
			old.group(everywhere, user.GetId())
			kept := other.user(`{"userName":"somebody else"}`)
			old.erase()

			if path != "" {
				for _, file := range []string{path, path + "-wal", path + "-shm"} {
					content, err := os.ReadFile(file)
					must(t, err)
					equal(t, "traces of the person in "+file, bytes.Count(bytes.ToLower(content), bytes.ToLower([]byte(everywhere))), 0)
				}
			}
			equal(t, "the other's user", other.getUser(kept.GetId()).GetId(), kept.GetId())
			listed, err := b.reads.ListUserIds(b.admin(), &identityv1.ListUserIdsRequest{OrganizationId: "acme"})
			must(t, err)
			equal(t, "the users", len(listed.GetIds()), 0)
			again := b.idp()
			equal(t, "who has the name now", again.user(`{"userName":"`+everywhere+`"}`).GetId() != user.GetId(), true)
			found, err := again.resources.ListResources(again.ctx(), &identityv1.ListResourcesRequest{Target: again.users, Query: &identityv1.ListQuery{}})
			must(t, err)
			equal(t, "how many there are", found.GetResult().GetTotalResults(), 1)
		})
	}
}

// schema registers a schema with the marker in the description of an attribute.
func schema(t *testing.T, i *idp) {
	t.Helper()
	_, err := i.putSchema(`{"name":"badge","type":"string","multiValued":false,"description":"` + everywhere + `"}`)
	must(t, err)
}

// If identity erased the organization before it followed the directories, it would apply the directory later, and store what
// its IdP sends.
func TestNothingIsErasedBeforeTheDirectoriesAreFollowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	anna := i.user(`{"userName":"anna"}`)
	b.erasures.set(&directoryv1.Erasure{OrganizationId: "acme", Revision: b.directories.last() + 1}, &directoryv1.Erasure{OrganizationId: "other"})
	equal(t, "what does not wait", b.erased(), "other")
	first := b.erasures.asks()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for b.erasures.asks() < first+3 { // it gives up, and starts again
		<-tick.C
	}
	equal(t, "confirmed", len(b.erasures.confirmed), 0)
	equal(t, "a user", i.getUser(anna.GetId()).GetId(), anna.GetId())
	i.deleteDirectory() // this makes the awaited revision
	equal(t, "what was erased", b.erased(), "acme")
}

func TestADetachedUserIsErased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	erase := func(user string) (*identityv1.EraseUserResponse, error) {
		return identityv1.NewDetachedUserServiceClient(b.gateway).EraseUser(b.admin(), &identityv1.EraseUserRequest{OrganizationId: "acme", UserId: user})
	}
	old := b.idp()
	people := old.named("anna", "bob")
	group := old.group("eng", people...).GetId()
	_, err := erase(people[0])
	refused(t, "a user of an open directory", err, fault.NotDetached)
	old.deleteDirectory()
	r, err := erase(people[0])
	must(t, err)
	changes, err := b.feed.ListChanges(t.Context(), &identityv1.ListChangesRequest{OrganizationId: "acme"})
	must(t, err)
	last := changes.GetChanges()[len(changes.GetChanges())-1]
	equal(t, "the last change", []any{last.GetResourceId(), last.GetKind(), last.GetCursor()},
		[]any{people[0], identityv1.ChangeKind_CHANGE_KIND_DELETED, r.GetChangeCursor()})
	_, err = erase(people[0])
	refused(t, "a user who was erased", err, fault.NotFound)
	members, err := b.reads.ListMembers(b.admin(), &identityv1.ListMembersRequest{OrganizationId: "acme", GroupId: group})
	must(t, err)
	equal(t, "how many members stay", len(members.GetMembers()), 1)

	next := b.idp(replacing(old))
	for i, adopted := range []bool{false, true} {
		r, err := next.tryUser(`{"userName":"` + []string{"anna", "bob"}[i] + `"}`)
		must(t, err)
		equal(t, "whether one was adopted", r.GetResult().GetAdopted(), adopted)
	}
	_, err = erase(people[1])
	refused(t, "a user who was adopted", err, fault.NotDetached)
}
