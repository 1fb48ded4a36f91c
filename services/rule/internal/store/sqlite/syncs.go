package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getSync           = statements.Load("get_sync", "organization_id", "id")
	listSyncs         = statements.Load("list_syncs", "organization_id", "before", "limit")
	countRunningSyncs = statements.Load("count_running_syncs")
	getRunningSyncID  = statements.Load("get_running_sync_id", "organization_id")
	insertSync        = statements.Load("insert_sync", "organization_id", "id", "state", "page_token", "after_user", "users_done",
		"access_added", "access_removed", "users_set_aside", "started_by", "traceparent", "create_time", "update_time", "end_time")
	deleteOldSyncs = statements.Load("delete_old_syncs", "organization_id", "keep")
	updateSync     = statements.Load("update_sync", "state", "page_token", "after_user", "users_done", "access_added", "access_removed",
		"users_set_aside", "update_time", "end_time", "organization_id", "id")
)

func scanSync(scan scan) (store.Sync, error) {
	var s store.Sync
	var created, updated, ended int64
	err := scan(&s.OrganizationID, &s.ID, &s.State, &s.Walk.PageToken, &s.Walk.After, &s.UsersDone, &s.Added, &s.Removed, &s.SetAside,
		&s.StartedBy, &s.Traceparent, &created, &updated, &ended)
	s.CreateTime, s.UpdateTime, s.EndTime = fromMicros(created), fromMicros(updated), fromMicros(ended)
	return s, err
}

// Sync implements store.Store.
func (s *Store) Sync(ctx context.Context, organizationID, id string) (store.Sync, error) {
	sync, err := scanSync(s.db.QueryRow(ctx, getSync, organizationID, id).Scan)
	return found(sync, err, "sync", id)
}

// Sync implements store.Tx.
func (t *organizationTx) Sync(ctx context.Context, id string) (store.Sync, error) {
	sync, err := scanSync(t.tx.QueryRow(ctx, getSync, t.organization, id).Scan)
	return found(sync, err, "sync", id)
}

// Syncs implements store.Store.
func (s *Store) Syncs(ctx context.Context, organizationID, before string, limit int) ([]store.Sync, error) {
	rows, err := s.db.Query(ctx, listSyncs, organizationID, before, limit)
	return sqldb.Collect(rows, err, scanSync)
}

// RunningSyncs implements store.Store.
func (s *Store) RunningSyncs(ctx context.Context) (n int, err error) {
	err = s.db.QueryRow(ctx, countRunningSyncs).Scan(&n)
	return n, err
}

// CreateSync implements store.Tx.
func (t *organizationTx) CreateSync(ctx context.Context, sync store.Sync, keep int) error {
	rows, err := t.tx.Query(ctx, getRunningSyncID, t.organization)
	running, err := sqldb.Collect(rows, err, scanOne[string])
	if err != nil {
		return err
	}
	if len(running) > 0 {
		return fault.New(fault.SyncRunning, "a rule sync is running already").With("sync_id", running[0])
	}
	_, err = t.tx.Exec(ctx, insertSync,
		t.organization, sync.ID, sync.State, sync.Walk.PageToken, sync.Walk.After, sync.UsersDone, sync.Added, sync.Removed, sync.SetAside,
		sync.StartedBy, sync.Traceparent, micros(sync.CreateTime), micros(sync.UpdateTime), micros(sync.EndTime))
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(ctx, deleteOldSyncs, t.organization, keep)
	return err
}

// PutSync implements store.Tx.
func (t *organizationTx) PutSync(ctx context.Context, sync store.Sync) error {
	_, err := t.tx.Exec(ctx, updateSync,
		sync.State, sync.Walk.PageToken, sync.Walk.After, sync.UsersDone, sync.Added, sync.Removed, sync.SetAside,
		micros(sync.UpdateTime), micros(sync.EndTime), t.organization, sync.ID)
	return err
}
