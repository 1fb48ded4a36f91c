// Package keylease caches the directory service's answers about API keys, service credentials and sessions, for exactly as long as
// directory allows. In this package, a key is any of them. A blocked person is a key, too: it opens nothing, and its digest is that of
// the person's provider and subject.
//
// An answer is a key lease with an absolute end, counted from before the question to directory. A revocation answers only after every
// lease that contradicts it has expired. If the cache is in the same process as directory, invalidating it is certain, and nobody
// waits.
//
// A look-up asks this process, then the shared store, then directory. Each layer keeps the end of a lease, and none extends it. No
// single clock is trusted. A lease is valid while its end is in the future by this machine's time of day, and while its maximum
// duration has not passed since the question by this process's monotonic clock. So a lease is not extended by a suspended machine,
// whose monotonic clock stops, or by a time of day that was set back.
package keylease

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// MaxLease is how long an answer about a key may be used at most, counted from before the question to directory.
const MaxLease = 5 * time.Second

// Digest is the SHA-256 of a key's secret.
type Digest = [sha256.Size]byte

// Lease is what a key opens, and until when. Processes share the exported fields.
type Lease struct {
	OrganizationID string
	DirectoryID    string
	KeyID          string
	Suspended      bool                // the organization is not federated
	Principal      *commonv1.Principal // set for a service credential or a session, which opens no directory; do not change it
	Blocked        bool                // the digest is that of a blocked person
	AddressRanges  []netip.Prefix      // of the clients that may use the key; empty: any address
	Unknown        bool                // no valid key has this digest
	Until          time.Time
	Signature      Signature // of all other fields; a lease without it is not shared
}

// Admits reports whether a client with this address may use the key. Without ranges, even a client without an address may.
func (l Lease) Admits(client netip.Addr) bool {
	return len(l.AddressRanges) == 0 || slices.ContainsFunc(l.AddressRanges, func(p netip.Prefix) bool { return p.Contains(client) })
}

// Load asks the directory service. The cache uses its result until Lease.Until, and at most for MaxLease.
type Load func(ctx context.Context, digest Digest) (Lease, error)

// Bounds of the cache. When one is reached, the cache drops either all keys that open something, or all keys that do not. So a client
// that tries many keys does not remove other keys from the cache.
const (
	maxLeases  = 100_000
	maxUnknown = 20_000
)

// Cache caches key leases. It is safe for concurrent use.
type Cache struct {
	load    Load
	shared  Shared // or nil
	verify  Verify // for shared leases
	now     func() time.Time
	elapsed func() time.Duration

	mu         sync.Mutex
	generation uint64 // increases with each invalidation
	leases     map[Digest]entry
	unknown    map[Digest]entry // for keys that open nothing
	flights    map[Digest]*flight
	users      map[Digest]*users
	flying     sync.WaitGroup

	here, fromShared, fromDirectory atomic.Int64 // how many answers came from each layer
}

// Counts is how many questions each layer has answered.
type Counts struct{ Process, Shared, Directory int64 }

// entry is a lease with its end on both clocks.
type entry struct {
	Lease               // Until has no monotonic reading
	end   time.Duration // on the clock of Cache.elapsed
}

// flight is one question that several requests wait for.
type flight struct {
	generation uint64
	done       chan struct{}
	answer     entry
	err        error
}

// Option configures a Cache.
type Option func(*Cache)

// WithShared makes the cache read leases from shared, and write leases to it. The cache ignores leases that verify refuses.
func WithShared(shared Shared, verify Verify) Option {
	return func(c *Cache) { c.shared, c.verify = shared, verify }
}

// WithElapsed replaces the monotonic clock. Its zero does not matter.
func WithElapsed(elapsed func() time.Duration) Option { return func(c *Cache) { c.elapsed = elapsed } }

// New creates an empty cache. now is the time of day.
func New(load Load, now func() time.Time, options ...Option) *Cache {
	start := time.Now()
	c := &Cache{
		load: load, now: now, elapsed: func() time.Duration { return time.Since(start) },
		leases: map[Digest]entry{}, unknown: map[Digest]entry{}, flights: map[Digest]*flight{}, users: map[Digest]*users{},
	}
	for _, option := range options {
		option(c)
	}
	return c
}

// Lookup returns the lease of a key. The lease is valid at that time. Concurrent calls share one question, but a call after an
// invalidation never uses a question from before it: that answer may be older than the revocation.
func (c *Cache) Lookup(ctx context.Context, digest Digest) (Lease, error) {
	// If the lease expired before the answer arrived, ask once more.
	for range 2 {
		found, err := c.lookup(ctx, digest)
		if err != nil {
			return Lease{}, err
		}
		if c.valid(found) {
			return found.Lease, nil
		}
	}
	return Lease{}, fault.New(fault.Unavailable, "checking the API key takes too long").Retry(time.Second)
}

