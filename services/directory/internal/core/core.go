// Package core is the directory service's domain. It decides what a client may create and what a key opens, and makes revocations
// certain. It knows no SQL and no transport.
package core

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Invalidator deletes keys from all caches of key leases. It reports whether it is certain that no lease is left.
type Invalidator func(ctx context.Context, digests ...[sha256.Size]byte) (certain bool)

// Config configures the domain.
type Config struct {
	// Lease is the length of a key lease: how long a gateway may use an answer about a key or a service credential.
	Lease time.Duration
	// ClockSkew is the additional time that a revocation waits, because clocks may differ by it.
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

// New creates the domain.
func New(s store.Store, c Config) *Core { return &Core{store: s, config: c} }

// Changed returns a channel that closes when this process next changes any directory.
func (c *Core) Changed() <-chan struct{} { return c.changed.Wait() }

// outlast makes a committed revocation certain. It invalidates the keys. If that is not certain, it waits until every lease from
// before the commit has expired. The gateway asked for such a lease before the wait begins. So the lease expires during the wait by
// the gateway's time of day, if that is at most ClockSkew behind the clock of the process that created the lease. It also expires by
// the gateway's monotonic clock, whatever the times of day are, if the wait is no shorter than keylease.MaxLease.
//
// A repeated revocation waits as well, however long ago the first one was. The first one may have been interrupted. Its stored time
// is from before the commit, and nothing bounds the duration of a commit.
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

// now returns the time with the precision of the store.
func (c *Core) now() time.Time { return c.config.Now().UTC().Truncate(time.Microsecond) }
