package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	insertChange = statements.Load("insert_change", "organization_id", "directory_id", "resource_group", "resource_id", "revision",
		"kind", "member_id", "member_group", "message_id", "traceparent", "time")
	getFeedEnd              = statements.Load("get_feed_end")
	getTrimmed              = statements.Load("get_trimmed", "organization_id")
	listChanges             = statements.Load("list_changes", "organization_id", "after", "end", "limit")
	listActive              = statements.Load("list_active", "after", "end")
	listActiveFromBeginning = statements.Load("list_active_from_beginning", "after", "end")
	getLastExpiredChange    = statements.Load("get_last_expired_change", "limit", "before")
	setAllTrimmed           = statements.Load("set_all_trimmed", "last")
	trimChanges             = statements.Load("trim_changes", "last")
)

// record adds a change record and returns the cursor after it.
func (s *Store) record(ctx context.Context, tx *sqlitedb.Tx, scope store.Scope, r rows.Record, cause store.Cause) (feed.Cursor, error) {
	cursor := feed.Cursor{Epoch: s.epoch}
	err := tx.QueryRow(ctx, insertChange,
		scope.OrganizationID, scope.DirectoryID, r.Type == store.Group, r.ID, r.Revision, r.Kind, r.MemberID, r.MemberType == store.Group,
		cause.MessageID, cause.Traceparent, dbtype.Time(&cause.Time)).Scan(&cursor.Sequence)
	return cursor, err
}

func (s *Store) Cursor(ctx context.Context) (follow, newest feed.Cursor, err error) {
	end, err := s.end(ctx)
	return end, end, err
}

// end is the cursor after the newest record, even if that was trimmed. Every committed record is visible.
func (s *Store) end(ctx context.Context) (feed.Cursor, error) {
	cursor := feed.Cursor{Epoch: s.epoch}
	err := s.db.QueryRow(ctx, getFeedEnd).Scan(&cursor.Sequence)
	return cursor, err
}

// checkTrimmed returns an error if a record after the cursor, of one organization or of all, was trimmed.
func (s *Store) checkTrimmed(ctx context.Context, organizationID string, after, end feed.Cursor) error {
	if end.Before(after) {
		return feed.Ahead()
	}
	var trimmed int64
	err := s.db.QueryRow(ctx, getTrimmed, organizationID).Scan(&trimmed)
	if err == nil && after.Sequence < trimmed {
		err = feed.Trimmed()
	}
	return err
}

// Changes returns every committed record at once: no open transaction delays the feed.
func (s *Store) Changes(ctx context.Context, organizationID string, after feed.Cursor, limit int) (changes []store.Change, next feed.Cursor, delayed time.Time, err error) {
	if err := after.CheckEpoch(s.epoch); err != nil {
		return nil, after, delayed, err
	}
	// The end is read first. A record that is written meanwhile is returned by the next call.
	end, err := s.end(ctx)
	if err != nil {
		return nil, after, delayed, err
	}
	changes, err = sqlitedb.ReadAll(ctx, s.db, func(c *store.Change) []any {
		c.Cursor.Epoch = s.epoch
		return append([]any{&c.Cursor.Sequence}, rows.Change(c)...)
	}, listChanges, organizationID, after.Sequence, end.Sequence, limit)
	if err != nil {
		return nil, after, delayed, err
	}
	// Check after reading: records may have been trimmed before they were read.
	if err := s.checkTrimmed(ctx, organizationID, after, end); err != nil {
		return nil, after, delayed, err
	}
	if len(changes) == limit {
		return changes, changes[limit-1].Cursor, delayed, nil
	}
	return changes, end, delayed, nil
}

func (s *Store) Active(ctx context.Context, after feed.Cursor) (active []string, next feed.Cursor, delayed time.Time, err error) {
	if err := after.CheckEpoch(s.epoch); err != nil {
		return nil, after, delayed, err
	}
	end, err := s.end(ctx)
	if err != nil {
		return nil, after, delayed, err
	}
	if after.Epoch != "" && after == end {
		return nil, after, delayed, nil
	}
	statement, beginning := listActive, after.Sequence == 0
	if beginning {
		statement = listActiveFromBeginning
	}
	active, err = sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], statement, after.Sequence, end.Sequence)
	if err == nil && !beginning {
		err = s.checkTrimmed(ctx, "", after, end) // as in Changes
	}
	if err != nil {
		return nil, after, delayed, err
	}
	return active, end, delayed, nil
}

func (s *Store) TrimChanges(ctx context.Context, before time.Time, limit int) (removed int, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		var last int64
		err := tx.QueryRow(ctx, getLastExpiredChange, limit, dbtype.Time(&before)).Scan(&last)
		if err != nil || last == 0 {
			return err
		}
		if _, err = tx.Exec(ctx, setAllTrimmed, last); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, trimChanges, last)
		removed = int(n)
		return err
	})
	return removed, err
}

func (s *Store) NewChanges() <-chan struct{} { return s.newChanges.Wait() }
