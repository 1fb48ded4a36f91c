package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	listSuspensions     = statements.Load("list_suspensions", "organization_id", "after", "limit")
	insertSuspension    = statements.Load("insert_suspension", "organization_id", "user_id", "reason", "suspended_by", "create_time")
	getSuspension       = statements.Load("get_suspension", "organization_id", "user_id")
	deleteSuspension    = statements.Load("delete_suspension", "organization_id", "user_id")
	markHolderSuspended = statements.Load("mark_holder_suspended", "organization_id", "user_id", "suspended")
)

func scanSuspension(row pgx.CollectableRow) (p store.Suspension, err error) {
	var created int64
	err = row.Scan(&p.UserID, &p.Reason, &p.SuspendedBy, &created)
	p.CreateTime = fromMicros(created)
	return p, err
}

// Suspensions implements store.Store.
func (s *Store) Suspensions(ctx context.Context, organizationID, after string, limit int) ([]store.Suspension, error) {
	return list(ctx, s.db, scanSuspension, listSuspensions, organizationID, after, limit)
}

// Suspend implements store.Tx.
func (t *organizationTx) Suspend(ctx context.Context, p store.Suspension) (store.Suspension, error) {
	err := t.write(ctx, insertSuspension, t.organization, p.UserID, p.Reason, p.SuspendedBy, micros(p.CreateTime))
	if err != nil {
		return store.Suspension{}, err
	}
	if err := t.markSuspended(ctx, p.UserID, true); err != nil {
		return store.Suspension{}, err
	}
	all := ask(t.queue(), scanSuspension, getSuspension, t.organization, p.UserID)
	err = t.send(ctx)
	return found(*all, err, "suspension", p.UserID)
}

// Resume implements store.Tx.
func (t *organizationTx) Resume(ctx context.Context, userID string) error {
	n, err := t.exec(ctx, deleteSuspension, t.organization, userID)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.Missing("suspension", userID)
	}
	return t.markSuspended(ctx, userID, false)
}

func (t *organizationTx) markSuspended(ctx context.Context, userID string, suspended bool) error {
	return t.write(ctx, markHolderSuspended, t.organization, userID, suspended)
}
