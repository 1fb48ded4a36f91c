package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getTenant      = statements.Load("get_tenant", "organization_id", "id")
	listTenants    = statements.Load("list_tenants", "organization_id", "after", "limit")
	insertTenant   = statements.Load("insert_tenant", "organization_id", "id", "display_name", "create_time", "update_time")
	updateTenant   = statements.Load("update_tenant", "organization_id", "id", "display_name", "update_time")
	findTenantUses = statements.Load("find_tenant_uses", "organization_id", "id")
	deleteTenant   = statements.Load("delete_tenant", "organization_id", "id")
)

func (s *Store) Tenant(ctx context.Context, organizationID, id string) (store.Tenant, error) {
	all, err := pgdb.ReadAll(ctx, s.db, store.TenantFields, getTenant, organizationID, id)
	return found(all, err, "tenant", id)
}

func (s *Store) Tenants(ctx context.Context, organizationID, after string, limit int) ([]store.Tenant, error) {
	return pgdb.ReadAll(ctx, s.db, store.TenantFields, listTenants, organizationID, after, limit)
}

// Tenant needs no lock: only the organization's own transactions delete tenants.
func (t *organizationTx) Tenant(ctx context.Context, id string) (store.Tenant, error) {
	all := ask(t.queue(), store.TenantFields, getTenant, t.organization, id)
	err := t.send(ctx)
	return found(*all, err, "tenant", id)
}

func (t *organizationTx) CreateTenant(ctx context.Context, tenant store.Tenant) error {
	n, err := t.exec(ctx, insertTenant,
		t.organization, tenant.ID, tenant.DisplayName, dbtype.Micros(tenant.CreateTime), dbtype.Micros(tenant.UpdateTime))
	if err == nil && n == 0 {
		return fault.New(fault.AlreadyExists, "tenant %q already exists", tenant.ID)
	}
	return err
}

func (t *organizationTx) UpdateTenant(ctx context.Context, tenant store.Tenant) error {
	n, err := t.exec(ctx, updateTenant, t.organization, tenant.ID, tenant.DisplayName, dbtype.Micros(tenant.UpdateTime))
	if err == nil && n == 0 {
		return fault.Missing("tenant", tenant.ID)
	}
	return err
}

func (t *organizationTx) DeleteTenant(ctx context.Context, id string) error {
	var byRule, byAccess bool
	t.queue().Queue(findTenantUses, t.organization, id).
		QueryRow(func(row pgx.Row) error { return row.Scan(&byRule, &byAccess) })
	if err := t.send(ctx); err != nil {
		return err
	}
	switch {
	case byRule:
		return fault.New(fault.TenantInUse, "a rule names the tenant %q", id)
	case byAccess:
		return fault.New(fault.TenantInUse, "somebody holds a role in the tenant %q", id)
	}
	n, err := t.exec(ctx, deleteTenant, t.organization, id)
	if err == nil && n == 0 {
		return fault.Missing("tenant", id)
	}
	return err
}
