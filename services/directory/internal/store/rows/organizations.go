package rows

import (
	"context"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
)

// OrganizationFields are id, display_name, federated, create_time, update_time, erase_time, erase_revision, waiting, clear_time.
func OrganizationFields(o *store.Organization) []any {
	return []any{
		&o.ID, &o.DisplayName, &o.Federated, dbtype.Time(&o.CreateTime), dbtype.Time(&o.UpdateTime),
		dbtype.Time(&o.EraseTime), &o.EraseRevision, &o.Waiting, dbtype.Time(&o.ClearTime),
	}
}

func (e engine) getOrganization(ctx context.Context, id string) (store.Organization, error) {
	return ReadOne(ctx, e.Conn, OrganizationFields, fault.Missing("organization", id), e.sql.getOrganization, id)
}

func (t AllTx) CreateOrganization(ctx context.Context, o store.Organization) (created bool, err error) {
	added, err := t.Conn.Exec(ctx, t.sql.insertOrganization,
		o.ID, o.DisplayName, o.Federated, dbtype.Time(&o.CreateTime), dbtype.Time(&o.UpdateTime))
	return added > 0, err
}

func (s Store) Organization(ctx context.Context, id string) (store.Organization, error) {
	return s.getOrganization(ctx, id)
}

func (s Store) Organizations(ctx context.Context, after string, limit int) ([]store.Organization, error) {
	return ReadAll(ctx, s.Conn, OrganizationFields, s.sql.listOrganizations, after, limit)
}

func (s Store) Erasures(ctx context.Context) ([]store.Organization, error) {
	return ReadAll(ctx, s.Conn, OrganizationFields, s.sql.listErasures)
}

func (s Store) FreeErased(ctx context.Context, organizationID string) error {
	_, err := s.Conn.Exec(ctx, s.sql.deleteClearedOrganization, organizationID)
	return err
}

func (t Tx) Organization(ctx context.Context) (store.Organization, error) {
	return t.getOrganization(ctx, t.OrganizationID)
}

func (t Tx) PutOrganization(ctx context.Context, o store.Organization) error {
	_, err := t.Conn.Exec(ctx, t.sql.updateOrganization, o.DisplayName, o.Federated, dbtype.Time(&o.UpdateTime),
		dbtype.Time(&o.EraseTime), o.EraseRevision, o.Waiting, dbtype.Time(&o.ClearTime), t.OrganizationID)
	return err
}

func (t Tx) CountErasures(ctx context.Context) (int, error) {
	return ReadOne(ctx, t.Conn, dbtype.Value[int], nil, t.sql.countErasures)
}

func (t AllTx) Organizations(ctx context.Context, ids []string) ([]store.Organization, error) {
	return ReadAll(ctx, t.Conn, OrganizationFields, t.sql.getOrganizations, t.Conn.IDs(ids))
}
