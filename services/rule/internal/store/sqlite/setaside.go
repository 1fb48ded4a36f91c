package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	listSetAside = statements.Load("list_set_aside", "organization_id", "after", "limit")
	getSetAside  = statements.Load("get_set_aside", "organization_id", "user_ids")
	putSetAside  = statements.Load("put_set_aside", "organization_id", "user_id", "mode", "message_id", "sync_id", "traceparent",
		"detail", "attempts", "as_of", "create_time", "retry_time")
	deleteSetAside              = statements.Load("delete_set_aside", "organization_id", "user_ids")
	listDueSetAside             = statements.Load("list_due_set_aside", "organization_id", "now", "limit")
	listUnsettledCounting       = statements.Load("list_unsettled_counting", "organization_id", "limit")
	listUnsettledSuspended      = statements.Load("list_unsettled_suspended", "organization_id", "limit")
	countSetAside               = statements.Load("count_set_aside")
	countSetAsideOfOrganization = statements.Load("count_set_aside_of_organization", "organization_id")
	countSetAsideOfUser         = statements.Load("count_set_aside_of_user", "organization_id", "user_id")
)

func scanSetAside(scan scan) (a store.SetAside, err error) {
	var asOf, created, retry int64
	err = scan(&a.UserID, &a.Mode, &a.MessageID, &a.SyncID, &a.Traceparent, &a.Detail, &a.Attempts, &asOf, &created, &retry)
	a.AsOf, a.CreateTime, a.RetryTime = fromMicros(asOf), fromMicros(created), fromMicros(retry)
	return a, err
}

// SetAside implements store.Store.
func (s *Store) SetAside(ctx context.Context, organizationID, after string, limit int) ([]store.SetAside, error) {
	rows, err := s.db.Query(ctx, listSetAside, organizationID, after, limit)
	return sqldb.Collect(rows, err, scanSetAside)
}

// CountSetAside implements store.Store.
func (s *Store) CountSetAside(ctx context.Context, organizationID, userID string) (count int64, oldest time.Time, err error) {
	query, args := countSetAside, []any{}
	switch {
	case userID != "":
		query, args = countSetAsideOfUser, []any{organizationID, userID}
	case organizationID != "":
		query, args = countSetAsideOfOrganization, []any{organizationID}
	}
	var asOf int64
	err = s.db.QueryRow(ctx, query, args...).Scan(&count, &asOf)
	return count, fromMicros(asOf), err
}

// SetAsideUsers implements store.Tx.
func (t *organizationTx) SetAsideUsers(ctx context.Context, userIDs []string) (map[string]store.SetAside, error) {
	rows, err := t.tx.Query(ctx, getSetAside, t.organization, list(userIDs))
	users, err := sqldb.Collect(rows, err, scanSetAside)
	all := make(map[string]store.SetAside, len(users))
	for _, a := range users {
		all[a.UserID] = a
	}
	return all, err
}

// PutSetAside implements store.Tx.
func (t *organizationTx) PutSetAside(ctx context.Context, a store.SetAside) error {
	_, err := t.tx.Exec(ctx, putSetAside,
		t.organization, a.UserID, a.Mode, a.MessageID, a.SyncID, a.Traceparent, a.Detail, a.Attempts,
		micros(a.AsOf), micros(a.CreateTime), micros(a.RetryTime))
	return err
}

// DeleteSetAside implements store.Tx.
func (t *organizationTx) DeleteSetAside(ctx context.Context, userIDs []string) error {
	_, err := t.tx.Exec(ctx, deleteSetAside, t.organization, list(userIDs))
	return err
}

// setAsideWork adds to an owner's work what there is to do about users that are set aside.
func setAsideWork(ctx context.Context, tx *sqldb.Tx, organizationID string, now time.Time, limit int, w *store.Work) error {
	rows, err := tx.Query(ctx, listDueSetAside, organizationID, micros(now), limit)
	if w.Due, err = sqldb.Collect(rows, err, scanSetAside); err != nil {
		return err
	}
	// Two texts, so that the index gives the users at once.
	query := listUnsettledCounting
	if w.Settings.WhenUnknown == store.KeepUnknown {
		query = listUnsettledSuspended
	}
	rows, err = tx.Query(ctx, query, organizationID, limit)
	w.Unsettled, err = sqldb.Collect(rows, err, scanOne[string])
	return err
}
