// Package store is the contract between the rule service's domain and its databases. Every engine gives it the same meaning, and
// package storetest checks each of them.
//
// Everything belongs to an organization, except the catalogue of roles, the followed cursor of identity's activity, and the order
// of the access feed. Times have microsecond precision and are returned in UTC. Errors about the request are faults (package fault)
// with a reason; all other errors are the database's.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/requestid"
)

// ErrLostOwnership is the error of a commit under a lease that is no longer the organization's newest: another owner has taken
// over. Discard everything that was computed under the lease.
var ErrLostOwnership = errors.New("another owner has taken over the organization")

// Store stores the rule service's data. Its methods are safe for concurrent use.
type Store interface {
	// Update runs fn in a transaction with exclusive access to the organization: no other Update of it runs at the same time, in any
	// process. If fn fails, Update changes nothing and returns the error. Else everything is on disk when Update returns, and
	// Changed's channel is closed. fn may run more than once, so it must not depend on what an earlier run changed outside of tx. It
	// must use only tx. An Update that succeeds makes the organization known. It fails with fault.Erasing while the organization is
	// being erased.
	Update(ctx context.Context, organizationID string, fn func(ctx context.Context, tx Tx) error) error
	// Changed returns a channel. It closes after an Update of the organization commits after this call, in any process, or when a
	// delayed record of its access feed becomes readable. It may also close without either.
	Changed(organizationID string) <-chan struct{}

	// Erase is an Update that also marks the organization as being erased, since asked, and that may write to it nevertheless. Until
	// Unmark, Update, Acquire and Work of the organization fail with fault.Erasing. Erase fails with fault.Conflict if Unmark has
	// ended this erasure: the id now means another organization.
	Erase(ctx context.Context, organizationID string, asked time.Time, fn func(ctx context.Context, tx Tx) error) error
	// Marked returns the organizations that are being erased, and when each erasure was requested.
	Marked(ctx context.Context) (map[string]time.Time, error)
	// Unmark ends an erasure. An erasure that was requested at another time continues.
	Unmark(ctx context.Context, organizationID string, asked time.Time) error

	// OnOthers registers fn. The store calls it with the organization soon after each Update in which another process wrote something.
	// It may miss some. Call OnOthers before the first Update. fn must not block.
	OnOthers(fn func(organizationID string))

	// Organizations lists known organizations by id, after one, at most limit.
	Organizations(ctx context.Context, after string, limit int) ([]string, error)

	// Tenant reads one tenant. If it is missing, the error is fault.NotFound.
	Tenant(ctx context.Context, organizationID, id string) (Tenant, error)
	// Tenants lists tenants by id, after one, at most limit.
	Tenants(ctx context.Context, organizationID, after string, limit int) ([]Tenant, error)

	// UpdateCatalogue is Update for the catalogue of roles, which belongs to no organization: nobody else changes it meanwhile.
	UpdateCatalogue(ctx context.Context, fn func(ctx context.Context, tx CatalogueTx) error) error
	// Role reads one role. If it is missing, the error is fault.NotFound.
	Role(ctx context.Context, id string) (Role, error)
	// Roles lists the whole catalogue by scope, tenant first, then rank, then id.
	Roles(ctx context.Context) ([]Role, error)
	// DeleteRole deletes a role. If it is missing, the error is fault.NotFound. It fails with fault.RoleInUse while a rule or a source of any
	// organization names it. No transaction that commits later names it.
	DeleteRole(ctx context.Context, id string) error

	// Rule reads one rule with its grants and pins. If it is missing, the error is fault.NotFound.
	Rule(ctx context.Context, organizationID, id string) (Rule, error)
	// Rules lists rules by id, after one, at most limit.
	Rules(ctx context.Context, organizationID, after string, limit int) ([]Rule, error)
	// RuleSet reads all rules and their generation, as of one moment.
	RuleSet(ctx context.Context, organizationID string) (RuleSet, error)

	// CountRuleChanges counts the rules with a noted change, and returns the time of the oldest one; zero if there is none.
	CountRuleChanges(ctx context.Context, organizationID string) (count int, oldest time.Time, err error)

	// RuleChanges lists the existing rules with a noted change, by id.
	RuleChanges(ctx context.Context, organizationID string) ([]RuleChange, error)
	// Loads reads what waits in organizations.
	Loads(ctx context.Context, organizationIDs []string) (map[string]Load, error)

	// Check reads whether the user effectively holds what the grant names.
	Check(ctx context.Context, organizationID, userID string, grant Grant) (Check, error)
	// Holder reads a user with its sources, and why it is set aside, as of one moment. A user who is no holder is New. The SetAside of a user
	// who is not set aside is zero.
	Holder(ctx context.Context, organizationID, userID string) (Holder, SetAside, error)
	// Progress reads the progress of organizations. Unknown organizations are left out.
	Progress(ctx context.Context, organizationIDs []string) (map[string]Progress, error)
	// Access lists access by user, tenant and role, after a key, at most limit.
	Access(ctx context.Context, organizationID string, filter AccessFilter, after AccessKey, limit int) ([]Access, error)
	// HolderIDs lists the ids of holders above after and, unless upTo is empty, up to it; ascending, at most limit.
	HolderIDs(ctx context.Context, organizationID, after, upTo string, limit int) ([]string, error)

	// Settings reads an organization's settings. The default is the zero Settings.
	Settings(ctx context.Context, organizationID string) (Settings, error)
	// Suspensions lists suspensions by user, after one, at most limit.
	Suspensions(ctx context.Context, organizationID, after string, limit int) ([]Suspension, error)
	// Suspension reads the suspension of a user's access; the zero Suspension if there is none.
	Suspension(ctx context.Context, organizationID, userID string) (Suspension, error)
	// SetAside lists the users who are set aside by id, after one, at most limit.
	SetAside(ctx context.Context, organizationID, after string, limit int) ([]SetAside, error)
	// CountSetAside counts the users who are set aside, and returns the oldest AsOf among them. An empty organizationID means all
	// organizations. A userID that is not empty means this user alone.
	CountSetAside(ctx context.Context, organizationID, userID string) (count int64, oldest time.Time, err error)

	// AccessChanges reads an organization's records of the access feed after a cursor, oldest first, at most limit, and returns the
	// cursor to continue from. An open transaction may delay a record for a while after its commit, so that no reader skips one:
	// Changed reports when it becomes readable. A cursor of another epoch, or from before the oldest record, is fault.CursorExpired.
	AccessChanges(ctx context.Context, organizationID string, after feed.Cursor, limit int) ([]Change, feed.Cursor, error)
	// ChangesOf lists the kept records of the access feed of a user or of a rule sync, newest first, below a revision unless it is 0, at
	// most limit. It also lists records that an open transaction hides from AccessChanges. It sets no cursor.
	ChangesOf(ctx context.Context, organizationID string, of ChangesOf, before int64, limit int) ([]Change, error)
	// AccessCursor returns a cursor of the access feed: after every record that is readable now, and before every record that is
	// committed later.
	AccessCursor(ctx context.Context) (feed.Cursor, error)
	// TrimAccessFeed trims at most limit of the oldest records, if they are from before a time, and returns how many. It may trim none
	// while another process trims.
	TrimAccessFeed(ctx context.Context, before time.Time, limit int) (int, error)

	// Sync reads one rule sync. If it is missing, the error is fault.NotFound.
	Sync(ctx context.Context, organizationID, id string) (Sync, error)
	// Syncs lists rule syncs, newest first, below an id unless it is empty, at most limit.
	Syncs(ctx context.Context, organizationID, before string, limit int) ([]Sync, error)
	// RunningSyncs counts the running rule syncs of all organizations.
	RunningSyncs(ctx context.Context) (int, error)

	// Acquire makes owner the organization's owner until expire, unless another one owns it at now. It returns the organization's
	// lease as the proof: its token is one more than the token of the lease before it, of any owner. If another owner has a lease,
	// otherOwns is true and until is the end of that lease. An owner may acquire an organization again, which invalidates its earlier
	// lease. It fails with fault.Erasing while the organization is being erased.
	Acquire(ctx context.Context, organizationID, owner string, now, expire time.Time) (lease Lease, otherOwns bool, until time.Time, err error)
	// Release ends leases early. It ignores a lease that is not the organization's newest.
	Release(ctx context.Context, leases map[string]Lease) error
	// Work reads the current work of the organization's owner, as of one moment: at most limit of each kind. It fails with
	// fault.Erasing while the organization is being erased.
	Work(ctx context.Context, organizationID string, now time.Time, limit int) (Work, error)

	// Activity returns the cursor from SaveActivity, empty at first.
	Activity(ctx context.Context) (string, error)
	// SaveActivity makes organizations known, then stores the cursor of identity's activity up to which all of them are known.
	SaveActivity(ctx context.Context, cursor string, organizationIDs []string) error

	// Reports lists the oldest undelivered reports, at most limit.
	Reports(ctx context.Context, limit int) ([]Report, error)
	// DeleteReports deletes delivered reports.
	DeleteReports(ctx context.Context, reports []Report) error

	// Close closes the store after running calls have finished. It is safe to close twice.
	Close() error
}

