package sqlite

import (
	"context"
	"encoding/json"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	getAny = map[store.Type]string{
		store.User:  statements.Load("get_any_user", "organization_id", "id"),
		store.Group: statements.Load("get_any_group", "organization_id", "id"),
	}
	nameUsers            = statements.Load("name_users", "organization_id", "ids")
	listCarriedEdges     = statements.Load("list_carried_edges", "organization_id", "edges")
	listNestedGroups     = statements.Load("list_nested_groups", "organization_id", "group_id", "after", "limit")
	listContainingGroups = statements.Load("list_containing_groups", "organization_id", "member_id", "after", "limit")
	tallyMembers         = statements.Load("tally_members", "organization_id", "ids", "deep", "groups", "memberships")
	tallyRole            = statements.Load("tally_role", "organization_id", "value", "limit")
	countOrganizations   = statements.Load("count_organizations", "organization_ids")
	listRoleValues       = statements.Load("list_role_values", "organization_id", "low", "high", "after", "limit", "users")
)

func (s *Store) GetAny(ctx context.Context, organizationID string, t store.Type, id string) (store.Facts, error) {
	fields := func(f *store.Facts) []any { return append(tables[t].read(&f.Resource), &f.Detached) }
	return sqlitedb.ReadOne(ctx, s.db, fields, store.Missing(t, id), getAny[t], organizationID, id)
}

func (s *Store) Names(ctx context.Context, organizationID string, userIDs []string) ([]store.Resource, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.Name, nameUsers, organizationID, jsonSet(userIDs))
}

func (s *Store) Above(ctx context.Context, organizationID, id string, limit int) ([]store.Edge, error) {
	return edgeReader{q: s.db, organizationID: organizationID}.Above(ctx, []string{id}, limit)
}

func (s *Store) CarriedEdges(ctx context.Context, organizationID string, edges []store.Edge) ([]store.Edge, error) {
	pairs := make([][2]string, len(edges))
	for i, e := range edges {
		pairs[i] = [2]string{e.Member, e.Group}
	}
	text, err := json.Marshal(pairs)
	if err != nil {
		return nil, err
	}
	return sqlitedb.ReadAll(ctx, s.db, rows.Edge, listCarriedEdges, organizationID, string(text))
}

func (s *Store) Nested(ctx context.Context, organizationID, groupID string, containers bool, after string, limit int) ([]string, error) {
	statement := listNestedGroups
	if containers {
		statement = listContainingGroups
	}
	return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], statement, organizationID, groupID, after, limit)
}

func (s *Store) TallyMembers(ctx context.Context, organizationID string, groupIDs []string, deep bool, most store.TallyBounds) (store.Tally, error) {
	counted, err := sqlitedb.ReadAll(ctx, s.db, rows.CountedRow, tallyMembers, organizationID, jsonSet(groupIDs), deep, most.Groups, most.Memberships)
	if err != nil {
		return store.Tally{}, err
	}
	return rows.Tally(counted, most), nil
}

func (s *Store) TallyRole(ctx context.Context, organizationID, value string, limit int) (store.Tally, error) {
	counted, err := sqlitedb.ReadAll(ctx, s.db, rows.CountedRow, tallyRole, organizationID, value, limit)
	if err != nil {
		return store.Tally{}, err
	}
	return rows.Tally(counted, store.TallyBounds{Groups: 1, Memberships: limit}), nil
}

func (s *Store) RoleValues(ctx context.Context, organizationID, low, high, after string, limit, users int) ([]store.RoleValue, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.RoleValue, listRoleValues, organizationID, low, high, after, limit, users)
}

func (s *Store) CountOrganizations(ctx context.Context, organizationIDs []string) ([]store.Size, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.Size, countOrganizations, jsonSet(organizationIDs))
}
