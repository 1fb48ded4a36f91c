package core

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/erasure"
	"github.com/usher-scim/usher/services/internal/fault"
)

// maxErasures is how many organizations may be in erasure at a time: one answer contains all of them.
const maxErasures = 1000

// EraseOrganization begins the erasure of an organization: it deletes its directories, and ends its sessions. It returns after all leases
// of the keys and the sessions have ended. services are the services that must confirm the erasure. A second call changes nothing.
// fault.Limit: maxErasures are running.
func (c *Core) EraseOrganization(ctx context.Context, id string, services []string) (o store.Organization, err error) {
	var digests [][sha256.Size]byte
	now := c.now()
	err = c.store.Update(ctx, id, func(ctx context.Context, tx store.Tx) error {
		if o, err = tx.Organization(ctx); err != nil {
			return err
		}
		if !o.Erasing() {
			o.EraseTime, o.Waiting = now, strings.Join(services, " ")
			if err := beginErasing(ctx, tx, &o); err != nil {
				return err
			}
		}
		if digests, err = tx.Digests(ctx, ""); err != nil {
			return err
		}
		sessions, err := tx.SessionDigests(ctx)
		digests = append(digests, sessions...)
		return err
	})
	if err != nil {
		return o, err
	}
	c.changed.Notify()
	return o, c.outlast(ctx, digests...)
}

func beginErasing(ctx context.Context, tx store.Tx, o *store.Organization) error {
	underWay, err := tx.CountErasures(ctx)
	if err != nil {
		return err
	}
	if underWay >= maxErasures {
		return fault.New(fault.Limit, "%d organizations are being erased already: wait until some are gone", underWay)
	}
	if err := tx.MarkDeleted(ctx, o.EraseTime); err != nil {
		return err
	}
	if err := tx.RevokeSessions(ctx, o.EraseTime); err != nil {
		return err
	}
	if o.EraseRevision, err = tx.Revise(ctx); err != nil {
		return err
	}
	return tx.PutOrganization(ctx, *o)
}

// Erasures lists the organizations that are being erased, the oldest erasure first.
func (c *Core) Erasures(ctx context.Context) ([]store.Organization, error) {
	return c.store.Erasures(ctx)
}

// Pending reports whether a key lease from before the organization's erasure may still be valid.
func (c *Core) Pending(e store.Organization) bool {
	return e.EraseTime.After(c.now().Add(-c.config.Lease - c.config.ClockSkew))
}

// freed returns a time: an organization's id is free if the organization was cleared before it. Service credentials opened the
// organization until it was cleared, and services may have begun to erase.
func (c *Core) freed() time.Time {
	return c.now().Add(-max(c.config.Lease+c.config.ClockSkew, erasure.FreeAfter))
}

// ConfirmErasure notes that a service has erased everything of an organization. fault.NotFound: it is not being erased.
func (c *Core) ConfirmErasure(ctx context.Context, organizationID, service string) error {
	return c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		o, err := tx.Organization(ctx)
		if err != nil {
			return err
		}
		if !o.Erasing() {
			return fault.New(fault.NotFound, "organization %q is not being erased", organizationID)
		}
		waiting := slices.DeleteFunc(strings.Fields(o.Waiting), func(other string) bool { return other == service })
		o.Waiting = strings.Join(waiting, " ")
		return tx.PutOrganization(ctx, o)
	})
}

// clearRows is how many rows one transaction erases.
const clearRows = 500

// FinishErasures erases the rest of organizations that all services have erased. Several processes may call it at the same time.
func (c *Core) FinishErasures(ctx context.Context, log *slog.Logger) error {
	all, err := c.Erasures(ctx)
	errs := []error{err}
	for _, e := range all {
		switch {
		case e.Waiting != "":
		case e.ClearTime.IsZero():
			errs = append(errs, c.clearErased(ctx, e.ID))
		case e.ClearTime.Before(c.freed()):
			if err := c.store.FreeErased(ctx, e.ID); err != nil {
				errs = append(errs, err)
				continue
			}
			log.InfoContext(ctx, "an organization is erased everywhere, and its id is free", "organization", e.ID)
		}
	}
	return errors.Join(errs...)
}

// clearErased erases everything of an organization except its row.
func (c *Core) clearErased(ctx context.Context, organizationID string) error {
	for more := true; more; {
		var digests [][sha256.Size]byte
		err := c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) (err error) {
			more, digests, err = clearStep(ctx, tx, c.now())
			return err
		})
		if err != nil {
			return err
		}
		if len(digests) > 0 {
			c.config.Invalidate(ctx, digests...) // the organization stays until their leases have ended, so this need not be certain
		}
	}
	return nil
}

// clearStep erases at most clearRows sessions, portal links, keys, directories or records of requests, and reports whether there may be
// more. After the last one it removes the organization from all credentials, returns their digests, and deletes the organization's name.
func clearStep(ctx context.Context, tx store.Tx, now time.Time) (more bool, digests [][sha256.Size]byte, err error) {
	o, err := tx.Organization(ctx)
	if err != nil || !o.Erasing() || o.Waiting != "" {
		return false, nil, err // another process has freed the id, and this is a new organization
	}
	for _, erase := range []func(context.Context, int) (int, error){
		tx.EraseSessions, tx.ErasePortalLinks, tx.EraseKeys, tx.EraseDirectories, tx.EraseRequestRecords,
	} {
		if erased, err := erase(ctx, clearRows); err != nil || erased > 0 {
			return true, nil, err
		}
	}
	if digests, err = leaveScopes(ctx, tx, o.ID); err != nil || !o.ClearTime.IsZero() {
		return false, digests, err
	}
	o.DisplayName, o.ClearTime = o.ID, now
	return false, digests, tx.PutOrganization(ctx, o)
}

// leaveScopes removes an organization from the scopes of service credentials. It deletes a credential for this organization alone.
func leaveScopes(ctx context.Context, tx store.Tx, organizationID string) (digests [][sha256.Size]byte, err error) {
	scoped, err := tx.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	for _, cred := range scoped {
		digests = append(digests, cred.Digest)
		cred.OrganizationIDs = slices.DeleteFunc(cred.OrganizationIDs, func(id string) bool { return id == organizationID })
		if len(cred.OrganizationIDs) == 0 { // an empty scope would mean all organizations
			err = tx.DeleteCredential(ctx, cred.ID)
		} else {
			err = tx.PutScope(ctx, cred)
		}
		if err != nil {
			return nil, err
		}
	}
	return digests, nil
}
