package postgres

import (
	"context"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
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
	updateSync     = statements.Load("update_sync", "organization_id", "id", "state", "page_token", "after_user", "users_done",
		"access_added", "access_removed", "users_set_aside", "set_aside_ids", "users_total", "pace_users", "pace_micros",
		"update_time", "end_time")
)

func (s *Store) Sync(ctx context.Context, organizationID, id string) (store.Sync, error) {
	all, err := pgdb.ReadAll(ctx, s.db, store.SyncFields, getSync, organizationID, id)
	return found(all, err, "sync", id)
}

func (t *organizationTx) Sync(ctx context.Context, id string) (store.Sync, error) {
	all := ask(t.queue(), store.SyncFields, getSync, t.organization, id)
	err := t.send(ctx)
	return found(*all, err, "sync", id)
}

func (s *Store) Syncs(ctx context.Context, organizationID, before string, limit int) ([]store.Sync, error) {
	return pgdb.ReadAll(ctx, s.db, store.SyncFields, listSyncs, organizationID, before, limit)
}

func (s *Store) RunningSyncs(ctx context.Context) (int, error) {
	all, err := pgdb.ReadAll(ctx, s.db, dbtype.Value[int], countRunningSyncs)
	if err != nil {
		return 0, err
	}
	return all[0], nil
}

func (t *organizationTx) CreateSync(ctx context.Context, sync store.Sync, keep int) error {
	running := ask(t.queue(), dbtype.Value[string], getRunningSyncID, t.organization)
	if err := t.send(ctx); err != nil {
		return err
	}
	if len(*running) > 0 {
		return fault.New(fault.SyncRunning, "another rule sync is running").With("sync_id", (*running)[0])
	}
	err := t.write(ctx, insertSync,
		t.organization, sync.ID, sync.State, sync.Walk.PageToken, sync.Walk.After, sync.UsersDone, sync.Added, sync.Removed, sync.SetAside,
		sync.SetAsideIDs, sync.UsersTotal, sync.Pace.Users, sync.Pace.Micros,
		sync.StartedBy, sync.Traceparent, dbtype.Micros(sync.CreateTime), dbtype.Micros(sync.UpdateTime), dbtype.Micros(sync.EndTime))
	if err != nil {
		return err
	}
	if err := t.write(ctx, deleteOldSyncs, t.organization, keep); err != nil {
		return err
	}
	return t.write(ctx, beginRuleChanges, t.organization)
}

func (t *organizationTx) PutSync(ctx context.Context, sync store.Sync) error {
	return t.write(ctx, updateSync,
		t.organization, sync.ID, sync.State, sync.Walk.PageToken, sync.Walk.After, sync.UsersDone, sync.Added, sync.Removed, sync.SetAside,
		sync.SetAsideIDs, sync.UsersTotal, sync.Pace.Users, sync.Pace.Micros,
		dbtype.Micros(sync.UpdateTime), dbtype.Micros(sync.EndTime))
}
