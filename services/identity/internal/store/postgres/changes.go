package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

var (
	insertChange = statements.Load("insert_change", "organization_id", "directory_id", "resource_group", "resource_id", "revision",
		"kind", "member_id", "member_group", "message_id", "traceparent", "time")
	getNewestChange         = statements.Load("get_newest_change")
	getFeedEnd              = statements.Load("get_feed_end")
	listChanges             = statements.Load("list_changes", "organization_id", "transaction", "sequence", "limit")
	getFeedState            = statements.Load("get_feed_state")
	getFeedStateAtBeginning = statements.Load("get_feed_state_at_beginning")
	listActive              = statements.Load("list_active", "transaction", "sequence")
	listActiveFromBeginning = statements.Load("list_active_from_beginning", "transaction", "sequence")
	trimChanges             = statements.Load("trim_changes", "limit", "before")
)

// recorded is the place of a write's last change record, as the columns have it; nil if the write made no record.
type recorded struct {
	transaction *uint64
	sequence    *int64
}

func (r recorded) none() bool { return r.transaction == nil }

// cursor is the cursor after the record, or zero without a record.
func (r recorded) cursor(epoch string) feed.Cursor {
	if r.none() {
		return feed.Cursor{}
	}
	return feed.Cursor{Epoch: epoch, Transaction: *r.transaction, Sequence: *r.sequence}
}

// record adds a change record and returns the cursor after it.
func (s *Store) record(ctx context.Context, tx pgx.Tx, scope store.Scope, r rows.Record, cause store.Cause) (feed.Cursor, error) {
	cursor := feed.Cursor{Epoch: s.db.Epoch()}
	err := tx.QueryRow(ctx, insertChange, scope.OrganizationID, scope.DirectoryID, r.Type == store.Group, r.ID, r.Revision, int(r.Kind),
		r.MemberID, r.MemberType == store.Group, cause.MessageID, cause.Traceparent, dbtype.Time(&cause.Time)).Scan(&cursor.Transaction, &cursor.Sequence)
	return cursor, err
}

// before is the cursor after all records of the transactions below this one.
func before(epoch string, transaction uint64) feed.Cursor {
	return feed.Cursor{Epoch: epoch, Transaction: transaction - 1, Sequence: math.MaxInt64}
}

// columnsOf returns a cursor as the columns have it. A made-up cursor beyond their range becomes the largest one.
func columnsOf(c feed.Cursor) (transaction, sequence int64) {
	return int64(min(c.Transaction, math.MaxInt64)), c.Sequence
}

// readNewest is the query that pgdb.Wakeup asks for: the newest visible record, and whether there are delayed ones.
func (s *Store) readNewest(ctx context.Context) (seen uint64, delayed bool, err error) {
	err = s.db.QueryRow(ctx, getNewestChange).Scan(&seen, &delayed)
	return seen, delayed, err
}

func (s *Store) Cursor(ctx context.Context) (follow, newest feed.Cursor, err error) {
	var end uint64
	err = s.db.QueryRow(ctx, getFeedEnd).Scan(&newest.Epoch, &end, &newest.Transaction, &newest.Sequence)
	if err != nil {
		return follow, newest, pgdb.Reach(err)
	}
	if follow = before(newest.Epoch, end); newest.Before(follow) {
		newest = follow
	}
	return follow, newest, nil
}

func (s *Store) Changes(ctx context.Context, organizationID string, after feed.Cursor, limit int) (changes []store.Change, next feed.Cursor, delayed time.Time, err error) {
	transaction, sequence := columnsOf(after)
	// One statement, so that the horizon and the records are from one snapshot. If there are no records, it returns one row
	// without a record.
	type line struct {
		store.Change
		epoch          string
		horizon, ahead uint64
		delayed        time.Time
		trimmed        feed.Cursor
		isRecord       bool
	}
	found, err := pgdb.ReadAll(ctx, s.db, func(l *line) []any {
		return append([]any{
			&l.epoch, &l.horizon, &l.ahead, dbtype.Time(&l.delayed), &l.trimmed.Transaction, &l.trimmed.Sequence, &l.isRecord, &l.Cursor.Transaction, &l.Cursor.Sequence,
		}, rows.Change(&l.Change)...)
	}, listChanges, organizationID, transaction, sequence, limit)
	if err != nil {
		return nil, after, delayed, err
	}
	first := found[0]
	if err := followable(after, first.epoch, first.ahead, first.trimmed); err != nil {
		return nil, after, delayed, err
	}
	delayed = first.delayed
	for _, l := range found {
		if l.isRecord {
			l.Cursor.Epoch = l.epoch
			changes = append(changes, l.Change)
		}
	}
	if len(changes) == limit {
		return changes, changes[limit-1].Cursor, delayed, nil
	}
	end := before(first.epoch, first.horizon)
	if end.Before(after) {
		end = after
	}
	return changes, end, delayed, nil
}

// followable returns an error if the records after a cursor cannot be read from a feed of this epoch.
func followable(after feed.Cursor, epoch string, ahead uint64, trimmed feed.Cursor) error {
	switch err := after.CheckEpoch(epoch); {
	case err != nil:
		return err
	case after.Transaction >= ahead:
		return feed.Ahead()
	case after.Before(trimmed):
		return feed.Trimmed()
	}
	return nil
}

func (s *Store) Active(ctx context.Context, after feed.Cursor) (active []string, next feed.Cursor, delayed time.Time, err error) {
	state, query := getFeedState, listActive
	if after.Transaction == 0 && after.Sequence == 0 {
		state, query = getFeedStateAtBeginning, listActiveFromBeginning
	}
	var now string
	var end, beyond uint64
	var trimmed feed.Cursor
	transaction, sequence := columnsOf(after)
	// One snapshot, so that concurrent trimming is noticed or has no effect; and one round trip.
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	batch.Queue(state).QueryRow(func(row pgx.Row) error {
		return row.Scan(&now, &end, &beyond, dbtype.Time(&delayed), &trimmed.Transaction, &trimmed.Sequence)
	})
	batch.Queue(query, transaction, sequence).Query(func(read pgx.Rows) (err error) {
		active, err = pgx.CollectRows(read, pgx.RowTo[string])
		return err
	})
	batch.Queue(`COMMIT`)
	if err := s.db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, after, delayed, pgdb.Reach(err)
	}
	if err := followable(after, now, beyond, trimmed); err != nil {
		return nil, after, delayed, err
	}
	next = before(now, end)
	if after.Epoch != "" && next.Before(after) {
		next = after
	}
	return active, next, delayed, nil
}

// TrimChanges keeps records that are not yet folded into the totals.
func (s *Store) TrimChanges(ctx context.Context, before time.Time, limit int) (int, error) {
	return pgdb.ReadOne(ctx, s.db, dbtype.Value[int], nil, trimChanges, limit, dbtype.Time(&before))
}

func (s *Store) NewChanges() <-chan struct{} { return s.newChanges.Wait() }
