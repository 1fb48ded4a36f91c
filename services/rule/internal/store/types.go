package store

import (
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
)

// OrganizationAdmin is the id of a role. An organization always keeps at least one effective holder of it.
const OrganizationAdmin = "organization-admin"

// Tenant is one instance of the vendor's product that belongs to an organization.
type Tenant struct {
	OrganizationID string
	ID             string
	DisplayName    string
	CreateTime     time.Time
	UpdateTime     time.Time
}

// Scope is where users hold a role. Its numbers are stored.
type Scope int

// The scopes.
const (
	ScopeTenant       Scope = 1
	ScopeOrganization Scope = 2
)

// Role is a position that a user can hold.
type Role struct {
	ID          string
	DisplayName string
	Scope       Scope
	Rank        int32
}

// Grant is a role in a tenant, or in the whole organization if TenantID is empty.
type Grant struct {
	TenantID string
	RoleID   string
}

// MatchKind is the kind of attribute that a rule matches by. Its numbers are stored.
type MatchKind int

// The kinds of match.
const (
	MatchGroup     MatchKind = 1 // Value is a group's displayName
	MatchRoleValue MatchKind = 2 // Value is one of the user's SCIM roles
	MatchFilter    MatchKind = 3 // Value is a SCIM filter
)

// Match selects users.
type Match struct {
	Kind  MatchKind
	Value string
}

// PinState is whether a pinned group exists. Its numbers are stored.
type PinState int

// The states of a pin.
const (
	Pinned  PinState = 1
	Waiting PinState = 2
)

// Pin points to the group of a rule in one directory.
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
	Pins           []Pin   // by directory, at most one for each
	Unresolved     bool    // the rule must still find the groups of its name
	Revision       int64
	CreateTime     time.Time
	UpdateTime     time.Time
}

// RuleSet contains all rules of an organization, by id, of one generation.
type RuleSet struct {
	Generation int64
	Rules      []Rule
}

// RuleChange is a rule with a change that waits for a rule sync.
type RuleChange struct {
	RuleID string
	Time   time.Time // of the oldest such change
}

// Load is what waits in an organization.
type Load struct {
	SetAside     int64     // users who are set aside
	OldestAsOf   time.Time // of one of them; zero if there is none
	RulesWaiting int       // rules with a change that waits for a rule sync
	SyncRunning  bool
}

// SourceKind is the origin of access. Its numbers are stored.
type SourceKind int

// The kinds of source.
const (
	FromRule SourceKind = 1
	Manual   SourceKind = 2
)

// Source is a reason why a user holds what its grant names.
type Source struct {
	Grant      Grant
	Kind       SourceKind
	RuleID     string // for FromRule
	GrantedBy  string // for Manual
	CreateTime time.Time
	Retained   bool // no rule gives it any more, but without it the organization would have no admin
	// Keep means that the source counts although the user is inactive. Only a manual grant of the role OrganizationAdmin has it.
	Keep bool
	// KeptTime is the time since which the source counts only because of Keep; zero while the user is active.
	KeptTime time.Time
}

// Holder is a user with its access, as of the last reconcile.
type Holder struct {
	UserID string
	// New means that the store has no such holder: the user is only suspended.
	New bool
	// Active means that the user is active in identity.
	Active bool
	// DirectoryID is the user's directory; empty before the first reconcile.
	DirectoryID string
	// Detached means that the user's directory was deleted and no other one has adopted the user.
	Detached bool
	// Digest is the digest of the facts that the rules were last applied to; empty before that.
	Digest string
	// Suspended means that somebody suspended all of the user's access. Suspend and Resume set it, not PutHolder.
	Suspended bool
	// UnknownAsOf is set while the user is set aside: its access includes what identity acknowledged before this time.
	UnknownAsOf time.Time
	// RuleAccess is whether access from rules counts.
	RuleAccess RuleAccess
	Sources    []Source
}

// Effective reports whether a source of the holder counts.
func (h Holder) Effective(s Source) bool {
	return !h.Suspended && (s.Keep || h.Active && (s.Kind == Manual || h.RuleAccess == RuleAccessCounts ||
		h.RuleAccess == RuleAccessSpared && s.Grant == Grant{RoleID: OrganizationAdmin}))
}

// RuleAccess is whether access from rules counts for a holder. Its numbers are stored.
type RuleAccess int

// The values of RuleAccess. Only users who are set aside have another one than the first.
const (
	RuleAccessCounts    RuleAccess = 0
	RuleAccessSuspended RuleAccess = 1 // the organization's settings require it
	RuleAccessSpared    RuleAccess = 2 // for the organization's last admin: this role alone counts
)

// Mode is how much of a user's access a reconcile may change. Its numbers are stored. A higher mode includes the lower ones.
type Mode int

// The modes.
const (
	// Settle only applies the user's current status, and ends retained access that is no longer needed. It applies no changed rule.
	Settle Mode = 1
	// Changed applies the rules to users whose facts have changed since the rules were last applied: after records were lost.
	Changed Mode = 2
	// Full applies the rules: because of the user's own message, or of a rule sync.
	Full Mode = 3
)

