package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Erase implements store.Store.
func (s *Store) Erase(ctx context.Context, organizationID string, asked time.Time, fn func(context.Context, store.Tx) error) error {
	return s.changed(organizationID, s.update(ctx, organizationID, func(ctx context.Context, t *organizationTx) error {
		if t.row.erased == micros(asked) {
			return store.ErasureEnded(organizationID)
		}
		if t.row.erasing < micros(asked) {
			t.row.erasing, t.wrote = micros(asked), true
		}
		t.queue().Queue(inOrderOfKeys)
		return fn(ctx, t)
	}))
}

// inOrderOfKeys has the first rows of an organization read from an index, for the rest of a transaction: a planner that believes
// that there are few would read all of them each time, and sort them. It believes that what is off costs a lot, and must not compile
// a statement for that.
const inOrderOfKeys = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
	set_config('enable_sort', 'off', true), set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)`

// Marked implements store.Store.
func (s *Store) Marked(ctx context.Context) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	rows, err := s.db.Query(ctx, `SELECT organization_id, erasing FROM organizations WHERE erasing > 0 ORDER BY organization_id`)
	if err != nil {
		return nil, sqldb.Reach(err)
	}
	var id string
	var asked int64
	_, err = pgx.ForEachRow(rows, []any{&id, &asked}, func() error {
		all[id] = fromMicros(asked)
		return nil
	})
	return all, sqldb.Reach(err)
}

// Unmark implements store.Store.
func (s *Store) Unmark(ctx context.Context, organizationID string, asked time.Time) error {
	_, err := s.db.Exec(ctx, `UPDATE organizations SET commits = commits + 1, erasing = 0, erased = erasing
		WHERE organization_id = $1 AND erasing = $2`, organizationID, micros(asked))
	return s.changed(organizationID, err)
}

// FirstSources implements store.Tx.
func (t *organizationTx) FirstSources(ctx context.Context, limit int) ([]store.Holder, error) {
	sources := ask(t.queue(), scanSourceOfHolder, `WITH firsts AS MATERIALIZED (SELECT * FROM sources WHERE organization_id = $1
			ORDER BY user_id, tenant_id, role_id, kind, rule_id LIMIT $2)
		SELECT `+sourceColumns+`, h.active, h.suspended, h.unknown_as_of, h.rule_access FROM firsts s
		CROSS JOIN LATERAL (SELECT * FROM holders WHERE organization_id = $1 AND user_id = s.user_id OFFSET 0) h
		ORDER BY s.user_id, s.tenant_id, s.role_id, s.kind, s.rule_id`, t.organization, limit)
	if err := t.send(ctx); err != nil {
		return nil, err
	}
	var all []store.Holder
	for _, r := range *sources {
		all = store.AppendSource(all, r.user, r.holder, r.source)
	}
	return all, nil
}

// erasedTables are those of which an erasure removes rows, with what a row's key is within its organization.
var erasedTables = [...]struct{ name, key string }{
	{"holders", "user_id"}, {"set_aside", "user_id"}, {"suspensions", "user_id"}, {"requeued", "user_id"}, {"expansions", "group_id, id"},
	{"rule_grants", "rule_id, position"}, {"rule_pins", "rule_id, directory_id"}, {"rules", "id"}, {"tenants", "id"}, {"syncs", "id"},
	{"reports", "id"}, {"closed_directories", "directory_id"},
}

// eraseFrom removes the first rows of an organization from a table.
func eraseFrom(table, key string) string {
	return `DELETE FROM ` + table + ` WHERE ctid = ANY (ARRAY (SELECT ctid FROM ` + table + `
		WHERE organization_id = $1 ORDER BY ` + key + ` LIMIT $2))`
}

// EraseRows implements store.Tx.
func (t *organizationTx) EraseRows(ctx context.Context, limit int) (int, error) {
	// Which tables have rows is asked for at once: an organization of which nothing is left is looked at each second.
	b := t.queue()
	var left [len(erasedTables)]bool
	for i, table := range erasedTables {
		b.Queue(`SELECT EXISTS (SELECT 1 FROM `+table.name+` WHERE organization_id = $1)`, t.organization).
			QueryRow(func(row pgx.Row) error { return row.Scan(&left[i]) })
	}
	if err := t.send(ctx); err != nil {
		return 0, err
	}
	erased := 0
	for i, table := range erasedTables {
		if !left[i] || erased >= limit {
			continue
		}
		n, err := t.exec(ctx, eraseFrom(table.name, table.key), t.organization, limit-erased)
		if err != nil {
			return 0, err
		}
		erased += int(n)
	}
	if erased > 0 {
		t.nextGeneration()
		return erased, nil
	}
	fresh := organizationRow{generation: t.row.generation, token: t.row.token, erasing: t.row.erasing, erased: t.row.erased}
	if t.row != fresh { // else nothing is written
		t.row, t.wrote = fresh, true
		t.row.generation++
		t.row.token++
	}
	return 0, nil
}
