package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

const setAsideColumns = `a.user_id, a.mode, a.message_id, a.sync_id, a.traceparent, a.detail, a.attempts, a.as_of, a.create_time, a.retry_time`

func scanSetAside(row pgx.CollectableRow) (a store.SetAside, err error) {
	var asOf, created, retry int64
	err = row.Scan(&a.UserID, &a.Mode, &a.MessageID, &a.SyncID, &a.Traceparent, &a.Detail, &a.Attempts, &asOf, &created, &retry)
	a.AsOf, a.CreateTime, a.RetryTime = fromMicros(asOf), fromMicros(created), fromMicros(retry)
	return a, err
}

// SetAside implements store.Store.
func (s *Store) SetAside(ctx context.Context, organizationID, after string, limit int) ([]store.SetAside, error) {
	return list(ctx, s.db, scanSetAside, `SELECT `+setAsideColumns+` FROM set_aside a WHERE organization_id = $1 AND user_id > $2
		ORDER BY user_id LIMIT $3`, organizationID, after, limit)
}

// CountSetAside implements store.Store.
func (s *Store) CountSetAside(ctx context.Context, organizationID, userID string) (count int64, oldest time.Time, err error) {
	query, args := `SELECT count(*), coalesce(min(as_of), 0) FROM set_aside`, []any{}
	if organizationID != "" {
		query, args = query+` WHERE organization_id = $1`, append(args, organizationID)
	}
	if userID != "" {
		query, args = query+` AND user_id = $2`, append(args, userID)
	}
	var asOf int64
	err = s.db.QueryRow(ctx, query, args...).Scan(&count, &asOf)
	return count, fromMicros(asOf), sqldb.Reach(err)
}

// SetAsideUsers implements store.Tx.
func (t *organizationTx) SetAsideUsers(ctx context.Context, userIDs []string) (map[string]store.SetAside, error) {
	users := ask(t.queue(), scanSetAside, `SELECT `+setAsideColumns+` FROM unnest($2::text[]) AS u (id)
		CROSS JOIN LATERAL (SELECT * FROM set_aside WHERE organization_id = $1 AND user_id = u.id OFFSET 0) a`, t.organization, userIDs)
	err := t.send(ctx)
	all := make(map[string]store.SetAside, len(*users))
	for _, a := range *users {
		all[a.UserID] = a
	}
	return all, err
}

// PutSetAside implements store.Tx.
func (t *organizationTx) PutSetAside(ctx context.Context, a store.SetAside) error {
	return t.write(ctx, `INSERT INTO set_aside (organization_id, user_id, mode, message_id, sync_id, traceparent, detail, attempts,
			as_of, create_time, retry_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (organization_id, user_id) DO UPDATE SET mode = excluded.mode, message_id = excluded.message_id,
			sync_id = excluded.sync_id, traceparent = excluded.traceparent, detail = excluded.detail, attempts = excluded.attempts,
			as_of = excluded.as_of, create_time = excluded.create_time, retry_time = excluded.retry_time`,
		t.organization, a.UserID, int(a.Mode), a.MessageID, a.SyncID, a.Traceparent, a.Detail, a.Attempts,
		micros(a.AsOf), micros(a.CreateTime), micros(a.RetryTime))
}

// DeleteSetAside implements store.Tx.
func (t *organizationTx) DeleteSetAside(ctx context.Context, userIDs []string) error {
	return t.write(ctx, `DELETE FROM set_aside WHERE organization_id = $1 AND ctid = ANY (ARRAY (SELECT a.ctid FROM unnest($2::text[]) AS u (id)
		CROSS JOIN LATERAL (SELECT ctid FROM set_aside WHERE organization_id = $1 AND user_id = u.id OFFSET 0) a))`, t.organization, userIDs)
}

// setAsideWork adds to an owner's work what there is to do about users that are set aside.
func (s *Store) setAsideWork(ctx context.Context, organizationID string, now time.Time, limit int, w *store.Work) error {
	var due *[]store.SetAside
	var unsettled *[]string
	// Two texts, so that the index gives the users at once.
	query := `SELECT user_id FROM holders WHERE organization_id = $1 AND unknown_as_of > 0 AND rule_access = 0 ORDER BY user_id LIMIT $2`
	if w.Settings.WhenUnknown == store.KeepUnknown {
		query = `SELECT user_id FROM holders WHERE organization_id = $1 AND unknown_as_of > 0 AND rule_access > 0 ORDER BY rule_access, user_id LIMIT $2`
	}
	err := s.snapshot(ctx, func(b *pgx.Batch) {
		due = ask(b, scanSetAside, `SELECT `+setAsideColumns+` FROM set_aside a WHERE organization_id = $1 AND retry_time <= $2
			ORDER BY retry_time, user_id LIMIT $3`, organizationID, micros(now), limit)
		unsettled = ask(b, pgx.RowTo[string], query, organizationID, limit)
	})
	w.Due, w.Unsettled = *due, *unsettled
	return err
}