// SetAside is a user that could not be reconciled, and what must be retried.
type SetAside struct {
	UserID      string
	Mode        Mode
	MessageID   string // the message that could not be applied, or empty
	SyncID      string // the rule sync that reached the user, or empty
	Traceparent string // of the cause
	Detail      string // why it could not be reconciled, for people
	Attempts    int
	AsOf        time.Time // the user's access includes what identity acknowledged before
	CreateTime  time.Time
	RetryTime   time.Time
}

// Suspension is a suspension of all access of a user.
type Suspension struct {
	UserID      string
	Reason      string
	SuspendedBy string
	CreateTime  time.Time
}

// WhenUnknown is what happens to access from rules while it cannot be computed. Its numbers are stored.
type WhenUnknown int

// The choices.
const (
	KeepUnknown    WhenUnknown = 0
	SuspendUnknown WhenUnknown = 1
)

// Settings are an organization's choices about access.
type Settings struct {
	WhenUnknown WhenUnknown
}

// Progress is how far an organization's access has come.
type Progress struct {
	// Checkpoint is the cursor of identity's feed up to which every record is processed or enqueued.
	Checkpoint string
	// AsOf is a time: access includes every change that identity acknowledged before it, except for users who are set aside.
	AsOf time.Time
	// Behind means that AsOf waits for something that is enqueued.
	Behind bool
	// Erasing means that the organization is being erased: its changes are not followed.
	Erasing bool
}

// Erasing returns the error of work on an organization that is being erased.
func Erasing(organizationID string) error {
	return fault.New(fault.Erasing, "organization %q is being erased", organizationID)
}

// ErasureEnded returns the error of Erase for an erasure that has ended.
func ErasureEnded(organizationID string) error {
	return fault.New(fault.Conflict, "this erasure of organization %q has ended", organizationID)
}

// NotSuspended returns the error of Resume for a user whose access is not suspended.
func NotSuspended(userID string) error {
	return fault.New(fault.NotFound, "the access of user %q is not suspended", userID).With("resource", "suspension")
}

// Check is the answer to an access check.
type Check struct {
	Allowed     bool
	Kept        bool // it is allowed although the user is inactive
	Suspended   bool
	UnknownAsOf time.Time // see Holder
}

// AccessFilter selects access. An empty field matches everything.
type AccessFilter struct {
	UserID   string
	TenantID string
	RoleID   string
}

// AccessKey is the position of access in a list.
type AccessKey struct {
	UserID   string
	TenantID string
	RoleID   string
}

// Access is one grant that a user holds, with at least one source, manual ones last.
type Access struct {
	UserID    string
	Grant     Grant
	Effective bool
	Kept      bool // it is effective although the user is inactive
	Unknown   bool
	Suspended bool
	Sources   []Source
}

// ChangeKind is the direction of a change of effective access. Its numbers are stored.
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

// ChangesOf selects records of the access feed. Exactly one field is set.
type ChangesOf struct {
	UserID string
	SyncID string
}

// SyncState is the state of a rule sync. Its numbers are stored.
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
	SetAside       int64
	SetAsideIDs    string // of the first of them, with a space between two
	UsersTotal     int64  // as counted when it began to work; 0 while unknown
	Pace           Pace
	StartedBy      string
	Traceparent    string
	CreateTime     time.Time
	UpdateTime     time.Time
	EndTime        time.Time // zero while it runs
}

// Pace is how fast a rule sync was lately: how many users the recent pages had, and how long they took, in microseconds. Older pages
// count less.
type Pace struct {
	Users  float64
	Micros float64
}

// Walk is a position in a walk over everybody: identity's users and the holders that identity no longer has, merged by id.
type Walk struct {
	PageToken string // of the current page of identity's user ids
	After     string // the last finished id of that page, or of a holder
}

// Lease is the organization's lease: it proves the ownership of an organization.
type Lease struct {
	Owner  string
	Token  int64
	Expire time.Time
}

// Expansion is a group with members to reconcile. The store sets its numbers: they count the causes for which groups are enqueued.
type Expansion struct {
	ID          int64 // distinguishes it from other expansions of its group
	Root        int64 // its oldest cause
	GroupID     string
	PageToken   string // of the next page of members
	From        string // the checkpoint before the records of the oldest cause
	MessageID   string
	Traceparent string
}

// Work is the current work of an organization's owner.
type Work struct {
	Progress   Progress
	Unresolved []string    // rules that must find their groups
	Expansions []Expansion // by their oldest cause
	Requeued   []string    // users to settle
	Recovery   *Walk
	Sync       *Sync      // the running one
	Due        []SetAside // users who are set aside and due, the longest due first
	NextDue    time.Time  // when the next user is due; zero if none waits
	Settings   Settings
	Unsettled  []string // users who are set aside, and to whom the settings are not applied yet
}

// Report describes what could not be carried out for a user. It becomes a failed event.
type Report struct {
	OrganizationID string
	ID             string
	Kind           ReportKind
	UserID         string
	MessageID      string
	TraceID        string
	Detail         string // the reason, for ReportSetAside
	Time           time.Time
}

// ReportKind is the subject of a report. Its numbers are stored.
type ReportKind int

// The kinds of report.
const (
	ReportRetained ReportKind = 1 // the user retains access that no rule gives any more: it is the organization's last admin
	ReportSetAside ReportKind = 2 // the user could not be reconciled
	ReportKept     ReportKind = 3 // the user is inactive, and holds a role by a source with Keep
	ReportKeptGone ReportKind = 4 // the user is deleted, and a source with Keep with it
)
