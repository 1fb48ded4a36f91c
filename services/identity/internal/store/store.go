// Package store is what the identity service keeps: users, groups, memberships, the change feed, and what it learned of
// directories. Every engine means the same by this contract; package storetest checks it.
//
// A resource is detached while its directory is closed. Nothing is written to detach it: closing the directory does.
package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
)

// ErrChanged says that a resource was changed, or deleted, since it was read. Nothing was written; read it again.
var ErrChanged = errors.New("the resource changed since it was read")

// NotDetached refuses to erase a user whose directory is not closed.
func NotDetached(id string) error {
	return fault.New(fault.NotDetached, "user %q is managed by a directory that is not deleted: delete it there", id).With("resource", "user")
}

// NotClosed refuses to erase an organization that has a directory which is not closed.
func NotClosed(organizationID string) error {
	return fault.New(fault.Conflict, "organization %q has a directory that is not deleted, so it is not the one to erase", organizationID)
}

// Directory is what identity knows of a directory.
type Directory struct {
	OrganizationID   string
	ID               string
	Strict           bool
	UniqueGroupNames bool
	ReplacesID       string
	Closed           bool
}

// Place is one in the feed of directories. Revisions of two epochs cannot be compared.
type Place struct {
	Epoch    string
	Revision int64
}

// Scope is one directory of one organization.
type Scope struct {
	OrganizationID string
	DirectoryID    string
}

// User is a stored user.
type User struct {
	Scope
	ID             string
	UserName       string // as sent
	UserNameFolded string
	ExternalID     string
	DisplayName    string // displayName, else userName: what members and groups show of it
	Active         bool
	Version        int64
	Document       []byte // canonical, without id, meta and groups
	CreateTime     time.Time
	UpdateTime     time.Time
	Search         []SearchValue // written with the user; read methods leave it empty
	Groups         []GroupRef    // that UserGroups gives of it; nil where they were not read
}

// SearchValue is one value of a multi-valued attribute that is looked up.
type SearchValue struct {
	Attribute string // such as "emails"
	Value     string // casefolded unless the attribute is case-exact
}

// Group is a stored group, without its members.
type Group struct {
	Scope
	ID                string
	DisplayName       string
	DisplayNameFolded string
	ExternalID        string
	Version           int64
	Document          []byte // canonical, without id, meta and members
	CreateTime        time.Time
	UpdateTime        time.Time
}

// Member is a membership as its group sees it.
type Member struct {
	ID      string
	Group   bool   // it is a group
	Display string // its display name
	Carried bool   // taken over with an adopted group and not confirmed by the IdP
}

// GroupRef is a group that a user is in.
type GroupRef struct {
	ID      string
	Display string
	Direct  bool
}

// EditKind says what an edit does to a group's members.
type EditKind int

// The edits.
const (
	EditAdd EditKind = iota
	EditRemove
	EditRemoveMatching
	EditReplace
)

// MemberEdit is one change of a group's members. Members that the IdP cannot see, because they are detached, are left
// alone by every edit.
type MemberEdit struct {
	Kind  EditKind
	IDs   []string                 // to add, to remove, or to replace all with
	Match func(member Member) bool // for EditRemoveMatching
}

// Replacing is what EditReplace with ids comes to: goes says of each member that is there whether it must go, and come, once it
// was asked about all, who is to be added or confirmed. Who stays need not be looked at again.
func Replacing(ids []string) (goes func(Member) bool, come func() []string) {
	missing := make(map[string]bool, len(ids))
	for _, id := range ids {
		missing[id] = true
	}
	goes = func(m Member) bool {
		named := missing[m.ID]
		if named && !m.Carried {
			delete(missing, m.ID)
		}
		return !named
	}
	come = func() (all []string) {
		for _, id := range ids {
			if missing[id] {
				all = append(all, id)
			}
		}
		return all
	}
	return goes, come
}

// Cause is why something is written: it goes into each change record.
type Cause struct {
	MessageID   string
	Traceparent string
	Time        time.Time
}

// Written is what a write did.
type Written struct {
	Version    int64
	UpdateTime time.Time
	Cursor     feed.Cursor // after its change records; zero when it changed nothing
}

// ChangeKind says what happened to a resource. The numbers are stored.
type ChangeKind int

// The kinds.
const (
	Created ChangeKind = iota + 1
	Updated
	Deleted
	MemberAdded
	MemberRemoved
	DirectoryClosed // of the directory itself: the resource is neither a user nor a group
)

