package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	listSetAside = statements.Load("list_set_aside", "organization_id", "after", "limit")
	getSetAside  = statements.Load("get_set_aside", "organization_id", "user_ids")
	putSetAside  = statements.Load("put_set_aside", "organization_id", "user_id", "mode", "message_id", "sync_id", "traceparent",
		"detail", "attempts", "as_of", "create_time", "retry_time")
	deleteSetAside              = statements.Load("delete_set_aside", "organization_id", "user_ids")
	listUnsettledCounting       = statements.Load("list_unsettled_counting", "organization_id", "limit")
	listUnsettledSuspended      = statements.Load("list_unsettled_suspended", "organization_id", "limit")
	listDueSetAside             = statements.Load("list_due_set_aside", "organization_id", "now", "limit")
	countSetAside               = statements.Load("count_set_aside")
	countSetAsideOfOrganization = statements.Load("count_set_aside_of_organization", "organization_id")
	countSetAsideOfUser         = statements.Load("count_set_aside_of_user", "organization_id", "user_id")
)

func (s *Store) SetAside(ctx context.Context, organizationID, after string, limit int) ([]store.SetAside, error) {
	return pgdb.ReadAll(ctx, s.db, store.SetAsideFields, listSetAside, organizationID, after, limit)
}

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
	return count, dbtype.FromMicros(asOf), pgdb.Reach(err)
}

func (t *organizationTx) SetAsideUsers(ctx context.Context, userIDs []string) (map[string]store.SetAside, error) {
	users := ask(t.queue(), store.SetAsideFields, getSetAside, t.organization, userIDs)
	err := t.send(ctx)
	return store.SetAsideByUser(*users), err
}

func (t *organizationTx) PutSetAside(ctx context.Context, a store.SetAside) error {
	return t.write(ctx, putSetAside,
		t.organization, a.UserID, int(a.Mode), a.MessageID, a.SyncID, a.Traceparent, a.Detail, a.Attempts,
		dbtype.Micros(a.AsOf), dbtype.Micros(a.CreateTime), dbtype.Micros(a.RetryTime))
}

func (t *organizationTx) DeleteSetAside(ctx context.Context, userIDs []string) error {
	return t.write(ctx, deleteSetAside, t.organization, userIDs)
}

// setAsideWork adds the work on users who are set aside to an owner's work.
func (s *Store) setAsideWork(ctx context.Context, organizationID string, now time.Time, limit int, w *store.Work) error {
	var due *[]store.SetAside
	var unsettled *[]string
	// Two statements, so that the index finds the users at once.
	query := listUnsettledCounting
	if w.Settings.WhenUnknown == store.KeepUnknown {
		query = listUnsettledSuspended
	}
	err := s.snapshot(ctx, func(b *pgx.Batch) {
		due = ask(b, store.SetAsideFields, listDueSetAside, organizationID, dbtype.Micros(now), limit)
		unsettled = ask(b, dbtype.Value[string], query, organizationID, limit)
	})
	w.Due, w.Unsettled = *due, *unsettled
	return err
}
