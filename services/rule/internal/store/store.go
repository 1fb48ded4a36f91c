// Package store is the contract between the rule service's domain and the databases that keep it. Every engine means the
// same thing by it, and package storetest holds each to that.
//
// Everything belongs to an organization, except the catalogue of roles, the place in identity's feed that is watched, and
// the order of the access feed. Times keep microseconds and come back in UTC. Errors about what is asked for are faults
// (package fault) that name their reason; any other error is the database's.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/requestid"
)

// ErrLostOwnership is what a commit gets whose lease is no longer the organization's newest: another owner has taken it
// over, and what was computed under the lease must be thrown away.
var ErrLostOwnership = errors.New("another owner has taken over the organization")

// Store keeps the rule service's data. Its methods may be called from many goroutines.
type Store interface {
	// Update runs fn in a transaction that has the organization to itself: no other Update of it runs meanwhile, in any
	// process. When fn returns an error nothing is kept and Update returns that error; else all of it is on disk when Update
	// returns, and Changed's channel is closed. fn may run more than once, so it must not build on what an earlier run left
	// outside of tx; it must use tx alone. An Update that succeeds makes the organization known. One that is being erased is
	// fault.Erasing.
	Update(ctx context.Context, organizationID string, fn func(ctx context.Context, tx Tx) error) error
	// Changed gives a channel that closes once an Update of the organization has committed after this call, in any process, or
	// a record of its access feed can be read that was held back. It may close without either.
	Changed(organizationID string) <-chan struct{}

	// Erase is an Update that marks the organization as being erased, since asked, and may write it all the same. Until Unmark,
	// Update, Acquire and Work of it are fault.Erasing. An erasure that Unmark has ended is fault.Conflict: the organization is
	// another one now.
	Erase(ctx context.Context, organizationID string, asked time.Time, fn func(ctx context.Context, tx Tx) error) error
	// Marked gives when erasing them was asked for, of the organizations that are being erased.
	Marked(ctx context.Context) (map[string]time.Time, error)
	// Unmark ends an erasure. One that was asked for at another time goes on.
	Unmark(ctx context.Context, organizationID string, asked time.Time) error

	// OnOthers has fn called, soon after each Update of another process that wrote something, with the organization. It may miss some.
	// Call it before the first Update; fn must not wait.
	OnOthers(fn func(organizationID string))

	// Organizations lists known organizations by id, after one, at most limit.
	Organizations(ctx context.Context, after string, limit int) ([]string, error)

	// Tenant reads one tenant. A missing one is fault.NotFound.
	Tenant(ctx context.Context, organizationID, id string) (Tenant, error)
	// Tenants lists tenants by id, after one, at most limit.
	Tenants(ctx context.Context, organizationID, after string, limit int) ([]Tenant, error)

	// UpdateCatalogue is Update for the catalogue of roles, which belongs to no organization: nobody else changes it meanwhile.
	UpdateCatalogue(ctx context.Context, fn func(ctx context.Context, tx CatalogueTx) error) error
	// Role reads one role. A missing one is fault.NotFound.
	Role(ctx context.Context, id string) (Role, error)
	// Roles lists the whole catalogue by scope, tenant first, then rank, then id.
	Roles(ctx context.Context) ([]Role, error)
	// DeleteRole removes a role: fault.NotFound when it is missing, fault.RoleInUse while a rule or a source of any
	// organization names it. No transaction that commits later names it.
	DeleteRole(ctx context.Context, id string) error

	// Rule reads one rule with its grants and pins. A missing one is fault.NotFound.
	Rule(ctx context.Context, organizationID, id string) (Rule, error)
	// Rules lists rules by id, after one, at most limit.
	Rules(ctx context.Context, organizationID, after string, limit int) ([]Rule, error)
	// RuleSet reads all rules and the generation that they are of, as of one moment.
	RuleSet(ctx context.Context, organizationID string) (RuleSet, error)

	// Check says whether the user effectively holds what the grant names.
	Check(ctx context.Context, organizationID, userID string, grant Grant) (Check, error)
	// Progress says how far organizations' access is. Unknown organizations are left out.
	Progress(ctx context.Context, organizationIDs []string) (map[string]Progress, error)
	// Access lists access by user, tenant and role, after a key, at most limit.
	Access(ctx context.Context, organizationID string, filter AccessFilter, after AccessKey, limit int) ([]Access, error)
	// HolderIDs lists the ids of holders above after and, unless upTo is empty, up to it; ascending, at most limit.
	HolderIDs(ctx context.Context, organizationID, after, upTo string, limit int) ([]string, error)

	// Settings reads an organization's settings. One that has chosen nothing has the zero Settings.
	Settings(ctx context.Context, organizationID string) (Settings, error)
	// Suspensions lists suspensions by user, after one, at most limit.
	Suspensions(ctx context.Context, organizationID, after string, limit int) ([]Suspension, error)
	// SetAside lists users that are set aside by id, after one, at most limit.
	SetAside(ctx context.Context, organizationID, after string, limit int) ([]SetAside, error)
	// CountSetAside counts the users that are set aside, of one organization, or of all when it is empty, and gives the oldest
	// AsOf among them; of one user alone unless userID is empty.
	CountSetAside(ctx context.Context, organizationID, userID string) (count int64, oldest time.Time, err error)

	// AccessChanges reads an organization's records of the access feed after a cursor, oldest first, at most limit, and the
	// cursor to go on from. A record may be held back for a while after its commit, so that none is skipped: who waits for
	// Changed is woken when it can be read. A cursor of another epoch, or older than what is kept, is fault.CursorExpired.
	AccessChanges(ctx context.Context, organizationID string, after feed.Cursor, limit int) ([]Change, feed.Cursor, error)
	// AccessCursor gives a cursor of the access feed: after every record that can be read by now, and before every one that is
	// committed later.
	AccessCursor(ctx context.Context) (feed.Cursor, error)
	// TrimAccessFeed removes at most limit of the oldest records, those from before a time, and says how many. While another
	// process does so it may remove none.
	TrimAccessFeed(ctx context.Context, before time.Time, limit int) (int, error)

	// Sync reads one rule sync. A missing one is fault.NotFound.
	Sync(ctx context.Context, organizationID, id string) (Sync, error)
	// Syncs lists rule syncs, newest first, below an id unless it is empty, at most limit.
	Syncs(ctx context.Context, organizationID, before string, limit int) ([]Sync, error)
	// RunningSyncs counts the rule syncs that run, of all organizations.
	RunningSyncs(ctx context.Context) (int, error)

	// Acquire makes owner the organization's owner until expire, if it has no other one at now, and gives the lease that
	// proves it: its token is one more than that of the lease before it, whoever had that. Else held is true and until says how
	// long the other one's lasts. An owner may acquire again what it owns; its lease from before is then worth nothing. One that
	// is being erased is fault.Erasing.
	Acquire(ctx context.Context, organizationID, owner string, now, expire time.Time) (lease Lease, held bool, until time.Time, err error)
	// Release ends leases before their time. One that is not the newest any more is left alone.
	Release(ctx context.Context, leases map[string]Lease) error
	// Work reads what the organization's owner has to do at a time, as of one moment: at most limit of each. One that is being
	// erased is fault.Erasing.
	Work(ctx context.Context, organizationID string, now time.Time, limit int) (Work, error)

	// Activity gives the cursor that SaveActivity kept, empty at first.
	Activity(ctx context.Context) (string, error)
	// SaveActivity makes organizations known, then keeps the cursor of identity's activity up to which they all are.
	SaveActivity(ctx context.Context, cursor string, organizationIDs []string) error

	// Reports lists the oldest reports that were not delivered, at most limit.
	Reports(ctx context.Context, limit int) ([]Report, error)
	// DeleteReports forgets reports that were delivered.
	DeleteReports(ctx context.Context, reports []Report) error

	// Close ends the store once what runs has finished. Closing twice is safe.
	Close() error
}

