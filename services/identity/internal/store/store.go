// Package store is the contract of the identity service's data: resources such as users and groups, memberships, the change feed, and
// directories. Every engine implements it in the same way; package storetest checks this.
//
// A resource is detached while its directory is closed. Nothing is written to detach a resource: closing the directory is enough.
package store

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
)

// DeletedUser is a deleted user whose names in failed events are still to be erased.
type DeletedUser struct {
	OrganizationID string
	ID             string
	UserName       string // its first 200 characters
	Time           time.Time
}

// Store stores identity's data.
//
// Every write to a directory's resources checks in its transaction that the directory is open: fault.NotReady if it is not
// known yet, fault.Deleted if it is closed. A write and its change records are one transaction, which is durable when the
// method returns. A missing resource, and a resource of another directory, is fault.NotFound. A closed directory can still
// be read, because an adoption needs it: code that serves SCIM checks first whether it is open.
type Store interface {
	// Epoch is the epoch of the feed: the same until the database is restored.
	Epoch() string

	// Followed is the last place that ApplyDirectory applied.
	Followed(ctx context.Context) (Place, error)
	// ApplyDirectory applies a change of a directory. It ignores a place that, in the epoch of Followed, is not after Followed:
	// that was applied before. A closed directory stays closed. The closing writes one change record, DirectoryClosed, with
	// revision 1.
	ApplyDirectory(ctx context.Context, d Directory, at Place, cause Cause) error
	// Directory reads a directory. fault.NotFound: it was not applied yet.
	Directory(ctx context.Context, scope Scope) (Directory, error)
	// Ancestors are the closed directories that this one may adopt from: the directory that it replaces, the one that that
	// replaced, and so on; nearest first, at most 100.
	Ancestors(ctx context.Context, scope Scope) ([]string, error)

	// Get reads the resource that a selector names by its ID or, if the type has unique ones, by its Name or ExternalID. If groups is
	// true, it also reads the groups of a user.
	Get(ctx context.Context, scope Scope, t Type, by Selector, groups bool) (Resource, error)
	// List lists the resources after an id, by id, at most limit. It ends once their documents have so many bytes; see Full.
	List(ctx context.Context, scope Scope, t Type, after string, limit, bytes int) ([]Resource, error)
	// ByID reads at most 1,000 resources by id, in the order of the ids. It leaves out missing ones. It ends as List does.
	ByID(ctx context.Context, scope Scope, t Type, ids []string, bytes int) ([]Resource, error)
	// Page lists in an order, after skip resources. It ends as List does.
	Page(ctx context.Context, scope Scope, t Type, order Order, skip, limit int64, bytes int) ([]Resource, error)
	// Count counts the resources of an open directory: exactly those with a committed creation and no committed deletion.
	Count(ctx context.Context, scope Scope, t Type) (int64, error)
	// Candidates finds in an index the ids of resources that meet a condition, at most limit, in no order. If there are fewer than
	// limit, they include all such resources of the directory. They may include ids of other directories, and an id twice. The
	// attribute is id, externalId, or the attribute that is the type's name. For users it may also be active (Low is "false"), groups
	// (Low is a group's id; users of nested groups are included), or the attribute of a search value. For groups it may be members:
	// then each group of the directory that is returned has Low as a direct member that the directory can see.
	Candidates(ctx context.Context, scope Scope, t Type, c scim.Condition, limit int) ([]string, error)
	// Create creates a resource, a group with its members. fault.Uniqueness: the name or externalId of a user is taken, or the
	// directory wants unique group names and this one is taken. fault.InvalidValue: a member is not a user or group of the directory,
	// would make the group a member of itself, or would exceed a limit of nesting (see Nesting).
	Create(ctx context.Context, r Resource, edits []MemberEdit, cause Cause) (Written, error)
	// Update writes a resource and edits the members of a group, if the stored version is r.Version; otherwise ErrChanged. Without a
	// Document it only makes the edits, and then Version 0 accepts any version. It touches only the rows of named members, unless an
	// edit replaces or matches members. Errors are those of Create; fault.NotFound for a missing group.
	Update(ctx context.Context, r Resource, edits []MemberEdit, cause Cause) (Written, error)
	// Adopt moves a detached resource from the directory from to r's directory, marks the memberships of a group carried, and then does
	// what Update does.
	Adopt(ctx context.Context, from string, r Resource, edits []MemberEdit, cause Cause) (Written, error)
	// Detached finds the detached resource that r can adopt: by externalId, otherwise by name, in the first of these closed
	// directories where exactly one resource matches. fault.NotFound: there is none.
	Detached(ctx context.Context, r Resource, directoryIDs []string) (Resource, error)
	// Delete deletes a resource and its memberships, if its version is among versions or versions is empty; otherwise
	// ErrChanged.
	Delete(ctx context.Context, scope Scope, t Type, id string, versions []int64, cause Cause) (Written, error)

	// IDs lists the ids of an organization's resources after one, at most limit.
	IDs(ctx context.Context, organizationID string, t Type, after string, limit int) ([]string, error)
	// Find lists summaries of the organization's resources that a selector matches. The order is by id. The list starts after the given id, and has
	// at most limit resources.
	Find(ctx context.Context, organizationID string, t Type, by Selector, after string, limit int) ([]Facts, error)
	// Summaries reads summaries of at most 1,000 resources by id, in any directory of the organization, in no order. It leaves out
	// missing ones.
	Summaries(ctx context.Context, organizationID string, t Type, ids []string) ([]Facts, error)

	// Facts reads at most 1,000 users by id, in any directory of the organization, at one moment. It leaves out missing ones.
	// It ends once it has as many bytes as the bounds allow, with at least one user.
	Facts(ctx context.Context, organizationID string, ids []string, most FactsBounds) (FactsPage, error)
	// UserGroups lists the groups of the directory that each of at most 1,000 users is in, nested ones too, by id. It leaves
	// out users that are in none.
	UserGroups(ctx context.Context, scope Scope, userIDs []string) (map[string][]scim.GroupRef, error)
	// EraseUser deletes a user of any directory of the organization and its memberships, and writes the same record as Delete.
	// fault.NotDetached: its directory is not closed.
	EraseUser(ctx context.Context, organizationID, id string, cause Cause) (Written, error)
	// UpdateDetached is Update for a user of a directory that is closed. fault.NotDetached: it is not closed.
	UpdateDetached(ctx context.Context, u Resource, cause Cause) (Written, error)
	// DeletedUsers lists users of all organizations that Delete or EraseUser has deleted, at most limit, until ForgetDeletedUsers.
	DeletedUsers(ctx context.Context, limit int) ([]DeletedUser, error)
	ForgetDeletedUsers(ctx context.Context, users []DeletedUser) error

	// Members lists the members of a group that its directory can see, by id, after one id, at most limit.
	Members(ctx context.Context, scope Scope, groupID, after string, limit int) ([]scim.Member, error)
	// DirectMembers lists all members of a group of any directory, by id, also those that its directory cannot see.
	DirectMembers(ctx context.Context, organizationID, groupID, after string, limit int) ([]Member, error)
	// CarriedMembers lists, by group and member, the memberships that this directory's adoption kept and that the IdP never
	// confirmed: of adopted groups, and of adopted users and groups in groups that were not adopted.
	CarriedMembers(ctx context.Context, scope Scope, afterGroup, afterMember string, limit int) ([]CarriedMember, error)
	// RemoveCarried removes such memberships, with change records.
	RemoveCarried(ctx context.Context, scope Scope, members []CarriedMember, cause Cause) (Written, error)

	// Cursor returns two ends of the feed. Every record that becomes visible later is after follow. No record that was
	// written is after newest.
	Cursor(ctx context.Context) (follow, newest feed.Cursor, err error)
	// Changes lists an organization's records after a cursor, in the feed's order, at most limit, and returns the cursor up to
	// which it has read. fault.CursorExpired: the cursor has another epoch, records after it were trimmed, or it is beyond the
	// end of the feed.
	//
	// A record becomes visible once no other record can come before it: in some engines a moment after the write has returned.
	// NewChanges tells when. After that, its place does not change. The records of one write are consecutive, in the order in
	// which it made them, each with the revision of its resource. Records of several writes may have another order than the
	// writes, even for one resource: the highest revision is the newest.
	//
	// delayed is the time of the organization's oldest record that is committed and not visible, or zero. Every record of a
	// write that returned before that time, and before the call, is visible.
	Changes(ctx context.Context, organizationID string, after feed.Cursor, limit int) (changes []Change, next feed.Cursor, delayed time.Time, err error)
	// Active lists the organizations with records after a cursor, and returns the cursor after those records; continue there
	// also if there were none. From the beginning, it also lists organizations whose records were trimmed.
	// fault.CursorExpired is as in Changes. delayed is as in Changes, but for all organizations.
	Active(ctx context.Context, after feed.Cursor) (active []string, next feed.Cursor, delayed time.Time, err error)
	// TrimChanges trims records from before a time, the oldest first, at most limit, and returns how many. While one process
	// trims, other processes trim nothing.
	TrimChanges(ctx context.Context, before time.Time, limit int) (int, error)
	// NewChanges returns a channel that closes when new records become visible, or earlier.
	NewChanges() <-chan struct{}

	// AddMessageCounts adds all counts to the stored ones, or none on an error. It drops new attributes of a directory beyond
	// MaxIgnored, and counts of an unknown directory. The directory need not be open.
	AddMessageCounts(ctx context.Context, messageCounts []MessageCount) error
	// MessageCounts lists the counts of a directory by kind, and then by name.
	MessageCounts(ctx context.Context, scope Scope) ([]MessageCount, error)
	// Milestones lists the counts of milestones of directories, by directory, in no other order.
	Milestones(ctx context.Context, organizationID string, directoryIDs []string) ([]MessageCount, error)
	// Totals lists how much each open directory of an organization has, by id, after an id, at most limit. Users and groups are
	// counted as by Count.
	Totals(ctx context.Context, organizationID, after string, limit int) ([]Totals, error)

	// PutSchema writes a schema in place of an existing one with the same id, compared without case, and keeps its times as far as they
	// are still right. Before that it calls check with the existing schema, or the zero Schema, and the directory's other schemas;
	// check may refuse. No other write changes the directory's schemas meanwhile. PutSchema returns the stored schema.
	PutSchema(ctx context.Context, s Schema, check func(before Schema, others []Schema) error) (Schema, error)
	// Schemas lists the schemas of a directory by id. A directory that replaces another one begins with that one's schemas.
	Schemas(ctx context.Context, scope Scope) ([]Schema, error)
	// Extended lists the ids of the organization's directories that have schemas, also closed ones.
	Extended(ctx context.Context, organizationID string) ([]string, error)
	// DeleteSchema deletes a schema by its id, in any case.
	DeleteSchema(ctx context.Context, scope Scope, id string) error

	// EraseOrganization erases a part of the data of an organization that has only closed directories: at most EraseRows rows, in one
	// transaction. nothingLeft is true once a call found nothing to erase. Any number of processes may call it at the same time. It
	// trims change records as TrimChanges does, and erases the directories last: without its directory no write succeeds, even one that
	// began before. It keeps only the place up to which the records were trimmed. fault.Unavailable: some records are not visible yet,
	// and cannot be erased until they are. fault.Conflict: a directory is not closed, so this may be a new organization with the same
	// id.
	EraseOrganization(ctx context.Context, organizationID string) (nothingLeft bool, err error)

	People

	Close() error
}

// EraseRows is the most rows that one call of EraseOrganization erases. EraseBytes is the bytes of documents after which it ends.
const (
	EraseRows  = 300
	EraseBytes = 1 << 20
)
