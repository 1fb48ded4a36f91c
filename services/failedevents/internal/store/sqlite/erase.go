package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// erasureOf gives until when events of an organization are erased, and when its last erasure was asked for that has ended; zero
// times when there are none.
func erasureOf(ctx context.Context, tx *sqldb.Tx, organizationID string) (until, ended time.Time, err error) {
	err = tx.QueryRow(ctx, `SELECT time, ended FROM erased WHERE organization_id = ?`, organizationID).
		Scan(sqldb.Time(&until), sqldb.Time(&ended))
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return until, ended, err
}

const eraseEvents = `DELETE FROM events WHERE organization_id = ?1
	AND id IN (SELECT id FROM events WHERE organization_id = ?1 ORDER BY id LIMIT ?2)`

// Erase implements store.Store.
func (s *Store) Erase(ctx context.Context, organizationID string, asked, now time.Time, limit int) (removed int, err error) {
	_, err = s.db.Erase(ctx, func(ctx context.Context, tx *sqldb.Tx) (deleted int64, err error) {
		_, ended, err := erasureOf(ctx, tx, organizationID)
		if err != nil {
			return 0, err
		}
		if ended.Equal(asked) {
			return 0, store.ErasureEnded(organizationID)
		}
		_, err = tx.Exec(ctx, `INSERT INTO erased (organization_id, time, erasing, ended) VALUES (?, ?, ?, 0)
			ON CONFLICT DO UPDATE SET time = max(time, excluded.time), erasing = max(erasing, excluded.erasing)`,
			organizationID, sqldb.Time(&now), sqldb.Time(&asked))
		if err != nil {
			return 0, err
		}
		deleted, err = tx.Exec(ctx, eraseEvents, organizationID, limit)
		removed = int(deleted)
		return deleted, err
	})
	return removed, err
}

// Marked implements store.Store.
func (s *Store) Marked(ctx context.Context) (map[string]time.Time, error) {
	type mark struct {
		id    string
		asked time.Time
	}
	rows, err := s.db.Query(ctx, `SELECT organization_id, erasing FROM erased WHERE erasing > 0`)
	marks, err := sqldb.Collect(rows, err, func(scan func(...any) error) (m mark, err error) {
		err = scan(&m.id, sqldb.Time(&m.asked))
		return m, err
	})
	all := make(map[string]time.Time, len(marks))
	for _, m := range marks {
		all[m.id] = m.asked
	}
	return all, err
}

// Unmark implements store.Store.
func (s *Store) Unmark(ctx context.Context, organizationID string, asked time.Time) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE erased SET erasing = 0, ended = erasing WHERE organization_id = ? AND erasing = ?`,
			organizationID, sqldb.Time(&asked))
		return err
	})
}
