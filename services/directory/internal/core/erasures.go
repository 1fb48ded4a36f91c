package core

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/erasure"
)

// EraseOrganization begins the erasure of an organization, and returns once no lease lets anybody in any more. services are
// those that have to confirm it.
func (c *Core) EraseOrganization(ctx context.Context, id string, services []string) (store.Organization, error) {
	o, digests, err := c.store.EraseOrganization(ctx, id, services, c.now())
	if err != nil {
		return o, err
	}
	c.changed.Notify()
	return o, c.outlast(ctx, digests...)
}

// Erasures lists those under way, the oldest first.
func (c *Core) Erasures(ctx context.Context) ([]store.Erasure, error) { return c.store.Erasures(ctx) }

// Pending says whether a lease on a key of the organization, which was given before its erasure began, may still let somebody in.
func (c *Core) Pending(e store.Erasure) bool {
	return e.EraseTime.After(c.now().Add(-c.config.Lease - c.config.ClockSkew))
}

// freed is the time before which an organization must have been cleared for its id to be free now: service credentials opened it
// until then, and services may have begun to erase.
func (c *Core) freed() time.Time {
	return c.now().Add(-max(c.config.Lease+c.config.ClockSkew, erasure.FreeAfter))
}

// ConfirmErasure notes that a service keeps nothing of an organization any more.
func (c *Core) ConfirmErasure(ctx context.Context, organizationID, service string) error {
	return c.store.ConfirmErasure(ctx, organizationID, service)
}

// clearRows is how many rows are removed in one transaction.
const clearRows = 500

// FinishErasures removes what is left of organizations that all services have erased. Several processes may do so at once.
func (c *Core) FinishErasures(ctx context.Context, log *slog.Logger) error {
	all, err := c.Erasures(ctx)
	errs := []error{err}
	for _, e := range all {
		switch {
		case e.Waiting != "":
		case e.ClearTime.IsZero():
			errs = append(errs, c.clearErased(ctx, e.OrganizationID))
		case e.ClearTime.Before(c.freed()):
			if err := c.store.FreeErased(ctx, e.OrganizationID); err != nil {
				errs = append(errs, err)
				continue
			}
			log.InfoContext(ctx, "an organization is erased everywhere, and its id is free", "organization", e.OrganizationID)
		}
	}
	return errors.Join(errs...)
}

func (c *Core) clearErased(ctx context.Context, organizationID string) error {
	for {
		cleared, digests, err := c.store.ClearErased(ctx, organizationID, clearRows, c.now())
		if err != nil {
			return err
		}
		if cleared {
			c.config.Invalidate(ctx, digests...) // whether or not it is certain, their leases are waited for
			return nil
		}
	}
}