// Change is one record of the feed.
type Change struct {
	Scope
	Cursor      feed.Cursor
	Group       bool // the resource is a group
	ResourceID  string
	Revision    int64
	Kind        ChangeKind
	MemberID    string
	MemberGroup bool
	MessageID   string
	Traceparent string
	Time        time.Time
}

// UserStatus is whether a user is there, and what can be told of it without its document.
type UserStatus struct {
	Scope
	ID         string
	Active     bool
	Detached   bool
	Version    int64
	UpdateTime time.Time
}

// Facts is what others need of a user, but for its groups.
type Facts struct {
	User
	Email    string
	Detached bool
}

// Status is what of the facts needs no document.
func (f Facts) Status() UserStatus {
	return UserStatus{Scope: f.Scope, ID: f.ID, Active: f.Active, Detached: f.Detached, Version: f.Version, UpdateTime: f.UpdateTime}
}

// FactsBounds is how much one read of facts takes.
type FactsBounds struct {
	Bytes int // of documents; one user is read whatever it has
	Edges int // how many memberships are read to find the users' groups
	// Live says that the groups are asked for only of users that are active and not detached.
	Live bool
}

// FactsPage is some users, of one moment.
type FactsPage struct {
	Users []Facts  // by id
	Rest  []string // ids that were not reached, ascending; they need not be there
	Edges []Edge   // the users' memberships and those of their groups: see NewAround
	// More says that there are more memberships than FactsBounds.Edges: then Edges is a part of them that means nothing.
	More bool
}

// NewFactsPage makes one of what an engine read for some ids: users by id, of how many that are there, and at most one membership
// more than the bounds allow.
func NewFactsPage(ids []string, users []Facts, there int, edges []Edge, most FactsBounds) FactsPage {
	p := FactsPage{Users: users, Edges: edges, More: len(edges) > most.Edges}
	if len(users) < there {
		last := users[len(users)-1].ID
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			if id > last {
				p.Rest = append(p.Rest, id)
			}
		}
	}
	return p
}

// GroupFacts is what others need of a group. Its document is not read: it may be large, and nobody looks at it.
type GroupFacts struct {
	Group
	Detached bool
}

// CarriedMember is a membership that an adoption took over and the IdP never confirmed.
type CarriedMember struct {
	GroupID string
	Member  Member
}

// Oddity is something in a directory's messages that was understood otherwise than the RFCs have it, or ignored, with how
// often it came.
type Oddity struct {
	Scope
	Ignored       bool   // it is an attribute that was ignored; else a quirk
	Name          string // the quirk's name, or the attribute's path
	Messages      int64
	FirstTime     time.Time
	LastTime      time.Time
	LastMessageID string
}

// Schema is an extension that was registered for a directory.
type Schema struct {
	Scope
	ID         string // its URN
	Group      bool   // it extends groups; else users
	Definition []byte // JSON of RFC 7643 §7
	CreateTime time.Time
	UpdateTime time.Time
}

// Others are those of a directory's schemas that s does not replace. It takes from the one that it does what stays.
func (s *Schema) Others(all []Schema) (others []Schema) {
	for _, other := range all {
		if !strings.EqualFold(other.ID, s.ID) {
			others = append(others, other)
			continue
		}
		s.CreateTime = other.CreateTime
		if other.ID == s.ID && other.Group == s.Group && bytes.Equal(other.Definition, s.Definition) {
			s.UpdateTime = other.UpdateTime
		}
	}
	return others
}

// MaxIgnored is how many ignored attributes are kept of a directory: their names are the IdP's, and may be any.
const MaxIgnored = 100

// Lookup names users in one way; the other fields are empty. Within a directory it names one, unless by e-mail.
type Lookup struct {
	ID             string
	UserNameFolded string
	ExternalID     string
	EmailFolded    string
}

// Condition says that a value of an attribute lies from Low to High, both included, in the order of bytes. An empty High is
// no bound. Values are as they are stored: casefolded unless the attribute is case-exact.
type Condition struct {
	Attribute string
	Low, High string
	// Values, unless there are none, are the only ones, of all from Low to High. Neither "active", "groups" nor "members" has them.
	Values []string
}

// Order is one that an index has: by id, or by name, casefolded, and then by id.
type Order struct {
	ByName     bool
	Descending bool
}

// Names are what a resource that comes back is known by. An empty externalId is none.
type Names struct {
	ExternalID string
	Folded     string // the userName or displayName, casefolded
}

