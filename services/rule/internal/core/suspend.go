package core

import (
	"context"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// SuspendAccess suspends all effective access of a user at once, in the name of by. It asks no other service: the user may be
// deleted, detached or unknown. For the organization's last effective Organization Admin it fails with fault.LastAdmin, unless
// force is true; then last is true. A second call changes nothing.
func (c *Core) SuspendAccess(ctx context.Context, organizationID, userID, reason, by string, force bool) (p store.Suspension, last bool, err error) {
	if err := checkOrganization(organizationID); err != nil {
		return p, false, err
	}
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		before, known, err := holder(ctx, tx, userID)
		if err != nil {
			return err
		}
		p, err = tx.Suspend(ctx, store.Suspension{UserID: userID, Reason: reason, SuspendedBy: by, CreateTime: c.now()})
		if err != nil || !known {
			return err
		}
		after := before
		after.Suspended = true
		err = keepAnAdmin(ctx, tx, before, after)
		if last = force && fault.Is(err, fault.LastAdmin); err != nil && !last {
			return err
		}
		return c.changedManually(ctx, tx, before, after)
	})
	return p, last, err
}

// ResumeAccess ends a suspension: what the user holds counts again while the user is active. A missing suspension is
// fault.NotFound.
func (c *Core) ResumeAccess(ctx context.Context, organizationID, userID string) error {
	err := c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		before, known, err := holder(ctx, tx, userID)
		if err != nil {
			return err
		}
		if err := tx.Resume(ctx, userID); err != nil || !known {
			return err
		}
		after := before
		after.Suspended = false
		return c.changedManually(ctx, tx, before, after)
	})
	if err == nil {
		c.queue.add(organizationID) // users with retained access may be requeued
	}
	return err
}

// Suspensions lists the suspensions by user, after one, at most limit.
func (c *Core) Suspensions(ctx context.Context, organizationID, after string, limit int) ([]store.Suspension, error) {
	return c.store.Suspensions(ctx, organizationID, after, limit)
}
