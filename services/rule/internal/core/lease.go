package core

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

// leases contains the organizations' leases that this process has or had. A commit checks whether a lease still counts.
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

func (l *leases) set(organizationID string, lease store.Lease) {
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

// extended notes that a commit extended an organization's lease until a time; the zero time means that it did not.
func (l *leases) extended(organizationID string, lease store.Lease, until time.Time) {
	if until.IsZero() {
		return
	}
	lease.Expire = until
	l.set(organizationID, lease)
}

// dropExpired forgets the expired leases of idle organizations.
func (l *leases) dropExpired(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.by, func(_ string, lease store.Lease) bool { return lease.Expire.Before(now) })
}

// takeAll returns all leases and forgets them.
func (l *leases) takeAll() map[string]store.Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.by
	l.by = nil
	return all
}

// own returns the organization's lease, with enough time left. If another process owns the organization, it returns until when.
func (c *Core) own(ctx context.Context, organizationID string) (lease store.Lease, otherOwns bool, until time.Time, err error) {
	now := c.now()
	// The remaining time must suffice for a call to another service, if the whole lease does.
	enough := max(c.config.LeaseDuration/4, min(c.config.LeaseDuration/2, c.config.CallTimeout))
	if lease, ok := c.leases.get(organizationID); ok && lease.Expire.Sub(now) > enough {
		return lease, false, time.Time{}, nil
	}
	lease, otherOwns, until, err = c.store.Acquire(ctx, organizationID, c.owner, now, now.Add(c.config.LeaseDuration))
	if err == nil && !otherOwns {
		c.leases.set(organizationID, lease)
	}
	return lease, otherOwns, until, err
}

// keep returns such a lease to a caller that had one before. It fails with ErrLostOwnership if another process has owned the
// organization since, even if it no longer does: what the caller read before is out of date then.
func (c *Core) keep(ctx context.Context, organizationID string) (store.Lease, error) {
	last, ok := c.leases.get(organizationID)
	if !ok {
		return last, store.ErrLostOwnership // it expired, and was dropped
	}
	lease, otherOwns, _, err := c.own(ctx, organizationID)
	if err == nil && (otherOwns || lease.Token > last.Token+1) {
		err = store.ErrLostOwnership
	}
	return lease, err
}

// extension returns until when a commit should extend the organization's lease: zero while most of it is left.
func (c *Core) extension(lease store.Lease) time.Time {
	now := c.now()
	if lease.Expire.Sub(now) > c.config.LeaseDuration/2 {
		return time.Time{}
	}
	return now.Add(c.config.LeaseDuration)
}