// Size is how many bytes a document has.
func (u User) Size() int { return len(u.Document) }

// Size is how many bytes a document has.
func (g Group) Size() int { return len(g.Document) }

// Full says whether documents have so many bytes: then whoever lists resources ended there, and there may be more.
func Full[T interface{ Size() int }](read []T, bytes int) bool {
	for _, one := range read {
		bytes -= one.Size()
	}
	return bytes <= 0
}

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

	// User reads one.
	User(ctx context.Context, scope Scope, id string) (User, error)
	// UserByUserName and UserByExternalID find one by a unique attribute.
	UserByUserName(ctx context.Context, scope Scope, folded string) (User, error)
	UserByExternalID(ctx context.Context, scope Scope, externalID string) (User, error)
	// UserWithGroups finds one by its id, userName or externalId, and reads its groups along.
	UserWithGroups(ctx context.Context, scope Scope, by Lookup) (User, error)
	// Users lists by id those after one, at most limit. It ends once their documents have so many bytes; see Full.
	Users(ctx context.Context, scope Scope, after string, limit, bytes int) ([]User, error)
	// UserCandidates looks up in an index, in no order, the ids of users that meet a condition, at most limit. All of the directory's
	// that meet it are among them where limit was not reached; ids of other directories may be, and an id may come twice.
	// Attribute is id, userName, externalId, active (Low is "false"), groups (Low is a group's id, and users of nested groups
	// are in it), or that of search values.
	UserCandidates(ctx context.Context, scope Scope, c Condition, limit int) ([]string, error)
	// UsersByID reads users by id, at most 1,000, in the order of their ids. Those that are not there are left out. It ends as
	// Users does.
	UsersByID(ctx context.Context, scope Scope, ids []string, bytes int) ([]User, error)
	// UserPage lists in an order, skipping some. The name is the userName. It ends as Users does.
	UserPage(ctx context.Context, scope Scope, order Order, skip, limit int64, bytes int) ([]User, error)
	// CountUsers counts those of an open directory: exactly those whose creation is committed and whose deletion is not.
	CountUsers(ctx context.Context, scope Scope) (int64, error)
	// CreateUser adds one. fault.Uniqueness: its userName or externalId is taken.
	CreateUser(ctx context.Context, u User, cause Cause) (Written, error)
	// UpdateUser writes one whose stored Version is u.Version; else ErrChanged. fault.Uniqueness as in CreateUser.
	UpdateUser(ctx context.Context, u User, cause Cause) (Written, error)
	// AdoptUser moves a detached user from a directory to u's and writes it, if its stored Version is u.Version; else
	// ErrChanged. fault.Uniqueness as in CreateUser.
	AdoptUser(ctx context.Context, from string, u User, cause Cause) (Written, error)
	// DetachedUser finds the user of some closed directories that one with these names is: by externalId, else by userName,
	// in the first of the directories that has it. fault.NotFound: there is none.
	DetachedUser(ctx context.Context, organizationID string, directoryIDs []string, by Names) (User, error)
	// DeleteUser removes one, its memberships too, if its version is among versions or versions is empty; else ErrChanged.
	DeleteUser(ctx context.Context, scope Scope, id string, versions []int64, cause Cause) (Written, error)
	// EraseUser removes a user of any directory of the organization, its memberships too, and writes the record that DeleteUser writes.
	// fault.NotDetached: its directory is not closed.
	EraseUser(ctx context.Context, organizationID, id string, cause Cause) (Written, error)
	// UserGroups lists the groups of the directory that each of at most 1,000 users is in, nested ones too, by id. Who is in
	// none is left out.
	UserGroups(ctx context.Context, scope Scope, userIDs []string) (map[string][]GroupRef, error)

	// Group reads one, without its members.
	Group(ctx context.Context, scope Scope, id string) (Group, error)
	// GroupCandidates does what UserCandidates does. Attribute is id, displayName, externalId or members: then all of the
	// directory's groups that it gives have the member Low directly, and its directory can see it.
	GroupCandidates(ctx context.Context, scope Scope, c Condition, limit int) ([]string, error)
	// GroupsByID, Groups and GroupPage read groups as UsersByID, Users and UserPage read users. The name is the displayName.
	GroupsByID(ctx context.Context, scope Scope, ids []string, bytes int) ([]Group, error)
	Groups(ctx context.Context, scope Scope, after string, limit, bytes int) ([]Group, error)
	GroupPage(ctx context.Context, scope Scope, order Order, skip, limit int64, bytes int) ([]Group, error)
	// CountGroups counts those of an open directory, as CountUsers does.
	CountGroups(ctx context.Context, scope Scope) (int64, error)
	// CreateGroup adds one with members. fault.Uniqueness: the directory wants displayNames unique and this one is taken.
	// fault.InvalidValue: a member is not a user or group of the directory, would make the group a member of itself, or would
	// exceed a limit of nesting (see Nesting).
	CreateGroup(ctx context.Context, g Group, edits []MemberEdit, cause Cause) (Written, error)
	// UpdateGroup writes a group and edits its members. Where the document changes, and where versions is not empty, the
	// stored Version must be g.Version; else ErrChanged. Edits alone need no version: they are made on what is there. It
	// touches the rows of the members that are named, and no others, unless it replaces or matches.
	UpdateGroup(ctx context.Context, g Group, document bool, versions []int64, edits []MemberEdit, cause Cause) (Written, error)
	// AdoptGroup moves a detached group from a directory to g's, marks its memberships carried, and then does what
	// UpdateGroup does.
	AdoptGroup(ctx context.Context, from string, g Group, edits []MemberEdit, cause Cause) (Written, error)
	// DetachedGroup finds the group of some closed directories that one with these names is: by externalId, else by
	// displayName, in the first of the directories where only one has it. fault.NotFound: there is none.
	DetachedGroup(ctx context.Context, organizationID string, directoryIDs []string, by Names) (Group, error)
	// DeleteGroup removes one, with its memberships, if its version is among versions or versions is empty; else
	// ErrChanged.
	DeleteGroup(ctx context.Context, scope Scope, id string, versions []int64, cause Cause) (Written, error)
	// Members lists, by id, a group's members that its directory can see, those after one, at most limit.
	Members(ctx context.Context, scope Scope, groupID, after string, limit int) ([]Member, error)

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

	// UserStatuses looks users up by id, of any directory of the organization; at most 1,000. Those that are not there are left out.
	UserStatuses(ctx context.Context, organizationID string, ids []string) ([]UserStatus, error)
	// Facts reads users by id, of any directory of the organization; at most 1,000. Those that are not there are left out. What
	// it reads is of one moment. It ends once it has as many bytes as the bounds allow, with at least one user.
	Facts(ctx context.Context, organizationID string, ids []string, most FactsBounds) (FactsPage, error)
	// FindUsers gives the ids of users of any directory, at most limit.
	FindUsers(ctx context.Context, organizationID string, by Lookup, limit int) ([]string, error)
	// UserIDs lists an organization's users by id, those after one, at most limit.
	UserIDs(ctx context.Context, organizationID, after string, limit int) ([]string, error)
	// FindGroups lists an organization's groups by id, those after one; all, or those of a displayName.
	FindGroups(ctx context.Context, organizationID, folded, after string, limit int) ([]GroupFacts, error)
	// GroupFacts reads groups by id, of any directory; at most 1,000.
	GroupFacts(ctx context.Context, organizationID string, ids []string) ([]GroupFacts, error)
	// DirectMembers lists, by id, all members of a group of any directory, also those that its directory cannot see.
	DirectMembers(ctx context.Context, organizationID, groupID, after string, limit int) ([]Member, error)
	// CarriedMembers lists, by group and member, the memberships that this directory's adoption took over and the IdP
	// never confirmed: of adopted groups, and of adopted users and groups in groups that were not adopted.
	CarriedMembers(ctx context.Context, scope Scope, afterGroup, afterMember string, limit int) ([]CarriedMember, error)
	// RemoveCarried removes such memberships, with change records.
	RemoveCarried(ctx context.Context, scope Scope, members []CarriedMember, cause Cause) (Written, error)

	// AddOddities adds counts to what is stored, all or none. Beyond MaxIgnored attributes of a directory, new ones are left
	// out, and so are those of a directory that is not known. The directory need not be open.
	AddOddities(ctx context.Context, oddities []Oddity) error
	// Oddities lists those of a directory by name, quirks first.
	Oddities(ctx context.Context, scope Scope) ([]Oddity, error)

	// PutSchema writes a schema in place of the one whose id differs by case at most, whose times stay where they still hold. check sees the
	// directory's others first, and may refuse; nobody writes a schema of the directory meanwhile. It gives what is there then.
	PutSchema(ctx context.Context, s Schema, check func(others []Schema) error) (Schema, error)
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
