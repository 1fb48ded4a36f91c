package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	checkAccess       = statements.Load("check_access", "organization_id", "user_id", "tenant_id", "role_id")
	findSuspension    = statements.Load("find_suspension", "organization_id", "user_id")
	getProgress       = statements.Load("get_progress", "organization_ids")
	getHolders        = statements.Load("get_holders", "organization_id", "user_ids")
	getSources        = statements.Load("get_sources", "organization_id", "user_ids")
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
	if errors.Is(err, pgx.ErrNoRows) { // a user who was never a holder may be suspended
		err = s.db.QueryRow(ctx, findSuspension, organizationID, userID).Scan(&c.Suspended)
	}
	c.UnknownAsOf, c.Allowed, c.Kept = dbtype.FromMicros(row.known), row.allowed > 0, row.allowed == 2
	return c, err
}

func (s *Store) Holder(ctx context.Context, organizationID, userID string) (store.Holder, store.SetAside, error) {
	var holders *[]store.Holder
	var sources *[]store.SourceRow
	var users *[]store.SetAside
	err := s.snapshot(ctx, func(b *pgx.Batch) {
		holders = ask(b, store.HolderFields, getHolders, organizationID, []string{userID})
		sources = ask(b, store.SourceFields, getSources, organizationID, []string{userID})
		users = ask(b, store.SetAsideFields, getSetAside, organizationID, []string{userID})
	})
	if err != nil {
		return store.Holder{}, store.SetAside{}, err
	}
	return store.HolderOf(store.WithSources(*holders, *sources), userID), store.SetAsideByUser(*users)[userID], nil
}

func (s *Store) Progress(ctx context.Context, organizationIDs []string) (map[string]store.Progress, error) {
	all, err := pgdb.ReadAll(ctx, s.db, store.ProgressFields, getProgress, organizationIDs)
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

// PostgreSQL plans a statement once for each connection, perhaps while the tables are empty, and keeps a plan that reads a whole
// table while the table grows. So a statement that reads rows for many keys does it key by key: with a lateral subquery and
// OFFSET 0, which the planner does not flatten. A DELETE finds the locations of its rows in the same way.

func (s *Store) Access(ctx context.Context, organizationID string, filter store.AccessFilter, after store.AccessKey, limit int) ([]store.Access, error) {
	statement, args := accessPage(organizationID, filter, after, limit)
	sources, err := pgdb.ReadAll(ctx, s.db, store.SourceOfHolderFields, statement, args...)
	return store.AccessOf(sources), err
}

func (s *Store) HolderIDs(ctx context.Context, organizationID, after, upTo string, limit int) ([]string, error) {
	if upTo != "" {
		return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], listHolderIDsUpTo, organizationID, after, upTo, limit)
	}
	return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], listHolderIDs, organizationID, after, limit)
}

func (t *organizationTx) Holders(ctx context.Context, userIDs []string) (map[string]store.Holder, error) {
	b := t.queue()
	holders := ask(b, store.HolderFields, getHolders, t.organization, userIDs)
	sources := ask(b, store.SourceFields, getSources, t.organization, userIDs)
	if err := t.send(ctx); err != nil {
		return nil, err
	}
	return store.WithSources(*holders, *sources), nil
}

func (t *organizationTx) CountEffective(ctx context.Context, grant store.Grant, upTo int) (int, error) {
	n := ask(t.queue(), dbtype.Value[int], countEffective, t.organization, grant.RoleID, grant.TenantID, upTo)
	if err := t.send(ctx); err != nil {
		return 0, err
	}
	return (*n)[0], nil
}

func (t *organizationTx) RetainedUsers(ctx context.Context) ([]string, error) {
	users := ask(t.queue(), dbtype.Value[string], listRetainedUsers, t.organization)
	err := t.send(ctx)
	return *users, err
}

func (t *organizationTx) PutHolder(_ context.Context, h store.Holder) error {
	t.access.putHolder(h)
	return nil
}

func (t *organizationTx) DeleteHolder(_ context.Context, userID string) error {
	t.access.deleteHolder(userID)
	return nil
}

func (t *organizationTx) PutSource(_ context.Context, userID string, s store.Source) error {
	t.access.putSource(userID, s)
	return nil
}

func (t *organizationTx) DeleteSource(_ context.Context, userID string, s store.Source) error {
	t.access.deleteSource(userID, s)
	return nil
}
