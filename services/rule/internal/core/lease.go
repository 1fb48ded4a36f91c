package core

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

// leases are those that this process holds, or held. Whether one still counts, a commit finds out.
type leases struct {
	mu sync.Mutex
	by map[string]store.Lease
}

func (l *leases) get(organizationID string) (store.Lease, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lease, ok := l.by[organizationID]
	return lease, ok
}

func (l *leases) put(organizationID string, lease store.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[string]store.Lease{}
	}
	l.by[organizationID] = lease
}

func (l *leases) forget(organizationID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.by, organizationID)
}

// extended notes that a commit prolonged a lease; the zero time means that it did not.
func (l *leases) extended(organizationID string, lease store.Lease, until time.Time) {
	if until.IsZero() {
		return
	}
	lease.Expire = until
	l.put(organizationID, lease)
}

// dropExpired forgets the leases of organizations that were idle since.
func (l *leases) dropExpired(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.by, func(_ string, lease store.Lease) bool { return lease.Expire.Before(now) })
}

// takeAll gives all leases and forgets them.
func (l *leases) takeAll() map[string]store.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.by
	l.by = nil
	return all
}

// own gives a lease on the organization that lasts for a while yet, or says until when another process has it.
func (c *Core) own(ctx context.Context, organizationID string) (lease store.Lease, held bool, until time.Time, err error) {
	now := c.now()
	// What is left must be enough for a call of another service, if the lease is made for that.
	enough := max(c.config.LeaseDuration/4, min(c.config.LeaseDuration/2, c.config.CallTimeout))
	if lease, ok := c.leases.get(organizationID); ok && lease.Expire.Sub(now) > enough {
		return lease, false, time.Time{}, nil
	}
	lease, held, until, err = c.store.Acquire(ctx, organizationID, c.owner, now, now.Add(c.config.LeaseDuration))
	if err == nil && !held {
		c.leases.put(organizationID, lease)
	}
	return lease, held, until, err
}

// keep gives such a lease to who has the last one: ErrLostOwnership when another process has owned the organization since, also if
// it does so no longer. What was read before is out of date then.
func (c *Core) keep(ctx context.Context, organizationID string) (store.Lease, error) {
	last, ok := c.leases.get(organizationID)
	if !ok {
		return last, store.ErrLostOwnership // it ended, and was dropped
	}
	lease, held, _, err := c.own(ctx, organizationID)
	if err == nil && (held || lease.Token > last.Token+1) {
		err = store.ErrLostOwnership
	}
	return lease, err
}

// extension is until when a commit under the lease prolongs it: zero while much of it is left.
func (c *Core) extension(lease store.Lease) time.Time {
	now := c.now()
	if lease.Expire.Sub(now) > c.config.LeaseDuration/2 {
		return time.Time{}
	}
	return now.Add(c.config.LeaseDuration)
}
