package postgres

import (
	"context"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	listSuspensions     = statements.Load("list_suspensions", "organization_id", "after", "limit")
	insertSuspension    = statements.Load("insert_suspension", "organization_id", "user_id", "reason", "suspended_by", "create_time")
	getSuspension       = statements.Load("get_suspension", "organization_id", "user_id")
	deleteSuspension    = statements.Load("delete_suspension", "organization_id", "user_id")
	markHolderSuspended = statements.Load("mark_holder_suspended", "organization_id", "user_id", "suspended")
)

func (s *Store) Suspensions(ctx context.Context, organizationID, after string, limit int) ([]store.Suspension, error) {
	return pgdb.ReadAll(ctx, s.db, store.SuspensionFields, listSuspensions, organizationID, after, limit)
}

func (s *Store) Suspension(ctx context.Context, organizationID, userID string) (store.Suspension, error) {
	found, err := pgdb.ReadAll(ctx, s.db, store.SuspensionFields, getSuspension, organizationID, userID)
	if err != nil || len(found) == 0 {
		return store.Suspension{}, err
	}
	return found[0], nil
}

func (t *organizationTx) Suspend(ctx context.Context, p store.Suspension) (store.Suspension, error) {
	err := t.write(ctx, insertSuspension, t.organization, p.UserID, p.Reason, p.SuspendedBy, dbtype.Micros(p.CreateTime))
	if err != nil {
		return store.Suspension{}, err
	}
	if err := t.markSuspended(ctx, p.UserID, true); err != nil {
		return store.Suspension{}, err
	}
	all := ask(t.queue(), store.SuspensionFields, getSuspension, t.organization, p.UserID)
	err = t.send(ctx)
	return found(*all, err, "suspension", p.UserID)
}

func (t *organizationTx) Resume(ctx context.Context, userID string) error {
	n, err := t.exec(ctx, deleteSuspension, t.organization, userID)
	if err != nil {
		return err
	}
	if n == 0 {
		return store.NotSuspended(userID)
	}
	return t.markSuspended(ctx, userID, false)
}

func (t *organizationTx) markSuspended(ctx context.Context, userID string, suspended bool) error {
	return t.write(ctx, markHolderSuspended, t.organization, userID, suspended)
}
