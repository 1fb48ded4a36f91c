package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Acquire implements store.Store.
func (s *Store) Acquire(ctx context.Context, organizationID, owner string, now, expire time.Time) (store.Lease, bool, time.Time, error) {
	lease := store.Lease{Owner: owner, Expire: expire}
	var held bool
	var until time.Time
	err := s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		if err := know(ctx, tx, organizationID); err != nil {
			return err
		}
		var other string
		var expires int64
		var erasing bool
		err := tx.QueryRow(ctx, `SELECT owner_id, owner_token, owner_expire_time, erasing > 0 FROM organizations WHERE organization_id = ?`,
			organizationID).Scan(&other, &lease.Token, &expires, &erasing)
		if err != nil {
			return err
		}
		if erasing {
			return store.Erasing(organizationID)
		}
		if held = other != owner && expires > micros(now); held {
			until = fromMicros(expires)
			return nil
		}
		lease.Token++
		_, err = tx.Exec(ctx, `UPDATE organizations SET owner_id = ?, owner_token = ?, owner_expire_time = ?
			WHERE organization_id = ?`, owner, lease.Token, micros(expire), organizationID)
		return err
	})
	if err != nil || held {
		return store.Lease{}, held, until, err
	}
	return lease, false, time.Time{}, nil
}

// Release implements store.Store.
func (s *Store) Release(ctx context.Context, leases map[string]store.Lease) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		for organization, lease := range leases {
			_, err := tx.Exec(ctx, `UPDATE organizations SET owner_expire_time = 0
				WHERE organization_id = ? AND owner_id = ? AND owner_token = ?`, organization, lease.Owner, lease.Token)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Own implements store.Tx.
func (t *organizationTx) Own(ctx context.Context, lease store.Lease, extend time.Time) error {
	var newest bool
	err := t.tx.QueryRow(ctx, `SELECT owner_id = ? AND owner_token = ? FROM organizations WHERE organization_id = ?`,
		lease.Owner, lease.Token, t.organization).Scan(&newest)
	if err != nil {
		return err
	}
	if !newest {
		return store.ErrLostOwnership
	}
	if extend.IsZero() {
		return nil
	}
	_, err = t.tx.Exec(ctx, `UPDATE organizations SET owner_expire_time = ? WHERE organization_id = ?`, micros(extend), t.organization)
	return err
}

// Work implements store.Store.
func (s *Store) Work(ctx context.Context, organizationID string, now time.Time, limit int) (w store.Work, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		var recovering bool
		var walk store.Walk
		var asOf, due int64
		err := tx.QueryRow(ctx, `SELECT checkpoint, as_of, behind, erasing > 0, when_unknown, recovering, recovery_token, recovery_after,
			coalesce((SELECT min(retry_time) FROM set_aside WHERE organization_id = ?1), 0)
			FROM organizations WHERE organization_id = ?1`, organizationID).Scan(&w.Progress.Checkpoint, &asOf, &w.Progress.Behind,
			&w.Progress.Erasing, &w.Settings.WhenUnknown, &recovering, &walk.PageToken, &walk.After, &due)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // nobody has written anything of it
		}
		if err != nil {
			return err
		}
		if w.Progress.Erasing {
			return store.Erasing(organizationID)
		}
		w.Progress.AsOf, w.NextDue = fromMicros(asOf), fromMicros(due)
		if recovering {
			w.Recovery = &walk
		}
		if due != 0 {
			if err := setAsideWork(ctx, tx, organizationID, now, limit, &w); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, `SELECT id FROM rules WHERE organization_id = ? AND unresolved = 1 ORDER BY id LIMIT ?`,
			organizationID, limit)
		if w.Unresolved, err = sqldb.Collect(rows, err, scanOne[string]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `SELECT user_id FROM requeued WHERE organization_id = ? ORDER BY user_id LIMIT ?`,
			organizationID, limit)
		if w.Requeued, err = sqldb.Collect(rows, err, scanOne[string]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `SELECT id, root, group_id, page_token, from_cursor, message_id, traceparent FROM expansions
			WHERE organization_id = ? AND done = 0 ORDER BY root, group_id, id LIMIT ?`, organizationID, limit)
		w.Expansions, err = sqldb.Collect(rows, err, func(scan scan) (e store.Expansion, err error) {
			return e, scan(&e.ID, &e.Root, &e.GroupID, &e.PageToken, &e.From, &e.MessageID, &e.Traceparent)
		})
		if err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `SELECT `+syncColumns+` FROM syncs WHERE organization_id = ? AND state = 1`, organizationID)
		syncs, err := sqldb.Collect(rows, err, scanSync)
		if err != nil {
			return err
		}
		if len(syncs) > 0 {
			w.Sync = &syncs[0]
		}
		return nil
	})
	return w, err
}

// Activity implements store.Store.
func (s *Store) Activity(ctx context.Context) (cursor string, err error) {
	err = s.db.QueryRow(ctx, `SELECT cursor FROM activity`).Scan(&cursor)
	return cursor, err
}