// CatalogueTx is a transaction on the catalogue of roles.
type CatalogueTx interface {
	// Role reads one role. A missing one is fault.NotFound.
	Role(ctx context.Context, id string) (Role, error)
	// CountRoles counts the roles.
	CountRoles(ctx context.Context) (int, error)
	// CreateRole adds a role, unless its id is taken.
	CreateRole(ctx context.Context, role Role) (created bool, err error)

	requestid.Tx
}

// Tx is a transaction on one organization.
type Tx interface {
	// Tenant reads one tenant. A missing one is fault.NotFound.
	Tenant(ctx context.Context, id string) (Tenant, error)
	// CreateTenant adds a tenant: fault.AlreadyExists when its id is taken.
	CreateTenant(ctx context.Context, tenant Tenant) error
	// UpdateTenant writes a tenant's display name and update time: fault.NotFound when it is missing.
	UpdateTenant(ctx context.Context, tenant Tenant) error
	// DeleteTenant removes a tenant: fault.NotFound when it is missing, fault.TenantInUse while a rule or a source names it.
	DeleteTenant(ctx context.Context, id string) error
	// Role reads one role, which stays until the transaction has ended. A missing one is fault.NotFound.
	Role(ctx context.Context, id string) (Role, error)

	// Generation counts the changes of rules and pins: what was computed from a RuleSet holds while it is the set's.
	Generation(ctx context.Context) (int64, error)
	// Rule reads one rule with its grants and pins. A missing one is fault.NotFound.
	Rule(ctx context.Context, id string) (Rule, error)
	// CountRules counts the rules.
	CountRules(ctx context.Context) (int, error)
	// PutRule writes a rule with its grants and pins in place of what was there, and starts a new generation.
	PutRule(ctx context.Context, rule Rule) error
	// PutPins writes a rule's pins in place of those that were there and says whether they are unresolved; it starts a new
	// generation.
	PutPins(ctx context.Context, ruleID string, pins []Pin, unresolved bool) error
	// DeleteRule removes a rule with its grants and pins, and starts a new generation: fault.NotFound when it is missing.
	DeleteRule(ctx context.Context, id string) error

	// Own fails with ErrLostOwnership unless the lease is the organization's newest. A later extend prolongs it; the zero
	// time leaves it.
	Own(ctx context.Context, lease Lease, extend time.Time) error

	// Holders reads holders with their sources, by user id. A user that is no holder is left out, unless it is suspended.
	Holders(ctx context.Context, userIDs []string) (map[string]Holder, error)
	// PutHolder writes what is said of a holder beside its sources and its suspension.
	PutHolder(ctx context.Context, holder Holder) error
	// DeleteHolder removes a holder with its sources.
	DeleteHolder(ctx context.Context, userID string) error
	// PutSource writes a source of a holder in place of the one with its grant, kind and rule.
	PutSource(ctx context.Context, userID string, source Source) error
	// DeleteSource removes the source with this one's grant, kind and rule.
	DeleteSource(ctx context.Context, userID string, source Source) error
	// Suspend writes a suspension, unless the user has one already, and gives the one that is there.
	Suspend(ctx context.Context, suspension Suspension) (Suspension, error)
	// Resume removes a user's suspension: fault.NotFound when there is none.
	Resume(ctx context.Context, userID string) error
	// SetAsideUsers reads those of the users that are set aside.
	SetAsideUsers(ctx context.Context, userIDs []string) (map[string]SetAside, error)
	// PutSetAside writes a user that is set aside.
	PutSetAside(ctx context.Context, user SetAside) error
	// DeleteSetAside removes users from those that are set aside.
	DeleteSetAside(ctx context.Context, userIDs []string) error
	// PutSettings writes the organization's settings.
	PutSettings(ctx context.Context, settings Settings) error
	// Settings reads them.
	Settings(ctx context.Context) (Settings, error)
	// CloseDirectory notes that a directory was deleted: Holders gives its users as detached.
	CloseDirectory(ctx context.Context, directoryID string) error
	// ForgetClosedDirectories forgets what CloseDirectory noted.
	ForgetClosedDirectories(ctx context.Context) error
	// CountEffective counts the users who effectively hold what the grant names, but not beyond upTo.
	CountEffective(ctx context.Context, grant Grant, upTo int) (int, error)
	// RetainedUsers lists the users with a source that is held.
	RetainedUsers(ctx context.Context) ([]string, error)
	// AppendChanges appends records to the access feed. Cursor and Revision are the store's to give.
	AppendChanges(ctx context.Context, changes []Change) error

	// Progress says how far the organization's access is.
	Progress(ctx context.Context) (Progress, error)
	// SetCheckpoint keeps the cursor of identity's feed up to which every record is dealt with or enqueued.
	SetCheckpoint(ctx context.Context, cursor string) error
	// SetProgress keeps as of when access is known, unless what is kept is later, and whether something is enqueued that it waits
	// for.
	SetProgress(ctx context.Context, asOf time.Time, behind bool) error
	// Expand enqueues a group whose members, and theirs, must be reconciled. A group that waits, and was not begun, is not enqueued
	// twice: it will be done for both causes. The store gives the numbers.
	Expand(ctx context.Context, expansion Expansion) error
	// ExpandWithin enqueues groups that are members of an expansion's group. Not so one that waits and was not begun, nor one
	// that was begun after the newest cause of the expansion was enqueued: it is done for that cause as well. So a group that is
	// in many others is done once, and nesting that runs in a circle ends.
	ExpandWithin(ctx context.Context, expansion Expansion, groupIDs []string) error
	// ExpandedTo notes that an expansion's group was expanded up to pageToken; done says that the whole of it was. The first call
	// for an expansion says that it was begun, after all that is enqueued by then. Those that are done are forgotten once none
	// waits.
	ExpandedTo(ctx context.Context, expansion Expansion, pageToken string, done bool) error
	// Requeue notes users who must be settled.
	Requeue(ctx context.Context, userIDs []string) error
	// Unqueue forgets users who were settled.
	Unqueue(ctx context.Context, userIDs []string) error
	// SetRecovery keeps how far the walk over everybody is that makes up for lost records; nil ends it.
	SetRecovery(ctx context.Context, walk *Walk) error

	// CreateSync adds a running rule sync: fault.SyncRunning, with metadata sync_id, while another one runs. It forgets ended
	// ones beyond the newest keep.
	CreateSync(ctx context.Context, sync Sync, keep int) error
	// Sync reads one rule sync. A missing one is fault.NotFound.
	Sync(ctx context.Context, id string) (Sync, error)
	// PutSync writes a rule sync that is there.
	PutSync(ctx context.Context, sync Sync) error

	// AddReport enqueues a report for delivery and says whether there was room for it: at most limit wait.
	AddReport(ctx context.Context, report Report, limit int) (bool, error)

	requestid.Tx

	// FirstSources reads the first sources by user, grant, kind and rule, at most limit: each with its holder, who comes once and
	// with these sources alone.
	FirstSources(ctx context.Context, limit int) ([]Holder, error)
	// EraseRows removes at most limit rows of what is kept of an organization without sources, and says how many. The access feed
	// stays, with how far it was trimmed. Where it finds nothing it makes the organization as one that nobody has written: no
	// lease counts any more, and generations go on from where they are.
	EraseRows(ctx context.Context, limit int) (int, error)
}
