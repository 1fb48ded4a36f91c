package store

import (
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
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
	Retained   bool // the rule gives it no longer, but the organization's last admin would be gone
}

// Holder is a user as the rule service last saw it.
type Holder struct {
	UserID string
	// New says that there is no such holder yet: the user is only suspended.
	New bool
	// Active says that identity has the user as active.
	Active bool
	// DirectoryID is the user's directory; empty when nobody has reconciled the user.
	DirectoryID string
	// Detached says that the user's directory was deleted and no other has adopted the user.
	Detached bool
	// Digest is of the facts that the rules were last applied to; empty when they never were.
	Digest string
	// Suspended says that somebody suspended all of the user's access. It is the suspension's: PutHolder does not change it.
	Suspended bool
	// UnknownAsOf is set while the user is set aside: its access includes what identity acknowledged before this time.
	UnknownAsOf time.Time
	// RuleAccess says whether access from rules counts.
	RuleAccess RuleAccess
	Sources    []Source
}

// Effective says whether a source of the holder counts.
func (h Holder) Effective(s Source) bool {
	return h.Active && !h.Suspended && (s.Kind == FromHand || h.RuleAccess == RuleAccessCounts ||
		h.RuleAccess == RuleAccessSpared && s.Grant == Grant{RoleID: OrganizationAdmin})
}

// RuleAccess says whether access from rules counts for a holder. Its numbers are stored.
type RuleAccess int

// The values of RuleAccess. All but the first are of users that are set aside.
const (
	RuleAccessCounts    RuleAccess = 0
	RuleAccessSuspended RuleAccess = 1 // the organization's settings say so
	RuleAccessSpared    RuleAccess = 2 // of the organization's last admin: this role alone counts
)

// Mode says how much of a user's access a reconcile may touch. Its numbers are stored; a higher one does what a lower one does.
type Mode int

// The modes.
const (
	// Settle only follows what the user has become, and ends what is held no longer. It applies no changed rule.
	Settle Mode = 1
	// Changed applies the rules to users whose facts are others than when the rules were last applied: records were lost.
	Changed Mode = 2
	// Full applies the rules: the user's own message, or a rule sync.
	Full Mode = 3
)

// SetAside is a user that could not be reconciled, and what it waits for.
type SetAside struct {
	UserID      string
	Mode        Mode
	MessageID   string // that could not be applied, or empty
	SyncID      string // that came to the user, or empty
	Traceparent string // of what caused it
	Detail      string // why it could not be reconciled, for people
	Attempts    int
	AsOf        time.Time // the user's access includes what identity acknowledged before
	CreateTime  time.Time
	RetryTime   time.Time
}

// Suspension is why all access of a user is suspended.
type Suspension struct {
	UserID      string
	Reason      string
	SuspendedBy string
	CreateTime  time.Time
}

// WhenUnknown says what becomes of access from rules while it cannot be computed. Its numbers are stored.
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

// Progress says how far an organization's access is.
type Progress struct {
	// Checkpoint is the cursor of identity's feed up to which every record is dealt with or enqueued.
	Checkpoint string
	// AsOf is a time before which every change that identity acknowledged is in access, except for users set aside.
	AsOf time.Time
	// Behind says that something is enqueued that AsOf waits for.
	Behind bool
	// Erasing says that the organization is being erased: nothing of it is followed.
	Erasing bool
}

// Erasing is what work on an organization gets that is being erased.
func Erasing(organizationID string) error {
	return fault.New(fault.Erasing, "organization %q is being erased", organizationID)
}

// ErasureEnded is what Erase gets for an erasure that has ended.
func ErasureEnded(organizationID string) error {
	return fault.New(fault.Conflict, "this erasure of organization %q has ended", organizationID)
}

// NotSuspended is what Resume gets for a user whose access is not suspended.
func NotSuspended(userID string) error {
	return fault.New(fault.NotFound, "the access of user %q is not suspended", userID).With("resource", "suspension")
}

// Check answers whether a user effectively holds what a grant names.
type Check struct {
	Allowed     bool
	Suspended   bool
	UnknownAsOf time.Time // see Holder
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
	Unknown   bool
	Suspended bool
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
	SetAside       int64
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

// Expansion is a group whose members have still to be reconciled. Its numbers are the store's to give: they count the causes for
// which groups are enqueued.
type Expansion struct {
	ID          int64 // tells it from other expansions of its group
	Root        int64 // the oldest cause that it is for
	GroupID     string
	PageToken   string // of the page of members that comes next
	From        string // the checkpoint before the records of the oldest cause
	MessageID   string
	Traceparent string
}

// Work is what an organization's owner has to do.
type Work struct {
	Progress   Progress
	Unresolved []string    // rules whose groups have to be looked up
	Expansions []Expansion // by their oldest cause
	Requeued   []string    // users who must be settled
	Recovery   *Walk
	Sync       *Sync      // the one that runs
	Due        []SetAside // users set aside whose time has come, the longest due first
	NextDue    time.Time  // when the next user's time comes; zero when none waits
	Settings   Settings
	Unsettled  []string // users set aside for whom the settings do not apply yet
}

// Report says what could not be carried out for a user. It becomes a failed event.
type Report struct {
	OrganizationID string
	ID             string
	Kind           ReportKind
	UserID         string
	MessageID      string
	TraceID        string
	Detail         string // of ReportSetAside: why
	Time           time.Time
}

// ReportKind says what a report is about. Its numbers are stored.
type ReportKind int

// The kinds of report.
const (
	ReportRetained ReportKind = 1 // the user kept access that no rule gives any more: it is the organization's last admin
	ReportSetAside ReportKind = 2 // the user could not be reconciled
)
