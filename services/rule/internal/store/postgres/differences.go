package postgres

import (
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	putHolders = statements.Load("put_holders", "organization_id", "user_ids", "actives", "directory_ids", "detached", "digests",
		"unknown_as_of", "rule_access")
	deleteSources = statements.Load("delete_sources", "organization_id", "user_ids", "tenant_ids", "role_ids", "kinds", "rule_ids")
	putSources    = statements.Load("put_sources", "organization_id", "user_ids", "tenant_ids", "role_ids", "kinds", "rule_ids",
		"granted_by", "create_times", "retained", "keep", "kept_times")
	insertAccessChanges = statements.Load("insert_access_changes", "organization_id", "user_ids", "tenant_ids", "role_ids", "kinds",
		"message_ids", "sync_ids", "traceparents", "times")
	deleteSourcesOfUsers = statements.Load("delete_sources_of_users", "organization_id", "user_ids")
	deleteHolders        = statements.Load("delete_holders", "organization_id", "user_ids")
)

// differences collects the changes of holders, their sources and the access feed, so that one statement for each kind writes them,
// for any number of users in a transaction. Of several writes of one row the last one counts. The zero value is ready.
type differences struct {
	ended   map[string]bool // users whose holder is deleted with its sources, before all other writes
	holders map[string]store.Holder
	sources map[sourceKey]*store.Source // nil deletes
	changes []store.Change
}

type sourceKey struct {
	user  string
	grant store.Grant
	kind  store.SourceKind
	rule  string
}

func keyOf(userID string, s store.Source) sourceKey {
	return sourceKey{user: userID, grant: s.Grant, kind: s.Kind, rule: s.RuleID}
}

func (d *differences) putHolder(h store.Holder) { set(&d.holders, h.UserID, h) }

func (d *differences) deleteHolder(userID string) {
	set(&d.ended, userID, true)
	delete(d.holders, userID)
	maps.DeleteFunc(d.sources, func(key sourceKey, _ *store.Source) bool { return key.user == userID })
}

func (d *differences) putSource(userID string, s store.Source) { set(&d.sources, keyOf(userID, s), &s) }

func (d *differences) deleteSource(userID string, s store.Source) {
	set(&d.sources, keyOf(userID, s), nil)
}

func set[K comparable, V any](m *map[K]V, key K, value V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[key] = value
}

// queue adds the statements to a batch, reports whether there were any, and forgets the changes.
func (d *differences) queue(b *pgx.Batch, organization string) bool {
	before := b.Len()
	d.queueEnded(b, organization)
	d.queueSources(b, organization)
	d.queueHolders(b, organization)
	d.queueChanges(b, organization)
	*d = differences{}
	return b.Len() > before
}

func (d *differences) queueEnded(b *pgx.Batch, organization string) {
	if len(d.ended) == 0 {
		return
	}
	users := slices.Collect(maps.Keys(d.ended))
	b.Queue(deleteSourcesOfUsers, organization, users)
	b.Queue(deleteHolders, organization, users)
}

func (d *differences) queueHolders(b *pgx.Batch, organization string) {
	if len(d.holders) == 0 {
		return
	}
	var users, directories, digests []string
	var active, detached []bool
	var known []int64
	var access []int32
	for _, h := range d.holders {
		users, active, directories = append(users, h.UserID), append(active, h.Active), append(directories, h.DirectoryID)
		detached, digests, known = append(detached, h.Detached), append(digests, h.Digest), append(known, dbtype.Micros(h.UnknownAsOf))
		access = append(access, int32(h.RuleAccess)) //nolint:gosec // of three values
	}
	b.Queue(putHolders, organization, users, active, directories, detached, digests, known, access)
}

// sourceColumnsOf contains the columns of some sources, each as one argument.
type sourceColumnsOf struct {
	users, tenants, roles, rules, grantedBy []string
	kinds                                   []int32
	times, keptTimes                        []int64
	retained, keep                          []bool
}

func (c *sourceColumnsOf) add(key sourceKey) {
	c.users, c.tenants, c.roles = append(c.users, key.user), append(c.tenants, key.grant.TenantID), append(c.roles, key.grant.RoleID)
	c.kinds, c.rules = append(c.kinds, int32(key.kind)), append(c.rules, key.rule) //nolint:gosec // of a few values
}

func (d *differences) queueSources(b *pgx.Batch, organization string) {
	var gone, kept sourceColumnsOf
	for key, s := range d.sources {
		if s == nil {
			gone.add(key)
			continue
		}
		kept.add(key)
		kept.grantedBy, kept.times = append(kept.grantedBy, s.GrantedBy), append(kept.times, dbtype.Micros(s.CreateTime))
		kept.retained, kept.keep = append(kept.retained, s.Retained), append(kept.keep, s.Keep)
		kept.keptTimes = append(kept.keptTimes, dbtype.Micros(s.KeptTime))
	}
	if len(gone.users) > 0 {
		b.Queue(deleteSources, organization, gone.users, gone.tenants, gone.roles, gone.kinds, gone.rules)
	}
	if len(kept.users) > 0 {
		b.Queue(putSources,
			organization, kept.users, kept.tenants, kept.roles, kept.kinds, kept.rules, kept.grantedBy, kept.times, kept.retained,
			kept.keep, kept.keptTimes)
	}
}

// queueChanges appends to the access feed. The sequences have the order of the records.
func (d *differences) queueChanges(b *pgx.Batch, organization string) {
	if len(d.changes) == 0 {
		return
	}
	var users, tenants, roles, messages, syncs, parents []string
	var kinds []int32
	var times []int64
	for _, c := range d.changes {
		users, tenants, roles = append(users, c.UserID), append(tenants, c.Grant.TenantID), append(roles, c.Grant.RoleID)
		kinds, messages, syncs = append(kinds, int32(c.Kind)), append(messages, c.MessageID), append(syncs, c.SyncID) //nolint:gosec // of a few values
		parents, times = append(parents, c.Traceparent), append(times, dbtype.Micros(c.Time))
	}
	b.Queue(insertAccessChanges, organization, users, tenants, roles, kinds, messages, syncs, parents, times)
}
