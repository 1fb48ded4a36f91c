package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getTenant      = statements.Load("get_tenant", "organization_id", "id")
	listTenants    = statements.Load("list_tenants", "organization_id", "after", "limit")
	insertTenant   = statements.Load("insert_tenant", "organization_id", "id", "display_name", "create_time", "update_time")
	updateTenant   = statements.Load("update_tenant", "display_name", "update_time", "organization_id", "id")
	findTenantUses = statements.Load("find_tenant_uses", "organization_id", "id")
	deleteTenant   = statements.Load("delete_tenant", "organization_id", "id")
)

func (s *Store) Tenant(ctx context.Context, organizationID, id string) (store.Tenant, error) {
	return sqlitedb.ReadOne(ctx, s.db, store.TenantFields, fault.Missing("tenant", id), getTenant, organizationID, id)
}

func (s *Store) Tenants(ctx context.Context, organizationID, after string, limit int) ([]store.Tenant, error) {
	return sqlitedb.ReadAll(ctx, s.db, store.TenantFields, listTenants, organizationID, after, limit)
}

func (t *organizationTx) Tenant(ctx context.Context, id string) (store.Tenant, error) {
	return sqlitedb.ReadOne(ctx, t.tx, store.TenantFields, fault.Missing("tenant", id), getTenant, t.organization, id)
}

func (t *organizationTx) CreateTenant(ctx context.Context, tenant store.Tenant) error {
	n, err := t.tx.Exec(ctx, insertTenant,
		t.organization, tenant.ID, tenant.DisplayName, dbtype.Micros(tenant.CreateTime), dbtype.Micros(tenant.UpdateTime))
	if err == nil && n == 0 {
		return fault.New(fault.AlreadyExists, "tenant %q already exists", tenant.ID)
	}
	return err
}

func (t *organizationTx) UpdateTenant(ctx context.Context, tenant store.Tenant) error {
	n, err := t.tx.Exec(ctx, updateTenant, tenant.DisplayName, dbtype.Micros(tenant.UpdateTime), t.organization, tenant.ID)
	if err == nil && n == 0 {
		return fault.Missing("tenant", tenant.ID)
	}
	return err
}

func (t *organizationTx) DeleteTenant(ctx context.Context, id string) error {
	var byRule, byAccess bool
	err := t.tx.QueryRow(ctx, findTenantUses, t.organization, id).
		Scan(&byRule, &byAccess)
	if err != nil {
		return err
	}
	switch {
	case byRule:
		return fault.New(fault.TenantInUse, "a rule names the tenant %q", id)
	case byAccess:
		return fault.New(fault.TenantInUse, "somebody holds a role in the tenant %q", id)
	}
	n, err := t.tx.Exec(ctx, deleteTenant, t.organization, id)
	if err == nil && n == 0 {
		return fault.Missing("tenant", id)
	}
	return err
}
