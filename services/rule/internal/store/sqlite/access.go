package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	checkAccess        = statements.Load("check_access", "organization_id", "user_id", "tenant_id", "role_id")
	findSuspension     = statements.Load("find_suspension", "organization_id", "user_id")
	listProgress       = statements.Load("list_progress", "organization_ids")
	getHolders         = statements.Load("get_holders", "organization_id", "user_ids")
	listSuspendedUsers = statements.Load("list_suspended_users", "organization_id", "user_ids")
	getSources         = statements.Load("get_sources", "organization_id", "user_ids")
	putHolder          = statements.Load("put_holder", "organization_id", "user_id", "active", "directory_id", "detached", "digest",
		"unknown_as_of", "rule_access")
	deleteSourcesOfUser = statements.Load("delete_sources_of_user", "organization_id", "user_id")
	deleteHolder        = statements.Load("delete_holder", "organization_id", "user_id")
	putSource           = statements.Load("put_source", "organization_id", "user_id", "tenant_id", "role_id", "kind", "rule_id", "granted_by",
		"create_time", "retained", "keep", "kept_time")
	deleteSource      = statements.Load("delete_source", "organization_id", "user_id", "tenant_id", "role_id", "kind", "rule_id")
	countEffective    = statements.Load("count_effective", "organization_id", "role_id", "tenant_id", "up_to")
	listRetainedUsers = statements.Load("list_retained_users", "organization_id")
	listAccess        = statements.Load("list_access", "organization_id", "after_user", "after_tenant", "after_role", "limit")
	listAccessOfUser  = statements.Load("list_access_of_user", "organization_id", "after_user", "after_tenant", "after_role", "limit",
		"user_id", "tenant_id", "role_id")
	listAccessOfTenant = statements.Load("list_access_of_tenant", "organization_id", "after_user", "after_tenant", "after_role",
		"limit", "tenant_id")
	listAccessOfRole = statements.Load("list_access_of_role", "organization_id", "after_user", "after_tenant", "after_role", "limit",
		"role_id")
	listAccessOfTenantAndRole = statements.Load("list_access_of_tenant_and_role", "organization_id", "after_user", "after_tenant",
		"after_role", "limit", "tenant_id", "role_id")
	listHolderIDs     = statements.Load("list_holder_ids", "organization_id", "after", "limit")
	listHolderIDsUpTo = statements.Load("list_holder_ids_up_to", "organization_id", "after", "up_to", "limit")
)

func (s *Store) Check(ctx context.Context, organizationID, userID string, grant store.Grant) (c store.Check, err error) {
	var row struct{ known, allowed int64 }
	err = s.db.QueryRow(ctx, checkAccess, organizationID, userID, grant.TenantID, grant.RoleID).
		Scan(&row.known, &c.Suspended, &row.allowed)
	if errors.Is(err, sql.ErrNoRows) { // a user who was never a holder may be suspended
		err = s.db.QueryRow(ctx, findSuspension, organizationID, userID).Scan(&c.Suspended)
	}
	c.UnknownAsOf, c.Allowed, c.Kept = dbtype.FromMicros(row.known), row.allowed > 0, row.allowed == 2
	return c, err
}

func (s *Store) Holder(ctx context.Context, organizationID, userID string) (h store.Holder, aside store.SetAside, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		t := &organizationTx{tx: tx, organization: organizationID, epoch: s.epoch}
		holders, err := t.Holders(ctx, []string{userID})
		if err != nil {
			return err
		}
		users, err := t.SetAsideUsers(ctx, []string{userID})
		h, aside = store.HolderOf(holders, userID), users[userID]
		return err
	})
	return h, aside, err
}

func (s *Store) Progress(ctx context.Context, organizationIDs []string) (map[string]store.Progress, error) {
	all, err := sqlitedb.ReadAll(ctx, s.db, store.ProgressFields, listProgress, list(organizationIDs))
	return store.ProgressByOrganization(all), err
}