// CatalogueTx is a transaction on the catalogue of roles.
type CatalogueTx interface {
	// Role reads one role. If it is missing, the error is fault.NotFound.
	Role(ctx context.Context, id string) (Role, error)
	// CountRoles counts the roles.
	CountRoles(ctx context.Context) (int, error)
	// CreateRole adds a role, unless its id exists.
	CreateRole(ctx context.Context, role Role) (created bool, err error)

	requestid.Tx
}

// Tx is a transaction on one organization.
type Tx interface {
	// Tenant reads one tenant. If it is missing, the error is fault.NotFound.
	Tenant(ctx context.Context, id string) (Tenant, error)
	// CreateTenant adds a tenant: fault.AlreadyExists if its id exists.
	CreateTenant(ctx context.Context, tenant Tenant) error
	// UpdateTenant writes a tenant's display name and update time: fault.NotFound when it is missing.
	UpdateTenant(ctx context.Context, tenant Tenant) error
	// DeleteTenant deletes a tenant. If it is missing, the error is fault.NotFound. It fails with fault.TenantInUse while a rule or a source names it.
	DeleteTenant(ctx context.Context, id string) error
	// Role reads one role, and keeps others from deleting it until the transaction ends. If it is missing, the error is fault.NotFound.
	Role(ctx context.Context, id string) (Role, error)

	// Generation counts the changes of rules and pins: a result that was computed from a RuleSet is valid while the generation is equal.
	Generation(ctx context.Context) (int64, error)
	// Rule reads one rule with its grants and pins. If it is missing, the error is fault.NotFound.
	Rule(ctx context.Context, id string) (Rule, error)
	// CountRules counts the rules.
	CountRules(ctx context.Context) (int, error)
	// PutRule writes a rule with its grants and pins, in place of the stored ones, and starts a new generation.
	PutRule(ctx context.Context, rule Rule) error
	// PutPins writes a rule's pins, in place of the stored ones, and whether the rule is unresolved. It starts a new generation.
	PutPins(ctx context.Context, ruleID string, pins []Pin, unresolved bool) error
	// DeleteRule deletes a rule with its grants and pins, and starts a new generation: fault.NotFound if it is missing.
	DeleteRule(ctx context.Context, id string) error

	// NoteRuleChange notes that a rule, which may be deleted, has a change that waits for a rule sync. Beyond most rules it notes no others.
	NoteRuleChange(ctx context.Context, ruleID string, now time.Time, most int) error
	// ForgetRuleChanges forgets the changes that were noted before the newest rule sync was created.
	ForgetRuleChanges(ctx context.Context) error

	// Own fails with ErrLostOwnership unless the lease is the organization's newest. It extends the lease until extend, if that is
	// later.
	Own(ctx context.Context, lease Lease, extend time.Time) error

	// Holders reads holders with their sources, by user id. It leaves out users who are neither holders nor suspended.
	Holders(ctx context.Context, userIDs []string) (map[string]Holder, error)
	// PutHolder writes a holder without its sources and its suspension.
	PutHolder(ctx context.Context, holder Holder) error
	// DeleteHolder deletes a holder with its sources.
	DeleteHolder(ctx context.Context, userID string) error
	// PutSource writes a source of a holder, in place of the one with the same grant, kind and rule.
	PutSource(ctx context.Context, userID string, source Source) error
	// DeleteSource deletes the source with the same grant, kind and rule.
	DeleteSource(ctx context.Context, userID string, source Source) error
	// Suspend creates a suspension, unless the user already has one, and returns the stored one.
	Suspend(ctx context.Context, suspension Suspension) (Suspension, error)
	// Resume deletes a user's suspension: fault.NotFound if there is none.
	Resume(ctx context.Context, userID string) error
	// SetAsideUsers reads those of the given users that are set aside.
	SetAsideUsers(ctx context.Context, userIDs []string) (map[string]SetAside, error)
	// PutSetAside writes a user who is set aside.
	PutSetAside(ctx context.Context, user SetAside) error
	// DeleteSetAside deletes users from those who are set aside.
	DeleteSetAside(ctx context.Context, userIDs []string) error
	// PutSettings writes the organization's settings.
	PutSettings(ctx context.Context, settings Settings) error
	// Settings reads the organization's settings.
	Settings(ctx context.Context) (Settings, error)
	// CloseDirectory notes that a directory was deleted: Holders returns its users as detached.
	CloseDirectory(ctx context.Context, directoryID string) error
	// ForgetClosedDirectories deletes the notes of CloseDirectory.
	ForgetClosedDirectories(ctx context.Context) error
	// CountEffective counts the users who effectively hold what the grant names. It stops at upTo.
	CountEffective(ctx context.Context, grant Grant, upTo int) (int, error)
	// RetainedUsers lists the users with a retained source.
	RetainedUsers(ctx context.Context) ([]string, error)
	// AppendChanges appends records to the access feed. The store sets Cursor and Revision.
	AppendChanges(ctx context.Context, changes []Change) error

	// Progress reads the organization's progress.
	Progress(ctx context.Context) (Progress, error)
	// SetCheckpoint stores the cursor of identity's feed up to which every record is processed or enqueued.
	SetCheckpoint(ctx context.Context, cursor string) error
	// SetProgress stores the AsOf of access, unless the stored one is later, and whether access waits for something that is enqueued.
	SetProgress(ctx context.Context, asOf time.Time, behind bool) error
	// Expand enqueues a group: its direct and indirect members must be reconciled. If the group already waits, and nobody began it,
	// that one entry serves both causes. The store sets the numbers.
	Expand(ctx context.Context, expansion Expansion) error
	// ExpandWithin enqueues groups that are members of an expansion's group. It skips a group that already waits, and a group that was
	// begun after the newest cause of the expansion was enqueued: its expansion serves that cause as well. So a group that is nested in
	// many others is expanded once, and nesting in a circle ends.
	ExpandWithin(ctx context.Context, expansion Expansion, groupIDs []string) error
	// ExpandedTo stores that an expansion's group was expanded up to pageToken. done means that the whole group was. The first call for
	// an expansion stores that it was begun, after everything that was enqueued before. The store deletes finished expansions after
	// the last waiting one.
	ExpandedTo(ctx context.Context, expansion Expansion, pageToken string, done bool) error
	// Requeue enqueues users for settling.
	Requeue(ctx context.Context, userIDs []string) error
	// Unqueue removes users from the queue for settling.
	Unqueue(ctx context.Context, userIDs []string) error
	// SetRecovery stores the place of the walk over everybody that replaces lost records; nil ends it.
	SetRecovery(ctx context.Context, walk *Walk) error

	// CreateSync adds a running rule sync. If another one runs, it fails with fault.SyncRunning and the metadata sync_id. It deletes ended ones
	// except the newest keep. The changes of rules that were noted until now are earlier than the rule sync.
	CreateSync(ctx context.Context, sync Sync, keep int) error
	// Sync reads one rule sync. If it is missing, the error is fault.NotFound.
	Sync(ctx context.Context, id string) (Sync, error)
	// PutSync writes an existing rule sync.
	PutSync(ctx context.Context, sync Sync) error

	// AddReport enqueues a report for delivery. It returns false if limit reports already wait.
	AddReport(ctx context.Context, report Report, limit int) (bool, error)

	requestid.Tx

	// FirstSources reads the first sources by user, grant, kind and rule, at most limit. It returns each holder once, with only these
	// sources.
	FirstSources(ctx context.Context, limit int) ([]Holder, error)
	// EraseRows erases at most limit rows of an organization that has no sources any more, and returns how many. The access feed, and
	// how far it was trimmed, stay. When it finds no rows it resets the organization to the state before the first write, except that
	// all earlier leases are invalid, and that the generation does not start again.
	EraseRows(ctx context.Context, limit int) (int, error)
}
