// Package keylease keeps what the directory service said about API keys and service credentials, for as long as it said and
// no longer. A key is either of them here.
//
// An answer is a lease with an absolute end, counted from before directory was asked. Revoking a key waits, before it
// answers, until every lease that could still say otherwise has run out; where the cache is in the same process as
// directory, invalidating it is certain and nobody waits.
package keylease

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// Digest is SHA-256 of a key's secret.
type Digest = [sha256.Size]byte

// Lease is what a key opens, until when.
type Lease struct {
	OrganizationID string
	DirectoryID    string
	KeyID          string
	Suspended      bool        // the organization is not federated
	Credential     *Credential // set for a service credential, which opens no directory
	Unknown        bool        // no key that is valid now has this digest
	Until          time.Time
}

// Credential is what a service credential opens: the public face, within its scope.
type Credential struct {
	ID            string
	Organizations []string
	All           bool // all organizations, in place of some
	Write         bool
}

// Load asks the directory service. What it returns is used until Lease.Until.
type Load func(ctx context.Context, digest Digest) (Lease, error)

// maxLeases bounds the cache: beyond it, it starts over. Unknown keys fill it, so an attacker can, and gains nothing.
const maxLeases = 100_000

// Cache holds leases. It is safe for concurrent use.
type Cache struct {
	load Load
	now  func() time.Time

	mu         sync.Mutex
	generation uint64 // rises with each invalidation
	leases     map[Digest]Lease
	flights    map[Digest]*flight
}

// flight is one question to directory that several requests wait for.
type flight struct {
	generation uint64
	done       chan struct{}
	lease      Lease
	err        error
}

// New makes an empty cache.
func New(load Load, now func() time.Time) *Cache {
	return &Cache{load: load, now: now, leases: map[Digest]Lease{}, flights: map[Digest]*flight{}}
}

// Lookup gives the lease of a key. Requests that ask at the same time share one question, but never one that was asked
// before an invalidation that they came after: its answer may be older than the revocation.
func (c *Cache) Lookup(ctx context.Context, digest Digest) (Lease, error) {
	c.mu.Lock()
	if lease, ok := c.leases[digest]; ok {
		if c.now().Before(lease.Until) {
			c.mu.Unlock()
			return lease, nil
		}
		delete(c.leases, digest)
	}
	f, ok := c.flights[digest]
	if !ok || f.generation != c.generation {
		f = &flight{generation: c.generation, done: make(chan struct{})}
		c.flights[digest] = f
		// The question outlives the request that asked it: others wait for it too. Load has its own deadline.
		go c.fly(context.WithoutCancel(ctx), digest, f)
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.lease, f.err
	case <-ctx.Done():
		return Lease{}, ctx.Err()
	}
}

func (c *Cache) fly(ctx context.Context, digest Digest, f *flight) {
	f.lease, f.err = c.load(ctx, digest)
	c.mu.Lock()
	if c.flights[digest] == f {
		delete(c.flights, digest)
	}
	if f.err == nil && f.generation == c.generation {
		if len(c.leases) >= maxLeases {
			clear(c.leases)
		}
		c.leases[digest] = f.lease
	}
	c.mu.Unlock()
	close(f.done)
}

// Invalidate forgets keys. Once it has returned, no Lookup that starts later gives an answer from before it.
func (c *Cache) Invalidate(digests ...Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	for _, digest := range digests {
		delete(c.leases, digest)
	}
}
