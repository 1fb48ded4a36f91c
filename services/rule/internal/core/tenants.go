package core

import (
	"context"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// checkOrganization refuses an invalid organization id. Only the directory service knows whether the organization exists, and it tells
// only the gateway. The operator creates tenants and also organizations. So any valid id is accepted, and data for a missing
// organization stays unused.
func checkOrganization(id string) error {
	if ids.IsSlug(id) {
		return nil
	}
	const why = "must be 1 to 63 of a-z, 0-9 and inner hyphens"
	f := fault.New(fault.InvalidRequest, "organization_id: %s", why)
	f.Fields = []fault.Field{{Path: "organization_id", Description: why}}
	return f
}

// CreateTenant adds a tenant. The default of displayName is the id.
func (c *Core) CreateTenant(ctx context.Context, organizationID, id, displayName string, r requestid.Request) (store.Tenant, error) {
	if err := checkOrganization(organizationID); err != nil {
		return store.Tenant{}, err
	}
	if displayName == "" {
		displayName = id
	}
	now := c.now()
	t := store.Tenant{OrganizationID: organizationID, ID: id, DisplayName: displayName, CreateTime: now, UpdateTime: now}
	err := c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		return requestid.Once(ctx, tx, r, now, func(id string) (err error) {
			t, err = tx.Tenant(ctx, id)
			return err
		}, func() (string, error) { return t.ID, tx.CreateTenant(ctx, t) })
	})
	return t, err
}

// Tenant reads one tenant.
func (c *Core) Tenant(ctx context.Context, organizationID, id string) (store.Tenant, error) {
	return c.store.Tenant(ctx, organizationID, id)
}

// Tenants lists tenants by id, after one, at most limit.
func (c *Core) Tenants(ctx context.Context, organizationID, after string, limit int) ([]store.Tenant, error) {
	return c.store.Tenants(ctx, organizationID, after, limit)
}

// UpdateTenant changes a tenant's display name, unless displayName is nil, or permit refuses the old tenant.
func (c *Core) UpdateTenant(ctx context.Context, organizationID, id string, displayName *string, permit func(store.Tenant) error) (t store.Tenant, err error) {
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if t, err = tx.Tenant(ctx, id); err != nil {
			return err
		}
		if err = permit(t); err != nil || displayName == nil || t.DisplayName == *displayName {
			return err
		}
		t.DisplayName, t.UpdateTime = *displayName, c.now()
		return tx.UpdateTenant(ctx, t)
	})
	return t, err
}

// DeleteTenant deletes a tenant. It fails with fault.TenantInUse if a rule or access names it.
func (c *Core) DeleteTenant(ctx context.Context, organizationID, id string) error {
	return c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error { return tx.DeleteTenant(ctx, id) })
}

// CreateRole adds a role to the catalogue. The default of its display name is the id.
func (c *Core) CreateRole(ctx context.Context, role store.Role, r requestid.Request) (store.Role, error) {
	if role.DisplayName == "" {
		role.DisplayName = role.ID
	}
	err := c.store.UpdateCatalogue(ctx, func(ctx context.Context, tx store.CatalogueTx) error {
		return requestid.Once(ctx, tx, r, c.now(), func(id string) (err error) {
			role, err = tx.Role(ctx, id)
			return err
		}, func() (string, error) { return role.ID, addRole(ctx, tx, role) })
	})
	return role, err
}

func addRole(ctx context.Context, tx store.CatalogueTx, role store.Role) error {
	created, err := tx.CreateRole(ctx, role)
	if err != nil {
		return err
	}
	if !created {
		return fault.New(fault.AlreadyExists, "role %q already exists", role.ID)
	}
	count, err := tx.CountRoles(ctx)
	if err == nil && count > maxRoles {
		err = fault.New(fault.Limit, "the catalogue contains %d roles, which is the maximum", maxRoles)
	}
	return err
}

// Role reads one role.
func (c *Core) Role(ctx context.Context, id string) (store.Role, error) { return c.store.Role(ctx, id) }

// Roles lists the whole catalogue.
func (c *Core) Roles(ctx context.Context) ([]store.Role, error) { return c.store.Roles(ctx) }

// DeleteRole deletes a role. It fails with fault.RoleInUse if a rule or access names it, and always for Organization Admin.
func (c *Core) DeleteRole(ctx context.Context, id string) error {
	if id == store.OrganizationAdmin {
		return fault.New(fault.RoleInUse, "the role %q belongs to every organization", id)
	}
	return c.store.DeleteRole(ctx, id)
}

// checkGrant checks that a grant's role and tenant exist, and that the grant is in the role's scope.
func checkGrant(ctx context.Context, tx store.Tx, grant store.Grant) error {
	role, err := tx.Role(ctx, grant.RoleID)
	if err != nil {
		return err
	}
	switch {
	case role.Scope == store.ScopeTenant && grant.TenantID == "":
		return fault.New(fault.RoleScope, "the role %q is held in a tenant, and none is named", role.ID)
	case role.Scope == store.ScopeOrganization && grant.TenantID != "":
		return fault.New(fault.RoleScope, "the role %q is held in the organization, and a tenant is named", role.ID)
	case grant.TenantID == "":
		return nil
	}
	_, err = tx.Tenant(ctx, grant.TenantID)
	return err
}
