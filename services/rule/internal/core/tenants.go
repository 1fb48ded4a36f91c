package core

import (
	"context"
	"regexp"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// slug is what ids of organizations, tenants and roles look like.
var slug = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkOrganization refuses what cannot be an organization's id. Whether the organization exists only the directory
// service knows, and it tells only the gateway; the operator, who creates tenants, creates organizations too. So any valid
// id is taken, and what is written for an organization that does not exist lies there unused.
func checkOrganization(id string) error {
	if slug.MatchString(id) {
		return nil
	}
	const why = "must be 1 to 63 of a-z, 0-9 and inner hyphens"
	f := fault.New(fault.InvalidRequest, "organization_id: %s", why)
	f.Fields = []fault.Field{{Path: "organization_id", Description: why}}
	return f
}

// CreateTenant adds a tenant; an empty display name means the id.
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

// UpdateTenant gives a tenant another display name, unless that is nil, or permit refuses with the tenant as it is before.
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

// DeleteTenant removes a tenant that no rule and no access names.
func (c *Core) DeleteTenant(ctx context.Context, organizationID, id string) error {
	return c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error { return tx.DeleteTenant(ctx, id) })
}

// CreateRole adds a role to the catalogue; an empty display name means the id.
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
		return fault.New(fault.AlreadyExists, "there is a role %q already", role.ID)
	}
	count, err := tx.CountRoles(ctx)
	if err == nil && count > maxRoles {
		err = fault.New(fault.Limit, "the catalogue holds %d roles, which is as many as it may", maxRoles)
	}
	return err
}

// Role reads one role.
func (c *Core) Role(ctx context.Context, id string) (store.Role, error) { return c.store.Role(ctx, id) }

// Roles lists the whole catalogue.
func (c *Core) Roles(ctx context.Context) ([]store.Role, error) { return c.store.Roles(ctx) }

// DeleteRole removes a role that no rule and no access names. Organization Admin stays.
func (c *Core) DeleteRole(ctx context.Context, id string) error {
	if id == store.OrganizationAdmin {
		return fault.New(fault.RoleInUse, "the role %q belongs to every organization", id)
	}
	return c.store.DeleteRole(ctx, id)
}

// checkGrant says whether a grant can be given: its role and tenant exist, and the role is held where it says.
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
