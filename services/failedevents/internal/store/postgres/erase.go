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
	for _, erase := range []string{shared.EraseEvents, shared.EraseTallies, shared.EraseActivity, shared.EraseErasedNames} {
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

func (s *Store) EraseNames(ctx context.Context, organizationID string, users []store.DeletedUser, limit int) (erased int, err error) {
	note, erase := shared.EraseNames(organizationID, users, limit)
	b := &pgx.Batch{}
	b.Queue(readByIndex)
	b.Queue(lockErasure, organizationID) // a concurrent Record either sees the notes, or this transaction sees its events
	for _, statement := range note {
		b.Queue(statement.Text, statement.Args...)
	}
	for _, statement := range erase {
		b.Queue(statement.Text, statement.Args...).Exec(func(tag pgconn.CommandTag) error {
			erased += int(tag.RowsAffected())
			return nil
		})
	}
	return erased, pgdb.Reach(s.db.SendBatch(ctx, b).Close())
}

func (s *Store) TrimErasedNames(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := s.db.Exec(ctx, shared.TrimErasedNames, dbtype.Time(&before), limit)
	return int(tag.RowsAffected()), pgdb.Reach(err)
}
