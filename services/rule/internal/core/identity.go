package core

import (
	"context"
	"time"
)

// Identity is the core's interface to the identity service. Errors are faults.
type Identity interface {
	// Users reads up to 1,000 users with the facts that rules need; missing users are left out. fault.Limit: ask for fewer.
	Users(ctx context.Context, organizationID string, ids []string, criteria Criteria) (map[string]User, error)
	// Statuses reads, of up to 1,000 users, only the fields of User up to UpdateTime; missing users are left out.
	Statuses(ctx context.Context, organizationID string, ids []string) (map[string]User, error)
	// CheckFilter refuses a filter that cannot match users: fault.InvalidFilter.
	CheckFilter(ctx context.Context, organizationID, filter string) error
	// CountUsers counts the organization's users.
	CountUsers(ctx context.Context, organizationID string) (int64, error)
	// CountMatching counts the users that match. fault.InvalidFilter: the filter cannot match users.
	CountMatching(ctx context.Context, organizationID string, q MatchQuery) (MatchCount, error)
	// UserIDs lists a page of the organization's user ids, ascending.
	UserIDs(ctx context.Context, organizationID, pageToken string, limit int) (UserPage, error)
	// Groups reads up to 1,000 groups; missing groups are left out.
	Groups(ctx context.Context, organizationID string, ids []string) (map[string]Group, error)
	// GroupsNamed lists a page of the groups with that displayName (casefolded), by id, so the oldest first.
	GroupsNamed(ctx context.Context, organizationID, displayName, pageToken string, limit int) (GroupPage, error)
	// UserGroups reads those of the groups, up to 1,000, that a user is in, with the groups through which the user is in them. fault.Limit:
	// that is too much.
	UserGroups(ctx context.Context, organizationID, userID string, groupIDs []string) (map[string]UserGroup, error)
	// Members lists a page of a group's direct members. A missing group has none.
	Members(ctx context.Context, organizationID, groupID, pageToken string, limit int) (Members, error)

	// Cursor returns a cursor to begin to follow from: it is before all records that become readable later.
	Cursor(ctx context.Context) (string, error)
	// Newest returns a cursor that is not before any written change: wait for it.
	Newest(ctx context.Context) (string, error)
	// Changes lists an organization's records after a cursor. fault.CursorExpired if it cannot be followed any more.
	Changes(ctx context.Context, organizationID, after string, limit int) (ChangePage, error)
	// Activity calls on, from a cursor onwards, with the organizations that have new records, until ctx ends or the feed fails. It
	// never returns nil. fault.CursorExpired if the cursor cannot be followed any more.
	Activity(ctx context.Context, after string, on func(Activity) error) error
}

// Criteria are the attributes of users, besides groups, that rules match by.
type Criteria struct {
	RoleValues []string
	Filters    []string
}

// User contains the facts about a user that access depends on. Rules give nothing to a user that is not free, so the fields after
// UpdateTime are filled for free users only.
type User struct {
	Active      bool
	Detached    bool
	DirectoryID string
	Revision    int64     // increases with each change of the user itself
	UpdateTime  time.Time // of that change

	GroupIDs   []string // direct and indirect ones, with carried memberships
	RoleValues []string // those among Criteria.RoleValues
	Matched    []string // those among Criteria.Filters that the user matches
	Unknown    string   // why the three fields before are unknown, for people; else empty
}

// free reports whether rules alone decide what the user holds, besides manual access.
func (u User) free() bool { return u.Active && !u.Detached }

// Group contains the facts about a group that pins depend on.
type Group struct {
	ID          string
	DirectoryID string
	DisplayName string
}

// MatchQuery selects users in one of three ways.
type MatchQuery struct {
	GroupIDs  []string // the users in at least one of these groups, up to 1,000
	RoleValue string
	Filter    string
}

// MatchCount says how many users match.
type MatchCount struct {
	Users      int
	AtLeast    bool // there can be more
	LookedAt   int  // for a filter
	ExampleIDs []string
	Time       time.Time // of the count
}

// UserGroup is a group that a user is in.
type UserGroup struct {
	DisplayName string
	Through     []Group // the first has the user as a direct member; empty if the group itself has
}

// UserPage is a page of user ids.
type UserPage struct {
	IDs  []string
	Next string // the next page's token, empty at the end
}

// GroupPage is a page of groups.
type GroupPage struct {
	Groups []Group
	Next   string // the next page's token, empty at the end
}

// Members is a page of a group's direct members.
type Members struct {
	UserIDs  []string
	GroupIDs []string
	Next     string // the next page's token, empty at the end
}

// Record is a record of identity's change feed. It says that something changed, not what the new value is.
type Record struct {
	Cursor      string
	UserID      string // the user that changed, or that joined or left a group; else empty
	GroupID     string // the group that changed; empty if only members joined or left
	NestedID    string // the group that joined or left another group; else empty
	ClosedID    string // the directory that was deleted; else empty
	MessageID   string
	Traceparent string
	Time        time.Time
}

// ChangePage is a page of change records, oldest first.
type ChangePage struct {
	Records []Record
	Next    string // the cursor after the last record that was read
	More    bool
	AsOf    time.Time // everything that identity acknowledged before is at or before Next; zero if there is more
}

// Activity says which organizations have new records.
type Activity struct {
	OrganizationIDs []string
	Cursor          string    // after the new records of these organizations
	AsOf            time.Time // everything that identity acknowledged before, of any organization, is at or before Cursor
}

// FailedEvents is the core's interface to the failedevents service. Errors are faults.
type FailedEvents interface {
	// Record stores failed events. It does not change one that is already stored under its id.
	Record(ctx context.Context, events []FailedEvent) error
}

// FailedEvent describes what a message should have changed, and Usher could not change.
type FailedEvent struct {
	ID             string
	OrganizationID string
	MessageID      string
	ResourceID     string
	Reason         string
	Detail         string
	Remedy         string
	AdminAction    string
	TraceID        string
	Time           time.Time
}
