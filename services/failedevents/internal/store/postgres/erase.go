package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/failedevents/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

var (
	readByIndex = statements.Load("read_by_index")
	lockErasure = statements.Load("lock_erasure", "organization_id")
)

func (s *Store) Erase(ctx context.Context, organizationID string, asked, now time.Time, limit int) (removed int, err error) {
	marked := false
	b := &pgx.Batch{}
	b.Queue(readByIndex)
	b.Queue(lockErasure, organizationID)
	b.Queue(shared.BeginErasure, organizationID, dbtype.Time(&now), dbtype.Time(&asked)).Exec(func(tag pgconn.CommandTag) error {
		marked = tag.RowsAffected() > 0
		return nil
	})
	for _, erase := range []string{shared.EraseEvents, shared.EraseTallies, shared.EraseActivity} {
		b.Queue(erase, organizationID, limit).Exec(func(tag pgconn.CommandTag) error {
			removed += int(tag.RowsAffected())
			return nil
		})
	}
	err = pgdb.Reach(s.db.SendBatch(ctx, b).Close())
	if err == nil && !marked {
		err = store.ErasureEnded(organizationID)
	}
	return removed, err
}

func (s *Store) Marked(ctx context.Context) (map[string]time.Time, error) {
	all, err := pgdb.ReadAll(ctx, s.db, rows.ErasureFields, shared.ListErasures)
	return rows.AskedTimes(all), err
}

func (s *Store) Unmark(ctx context.Context, organizationID string, asked time.Time) error {
	_, err := s.db.Exec(ctx, shared.EndErasure, organizationID, dbtype.Time(&asked))
	return pgdb.Reach(err)
}
