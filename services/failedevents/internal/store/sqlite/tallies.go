package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/failedevents/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	putTally    = statements.Load("put_tally", "organization_id", "directory_id", "hour", "id", "accepted", "failed", "rate_limited")
	putActivity = statements.Load("put_activity", "organization_id", "directory_id", "last_message_time", "last_accepted_time", "last_failed_time")
)

func (s *Store) RecordTallies(ctx context.Context, tallies []store.Tally) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		erased := erasedTimes{}
		for _, t := range tallies {
			late, err := erased.late(ctx, tx, t.OrganizationID, t.LastMessage)
			if err != nil {
				return err
			}
			if late {
				continue
			}
			if _, err := tx.Exec(ctx, putTally,
				t.OrganizationID, t.DirectoryID, dbtype.Time(&t.Hour), t.ID, t.Accepted, t.Failed, t.RateLimited); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, putActivity, t.OrganizationID, t.DirectoryID,
				dbtype.Time(&t.LastMessage), dbtype.Time(&t.LastAccepted), dbtype.Time(&t.LastFailed)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) Activity(ctx context.Context, of store.DirectoryRange, limit int) ([]store.Activity, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.ActivityFields, shared.ListActivity, of.OrganizationID, of.First, of.Last, limit)
}

func (s *Store) Counts(ctx context.Context, of store.DirectoryRange, start, end time.Time, period time.Duration) ([]store.PeriodCounts, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.PeriodCountsFields, shared.CountMessages, rows.CountMessagesArgs(of, start, end, period)...)
}

func (s *Store) DeleteTallies(ctx context.Context, before time.Time, limit int) (int, error) {
	deleted, err := s.db.Exec(ctx, shared.DeleteTallies, dbtype.Time(&before), limit)
	return int(deleted), err
}
