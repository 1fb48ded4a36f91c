package core

import (
	"context"
	"time"
)

// deleteAtOnce is how many rows one transaction deletes.
const deleteAtOnce = 100

// DeleteEnded deletes the sessions and the portal links that expired keepExpired or keepLinks ago. Several processes may call it at the same
// time.
func (c *Core) DeleteEnded(ctx context.Context) error {
	now := c.now()
	for _, kind := range []struct {
		delete  func(ctx context.Context, expired time.Time, limit int) (int, error)
		expired time.Time
	}{
		{c.store.DeleteSessions, now.Add(-keepExpired)},
		{c.store.DeletePortalLinks, now.Add(-keepLinks)},
	} {
		for more := true; more; {
			deleted, err := kind.delete(ctx, kind.expired, deleteAtOnce)
			if err != nil {
				return err
			}
			more = deleted == deleteAtOnce
		}
	}
	return nil
}
