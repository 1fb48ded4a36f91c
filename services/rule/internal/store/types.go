package store

import (
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
)

// OrganizationAdmin is the id of the role of which an organization keeps at least one effective holder.
const OrganizationAdmin = "organization-admin"

// Tenant is one instance of the vendor's product that belongs to an organization.
type Tenant struct {
	OrganizationID string
	ID             string
	DisplayName    string
	CreateTime     time.Time
	UpdateTime     time.Time
}

// Scope says where a role is held. Its numbers are stored.
type Scope int

// The scopes.
const (
	ScopeTenant       Scope = 1
	ScopeOrganization Scope = 2
)

// Role is what a user may be.
type Role struct {
	ID          string
	DisplayName string
	Scope       Scope
	Rank        int32
}

// Grant is a role in a tenant, or in the whole organization when TenantID is empty.
type Grant struct {
	TenantID string
	RoleID   string
}

// MatchKind says what a rule looks at. Its numbers are stored.
type MatchKind int

// The kinds of match.
const (
	MatchGroup     MatchKind = 1 // Value is a group's displayName
	MatchRoleValue MatchKind = 2 // Value is one of the user's SCIM roles
	MatchFilter    MatchKind = 3 // Value is a SCIM filter
)

// Match says whom a rule matches.
type Match struct {
	Kind  MatchKind
	Value string
}

// PinState says whether a pinned group is there. Its numbers are stored.
type PinState int

// The states of a pin.
const (
	Pinned  PinState = 1
	Waiting PinState = 2
)

// Pin is the group of one directory that a rule holds to.
type Pin struct {
	DirectoryID string
	GroupID     string
	State       PinState
	Time        time.Time
}

// Rule is a user management rule.
type Rule struct {
	OrganizationID string
	ID             string
	DisplayName    string
	Enabled        bool
	Match          Match
	Grants         []Grant // in the order in which they were given
	Pins           []Pin   // by directory, at most one of each
	Unresolved     bool    // the groups of its name have still to be looked up
	Revision       int64
	CreateTime     time.Time
	UpdateTime     time.Time
}

// RuleSet is all rules of an organization, by id, as of one generation.
type RuleSet struct {
	Generation int64
	Rules      []Rule
}

// SourceKind says where access comes from. Its numbers are stored.
type SourceKind int

// The kinds of source.
const (
	FromRule SourceKind = 1
	FromHand SourceKind = 2
)

// Source is why a user holds what its grant names.
type Source struct {
	Grant      Grant
	Kind       SourceKind
	RuleID     string // of FromRule
	GrantedBy  string // of FromHand
	CreateTime time.Time
	Held       bool // the rule gives it no longer, but the organization's last admin would be gone
}

// Holder is a user as the rule service last saw it.
type Holder struct {
	UserID string
	// Active says that what the user holds is effective.
	Active bool
	// Digest is of the facts that the rules were last applied to; empty when they never were.
	Digest  string
	Sources []Source
}

// AccessFilter chooses access. An empty field chooses all.
type AccessFilter struct {
	UserID   string
	TenantID string
	RoleID   string
}

// AccessKey is the place of access in a list.
type AccessKey struct {
	UserID   string
	TenantID string
	RoleID   string
}

// Access is what a user holds, with why: at least one source, manual ones last.
type Access struct {
	UserID    string
	Grant     Grant
	Effective bool
	Sources   []Source
}

// ChangeKind says which way effective access changed. Its numbers are stored.
type ChangeKind int

// The kinds of change.
const (
	Added   ChangeKind = 1
	Removed ChangeKind = 2
)

// Change is a record of the access feed.
type Change struct {
	Cursor      feed.Cursor
	UserID      string
	Grant       Grant
	Kind        ChangeKind
	Revision    int64
	MessageID   string
	SyncID      string
	Traceparent string
	Time        time.Time
}

// SyncState says how far a rule sync is. Its numbers are stored.
type SyncState int

// The states of a rule sync.
const (
	SyncRunning   SyncState = 1
	SyncDone      SyncState = 2
	SyncCancelled SyncState = 3
)

// Sync is a rule sync.
type Sync struct {
	OrganizationID string
	ID             string
	State          SyncState
	Walk           Walk
	UsersDone      int64
	Added          int64
	Removed        int64
	StartedBy      string
	Traceparent    string
	CreateTime     time.Time
	UpdateTime     time.Time
	EndTime        time.Time // zero while it runs
}

// Walk is a place in a walk over everybody: identity's users and the holders that identity no longer has, together by id.
type Walk struct {
	PageToken string // of the page of identity's user ids that is being worked on
	After     string // the last id of that page, or of a holder, that is done
}

// Lease proves who owns an organization.
type Lease struct {
	Owner  string
	Token  int64
	Expire time.Time
}

// Expansion is a group whose members have still to be reconciled.
type Expansion struct {
	Root        int64 // the enqueued group's number; the groups within it share it
	GroupID     string
	PageToken   string // of the page of members that comes next
	From        string // the checkpoint before the records that enqueued it
	MessageID   string
	Traceparent string
}

// Work is what an organization's owner has to do.
type Work struct {
	Checkpoint string
	Unresolved []string   // rules whose groups have to be looked up
	Expansion  *Expansion // the oldest
	Requeued   []string   // users who must be settled
	Recovery   *Walk
	Sync       *Sync // the one that runs
}

// Report says that a user kept access that no rule gives any more, because it is the organization's last admin.
type Report struct {
	OrganizationID string
	ID             string
	UserID         string
	MessageID      string
	TraceID        string
	Time           time.Time
}
