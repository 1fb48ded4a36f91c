package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

var (
	readByIndex  = statements.Load("read_by_index")
	lockErasure  = statements.Load("lock_erasure", "organization_id")
	beginErasure = statements.Load("begin_erasure", "organization_id", "now", "asked")
	eraseEvents  = statements.Load("erase_events", "organization_id", "limit")
	listErasures = statements.Load("list_erasures")
	endErasure   = statements.Load("end_erasure", "organization_id", "asked")
)

// Erase implements store.Store.
func (s *Store) Erase(ctx context.Context, organizationID string, asked, now time.Time, limit int) (removed int, err error) {
	marked := false
	b := &pgx.Batch{}
	b.Queue(readByIndex)
	b.Queue(lockErasure, organizationID)
	b.Queue(beginErasure, organizationID, sqldb.Time(&now), sqldb.Time(&asked)).Exec(func(tag pgconn.CommandTag) error {
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
	all, err := sqldb.ReadAll(ctx, s.db, store.ErasureFields, listErasures)
	return store.AskedTimes(all), err
}

// Unmark implements store.Store.
func (s *Store) Unmark(ctx context.Context, organizationID string, asked time.Time) error {
	_, err := s.db.Exec(ctx, endErasure, organizationID, sqldb.Time(&asked))
	return sqldb.Reach(err)
}
