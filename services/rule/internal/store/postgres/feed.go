package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getFeedState            = statements.Load("get_feed_state", "organization_id")
	listAccessChanges       = statements.Load("list_access_changes", "organization_id", "transaction", "sequence", "limit")
	listAccessChangesOfUser = statements.Load("list_access_changes_of_user", "organization_id", "user_id", "before", "limit")
	listAccessChangesOfSync = statements.Load("list_access_changes_of_sync", "organization_id", "sync_id", "before", "limit")
	getFeedEnd              = statements.Load("get_feed_end")
	trimAccessFeed          = statements.Load("trim_access_feed", "limit", "before")
)

func cursor(epoch string, transaction, sequence int64) feed.Cursor {
	return feed.Cursor{Epoch: epoch, Transaction: uint64(transaction), Sequence: sequence} //nolint:gosec // not negative
}

func (s *Store) AccessChanges(ctx context.Context, organizationID string, after feed.Cursor, limit int) ([]store.Change, feed.Cursor, error) {
	var epoch string
	var end, ahead, trimmedTransaction, trimmedSequence int64
	var delayed bool
	var rows *[]changeRow
	err := s.snapshot(ctx, func(b *pgx.Batch) {
		b.Queue(getFeedState, organizationID).QueryRow(func(row pgx.Row) error {
			return row.Scan(&epoch, &end, &ahead, &trimmedTransaction, &trimmedSequence, &delayed)
		})
		rows = ask(b, changeFields, listAccessChanges,
			organizationID, int64(min(after.Transaction, math.MaxInt64)), after.Sequence, limit)
	})
	if err != nil {
		return nil, feed.Cursor{}, err
	}
	switch err := after.CheckEpoch(epoch); {
	case err != nil:
		return nil, feed.Cursor{}, err
	case after.Before(cursor(epoch, trimmedTransaction, trimmedSequence)):
		return nil, feed.Cursor{}, feed.Trimmed()
	case after.Transaction > uint64(ahead): //nolint:gosec // not negative
		return nil, feed.Cursor{}, feed.Ahead()
	}
	if len(*rows) > 0 {
		changes := make([]store.Change, len(*rows))
		for i, r := range *rows {
			changes[i] = r.Change
			changes[i].Cursor = cursor(epoch, r.transaction, r.Revision)
		}
		return changes, changes[len(changes)-1].Cursor, nil
	}
	if delayed {
		s.wakeup.wakeSoon(organizationID)
	}
	// No more records: the next reader can skip to the end.
	next := cursor(epoch, end, 0)
	if next.Before(after) {
		next = after
	}
	return nil, next, nil
}

// changeRow is a record with its transaction.
type changeRow struct {
	store.Change
	transaction int64
}

func changeFields(r *changeRow) []any { return append(store.ChangeFields(&r.Change), &r.transaction) }

// AccessCursor returns a cursor that is before the records that an open transaction delays, even if they are committed.
func (s *Store) AccessCursor(ctx context.Context) (feed.Cursor, error) {
	var epoch string
	var end int64
	err := s.db.QueryRow(ctx, getFeedEnd).Scan(&epoch, &end)
	return cursor(epoch, end, 0), pgdb.Reach(err)
}

func (s *Store) ChangesOf(ctx context.Context, organizationID string, of store.ChangesOf, before int64, limit int) ([]store.Change, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	statement, id := listAccessChangesOfUser, of.UserID
	if of.SyncID != "" {
		statement, id = listAccessChangesOfSync, of.SyncID
	}
	return pgdb.ReadAll(ctx, s.db, store.ChangeFields, statement, organizationID, id, before, limit)
}

// AppendChanges uses the sequence of a record as its revision: it increases for each user, because the organization is locked when
// the sequence is assigned.
func (t *organizationTx) AppendChanges(_ context.Context, changes []store.Change) error {
	t.access.changes = append(t.access.changes, changes...)
	return nil
}

// TrimAccessFeed trims nothing while another process trims.
func (s *Store) TrimAccessFeed(ctx context.Context, before time.Time, limit int) (int, error) {
	var removed int
	err := s.db.QueryRow(ctx, trimAccessFeed, limit, dbtype.Micros(before)).Scan(&removed)
	return removed, pgdb.Reach(err)
}
