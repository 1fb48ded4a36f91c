// Package core is the directory service's domain: what may be created, what a key opens, and how a revocation becomes
// certain. It knows no SQL and no transport.
package core

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Invalidator forgets keys wherever leases on them are kept. It says whether that is certain: no lease on them is left.
type Invalidator func(ctx context.Context, digests ...[sha256.Size]byte) (certain bool)

// Config is what the domain can be told.
type Config struct {
	// Lease is for how long an answer about a key or a service credential may be used.
	Lease time.Duration
	// ClockSkew is how much longer a revocation waits, for clocks that differ by up to that.
	ClockSkew time.Duration
	// Invalidate is called after each revocation.
	Invalidate Invalidator
	Now        func() time.Time
}

// Core is the domain over a store.
type Core struct {
	store   store.Store
	config  Config
	changed wait.Signal
	signing signing
}

// New makes the domain.
func New(s store.Store, c Config) *Core { return &Core{store: s, config: c} }

// Changed gives a channel that closes at the next change of any directory made by this process.
func (c *Core) Changed() <-chan struct{} { return c.changed.Wait() }

// outlast makes a revocation that has been committed certain: it invalidates, and unless that is sure waits for every lease
// given before the commit to run out. Such a lease was asked for before the wait begins. So it ends in time by the
// gateway's time of day, if that is at most ClockSkew behind the clock of the process that gave the lease; and by the
// gateway's monotonic clock, whatever the times of day are, if the wait is no shorter than keylease.MaxLease.
//
// A repeated revocation waits as well, however long ago the first was. The first may have been cut short; and the time
// that it carries, from before the commit, says little of when that came: nothing bounds a commit.
func (c *Core) outlast(ctx context.Context, digests ...[sha256.Size]byte) error {
	timer := time.NewTimer(c.config.Lease + c.config.ClockSkew)
	defer timer.Stop()
	if c.config.Invalidate(ctx, digests...) {
		return nil
	}
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// now is the time as the store keeps it.
func (c *Core) now() time.Time { return c.config.Now().UTC().Truncate(time.Microsecond) }
