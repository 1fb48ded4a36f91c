package identity_test

import (
	"context"
	"fmt"
	"testing"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/eventname"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// failedEvents is a fake failedevents service. It refuses the first calls.
type failedEvents struct {
	failedeventsv1.UnimplementedFailedEventErasureServiceServer

	refuse int
	erased chan *failedeventsv1.EraseNamesRequest
}

func (f *failedEvents) EraseNames(_ context.Context, r *failedeventsv1.EraseNamesRequest) (*failedeventsv1.EraseNamesResponse, error) {
	if f.refuse--; f.refuse >= 0 {
		return nil, fault.New(fault.Unavailable, "down")
	}
	f.erased <- r
	return &failedeventsv1.EraseNamesResponse{}, nil
}

func TestNamesOfDeletedUsersAreErased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.failedEvents.refuse = 1 // it is down at first
	i := b.idp()
	people := i.named("Anna", "bob")
	for _, id := range people {
		_, err := i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.users, Id: id})
		must(t, err)
	}
	found := map[string]string{}
	for len(found) < 2 {
		for _, u := range (<-b.failedEvents.erased).GetUsers() {
			if u.GetOrganizationId() != "acme" || u.GetDeleteTime().AsTime().IsZero() {
				t.Errorf("the user is %v", u)
			}
			found[u.GetUserId()] = u.GetUserName()
		}
	}
	equal(t, "the names", found, map[string]string{people[0]: "Anna", people[1]: "bob"})
	i.named("carl")
	_, err := i.resources.DeleteResource(i.ctx(), &identityv1.DeleteResourceRequest{Target: i.users, Id: i.named("dora")[0]})
	must(t, err)
	equal(t, "then only the next one", len((<-b.failedEvents.erased).GetUsers()), 1)
}

// The failed event of a conflict names both users, and the answer to the IdP names nobody.
func TestAConflictNamesTheOtherResource(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.idp()
	anna := i.user(`{"userName":"Anna@example.com","externalId":"a1"}`)
	bob := i.user(`{"userName":"bob@example.com"}`)
	refused := func(what string, err error, id, name string) {
		t.Helper()
		f := rpc.Fault(err)
		if f == nil || f.Reason != fault.Uniqueness {
			t.Fatalf("%s: %v", what, err)
		}
		equal(t, what, []string{f.Metadata[eventname.ConflictingID], f.Metadata[eventname.ConflictingName]}, []string{id, name})
		equal(t, "the text", f.Message, fmt.Sprintf("another user of this directory has this %s", f.Metadata["attribute"]))
	}
	_, err := i.tryUser(`{"userName":"ANNA@example.com"}`)
	refused("a userName", err, anna.GetId(), "Anna@example.com")
	_, err = i.tryUser(`{"userName":"new","externalId":"a1"}`)
	refused("an externalId", err, anna.GetId(), "Anna@example.com")
	_, err = i.tryPatchUser(anna.GetId(), `{"op":"replace","path":"userName","value":"Bob@example.com"}`)
	refused("a change", err, bob.GetId(), "bob@example.com")
}
