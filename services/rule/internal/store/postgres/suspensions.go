package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func scanSuspension(row pgx.CollectableRow) (p store.Suspension, err error) {
	var created int64
	err = row.Scan(&p.UserID, &p.Reason, &p.SuspendedBy, &created)
	p.CreateTime = fromMicros(created)
	return p, err
}

// Suspensions implements store.Store.
func (s *Store) Suspensions(ctx context.Context, organizationID, after string, limit int) ([]store.Suspension, error) {
	return list(ctx, s.db, scanSuspension, `SELECT user_id, reason, suspended_by, create_time FROM suspensions
		WHERE organization_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3`, organizationID, after, limit)
}

// Suspend implements store.Tx.
func (t *organizationTx) Suspend(ctx context.Context, p store.Suspension) (store.Suspension, error) {
	err := t.write(ctx, `INSERT INTO suspensions (organization_id, user_id, reason, suspended_by, create_time) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT DO NOTHING`, t.organization, p.UserID, p.Reason, p.SuspendedBy, micros(p.CreateTime))
	if err != nil {
		return store.Suspension{}, err
	}
	if err := t.markSuspended(ctx, p.UserID, true); err != nil {
		return store.Suspension{}, err
	}
	all := ask(t.queue(), scanSuspension, `SELECT user_id, reason, suspended_by, create_time FROM suspensions
		WHERE organization_id = $1 AND user_id = $2`, t.organization, p.UserID)
	err = t.send(ctx)
	return found(*all, err, "suspension", p.UserID)
}

// Resume implements store.Tx.
func (t *organizationTx) Resume(ctx context.Context, userID string) error {
	n, err := t.exec(ctx, `DELETE FROM suspensions WHERE organization_id = $1 AND user_id = $2`, t.organization, userID)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.Missing("suspension", userID)
	}
	return t.markSuspended(ctx, userID, false)
}

func (t *organizationTx) markSuspended(ctx context.Context, userID string, suspended bool) error {
	return t.write(ctx, `UPDATE holders SET suspended = $3 WHERE organization_id = $1 AND user_id = $2`, t.organization, userID, suspended)
}
