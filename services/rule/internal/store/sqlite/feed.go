package sqlite

import (
	"context"
	"math"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getFeedLowWater         = statements.Load("get_feed_low_water", "organization_id")
	listAccessChanges       = statements.Load("list_access_changes", "organization_id", "sequence", "limit")
	listAccessChangesOfUser = statements.Load("list_access_changes_of_user", "organization_id", "user_id", "before", "limit")
	listAccessChangesOfSync = statements.Load("list_access_changes_of_sync", "organization_id", "sync_id", "before", "limit")
	getFeedEnd              = statements.Load("get_feed_end")
	insertAccessChange      = statements.Load("insert_access_change", "organization_id", "user_id", "tenant_id", "role_id", "kind",
		"message_id", "sync_id", "traceparent", "time")
	getLastExpiredChange = statements.Load("get_last_expired_change", "limit", "before")
	raiseFeedLowWater    = statements.Load("raise_feed_low_water", "last")
	trimAccessFeed       = statements.Load("trim_access_feed", "last")
)

func (s *Store) AccessChanges(ctx context.Context, organizationID string, after feed.Cursor, limit int) ([]store.Change, feed.Cursor, error) {
	if err := after.CheckEpoch(s.epoch); err != nil {
		return nil, feed.Cursor{}, err
	}
	next := after
	var changes []store.Change
	err := s.db.Snapshot(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		var lowWater int64
		err := tx.QueryRow(ctx, getFeedLowWater, organizationID).Scan(&lowWater)
		if err != nil {
			return err
		}
		if after.Sequence < lowWater {
			return feed.Trimmed()
		}
		changes, err = sqlitedb.ReadAll(ctx, tx, store.ChangeFields, listAccessChanges, organizationID, after.Sequence, limit)
		if err != nil {
			return err
		}
		for i := range changes {
			changes[i].Cursor = cursor(s.epoch, changes[i].Revision)
		}
		if n := len(changes); n > 0 {
			next = changes[n-1].Cursor
			return nil
		}
		// No more records: the next reader can skip to the end.
		end, err := endOfFeed(ctx, tx)
		if err == nil && end < after.Sequence {
			err = feed.Ahead()
		}
		next = cursor(s.epoch, end)
		return err
	})
	if err != nil {
		return nil, feed.Cursor{}, err
	}
	return changes, next, nil
}

// endOfFeed returns the highest sequence ever assigned, even if its record was trimmed.
func endOfFeed(ctx context.Context, tx *sqlitedb.Tx) (n int64, err error) {
	err = tx.QueryRow(ctx, getFeedEnd).Scan(&n)
	return n, err
}

func (s *Store) AccessCursor(ctx context.Context) (c feed.Cursor, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		end, err := endOfFeed(ctx, tx)
		c = cursor(s.epoch, end)
		return err
	})
	return c, err
}

func (s *Store) ChangesOf(ctx context.Context, organizationID string, of store.ChangesOf, before int64, limit int) ([]store.Change, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	statement, id := listAccessChangesOfUser, of.UserID
	if of.SyncID != "" {
		statement, id = listAccessChangesOfSync, of.SyncID
	}
	return sqlitedb.ReadAll(ctx, s.db, store.ChangeFields, statement, organizationID, id, before, limit)
}

// AppendChanges uses the sequence of a record as its revision: it increases for each user.
func (t *organizationTx) AppendChanges(ctx context.Context, changes []store.Change) error {
	for _, c := range changes {
		_, err := t.tx.Exec(ctx, insertAccessChange,
			t.organization, c.UserID, c.Grant.TenantID, c.Grant.RoleID, c.Kind, c.MessageID, c.SyncID, c.Traceparent, dbtype.Micros(c.Time))
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) TrimAccessFeed(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		var last int64
		err := tx.QueryRow(ctx, getLastExpiredChange, limit, dbtype.Micros(before)).Scan(&last)
		if err != nil || last == 0 {
			return err
		}
		_, err = tx.Exec(ctx, raiseFeedLowWater, last)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, trimAccessFeed, last)
		removed = int(n)
		return err
	})
	return removed, err
}
