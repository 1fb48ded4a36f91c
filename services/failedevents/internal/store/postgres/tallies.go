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
	putTallies = statements.Load("put_tallies", "organization_ids", "directory_ids", "hours", "ids", "accepted", "failed", "rate_limited",
		"last_message_times")
	putActivity = statements.Load("put_activity", "organization_ids", "directory_ids", "last_message_times", "last_accepted_times",
		"last_failed_times")
)

func (s *Store) RecordTallies(ctx context.Context, tallies []store.Tally) error {
	if len(tallies) == 0 {
		return nil
	}
	organizations := column(tallies, func(t store.Tally) string { return t.OrganizationID })
	directories := column(tallies, func(t store.Tally) string { return t.DirectoryID })
	lastMessages := column(tallies, func(t store.Tally) int64 { return dbtype.Micros(t.LastMessage) })
	b := &pgx.Batch{}
	// A concurrent erasure of one of them either sees these tallies, or this transaction sees the erasure.
	b.Queue(lockOrganizationsShared, organizations)
	b.Queue(putTallies, organizations, directories,
		column(tallies, func(t store.Tally) int64 { return dbtype.Micros(t.Hour) }),
		column(tallies, func(t store.Tally) string { return t.ID }),
		column(tallies, func(t store.Tally) int64 { return t.Accepted }),
		column(tallies, func(t store.Tally) int64 { return t.Failed }),
		column(tallies, func(t store.Tally) int64 { return t.RateLimited }),
		lastMessages)
	b.Queue(putActivity, organizations, directories, lastMessages,
		column(tallies, func(t store.Tally) int64 { return dbtype.Micros(t.LastAccepted) }),
		column(tallies, func(t store.Tally) int64 { return dbtype.Micros(t.LastFailed) }))
	return pgdb.Reach(s.db.SendBatch(ctx, b).Close())
}

func (s *Store) Activity(ctx context.Context, of store.DirectoryRange, limit int) ([]store.Activity, error) {
	return pgdb.ReadAll(ctx, s.db, rows.ActivityFields, shared.ListActivity, of.OrganizationID, of.First, of.Last, limit)
}

func (s *Store) Counts(ctx context.Context, of store.DirectoryRange, start, end time.Time, period time.Duration) ([]store.PeriodCounts, error) {
	return pgdb.ReadAll(ctx, s.db, rows.PeriodCountsFields, shared.CountMessages, rows.CountMessagesArgs(of, start, end, period)...)
}

func (s *Store) DeleteTallies(ctx context.Context, before time.Time, limit int) (deleted int, err error) {
	b := &pgx.Batch{}
	b.Queue(readByIndex)
	b.Queue(shared.DeleteTallies, dbtype.Time(&before), limit).Exec(func(tag pgconn.CommandTag) error {
		deleted = int(tag.RowsAffected())
		return nil
	})
	err = pgdb.Reach(s.db.SendBatch(ctx, b).Close())
	return deleted, err
}
