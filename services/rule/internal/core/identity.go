package core

import (
	"context"
	"time"
)

// Identity is what the core asks of the identity service. Errors are faults.
type Identity interface {
	// Users reads up to 1,000 users, and which of the filters each matches; who is not there is left out.
	Users(ctx context.Context, organizationID string, ids, filters []string) (map[string]User, error)
	// CheckFilter refuses a filter that cannot match users: fault.InvalidFilter.
	CheckFilter(ctx context.Context, organizationID, filter string) error
	// UserIDs gives a page of the organization's user ids, ascending, and the next page's token, empty at the end.
	UserIDs(ctx context.Context, organizationID, pageToken string, limit int) (ids []string, next string, err error)
	// Groups reads up to 1,000 groups; what is not there is left out.
	Groups(ctx context.Context, organizationID string, ids []string) (map[string]Group, error)
	// OldestGroups gives the oldest group of that displayName (casefolded) of each directory, by id.
	OldestGroups(ctx context.Context, organizationID, displayName string) ([]Group, error)
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
	Activity(ctx context.Context, after string, on func(organizationIDs []string, cursor string) error) error
}

// User is the facts about a user that access depends on.
type User struct {
	Active     bool
	Detached   bool
	GroupIDs   []string // directly or through other groups, carried memberships too
	RoleValues []string
	Matched    []string  // the filters that it matches, of those that were asked for
	Revision   int64     // increases with each change of the user itself
	UpdateTime time.Time // of that change
}

// Group is the facts about a group that pins depend on.
type Group struct {
	ID          string
	DirectoryID string
	DisplayName string
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
	MessageID   string
	Traceparent string
	Time        time.Time
}

// ChangePage is a page of change records, oldest first.
type ChangePage struct {
	Records []Record
	Next    string // the cursor after what was looked at
	More    bool
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
