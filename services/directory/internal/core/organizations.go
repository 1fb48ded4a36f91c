package core

import (
	"context"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
)

// OrganizationChange contains new values for an organization. A nil field does not change.
type OrganizationChange struct {
	DisplayName *string
	Federated   *bool
}

// CreateOrganization adds an organization. fault.AlreadyExists: its id exists.
func (c *Core) CreateOrganization(ctx context.Context, o store.Organization, r requestid.Request) (store.Organization, error) {
	now := c.now()
	o.CreateTime, o.UpdateTime = now, now
	if o.DisplayName == "" {
		o.DisplayName = o.ID
	}
	err := c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) error {
		return requestid.Once(ctx, tx, r, now, func(id string) error {
			existing, err := tx.Organizations(ctx, []string{id})
			if err == nil && len(existing) == 0 {
				return fault.Missing("organization", id)
			}
			o = existing[0]
			return err
		}, func() (string, error) {
			created, err := tx.CreateOrganization(ctx, o)
			if err == nil && !created {
				err = fault.New(fault.AlreadyExists, "organization %q already exists", o.ID)
			}
			return o.ID, err
		})
	})
	return o, err
}

// Organization reads one organization.
func (c *Core) Organization(ctx context.Context, id string) (store.Organization, error) {
	return c.store.Organization(ctx, id)
}

// Organizations lists organizations by id.
func (c *Core) Organizations(ctx context.Context, after string, limit int) ([]store.Organization, error) {
	return c.store.Organizations(ctx, after, limit)
}

// UpdateOrganization changes an organization, unless permit refuses the old organization. A change of Federated gives each of its
// directories a new revision. fault.Erasing: it is being erased.
func (c *Core) UpdateOrganization(ctx context.Context, id string, change OrganizationChange, permit func(store.Organization) error) (o store.Organization, err error) {
	now := c.now()
	err = c.store.Update(ctx, id, func(ctx context.Context, tx store.Tx) error {
		before, err := changeable(ctx, tx)
		if err != nil {
			return err
		}
		if err := permit(before); err != nil {
			return err
		}
		o = before
		set(&o.DisplayName, change.DisplayName)
		set(&o.Federated, change.Federated)
		if o == before {
			return nil
		}
		o.UpdateTime = now
		if err := tx.PutOrganization(ctx, o); err != nil || o.Federated == before.Federated {
			return err
		}
		_, err = tx.Revise(ctx)
		return err
	})
	c.changed.Notify()
	return o, err
}

// changeable reads the organization. It fails with fault.Erasing if the organization is being erased.
func changeable(ctx context.Context, tx store.Tx) (store.Organization, error) {
	o, err := tx.Organization(ctx)
	if err == nil && o.Erasing() {
		err = fault.New(fault.Erasing, "organization %q is being erased", o.ID)
	}
	return o, err
}

// set sets a field, unless to is nil.
func set[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}
