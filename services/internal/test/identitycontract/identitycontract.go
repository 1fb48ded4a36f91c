// Package identitycontract contains tests of everything that the rule service needs of the identity service: its feed, its
// facts and its reads. Identity passes them, and so does the fake identity in the rule service's tests.
package identitycontract

import (
	"context"
	"testing"
	"time"

	"google.golang.org/grpc"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// Identity is an identity service without users.
type Identity struct {
	// Conn is the connection on which the rule service calls it.
	Conn grpc.ClientConnInterface
	// NewDirectory connects an IdP to an organization.
	NewDirectory func(t *testing.T, organizationID string) IdP
}

// IdP writes to one directory. Its methods return when the change is written, and fail the test on an error.
type IdP interface {
	DirectoryID() string
	AddUser(u User) (id string)
	// SetUser gives a user these attributes, and no others.
	SetUser(id string, u User)
	DeleteUser(id string)
	AddGroup(displayName string, members ...string) (id string)
	RenameGroup(id, displayName string)
	DeleteGroup(id string)
	AddMember(groupID, memberID string)
	RemoveMember(groupID, memberID string)
	// Delete deletes the directory.
	Delete()
	// Replace connects an IdP to a new directory that replaces this IdP's deleted directory.
	Replace() IdP
	// Adopt sends a user of the replaced directory.
	Adopt(id string)
}

// User is a user's attributes.
type User struct {
	UserName    string
	DisplayName string
	Roles       []string
	Inactive    bool
}

const (
	acme  = "acme"
	other = "other"
)

// bundle is an identity service with one IdP of acme.
type bundle struct {
	*testing.T
	identity Identity
	idp      IdP
	feed     identityv1.FeedServiceClient
	facts    identityv1.FactsServiceClient
	read     identityv1.ReadServiceClient
}

// Run runs each test with an identity service of its own.
func Run(t *testing.T, identity func(t *testing.T) Identity) {
	for name, test := range map[string]func(b *bundle){
		"each change has its record":                 eachChangeHasItsRecord,
		"the feed is read in pages":                  theFeedIsReadInPages,
		"the feed is one organization's":             theFeedIsOneOrganizations,
		"cursors that are not the feed's":            cursorsThatAreNotTheFeeds,
		"the end of the feed":                        theEndOfTheFeed,
		"a watch tells of activity":                  aWatchTellsOfActivity,
		"a watch sends bookmarks":                    aWatchSendsBookmarks,
		"the facts of users":                         theFactsOfUsers,
		"facts name what was asked for":              factsNameWhatWasAskedFor,
		"the groups of users are nested":             theGroupsOfUsersAreNested,
		"revisions and times increase":               revisionsAndTimesIncrease,
		"facts of status alone":                      factsOfStatusAlone,
		"filters that cannot be read":                filtersThatCannotBeRead,
		"users are listed by id":                     usersAreListedByID,
		"groups are found by name":                   groupsAreFoundByName,
		"groups are read by id":                      groupsAreReadByID,
		"members are listed by id":                   membersAreListedByID,
		"a deleted directory detaches its users":     aDeletedDirectoryDetachesItsUsers,
		"an adopted user is of its new directory":    anAdoptedUserIsOfItsNewDirectory,
		"what is deleted leaves the groups it is in": whatIsDeletedLeavesTheGroupsItIsIn,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := identity(t)
			test(&bundle{
				T: t, identity: i, idp: i.NewDirectory(t, acme), feed: identityv1.NewFeedServiceClient(i.Conn),
				facts: identityv1.NewFactsServiceClient(i.Conn), read: identityv1.NewReadServiceClient(i.Conn),
			})
		})
	}
}

// patience is how long a watch may take to report a change.
const patience = 30 * time.Second

func (b *bundle) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// refused checks the reason of an error.
func (b *bundle) refused(what string, err error, want fault.Reason) {
	b.Helper()
	if f := rpc.Fault(err); f == nil || f.Reason != want {
		b.Errorf("%s: got %v, want %s", what, err, fault.ReasonName(want))
	}
}

// end is the cursor of the feed, once everything that was written is visible: any open transaction delays it.
func (b *bundle) end() string {
	b.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := b.feed.GetCursor(b.Context(), &identityv1.GetCursorRequest{})
		b.must(err)
		if r.GetCursor() == r.GetNewestCursor() {
			return r.GetCursor()
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			b.Fatalf("in %s the feed did not come from %s to %s", patience, r.GetCursor(), r.GetNewestCursor())
		}
	}
}

// since are acme's records after a cursor.
func (b *bundle) since(cursor string) []*identityv1.Change {
	b.Helper()
	b.end()
	r, err := b.feed.ListChanges(b.Context(), &identityv1.ListChangesRequest{OrganizationId: acme, AfterCursor: cursor})
	b.must(err)
	return r.GetChanges()
}

// watch opens a watch that ends with the test.
func (b *bundle) watch(after string) grpc.ServerStreamingClient[identityv1.WatchActivityResponse] {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	b.Cleanup(cancel)
	stream, err := b.feed.WatchActivity(ctx, &identityv1.WatchActivityRequest{AfterCursor: after})
	b.must(err)
	return stream
}
