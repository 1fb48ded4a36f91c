package postgres

import (
	"context"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

var (
	insertOrganization        = statements.Load("insert_organization", "id", "display_name", "federated", "create_time", "update_time")
	getOrganization           = statements.Load("get_organization", "id")
	listOrganizations         = statements.Load("list_organizations", "after", "limit")
	listErasures              = statements.Load("list_erasures")
	deleteClearedOrganization = statements.Load("delete_cleared_organization", "id")
	updateOrganization        = statements.Load("update_organization",
		"display_name", "federated", "update_time", "erase_time", "erase_revision", "waiting", "clear_time", "id")
	countErasures     = statements.Load("count_erasures")
	lockOrganizations = statements.Load("lock_organizations", "ids")
)

// CreateOrganization implements store.Store.
func (s *Store) CreateOrganization(ctx context.Context, o store.Organization) (created bool, err error) {
	tag, err := s.db.Exec(ctx, insertOrganization,
		o.ID, o.DisplayName, o.Federated, sqldb.Time(&o.CreateTime), sqldb.Time(&o.UpdateTime))
	return tag.RowsAffected() > 0, sqldb.Reach(err)
}

// Organization implements store.Store.
func (s *Store) Organization(ctx context.Context, id string) (store.Organization, error) {
	return sqldb.ReadOne(ctx, s.db, store.OrganizationFields, fault.Missing("organization", id), getOrganization, id)
}

// Organizations implements store.Store.
func (s *Store) Organizations(ctx context.Context, after string, limit int) ([]store.Organization, error) {
	return sqldb.ReadAll(ctx, s.db, store.OrganizationFields, listOrganizations, after, limit)
}

// Erasures implements store.Store.
func (s *Store) Erasures(ctx context.Context) ([]store.Organization, error) {
	return sqldb.ReadAll(ctx, s.db, store.OrganizationFields, listErasures)
}

// FreeErased implements store.Store.
func (s *Store) FreeErased(ctx context.Context, organizationID string) error {
	_, err := s.db.Exec(ctx, deleteClearedOrganization, organizationID)
	return sqldb.Reach(err)
}

// Organization implements store.Tx.
func (t *organizationTx) Organization(context.Context) (store.Organization, error) {
	if len(t.row) == 0 {
		return store.Organization{}, fault.Missing("organization", t.organization)
	}
	return t.row[0], nil
}

// PutOrganization implements store.Tx.
func (t *organizationTx) PutOrganization(ctx context.Context, o store.Organization) error {
	t.row = []store.Organization{o}
	_, err := t.conn.Exec(ctx, updateOrganization, o.DisplayName, o.Federated, sqldb.Time(&o.UpdateTime),
		sqldb.Time(&o.EraseTime), o.EraseRevision, o.Waiting, sqldb.Time(&o.ClearTime), t.organization)
	return err
}

// CountErasures implements store.Tx.
func (t *organizationTx) CountErasures(ctx context.Context) (int, error) {
	return sqldb.ReadOne(ctx, t.conn, sqldb.Value[int], nil, countErasures)
}

// Organizations implements store.AllTx.
func (t allTx) Organizations(ctx context.Context, ids []string) ([]store.Organization, error) {
	found, err := sqldb.ReadAll(ctx, t.conn, store.OrganizationFields, lockOrganizations, ids)
	if sqldb.Unstorable(err) {
		return nil, nil // one of them can't be there
	}
	return found, err
}
