package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// record is what a change record says beyond its cause.
type record struct {
	group       bool
	id          string
	revision    int64
	kind        store.ChangeKind
	memberID    string
	memberGroup bool
}

// record adds a change record and gives the cursor after it.
func (s *Store) record(ctx context.Context, tx *sqldb.Tx, scope store.Scope, r record, cause store.Cause) (feed.Cursor, error) {
	cursor := feed.Cursor{Epoch: s.epoch}
	err := tx.QueryRow(ctx, `INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind,
		member_id, member_group, message_id, traceparent, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING sequence`,
		scope.OrganizationID, scope.DirectoryID, r.group, r.id, r.revision, r.kind, r.memberID, r.memberGroup,
		cause.MessageID, cause.Traceparent, sqldb.Time(&cause.Time)).Scan(&cursor.Sequence)
	return cursor, err
}

// Cursor implements store.Store.
func (s *Store) Cursor(ctx context.Context) (follow, newest feed.Cursor, err error) {
	end, err := s.end(ctx)
	return end, end, err
}

// end is the cursor after the newest record: what is written shows.
func (s *Store) end(ctx context.Context) (feed.Cursor, error) {
	cursor := feed.Cursor{Epoch: s.epoch}
	err := s.db.QueryRow(ctx, `SELECT coalesce(max(sequence), 0) FROM changes`).Scan(&cursor.Sequence)
	return cursor, err
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, organizationID string, after feed.Cursor, limit int) (changes []store.Change, next feed.Cursor, err error) {
	if err := after.CheckEpoch(s.epoch); err != nil {
		return nil, after, err
	}
	// The end is read first: a record that comes in between is met by the next call.
	end, err := s.end(ctx)
	if err != nil {
		return nil, after, err
	}
	rows, err := s.db.Query(ctx, `SELECT sequence, organization_id, directory_id, resource_group, resource_id, revision, kind,
		member_id, member_group, message_id, traceparent, time FROM changes
		WHERE organization_id = ? AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?`,
		organizationID, after.Sequence, end.Sequence, limit)
	changes, err = sqldb.Collect(rows, err, func(scan func(...any) error) (c store.Change, err error) {
		c.Cursor.Epoch = s.epoch
		return c, scan(&c.Cursor.Sequence, &c.OrganizationID, &c.DirectoryID, &c.Group, &c.ResourceID, &c.Revision, &c.Kind,
			&c.MemberID, &c.MemberGroup, &c.MessageID, &c.Traceparent, sqldb.Time(&c.Time))
	})
	if err != nil {
		return nil, after, err
	}
	if len(changes) == limit {
		return changes, changes[limit-1].Cursor, nil
	}
	if end.Before(after) {
		end = after
	}
	return changes, end, nil
}

// Active implements store.Store.
func (s *Store) Active(ctx context.Context, after feed.Cursor) ([]string, feed.Cursor, error) {
	if err := after.CheckEpoch(s.epoch); err != nil {
		return nil, after, err
	}
	end, err := s.end(ctx)
	if err != nil {
		return nil, after, err
	}
	if after.Epoch != "" && !after.Before(end) {
		return nil, after, nil
	}
	// At the beginning this would read every record; the organizations are fewer.
	query := `SELECT DISTINCT organization_id FROM changes WHERE sequence > ?1 AND sequence <= ?2 ORDER BY 1`
	if after.Sequence == 0 {
		query = `WITH RECURSIVE o (id) AS (
				SELECT min(organization_id) FROM changes
				UNION ALL SELECT (SELECT min(organization_id) FROM changes WHERE organization_id > o.id) FROM o WHERE o.id IS NOT NULL)
			SELECT id FROM o WHERE id IS NOT NULL AND ?1 < ?2`
	}
	rows, err := s.db.Query(ctx, query, after.Sequence, end.Sequence)
	active, err := sqldb.Collect(rows, err, scanString)
	if err != nil {
		return nil, after, err
	}
	return active, end, nil
}

// Written implements store.Store.
func (s *Store) Written() <-chan struct{} { return s.written.Wait() }