// SaveActivity implements store.Store.
func (s *Store) SaveActivity(ctx context.Context, cursor string, organizationIDs []string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		for _, id := range organizationIDs {
			if err := know(ctx, tx, id); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE activity SET cursor = ?`, cursor)
		return err
	})
}

// SetCheckpoint implements store.Tx.
func (t *organizationTx) SetCheckpoint(ctx context.Context, cursor string) error {
	_, err := t.tx.Exec(ctx, `UPDATE organizations SET checkpoint = ? WHERE organization_id = ?`, cursor, t.organization)
	return err
}

// Expand implements store.Tx.
func (t *organizationTx) Expand(ctx context.Context, e store.Expansion) error {
	const next = `(SELECT coalesce(max(newest), 0) + 1 FROM expansions WHERE organization_id = ?1)`
	merged, err := t.tx.Exec(ctx, `UPDATE expansions SET newest = `+next+`
		WHERE organization_id = ?1 AND group_id = ?2 AND done = 0 AND started = 0`, t.organization, e.GroupID)
	if err != nil || merged > 0 {
		return err
	}
	_, err = t.tx.Exec(ctx, `INSERT INTO expansions (organization_id, group_id, id, root, newest, from_cursor, message_id, traceparent)
		SELECT ?1, ?2, n, n, n, ?3, ?4, ?5 FROM (SELECT `+next+` AS n)`, t.organization, e.GroupID, e.From, e.MessageID, e.Traceparent)
	return err
}

// ExpandWithin implements store.Tx.
func (t *organizationTx) ExpandWithin(ctx context.Context, e store.Expansion, groupIDs []string) error {
	if len(groupIDs) == 0 {
		return nil
	}
	var newest int64
	if err := t.tx.QueryRow(ctx, `SELECT newest FROM expansions WHERE organization_id = ? AND group_id = ? AND id = ?`,
		t.organization, e.GroupID, e.ID).Scan(&newest); err != nil {
		return err
	}
	for _, id := range groupIDs {
		merged, err := t.tx.Exec(ctx, `UPDATE expansions SET newest = max(newest, ?3), root = min(root, ?4),
				from_cursor = CASE WHEN ?4 < root THEN ?5 ELSE from_cursor END
			WHERE organization_id = ?1 AND group_id = ?2 AND done = 0 AND started = 0`, t.organization, id, newest, e.Root, e.From)
		if err != nil {
			return err
		}
		if merged > 0 {
			continue
		}
		_, err = t.tx.Exec(ctx, `INSERT INTO expansions (organization_id, group_id, id, root, newest, from_cursor, message_id, traceparent)
			SELECT ?1, ?2, ?3, ?4, ?3, ?5, ?6, ?7
			WHERE NOT EXISTS (SELECT 1 FROM expansions WHERE organization_id = ?1 AND group_id = ?2 AND started >= ?3)`,
			t.organization, id, newest, e.Root, e.From, e.MessageID, e.Traceparent)
		if err != nil {
			return err
		}
	}
	return nil
}

// ExpandedTo implements store.Tx.
func (t *organizationTx) ExpandedTo(ctx context.Context, e store.Expansion, pageToken string, done bool) error {
	_, err := t.tx.Exec(ctx, `UPDATE expansions SET page_token = ?4, done = ?5,
			started = CASE started WHEN 0 THEN (SELECT max(newest) FROM expansions WHERE organization_id = ?1) ELSE started END
		WHERE organization_id = ?1 AND group_id = ?2 AND id = ?3`, t.organization, e.GroupID, e.ID, pageToken, done)
	if err != nil || !done {
		return err
	}
	_, err = t.tx.Exec(ctx, `DELETE FROM expansions WHERE organization_id = ?1 AND group_id = ?2 AND id < ?3 AND done = 1`,
		t.organization, e.GroupID, e.ID)
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(ctx, `DELETE FROM expansions WHERE organization_id = ?1
		AND NOT EXISTS (SELECT 1 FROM expansions WHERE organization_id = ?1 AND done = 0)`, t.organization)
	return err
}

// Requeue implements store.Tx.
func (t *organizationTx) Requeue(ctx context.Context, userIDs []string) error {
	for _, id := range userIDs {
		_, err := t.tx.Exec(ctx, `INSERT OR IGNORE INTO requeued (organization_id, user_id) VALUES (?, ?)`, t.organization, id)
		if err != nil {
			return err
		}
	}
	return nil
}

// Unqueue implements store.Tx.
func (t *organizationTx) Unqueue(ctx context.Context, userIDs []string) error {
	_, err := t.tx.Exec(ctx, `DELETE FROM requeued WHERE organization_id = ? AND user_id IN (SELECT value FROM json_each(?))`,
		t.organization, list(userIDs))
	return err
}

// SetRecovery implements store.Tx.
func (t *organizationTx) SetRecovery(ctx context.Context, walk *store.Walk) error {
	at := store.Walk{}
	if walk != nil {
		at = *walk
	}
	_, err := t.tx.Exec(ctx, `UPDATE organizations SET recovering = ?, recovery_token = ?, recovery_after = ?
		WHERE organization_id = ?`, walk != nil, at.PageToken, at.After, t.organization)
	return err
}
