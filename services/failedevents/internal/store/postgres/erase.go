package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// eraseLock is shared by all who use the database, so it is told apart by a number that is unlikely twice.
const eraseLock = `8245921741`

// byKey has the first events of an organization read from an index, for the rest of a transaction: a planner that believes that
// there are few would read all of them each time, and sort them. It believes that what is off costs a lot, and must not compile a
// statement for that.
const byKey = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
	set_config('enable_sort', 'off', true), set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)`

const eraseEvents = `DELETE FROM events WHERE ctid = ANY (ARRAY (SELECT ctid FROM events WHERE organization_id = $1
		AND EXISTS (SELECT 1 FROM erased WHERE organization_id = $1 AND erasing > 0)
	ORDER BY id LIMIT $2))`

// Erase implements store.Store.
func (s *Store) Erase(ctx context.Context, organizationID string, asked, now time.Time, limit int) (removed int, err error) {
	marked := false
	b := &pgx.Batch{}
	b.Queue(byKey)
	b.Queue(`SELECT pg_advisory_xact_lock(hashtextextended($1, `+eraseLock+`))`, organizationID)
	b.Queue(`INSERT INTO erased AS x (organization_id, time, erasing, ended) VALUES ($1, $2, $3, 0)
		ON CONFLICT (organization_id) DO UPDATE SET time = greatest(x.time, excluded.time), erasing = greatest(x.erasing, excluded.erasing)
		WHERE x.ended <> excluded.erasing`, organizationID, sqldb.Time(&now), sqldb.Time(&asked)).
		Exec(func(tag pgconn.CommandTag) error {
			marked = tag.RowsAffected() > 0
			return nil
		})
	b.Queue(eraseEvents, organizationID, limit).Exec(func(tag pgconn.CommandTag) error {
		removed = int(tag.RowsAffected())
		return nil
	})
	err = sqldb.Reach(s.db.SendBatch(ctx, b).Close())
	if err == nil && !marked {
		err = store.ErasureEnded(organizationID)
	}
	return removed, err
}

// Marked implements store.Store.
func (s *Store) Marked(ctx context.Context) (map[string]time.Time, error) {
	all := map[string]time.Time{}
	rows, err := s.db.Query(ctx, `SELECT organization_id, erasing FROM erased WHERE erasing > 0`)
	if err != nil {
		return nil, sqldb.Reach(err)
	}
	var id string
	var asked time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, sqldb.Time(&asked)}, func() error {
		all[id] = asked
		return nil
	})
	return all, sqldb.Reach(err)
}

// Unmark implements store.Store.
func (s *Store) Unmark(ctx context.Context, organizationID string, asked time.Time) error {
	_, err := s.db.Exec(ctx, `UPDATE erased SET erasing = 0, ended = erasing WHERE organization_id = $1 AND erasing = $2`,
		organizationID, sqldb.Time(&asked))
	return sqldb.Reach(err)
}
