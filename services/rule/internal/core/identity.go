package core

import (
	"context"
	"time"
)

// Identity is what the core asks of the identity service. Errors are faults.
type Identity interface {
	// Users reads up to 1,000 users with what rules look at; one that is not there is left out. fault.Limit: ask for fewer.
	Users(ctx context.Context, organizationID string, ids []string, look Look) (map[string]User, error)
	// Statuses reads of up to 1,000 users only what User says of each user whatever it is in; one that is not there is left out.
	Statuses(ctx context.Context, organizationID string, ids []string) (map[string]User, error)
	// CheckFilter refuses a filter that cannot match users: fault.InvalidFilter.
	CheckFilter(ctx context.Context, organizationID, filter string) error
	// UserIDs gives a page of the organization's user ids, ascending.
	UserIDs(ctx context.Context, organizationID, pageToken string, limit int) (UserPage, error)
	// Groups reads up to 1,000 groups; what is not there is left out.
	Groups(ctx context.Context, organizationID string, ids []string) (map[string]Group, error)
	// GroupsNamed gives a page of the groups of that displayName (casefolded), by id, which is by age.
	GroupsNamed(ctx context.Context, organizationID, displayName, pageToken string, limit int) (GroupPage, error)
	// Members gives a page of a group's direct members. A group that is not there has none.
	Members(ctx context.Context, organizationID, groupID, pageToken string, limit int) (Members, error)

	// Cursor gives the cursor to begin to follow from: whatever shows later is after it.
	Cursor(ctx context.Context) (string, error)
	// Newest gives the cursor that is not before any change that was written: what to wait for.
	Newest(ctx context.Context) (string, error)
	// Changes gives an organization's records after a cursor: fault.CursorExpired when it cannot be followed any more.
	Changes(ctx context.Context, organizationID, after string, limit int) (ChangePage, error)
	// Activity tells on, after a cursor, which organizations have new records, until ctx ends or the feed breaks off; it
	// never returns nil. fault.CursorExpired when the cursor cannot be followed any more.
	Activity(ctx context.Context, after string, on func(Activity) error) error
}

// Look is what rules look at in a user, beside its groups.
type Look struct {
	RoleValues []string
	Filters    []string
}

// User is the facts about a user that access depends on. Rules give nothing to a user that is not free, so what comes after
// UpdateTime is said of free users alone.
type User struct {
	Active      bool
	Detached    bool
	DirectoryID string
	Revision    int64     // increases with each change of the user itself
	UpdateTime  time.Time // of that change

	GroupIDs   []string // directly or through other groups, carried memberships too
	RoleValues []string // of those that rules look at
	Matched    []string // the filters that it matches, of those that rules look at
	Unknown    string   // why the three before are not known, for people; else empty
}

// free says that rules, and nothing else, decide what the user holds beside manual access.
func (u User) free() bool { return u.Active && !u.Detached }

// Group is the facts about a group that pins depend on.
type Group struct {
	ID          string
	DirectoryID string
	DisplayName string
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

// Record is a record of identity's change feed: that something changed, not what it is now.
type Record struct {
	Cursor      string
	UserID      string // the user that changed, or that came into a group or left it; else empty
	GroupID     string // the group that changed; empty for the coming and going of members
	NestedID    string // the group that came into another or left it; else empty
	ClosedID    string // the directory that was deleted; else empty
	MessageID   string
	Traceparent string
	Time        time.Time
}

// ChangePage is a page of change records, oldest first.
type ChangePage struct {
	Records []Record
	Next    string // the cursor after what was looked at
	More    bool
	AsOf    time.Time // all that identity acknowledged before is at or before Next; zero when there is more
}

// Activity says which organizations have new records.
type Activity struct {
	OrganizationIDs []string
	Cursor          string    // after them
	AsOf            time.Time // all that identity acknowledged before, of any organization, is at or before Cursor
}

// FailedEvents is what the core asks of the failedevents service. Errors are faults.
type FailedEvents interface {
	// Record stores events; one whose id is stored already is left as it is.
	Record(ctx context.Context, events []FailedEvent) error
}

// FailedEvent is an effect of a message that could not be carried out.
type FailedEvent struct {
	ID             string
	OrganizationID string
	MessageID      string
	ResourceID     string
	Reason         string
	Detail         string
	Remedy         string
	TraceID        string
	Time           time.Time
}
