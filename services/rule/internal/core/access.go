package core

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// CheckAccess says whether a user effectively holds what the grant names.
func (c *Core) CheckAccess(ctx context.Context, organizationID, userID string, grant store.Grant) (bool, error) {
	return c.store.Holds(ctx, organizationID, userID, grant)
}

// Access lists access by user, tenant and role, after a key, at most limit.
func (c *Core) Access(ctx context.Context, organizationID string, filter store.AccessFilter, after store.AccessKey, limit int) ([]store.Access, error) {
	return c.store.Access(ctx, organizationID, filter, after, limit)
}

// facts reads one user from identity. A missing one is fault.NotFound.
func (c *Core) facts(ctx context.Context, organizationID, userID string) (User, error) {
	ctx, cancel := c.called(ctx)
	defer cancel()
	users, err := c.identity.Users(ctx, organizationID, []string{userID}, nil)
	if err != nil {
		return User{}, err
	}
	u, ok := users[userID]
	if !ok {
		return User{}, fault.Missing("user", userID)
	}
	return u, nil
}

// GrantAccess gives a user a role by hand, in the name of by. Granting twice changes nothing.
func (c *Core) GrantAccess(ctx context.Context, organizationID, userID string, grant store.Grant, by string) (store.Access, error) {
	if err := checkOrganization(organizationID); err != nil {
		return store.Access{}, err
	}
	u, err := c.facts(ctx, organizationID, userID)
	if err != nil {
		return store.Access{}, err
	}
	var h store.Holder
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if err := checkGrant(ctx, tx, grant); err != nil {
			return err
		}
		var known bool
		if h, known, err = holder(ctx, tx, userID); err != nil {
			return err
		}
		if !known {
			// Nobody has reconciled the user, or identity has deleted it since it was asked. Settling finds out which.
			h = store.Holder{UserID: userID, Active: u.Active}
			if err := tx.PutHolder(ctx, h); err != nil {
				return err
			}
			if err := tx.Requeue(ctx, []string{userID}); err != nil {
				return err
			}
		}
		s := store.Source{Grant: grant, Kind: store.FromHand, GrantedBy: by, CreateTime: c.now()}
		if slices.ContainsFunc(h.Sources, func(other store.Source) bool { return other.Grant == grant && other.Kind == store.FromHand }) {
			return nil
		}
		held := holds(h, grant)
		h.Sources = append(h.Sources, s)
		if err := tx.PutSource(ctx, userID, s); err != nil || held || !h.Active {
			return err
		}
		if grant == adminGrant {
			if _, err := requeueHeld(ctx, tx, []*difference{{userID: userID}}); err != nil {
				return err
			}
		}
		return tx.AppendChanges(ctx, []store.Change{{UserID: userID, Grant: grant, Kind: store.Added,
			Traceparent: traceparent(trace.SpanContextFromContext(ctx)), Time: c.now()}})
	})
	if err != nil {
		return store.Access{}, err
	}
	c.queue.add(organizationID)
	return accessOf(h, grant), nil
}

// RevokeAccess takes back what was given by hand; of a detached user, which rules leave alone, what rules gave as well. It
// gives the access that is left; without sources when none is.
func (c *Core) RevokeAccess(ctx context.Context, organizationID, userID string, grant store.Grant) (store.Access, error) {
	u, err := c.facts(ctx, organizationID, userID)
	if err != nil {
		return store.Access{}, err
	}
	var h store.Holder
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if err := checkGrant(ctx, tx, grant); err != nil && !fault.Is(err, fault.RoleScope) {
			return err // in another scope than the role's there is nothing to take
		}
		if h, _, err = holder(ctx, tx, userID); err != nil {
			return err
		}
		if u.Detached && holds(h, grant) {
			// Read again, now that no reconcile of the organization can commit: if the user was adopted meanwhile, rules
			// have its access, and what was taken of it nobody would give back.
			if u, err = c.facts(ctx, organizationID, userID); err != nil {
				return err
			}
		}
		held := holds(h, grant)
		var take []store.Source
		h.Sources = slices.DeleteFunc(h.Sources, func(s store.Source) bool {
			taken := s.Grant == grant && (s.Kind == store.FromHand || u.Detached)
			if taken {
				take = append(take, s)
			}
			return taken
		})
		ends := held && h.Active && !holds(h, grant)
		if ends && grant == adminGrant {
			admins, err := tx.CountEffective(ctx, adminGrant, 2)
			if err != nil {
				return err
			}
			if admins <= 1 {
				return fault.New(fault.LastAdmin, "the user is the organization's last Organization Admin")
			}
		}
		for _, s := range take {
			if err := tx.DeleteSource(ctx, userID, s); err != nil {
				return err
			}
		}
		if !ends {
			return nil
		}
		return tx.AppendChanges(ctx, []store.Change{{UserID: userID, Grant: grant, Kind: store.Removed,
			Traceparent: traceparent(trace.SpanContextFromContext(ctx)), Time: c.now()}})
	})
	if err != nil {
		return store.Access{}, err
	}
	return accessOf(h, grant), nil
}

func holder(ctx context.Context, tx store.Tx, userID string) (h store.Holder, known bool, err error) {
	holders, err := tx.Holders(ctx, []string{userID})
	h, known = holders[userID]
	return h, known, err
}

func holds(h store.Holder, grant store.Grant) bool {
	return slices.ContainsFunc(h.Sources, func(s store.Source) bool { return s.Grant == grant })
}

// accessOf is what a holder has of one grant.
func accessOf(h store.Holder, grant store.Grant) store.Access {
	a := store.Access{UserID: h.UserID, Grant: grant, Effective: h.Active}
	for _, s := range h.Sources {
		if s.Grant == grant {
			a.Sources = append(a.Sources, s)
		}
	}
	return a
}
