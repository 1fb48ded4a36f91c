package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

var countResources = statements.Load("count_resources", "organization_id", "directory_id", "resource_group")

func (s *Store) Get(ctx context.Context, scope store.Scope, t store.Type, by store.Selector, groups bool) (store.Resource, error) {
	if groups && t == store.User {
		return s.getWithGroups(ctx, scope, by)
	}
	criterion, value := by.Criterion()
	r, err := pgdb.ReadOne(ctx, s.db, tables[t].read, errMissing, tables[t].get[criterion], scope.OrganizationID, scope.DirectoryID, value)
	if errors.Is(err, errMissing) {
		err = by.Missing(t)
	}
	return r, err
}

// errMissing stands for an error that is built only if it is needed.
var errMissing = errors.New("there is no such row")

// getWithGroups reads a user and its groups in one round trip.
func (s *Store) getWithGroups(ctx context.Context, scope store.Scope, by store.Selector) (u store.Resource, err error) {
	criterion, value := by.Criterion()
	batch := &pgx.Batch{}
	batch.Queue(tables[store.User].get[criterion], scope.OrganizationID, scope.DirectoryID, value).
		QueryRow(func(row pgx.Row) error { return row.Scan(tables[store.User].read(&u)...) })
	batch.Queue(listGroupsAroundUser[criterion], scope.OrganizationID, scope.DirectoryID, value).
		Query(func(found pgx.Rows) error {
			e, err := readEdges(found)
			u.Groups = e.groups(u.ID)
			return err
		})
	err = s.db.SendBatch(ctx, batch).Close()
	if errors.Is(err, pgx.ErrNoRows) || pgdb.Unstorable(err) {
		return store.Resource{}, by.Missing(store.User)
	}
	return u, pgdb.Reach(err)
}

func (s *Store) List(ctx context.Context, scope store.Scope, t store.Type, after string, limit, bytes int) ([]store.Resource, error) {
	return pgdb.ReadAll(ctx, s.db, tables[t].read, tables[t].list, scope.OrganizationID, scope.DirectoryID, after, limit, bytes)
}

func (s *Store) ByID(ctx context.Context, scope store.Scope, t store.Type, ids []string, bytes int) ([]store.Resource, error) {
	return pgdb.ReadAll(ctx, s.db, tables[t].read, tables[t].byID, scope.OrganizationID, scope.DirectoryID, ids, bytes)
}

func (s *Store) Page(ctx context.Context, scope store.Scope, t store.Type, order store.Order, skip, limit int64, bytes int) ([]store.Resource, error) {
	return pgdb.ReadAll(ctx, s.db, tables[t].read, tables[t].page[order], scope.OrganizationID, scope.DirectoryID, limit, skip, bytes)
}

// Count adds the folded totals and the records after them, in one snapshot.
func (s *Store) Count(ctx context.Context, scope store.Scope, t store.Type) (int64, error) {
	return pgdb.ReadOne(ctx, s.db, dbtype.Value[int64], nil, countResources, scope.OrganizationID, scope.DirectoryID, t == store.Group)
}

func (s *Store) Detached(ctx context.Context, r store.Resource, directoryIDs []string) (store.Resource, error) {
	return pgdb.ReadOne(ctx, s.db, tables[r.Type].read, store.MissingBy(r.Type, "externalId or name"), tables[r.Type].detached,
		r.OrganizationID, directoryIDs, r.ExternalID, r.NameFolded)
}

func (s *Store) IDs(ctx context.Context, organizationID string, t store.Type, after string, limit int) ([]string, error) {
	return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], tables[t].ids, organizationID, after, limit)
}

func (s *Store) Find(ctx context.Context, organizationID string, t store.Type, by store.Selector, after string, limit int) ([]store.Facts, error) {
	args := []any{organizationID, after, limit}
	criterion, value := by.Criterion()
	if criterion != store.Every {
		args = append(args, value)
	}
	return pgdb.ReadAll(ctx, s.db, tables[t].readFacts, tables[t].find[criterion], args...)
}

func (s *Store) Summaries(ctx context.Context, organizationID string, t store.Type, ids []string) ([]store.Facts, error) {
	return pgdb.ReadAll(ctx, s.db, tables[t].readFacts, tables[t].summaries, organizationID, ids)
}
