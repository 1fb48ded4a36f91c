package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// notErasing refuses an organization that is being erased.
func notErasing(ctx context.Context, tx *sqldb.Tx, organizationID string) error {
	var erasing bool
	err := tx.QueryRow(ctx, `SELECT erasing > 0 FROM organizations WHERE organization_id = ?`, organizationID).Scan(&erasing)
	if err == nil && erasing {
		err = store.Erasing(organizationID)
	}
	return err
}

// Erase implements store.Store.
func (s *Store) Erase(ctx context.Context, organizationID string, asked time.Time, fn func(context.Context, store.Tx) error) error {
	_, err := s.db.Erase(ctx, func(ctx context.Context, tx *sqldb.Tx) (deleted int64, err error) {
		if err := s.know(ctx, tx, organizationID); err != nil {
			return 0, err
		}
		var erasing, erased int64
		err = tx.QueryRow(ctx, `SELECT erasing, erased FROM organizations WHERE organization_id = ?`, organizationID).Scan(&erasing, &erased)
		if err != nil {
			return 0, err
		}
		if erased == micros(asked) {
			return 0, store.ErasureEnded(organizationID)
		}
		if erasing < micros(asked) {
			if _, err := tx.Exec(ctx, `UPDATE organizations SET erasing = ? WHERE organization_id = ?`, micros(asked), organizationID); err != nil {
				return 0, err
			}
		}
		t := &organizationTx{tx: tx, organization: organizationID, epoch: s.epoch}
		err = fn(ctx, t)
		return t.deleted, err
	})
	if err == nil {
		s.wrote(organizationID)
	}
	return err
}

// Marked implements store.Store.
func (s *Store) Marked(ctx context.Context) (map[string]time.Time, error) {
	type mark struct {
		id    string
		asked int64
	}
	rows, err := s.db.Query(ctx, `SELECT organization_id, erasing FROM organizations WHERE erasing > 0`)
	marks, err := sqldb.Collect(rows, err, func(scan scan) (m mark, err error) {
		err = scan(&m.id, &m.asked)
		return m, err
	})
	all := make(map[string]time.Time, len(marks))
	for _, m := range marks {
		all[m.id] = fromMicros(m.asked)
	}
	return all, err
}

// Unmark implements store.Store.
func (s *Store) Unmark(ctx context.Context, organizationID string, asked time.Time) error {
	return s.write(ctx, organizationID, func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE organizations SET erasing = 0, erased = erasing WHERE organization_id = ? AND erasing = ?`,
			organizationID, micros(asked))
		return err
	})
}

// FirstSources implements store.Tx.
func (t *organizationTx) FirstSources(ctx context.Context, limit int) ([]store.Holder, error) {
	rows, err := t.tx.Query(ctx, `WITH firsts AS MATERIALIZED (SELECT * FROM sources WHERE organization_id = ?1
			ORDER BY user_id, tenant_id, role_id, kind, rule_id LIMIT ?2)
		SELECT `+sourceColumns+`, h.active, h.suspended, h.unknown_as_of, h.rule_access FROM firsts s
		CROSS JOIN holders h ON h.organization_id = ?1 AND h.user_id = s.user_id
		ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id`, t.organization, limit)
	sources, err := sqldb.Collect(rows, err, scanSourceOfHolder)
	var all []store.Holder
	for _, r := range sources {
		all = store.AppendSource(all, r.user, r.holder, r.source)
	}
	return all, err
}

// erasedTables are those of which an erasure removes rows, with what a row's key is within its organization.
var erasedTables = [...]struct{ name, key string }{
	{"holders", "user_id"}, {"set_aside", "user_id"}, {"suspensions", "user_id"}, {"requeued", "user_id"}, {"expansions", "group_id, id"},
	{"rule_grants", "rule_id, position"}, {"rule_pins", "rule_id, directory_id"}, {"rules", "id"}, {"tenants", "id"}, {"syncs", "id"},
	{"reports", "id"}, {"closed_directories", "directory_id"},
}

// eraseFrom removes the first rows of an organization from a table.
func eraseFrom(table, key string) string {
	return `DELETE FROM ` + table + ` WHERE organization_id = ?1 AND (` + key + `) IN
		(SELECT ` + key + ` FROM ` + table + ` WHERE organization_id = ?1 ORDER BY ` + key + ` LIMIT ?2)`
}

// EraseRows implements store.Tx.
func (t *organizationTx) EraseRows(ctx context.Context, limit int) (erased int, err error) {
	for _, table := range erasedTables {
		if erased >= limit {
			break
		}
		n, err := t.tx.Exec(ctx, eraseFrom(table.name, table.key), t.organization, limit-erased)
		if err != nil {
			return 0, err
		}
		erased += int(n)
	}
	t.deleted += int64(erased)
	if erased > 0 {
		return erased, t.nextGeneration(ctx)
	}
	// Nothing is written where it is so already.
	_, err = t.tx.Exec(ctx, `UPDATE organizations SET generation = generation + 1, checkpoint = '', owner_id = '',
			owner_token = owner_token + 1, owner_expire_time = 0, recovering = 0, recovery_token = '', recovery_after = '', as_of = 0,
			behind = 0, when_unknown = 0
		WHERE organization_id = ? AND (checkpoint <> '' OR owner_id <> '' OR recovering <> 0 OR as_of <> 0 OR behind <> 0 OR when_unknown <> 0)`,
		t.organization)
	return 0, err
}
