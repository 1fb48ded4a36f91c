package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getSync           = statements.Load("get_sync", "organization_id", "id")
	listSyncs         = statements.Load("list_syncs", "organization_id", "before", "limit")
	countRunningSyncs = statements.Load("count_running_syncs")
	getRunningSyncID  = statements.Load("get_running_sync_id", "organization_id")
	insertSync        = statements.Load("insert_sync", "organization_id", "id", "state", "page_token", "after_user", "users_done",
		"access_added", "access_removed", "users_set_aside", "set_aside_ids", "users_total", "pace_users", "pace_micros",
		"started_by", "traceparent", "create_time", "update_time", "end_time")
	deleteOldSyncs = statements.Load("delete_old_syncs", "organization_id", "keep")
	updateSync     = statements.Load("update_sync", "state", "page_token", "after_user", "users_done", "access_added", "access_removed",
		"users_set_aside", "set_aside_ids", "users_total", "pace_users", "pace_micros",
		"update_time", "end_time", "organization_id", "id")
)

func (s *Store) Sync(ctx context.Context, organizationID, id string) (store.Sync, error) {
	return sqlitedb.ReadOne(ctx, s.db, store.SyncFields, fault.Missing("sync", id), getSync, organizationID, id)
}

func (t *organizationTx) Sync(ctx context.Context, id string) (store.Sync, error) {
	return sqlitedb.ReadOne(ctx, t.tx, store.SyncFields, fault.Missing("sync", id), getSync, t.organization, id)
}

func (s *Store) Syncs(ctx context.Context, organizationID, before string, limit int) ([]store.Sync, error) {
	return sqlitedb.ReadAll(ctx, s.db, store.SyncFields, listSyncs, organizationID, before, limit)
}

func (s *Store) RunningSyncs(ctx context.Context) (n int, err error) {
	err = s.db.QueryRow(ctx, countRunningSyncs).Scan(&n)
	return n, err
}

func (t *organizationTx) CreateSync(ctx context.Context, sync store.Sync, keep int) error {
	running, err := sqlitedb.ReadAll(ctx, t.tx, dbtype.Value[string], getRunningSyncID, t.organization)
	if err != nil {
		return err
	}
	if len(running) > 0 {
		return fault.New(fault.SyncRunning, "another rule sync is running").With("sync_id", running[0])
	}
	_, err = t.tx.Exec(ctx, insertSync,
		t.organization, sync.ID, sync.State, sync.Walk.PageToken, sync.Walk.After, sync.UsersDone, sync.Added, sync.Removed, sync.SetAside,
		sync.SetAsideIDs, sync.UsersTotal, sync.Pace.Users, sync.Pace.Micros,
		sync.StartedBy, sync.Traceparent, dbtype.Micros(sync.CreateTime), dbtype.Micros(sync.UpdateTime), dbtype.Micros(sync.EndTime))
	if err != nil {
		return err
	}
	if _, err = t.tx.Exec(ctx, deleteOldSyncs, t.organization, keep); err != nil {
		return err
	}
	_, err = t.tx.Exec(ctx, beginRuleChanges, t.organization)
	return err
}

func (t *organizationTx) PutSync(ctx context.Context, sync store.Sync) error {
	_, err := t.tx.Exec(ctx, updateSync,
		sync.State, sync.Walk.PageToken, sync.Walk.After, sync.UsersDone, sync.Added, sync.Removed, sync.SetAside,
		sync.SetAsideIDs, sync.UsersTotal, sync.Pace.Users, sync.Pace.Micros,
		dbtype.Micros(sync.UpdateTime), dbtype.Micros(sync.EndTime), t.organization, sync.ID)
	return err
}
