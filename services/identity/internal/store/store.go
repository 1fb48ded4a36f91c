// Package store is what the identity service keeps: resources such as users and groups, memberships, the change feed, and what it learned of
// directories. Every engine means the same by this contract; package storetest checks it.
//
// A resource is detached while its directory is closed. Nothing is written to detach it: closing the directory does.
package store

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Store keeps identity's data.
//
// Every write to a directory's resources checks in its transaction that the directory is open: fault.NotReady when it is
// not known yet, fault.Deleted when it is closed. A write and its change records are one transaction, durable when the
// method returns. What is not there is fault.NotFound, and so is a resource of another directory. A closed directory can
// still be read, which is how adoption finds what it left: who serves SCIM asks first whether it is open.
type Store interface {
	// Epoch is the feed's: of this database, until it is restored.
	Epoch() string

	// Followed is the last place given to ApplyDirectory.
	Followed(ctx context.Context) (Place, error)
	// ApplyDirectory takes what is new of a directory. What is not after Followed, in its epoch, was applied before, and is left
	// out. A closed one stays closed. What closes it writes one change record, DirectoryClosed, of revision 1.
	ApplyDirectory(ctx context.Context, d Directory, at Place, cause Cause) error
	// Directory reads one; fault.NotFound when it was not applied yet.
	Directory(ctx context.Context, scope Scope) (Directory, error)
	// Ancestors are the directories that this one may adopt from: what it replaces, what that replaced, and so on; nearest
	// first, those of them that are closed, at most 100.
	Ancestors(ctx context.Context, scope Scope) ([]string, error)

	// Get reads the resource that a look-up names, by its ID or, where the type has these unique, by its Name or ExternalID. With groups it
	// reads along the groups of a user.
	Get(ctx context.Context, scope Scope, t Type, by Lookup, groups bool) (Resource, error)
	// List lists by id those after one, at most limit. It ends once their documents have so many bytes; see Full.
	List(ctx context.Context, scope Scope, t Type, after string, limit, bytes int) ([]Resource, error)
	// ByID reads resources by id, at most 1,000, in the order of their ids. Those that are not there are left out. It ends as
	// List does.
	ByID(ctx context.Context, scope Scope, t Type, ids []string, bytes int) ([]Resource, error)
	// Page lists in an order, skipping some. It ends as List does.
	Page(ctx context.Context, scope Scope, t Type, order Order, skip, limit int64, bytes int) ([]Resource, error)
	// Count counts those of an open directory: exactly those whose creation is committed and whose deletion is not.
	Count(ctx context.Context, scope Scope, t Type) (int64, error)
	// Candidates looks up in an index, in no order, the ids of resources that meet a condition, at most limit. All of the directory's
	// that meet it are among them where limit was not reached; ids of other directories may be, and an id may come twice.
	// The attribute is id, externalId, or the one that is the name of the type. Of users it may also be active (Low is "false"), groups
	// (Low is a group's id, and users of nested groups are in it), or that of search values. Of groups it may be members: then all of
	// the directory's groups that it gives have the member Low directly, and its directory can see it.
	Candidates(ctx context.Context, scope Scope, t Type, c scim.Condition, limit int) ([]string, error)
	// Create adds a resource, a group with members. fault.Uniqueness: the name or externalId of a user is taken; the directory wants the
	// names of groups unique and this one is taken. fault.InvalidValue: a member is not a user or group of the directory, would make the
	// group a member of itself, or would exceed a limit of nesting (see Nesting).
	Create(ctx context.Context, r Resource, edits []MemberEdit, cause Cause) (Written, error)
	// Update writes a resource whose stored Version is r.Version, and edits the members of a group; else ErrChanged. Without a Document it
	// makes the edits alone, and a Version of 0 is any: they are made on what is there. It touches the rows of the members that are
	// named, and no others, unless it replaces or matches. Errors are those of Create; of a group that is not there fault.NotFound.
	Update(ctx context.Context, r Resource, edits []MemberEdit, cause Cause) (Written, error)
	// Adopt moves a detached resource from a directory to r's, marks the memberships of a group carried, and then does what Update does.
	Adopt(ctx context.Context, from string, r Resource, edits []MemberEdit, cause Cause) (Written, error)
	// Detached finds the resource of some closed directories that r is: by externalId, else by name, in the first of the directories
	// where only one has it. fault.NotFound: there is none.
	Detached(ctx context.Context, r Resource, directoryIDs []string) (Resource, error)
	// Delete removes a resource, its memberships too, if its version is among versions or versions is empty; else ErrChanged.
	Delete(ctx context.Context, scope Scope, t Type, id string, versions []int64, cause Cause) (Written, error)

	// IDs lists the ids of an organization's resources, those after one, at most limit.
	IDs(ctx context.Context, organizationID string, t Type, after string, limit int) ([]string, error)
	// Find lists by id summaries of the organization's resources that a look-up names, those after one, at most limit.
	Find(ctx context.Context, organizationID string, t Type, by Lookup, after string, limit int) ([]Facts, error)
	// Summaries reads summaries of resources by id, of any directory of the organization, in no order; at most 1,000. Those that are not
	// there are left out.
	Summaries(ctx context.Context, organizationID string, t Type, ids []string) ([]Facts, error)

	// Facts reads users by id, of any directory of the organization; at most 1,000. Those that are not there are left out. What
	// it reads is of one moment. It ends once it has as many bytes as the bounds allow, with at least one user.
	Facts(ctx context.Context, organizationID string, ids []string, most FactsBounds) (FactsPage, error)
	// UserGroups lists the groups of the directory that each of at most 1,000 users is in, nested ones too, by id. Who is in
	// none is left out.
	UserGroups(ctx context.Context, scope Scope, userIDs []string) (map[string][]scim.GroupRef, error)
	// EraseUser removes a user of any directory of the organization, its memberships too, and writes the record that Delete writes.
	// fault.NotDetached: its directory is not closed.
	EraseUser(ctx context.Context, organizationID, id string, cause Cause) (Written, error)

	// Members lists, by id, a group's members that its directory can see, those after one, at most limit.
	Members(ctx context.Context, scope Scope, groupID, after string, limit int) ([]scim.Member, error)
	// DirectMembers lists, by id, all members of a group of any directory, also those that its directory cannot see.
	DirectMembers(ctx context.Context, organizationID, groupID, after string, limit int) ([]Member, error)
	// CarriedMembers lists, by group and member, the memberships that this directory's adoption took over and the IdP
	// never confirmed: of adopted groups, and of adopted users and groups in groups that were not adopted.
	CarriedMembers(ctx context.Context, scope Scope, afterGroup, afterMember string, limit int) ([]CarriedMember, error)
	// RemoveCarried removes such memberships, with change records.
	RemoveCarried(ctx context.Context, scope Scope, members []CarriedMember, cause Cause) (Written, error)

	// Cursor is the end of the feed. Whatever shows later is after follow; whatever was written is not after newest.
	Cursor(ctx context.Context) (follow, newest feed.Cursor, err error)
	// Changes lists an organization's records after a cursor, in the feed's order, at most limit, and the cursor after what
	// was looked at. fault.CursorExpired: another epoch, records after the cursor were trimmed, or the feed has not come so far.
	//
	// A record shows once nothing can come before it any more: with some engines a moment after the write returned, and
	// Written tells when. It then shows at that place for good. The records of one write follow each other in the order in
	// which it made them, all of them with the revision of the resource that they are about. Those of several writes may come
	// in another order than the writes, even of one resource: its highest revision is the newest.
	//
	// held is the time of the oldest record of the organization that is committed and does not show yet, zero where there is
	// none: every record of a write that returned before it, and before the call, shows.
	Changes(ctx context.Context, organizationID string, after feed.Cursor, limit int) (changes []Change, next feed.Cursor, held time.Time, err error)
	// Active lists the organizations with records after a cursor, and the cursor after them: go on from there also when
	// there was none. From the beginning it lists those whose records were trimmed, too. fault.CursorExpired as with Changes,
	// and held as there, but of any organization.
	Active(ctx context.Context, after feed.Cursor) (active []string, next feed.Cursor, held time.Time, err error)
	// TrimChanges removes records from before a time, the oldest first, at most limit, and says how many. While one process
	// trims, another one has nothing to do.
	TrimChanges(ctx context.Context, before time.Time, limit int) (int, error)
	// Written gives a channel that closes once records show that did not show before, or earlier.
	Written() <-chan struct{}

	// AddOddities adds counts to what is stored, all or none. Beyond MaxIgnored attributes of a directory, new ones are left
	// out, and so are those of a directory that is not known. The directory need not be open.
	AddOddities(ctx context.Context, oddities []Oddity) error
	// Oddities lists those of a directory by name, quirks first.
	Oddities(ctx context.Context, scope Scope) ([]Oddity, error)

	// PutSchema writes a schema in place of the one whose id differs by case at most, whose times stay where they still hold. check sees the
	// one that it replaces, or the zero Schema, and the directory's others first, and may refuse; nobody writes a schema of the directory
	// meanwhile. It gives what is there then.
	PutSchema(ctx context.Context, s Schema, check func(before Schema, others []Schema) error) (Schema, error)
	// Schemas lists those of a directory by id. A directory that replaces another one has that one's from the start.
	Schemas(ctx context.Context, scope Scope) ([]Schema, error)
	// Extended lists the directories of an organization that have schemas, closed ones too, by id.
	Extended(ctx context.Context, organizationID string) ([]string, error)
	// DeleteSchema removes one, whose id may be in another case.
	DeleteSchema(ctx context.Context, scope Scope, id string) error

	// EraseOrganization removes some of what is kept of an organization whose directories are all closed, at most EraseRows rows, in a
	// transaction. Nothing is left once it looked at all there is and found nothing; any number of processes may do so at once. Its
	// change records go as TrimChanges removes them, and the directories last: without its directory no write succeeds, even if it began
	// before. What stays is up to where the records were trimmed. fault.Unavailable: records do not show yet, and stay until they do.
	// fault.Conflict: a directory is not closed; the id is another organization's by now, whose data nobody erases.
	EraseOrganization(ctx context.Context, organizationID string) (nothingLeft bool, err error)

	Close() error
}

// EraseRows is how many rows one call of EraseOrganization removes at most, and EraseBytes after how many bytes of documents it ends.
const (
	EraseRows  = 300
	EraseBytes = 1 << 20
)
