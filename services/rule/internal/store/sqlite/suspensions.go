package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func scanSuspension(scan scan) (p store.Suspension, err error) {
	var created int64
	err = scan(&p.UserID, &p.Reason, &p.SuspendedBy, &created)
	p.CreateTime = fromMicros(created)
	return p, err
}

// Suspensions implements store.Store.
func (s *Store) Suspensions(ctx context.Context, organizationID, after string, limit int) ([]store.Suspension, error) {
	rows, err := s.db.Query(ctx, `SELECT user_id, reason, suspended_by, create_time FROM suspensions
		WHERE organization_id = ? AND user_id > ? ORDER BY user_id LIMIT ?`, organizationID, after, limit)
	return sqldb.Collect(rows, err, scanSuspension)
}

// Suspend implements store.Tx.
func (t *organizationTx) Suspend(ctx context.Context, p store.Suspension) (store.Suspension, error) {
	_, err := t.tx.Exec(ctx, `INSERT OR IGNORE INTO suspensions (organization_id, user_id, reason, suspended_by, create_time)
		VALUES (?, ?, ?, ?, ?)`, t.organization, p.UserID, p.Reason, p.SuspendedBy, micros(p.CreateTime))
	if err != nil {
		return store.Suspension{}, err
	}
	if err := t.markSuspended(ctx, p.UserID, true); err != nil {
		return store.Suspension{}, err
	}
	return scanSuspension(t.tx.QueryRow(ctx, `SELECT user_id, reason, suspended_by, create_time FROM suspensions
		WHERE organization_id = ? AND user_id = ?`, t.organization, p.UserID).Scan)
}

// Resume implements store.Tx.
func (t *organizationTx) Resume(ctx context.Context, userID string) error {
	n, err := t.tx.Exec(ctx, `DELETE FROM suspensions WHERE organization_id = ? AND user_id = ?`, t.organization, userID)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.Missing("suspension", userID)
	}
	if err := t.tx.Erased(ctx); err != nil { // its reason is somebody's words
		return err
	}
	return t.markSuspended(ctx, userID, false)
}

func (t *organizationTx) markSuspended(ctx context.Context, userID string, suspended bool) error {
	_, err := t.tx.Exec(ctx, `UPDATE holders SET suspended = ? WHERE organization_id = ? AND user_id = ?`, suspended, t.organization, userID)
	return err
}