func (c *Cache) lookup(ctx context.Context, digest Digest) (entry, error) {
	c.mu.Lock()
	if found, ok := c.cached(digest); ok {
		c.mu.Unlock()
		c.here.Add(1)
		return found, nil
	}
	f, ok := c.flights[digest]
	if !ok || f.generation != c.generation {
		f = &flight{generation: c.generation, done: make(chan struct{})}
		c.flights[digest] = f
		// The question outlasts the request that asked it, because others wait for it too. Load has its own deadline.
		c.flying.Go(func() { c.fly(context.WithoutCancel(ctx), digest, f) })
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.answer, f.err
	case <-ctx.Done():
		return entry{}, ctx.Err()
	}
}

// cached returns a valid lease. The caller has locked mu. It keeps the leases of keys that opened something, for Seen.
func (c *Cache) cached(digest Digest) (entry, bool) {
	if found, ok := c.leases[digest]; ok && c.valid(found) {
		return found, true
	}
	found, ok := c.unknown[digest]
	if ok && c.valid(found) {
		return found, true
	}
	delete(c.unknown, digest)
	return entry{}, false
}

// Seen reports whether a look-up of the key cannot be a question about an invented key: the answer is cached, somebody has just
// asked, or the key has opened something before and no later answer said otherwise.
func (c *Cache) Seen(digest Digest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.leases[digest]; ok {
		return true
	}
	if f, ok := c.flights[digest]; ok && f.generation == c.generation {
		return true
	}
	_, ok := c.cached(digest)
	return ok
}

// remember caches an answer. The caller has locked mu.
func (c *Cache) remember(digest Digest, answer entry) {
	known, most := c.leases, maxLeases
	if answer.Unknown {
		delete(c.leases, digest)
		known, most = c.unknown, maxUnknown
	}
	if len(known) >= most {
		clear(known)
	}
	known[digest] = answer
}

// Invalidate removes keys from the cache. After it has returned, no new Lookup returns an answer that this process got before. The
// shared store may still contain one.
func (c *Cache) Invalidate(digests ...Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	for _, digest := range digests {
		if _, ok := c.leases[digest]; ok {
			c.leases[digest] = entry{} // it is not valid any more, but the key was seen
		}
		delete(c.unknown, digest) // a person who was not blocked
	}
}

// Counts returns how many questions each layer has answered. Calls that share a question count once.
func (c *Cache) Counts() Counts {
	return Counts{Process: c.here.Load(), Shared: c.fromShared.Load(), Directory: c.fromDirectory.Load()}
}

// Close waits for running questions. Call it after the last Lookup.
func (c *Cache) Close() { c.flying.Wait() }

func (c *Cache) fly(ctx context.Context, digest Digest, f *flight) {
	var share func()
	f.answer, share, f.err = c.ask(ctx, digest)
	c.mu.Lock()
	if c.flights[digest] == f {
		delete(c.flights, digest)
	}
	current := f.err == nil && f.generation == c.generation
	if current {
		c.remember(digest, f.answer)
	}
	c.mu.Unlock()
	close(f.done)
	// Nobody waits for this. An answer from before an invalidation is not shared. An answer that is invalidated right now may be
	// shared, and expires there at the same time as elsewhere.
	if current && share != nil {
		share()
	}
}

// ask reads the shared store, then asks directory. share, if not nil, writes directory's answer to the shared store.
func (c *Cache) ask(ctx context.Context, digest Digest) (answer entry, share func(), err error) {
	asked, day := c.elapsed(), c.day()
	var found Found
	if c.shared != nil {
		found = c.shared.Get(ctx, digest)
		if found.Left > leastLeft && sound(found.Lease, day) && found.Lease.Until.After(day.Add(leastLeft)) && c.verify(ctx, digest, found.Lease) {
			c.fromShared.Add(1)
			return newEntry(found.Lease, asked+min(found.Left, MaxLease)), nil, nil
		}
		asked = c.elapsed()
	}
	lease, err := c.load(ctx, digest)
	if err != nil {
		return entry{}, nil, err
	}
	c.fromDirectory.Add(1)
	answer = newEntry(lease, asked+MaxLease)
	if term := min(answer.Until.Sub(day), MaxLease); !found.Time.IsZero() && sound(answer.Lease, day) {
		share = func() { c.shared.Set(ctx, digest, answer.Lease, found.Time.Add(term)) }
	}
	return answer, share, nil
}

func newEntry(lease Lease, end time.Duration) entry {
	lease.Until = lease.Until.Round(0)
	return entry{lease, end}
}

// valid reports whether an entry is valid now, by both clocks.
func (c *Cache) valid(e entry) bool { return c.day().Before(e.Until) && c.elapsed() < e.end }

// day returns the time of day without a monotonic reading, because Before would prefer that.
func (c *Cache) day() time.Time { return c.now().Round(0) }