// accessPage chooses the statement of a page of access by the set filters: each has its own index.
func accessPage(organizationID string, filter store.AccessFilter, after store.AccessKey, limit int) (statement string, args []any) {
	args = []any{organizationID, after.UserID, after.TenantID, after.RoleID, limit}
	switch {
	case filter.UserID != "":
		return listAccessOfUser, append(args, filter.UserID, filter.TenantID, filter.RoleID)
	case filter.TenantID != "" && filter.RoleID != "":
		return listAccessOfTenantAndRole, append(args, filter.TenantID, filter.RoleID)
	case filter.TenantID != "":
		return listAccessOfTenant, append(args, filter.TenantID)
	case filter.RoleID != "":
		return listAccessOfRole, append(args, filter.RoleID)
	default:
		return listAccess, args
	}
}

func (s *Store) Access(ctx context.Context, organizationID string, filter store.AccessFilter, after store.AccessKey, limit int) ([]store.Access, error) {
	statement, args := accessPage(organizationID, filter, after, limit)
	sources, err := sqlitedb.ReadAll(ctx, s.db, store.SourceOfHolderFields, statement, args...)
	return store.AccessOf(sources), err
}

func (s *Store) HolderIDs(ctx context.Context, organizationID, after, upTo string, limit int) ([]string, error) {
	statement, args := listHolderIDs, []any{organizationID, after, limit}
	if upTo != "" { // an optional bound in one statement would not limit the index scan
		statement, args = listHolderIDsUpTo, []any{organizationID, after, upTo, limit}
	}
	return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], statement, args...)
}

func (t *organizationTx) Holders(ctx context.Context, userIDs []string) (map[string]store.Holder, error) {
	ids := list(userIDs)
	holders, err := sqlitedb.ReadAll(ctx, t.tx, store.HolderFields, getHolders, t.organization, ids)
	if err != nil {
		return nil, err
	}
	sources, err := sqlitedb.ReadAll(ctx, t.tx, store.SourceFields, getSources, t.organization, ids)
	if err != nil {
		return nil, err
	}
	suspended, err := sqlitedb.ReadAll(ctx, t.tx, dbtype.Value[string], listSuspendedUsers, t.organization, ids)
	all := store.WithSources(holders, sources)
	for _, id := range suspended {
		if _, holder := all[id]; !holder {
			all[id] = store.Holder{UserID: id, New: true, Suspended: true}
		}
	}
	return all, err
}

func (t *organizationTx) PutHolder(ctx context.Context, h store.Holder) error {
	_, err := t.tx.Exec(ctx, putHolder,
		t.organization, h.UserID, h.Active, h.DirectoryID, h.Detached, h.Digest, dbtype.Micros(h.UnknownAsOf), h.RuleAccess)
	return err
}

func (t *organizationTx) DeleteHolder(ctx context.Context, userID string) error {
	if _, err := t.tx.Exec(ctx, deleteSourcesOfUser, t.organization, userID); err != nil {
		return err
	}
	_, err := t.tx.Exec(ctx, deleteHolder, t.organization, userID)
	return err
}

func (t *organizationTx) PutSource(ctx context.Context, userID string, s store.Source) error {
	_, err := t.tx.Exec(ctx, putSource,
		t.organization, userID, s.Grant.TenantID, s.Grant.RoleID, s.Kind, s.RuleID, s.GrantedBy, dbtype.Micros(s.CreateTime), s.Retained,
		s.Keep, dbtype.Micros(s.KeptTime))
	return err
}

func (t *organizationTx) DeleteSource(ctx context.Context, userID string, s store.Source) error {
	n, err := t.tx.Exec(ctx, deleteSource, t.organization, userID, s.Grant.TenantID, s.Grant.RoleID, s.Kind, s.RuleID)
	t.deleted += n
	return err
}

func (t *organizationTx) CountEffective(ctx context.Context, grant store.Grant, upTo int) (n int, err error) {
	err = t.tx.QueryRow(ctx, countEffective, t.organization, grant.RoleID, grant.TenantID, upTo).Scan(&n)
	return n, err
}

func (t *organizationTx) RetainedUsers(ctx context.Context) ([]string, error) {
	return sqlitedb.ReadAll(ctx, t.tx, dbtype.Value[string], listRetainedUsers, t.organization)
}
