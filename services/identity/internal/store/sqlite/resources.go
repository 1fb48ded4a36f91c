package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var countResources = statements.Load("count_resources", "organization_id", "directory_id", "resource_group")

func (s *Store) Get(ctx context.Context, scope store.Scope, t store.Type, by store.Selector, groups bool) (store.Resource, error) {
	criterion, value := by.Criterion()
	groups = groups && t == store.User
	fields, query, edges := tables[t].read, tables[t].get[criterion], ""
	if groups {
		fields, query = readWithEdges(&edges), tables[t].getWithEdges[criterion]
	}
	r, err := sqlitedb.ReadOne(ctx, s.db, fields, nil, query, scope.OrganizationID, scope.DirectoryID, value)
	if errors.Is(err, sql.ErrNoRows) {
		return r, by.Missing(t)
	}
	if err == nil && groups {
		r.Groups, err = groupsOf(r.ID, edges)
	}
	return r, err
}

func (s *Store) List(ctx context.Context, scope store.Scope, t store.Type, after string, limit, bytes int) ([]store.Resource, error) {
	return sqlitedb.ReadUntil(ctx, s.db, tables[t].read, full(bytes), tables[t].list, scope.OrganizationID, scope.DirectoryID, after, limit)
}

func (s *Store) ByID(ctx context.Context, scope store.Scope, t store.Type, ids []string, bytes int) ([]store.Resource, error) {
	return sqlitedb.ReadUntil(ctx, s.db, tables[t].read, full(bytes), tables[t].byID, scope.OrganizationID, scope.DirectoryID, jsonSet(ids))
}

func (s *Store) Page(ctx context.Context, scope store.Scope, t store.Type, order store.Order, skip, limit int64, bytes int) ([]store.Resource, error) {
	return sqlitedb.ReadUntil(ctx, s.db, tables[t].read, full(bytes), tables[t].page[order], scope.OrganizationID, scope.DirectoryID, limit, skip)
}

// Count reads totals that the triggers of the migration maintain.
func (s *Store) Count(ctx context.Context, scope store.Scope, t store.Type) (int64, error) {
	return sqlitedb.ReadOne(ctx, s.db, dbtype.Value[int64], nil, countResources, scope.OrganizationID, scope.DirectoryID, t == store.Group)
}

func (s *Store) Detached(ctx context.Context, r store.Resource, directoryIDs []string) (store.Resource, error) {
	old, err := sqlitedb.ReadOne(ctx, s.db, tables[r.Type].read, nil, tables[r.Type].detached,
		r.OrganizationID, jsonList(directoryIDs), r.ExternalID, r.NameFolded)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.MissingBy(r.Type, "externalId or name")
	}
	return old, err
}

func (s *Store) IDs(ctx context.Context, organizationID string, t store.Type, after string, limit int) ([]string, error) {
	return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], tables[t].ids, organizationID, after, limit)
}

func (s *Store) Find(ctx context.Context, organizationID string, t store.Type, by store.Selector, after string, limit int) ([]store.Facts, error) {
	args := []any{organizationID, after, limit}
	criterion, value := by.Criterion()
	if criterion != store.Every {
		args = append(args, value)
	}
	return sqlitedb.ReadAll(ctx, s.db, tables[t].readFacts, tables[t].find[criterion], args...)
}

func (s *Store) Summaries(ctx context.Context, organizationID string, t store.Type, ids []string) ([]store.Facts, error) {
	return sqlitedb.ReadAll(ctx, s.db, tables[t].readFacts, tables[t].summaries, organizationID, jsonSet(ids))
}
