package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

const setAsideColumns = `a.user_id, a.mode, a.message_id, a.sync_id, a.traceparent, a.detail, a.attempts, a.as_of, a.create_time, a.retry_time`

func scanSetAside(scan scan) (a store.SetAside, err error) {
	var asOf, created, retry int64
	err = scan(&a.UserID, &a.Mode, &a.MessageID, &a.SyncID, &a.Traceparent, &a.Detail, &a.Attempts, &asOf, &created, &retry)
	a.AsOf, a.CreateTime, a.RetryTime = fromMicros(asOf), fromMicros(created), fromMicros(retry)
	return a, err
}

// SetAside implements store.Store.
func (s *Store) SetAside(ctx context.Context, organizationID, after string, limit int) ([]store.SetAside, error) {
	rows, err := s.db.Query(ctx, `SELECT `+setAsideColumns+` FROM set_aside a WHERE organization_id = ? AND user_id > ?
		ORDER BY user_id LIMIT ?`, organizationID, after, limit)
	return sqldb.Collect(rows, err, scanSetAside)
}

// CountSetAside implements store.Store.
func (s *Store) CountSetAside(ctx context.Context, organizationID, userID string) (count int64, oldest time.Time, err error) {
	query, args := `SELECT count(*), coalesce(min(as_of), 0) FROM set_aside`, []any{}
	if organizationID != "" {
		query, args = query+` WHERE organization_id = ?`, append(args, organizationID)
	}
	if userID != "" {
		query, args = query+` AND user_id = ?`, append(args, userID)
	}
	var asOf int64
	err = s.db.QueryRow(ctx, query, args...).Scan(&count, &asOf)
	return count, fromMicros(asOf), err
}

// SetAsideUsers implements store.Tx.
func (t *organizationTx) SetAsideUsers(ctx context.Context, userIDs []string) (map[string]store.SetAside, error) {
	rows, err := t.tx.Query(ctx, `SELECT `+setAsideColumns+` FROM json_each(?2) j
		CROSS JOIN set_aside a ON a.organization_id = ?1 AND a.user_id = j.value`, t.organization, list(userIDs))
	users, err := sqldb.Collect(rows, err, scanSetAside)
	all := make(map[string]store.SetAside, len(users))
	for _, a := range users {
		all[a.UserID] = a
	}
	return all, err
}

// PutSetAside implements store.Tx.
func (t *organizationTx) PutSetAside(ctx context.Context, a store.SetAside) error {
	_, err := t.tx.Exec(ctx, `INSERT OR REPLACE INTO set_aside (organization_id, user_id, mode, message_id, sync_id, traceparent,
		detail, attempts, as_of, create_time, retry_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.organization, a.UserID, a.Mode, a.MessageID, a.SyncID, a.Traceparent, a.Detail, a.Attempts,
		micros(a.AsOf), micros(a.CreateTime), micros(a.RetryTime))
	return err
}

// DeleteSetAside implements store.Tx.
func (t *organizationTx) DeleteSetAside(ctx context.Context, userIDs []string) error {
	_, err := t.tx.Exec(ctx, `DELETE FROM set_aside WHERE organization_id = ? AND user_id IN (SELECT value FROM json_each(?))`,
		t.organization, list(userIDs))
	return err
}

// setAsideWork adds to an owner's work what there is to do about users that are set aside.
func setAsideWork(ctx context.Context, tx *sqldb.Tx, organizationID string, now time.Time, limit int, w *store.Work) error {
	rows, err := tx.Query(ctx, `SELECT `+setAsideColumns+` FROM set_aside a WHERE organization_id = ? AND retry_time <= ?
		ORDER BY retry_time, user_id LIMIT ?`, organizationID, micros(now), limit)
	if w.Due, err = sqldb.Collect(rows, err, scanSetAside); err != nil {
		return err
	}
	// Two texts, so that the index gives the users at once.
	query := `SELECT user_id FROM holders WHERE organization_id = ? AND unknown_as_of > 0 AND rule_access = 0 ORDER BY user_id LIMIT ?`
	if w.Settings.WhenUnknown == store.KeepUnknown {
		query = `SELECT user_id FROM holders WHERE organization_id = ? AND unknown_as_of > 0 AND rule_access > 0 ORDER BY rule_access, user_id LIMIT ?`
	}
	rows, err = tx.Query(ctx, query, organizationID, limit)
	w.Unsettled, err = sqldb.Collect(rows, err, scanOne[string])
	return err
}
