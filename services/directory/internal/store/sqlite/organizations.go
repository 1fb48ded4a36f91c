package sqlite

import (
	"context"
	"encoding/json"

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
	countErasures    = statements.Load("count_erasures")
	getOrganizations = statements.Load("get_organizations", "ids")
)

// CreateOrganization implements store.Store.
func (s *Store) CreateOrganization(ctx context.Context, o store.Organization) (created bool, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		added, err := tx.Exec(ctx, insertOrganization,
			o.ID, o.DisplayName, o.Federated, sqldb.Time(&o.CreateTime), sqldb.Time(&o.UpdateTime))
		created = added > 0
		return err
	})
	return created, err
}

func organization(ctx context.Context, q sqldb.SQLiteReader, id string) (store.Organization, error) {
	return sqldb.CollectOne(ctx, q, store.OrganizationFields, fault.Missing("organization", id), getOrganization, id)
}

// Organization implements store.Store.
func (s *Store) Organization(ctx context.Context, id string) (store.Organization, error) {
	return organization(ctx, s.db, id)
}

// Organizations implements store.Store.
func (s *Store) Organizations(ctx context.Context, after string, limit int) ([]store.Organization, error) {
	return sqldb.CollectAll(ctx, s.db, store.OrganizationFields, listOrganizations, after, limit)
}

// Erasures implements store.Store.
func (s *Store) Erasures(ctx context.Context) ([]store.Organization, error) {
	return sqldb.CollectAll(ctx, s.db, store.OrganizationFields, listErasures)
}

// FreeErased implements store.Store.
func (s *Store) FreeErased(ctx context.Context, organizationID string) error {
	if err := s.db.Scrub(ctx); err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error {
		_, err := tx.Exec(ctx, deleteClearedOrganization, organizationID)
		return err
	})
}

// Organization implements store.Tx.
func (t organizationTx) Organization(ctx context.Context) (store.Organization, error) {
	return organization(ctx, t.tx, t.organization)
}

// PutOrganization implements store.Tx.
func (t organizationTx) PutOrganization(ctx context.Context, o store.Organization) error {
	if !o.ClearTime.IsZero() {
		if err := t.tx.Erased(ctx); err != nil {
			return err
		}
	}
	_, err := t.tx.Exec(ctx, updateOrganization, o.DisplayName, o.Federated, sqldb.Time(&o.UpdateTime),
		sqldb.Time(&o.EraseTime), o.EraseRevision, o.Waiting, sqldb.Time(&o.ClearTime), t.organization)
	return err
}

// CountErasures implements store.Tx.
func (t organizationTx) CountErasures(ctx context.Context) (int, error) {
	return sqldb.CollectOne(ctx, t.tx, sqldb.Value[int], nil, countErasures)
}

// Organizations implements store.AllTx.
func (t allTx) Organizations(ctx context.Context, ids []string) ([]store.Organization, error) {
	list, _ := json.Marshal(ids) // a []string always marshals
	return sqldb.CollectAll(ctx, t.tx, store.OrganizationFields, getOrganizations, string(list))
}
