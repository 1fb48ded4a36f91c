// Package keylease keeps what the directory service said about API keys and service credentials, for as long as it said and
// no longer. A key is either of them here.
//
// An answer is a lease with an absolute end, counted from before directory was asked. Revoking a key waits, before it
// answers, until every lease that could still say otherwise has run out; where the cache is in the same process as
// directory, invalidating it is certain and nobody waits.
//
// Leases are looked for in this process, then in what processes share, then at directory. Each layer keeps a lease's end
// and none renews it. No clock is trusted alone: a lease holds while its end has not come by this machine's time of day,
// and while less than its term has passed, by this process's monotonic clock, since it was asked for. So neither a machine
// that was suspended, whose monotonic clock stood still, nor a time of day that was set back prolongs it.
package keylease

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// MaxLease is the longest that an answer about a key may be used, counted from before directory was asked.
const MaxLease = 5 * time.Second

// Digest is SHA-256 of a key's secret.
type Digest = [sha256.Size]byte

// Lease is what a key opens, until when. Its exported fields are what processes share.
type Lease struct {
	OrganizationID string
	DirectoryID    string
	KeyID          string
	Suspended      bool        // the organization is not federated
	Credential     *Credential // set for a service credential, which opens no directory
	Unknown        bool        // no key that is valid now has this digest
	Until          time.Time
	Signature      Signature // of all this; a lease without one is not shared
}

// Credential is what a service credential opens: the public face, within its scope.
type Credential struct {
	ID            string
	Organizations []string
	All           bool // all organizations, in place of some
	Write         bool
}

// Load asks the directory service. What it returns is used until Lease.Until, and no longer than MaxLease.
type Load func(ctx context.Context, digest Digest) (Lease, error)

// Bounds of the cache: beyond them it starts over, with the keys that open something or with those that do not. So who
// tries many keys makes nobody else's be looked up again.
const (
	maxLeases  = 100_000
	maxUnknown = 20_000
)

// Cache holds leases. It is safe for concurrent use.
type Cache struct {
	load    Load
	shared  Shared // or nil
	verify  Verify // of what is shared
	now     func() time.Time
	elapsed func() time.Duration

	mu         sync.Mutex
	generation uint64 // rises with each invalidation
	leases     map[Digest]held
	unknown    map[Digest]held // of keys that open nothing
	flights    map[Digest]*flight
	holders    map[Digest]*holders
	flying     sync.WaitGroup

	here, fromShared, fromDirectory atomic.Int64 // where answers came from
}

// Counts is how many questions each layer has answered.
type Counts struct{ Process, Shared, Directory int64 }

// held is a lease with its end on both clocks.
type held struct {
	Lease               // Until has no monotonic reading
	end   time.Duration // as elapsed counts
}

// flight is one question that several requests wait for.
type flight struct {
	generation uint64
	done       chan struct{}
	held       held
	err        error
}

// Option changes how a Cache is made.
type Option func(*Cache)

// WithShared has leases looked for in, and put into, what processes share. What is not signed is not looked at.
func WithShared(shared Shared, verify Verify) Option {
	return func(c *Cache) { c.shared, c.verify = shared, verify }
}

// WithElapsed replaces the monotonic clock: what it counts from does not matter.
func WithElapsed(elapsed func() time.Duration) Option { return func(c *Cache) { c.elapsed = elapsed } }

// New makes an empty cache. now is the time of day.
func New(load Load, now func() time.Time, options ...Option) *Cache {
	start := time.Now()
	c := &Cache{
		load: load, now: now, elapsed: func() time.Duration { return time.Since(start) },
		leases: map[Digest]held{}, unknown: map[Digest]held{}, flights: map[Digest]*flight{}, holders: map[Digest]*holders{},
	}
	for _, option := range options {
		option(c)
	}
	return c
}

// Lookup gives the lease of a key, which is valid as it returns. Requests that ask at the same time share one question,
// but never one that was asked before an invalidation that they came after: its answer may be older than the revocation.
func (c *Cache) Lookup(ctx context.Context, digest Digest) (Lease, error) {
	// An answer that took so long that its lease is over by now is not used: it is asked for once more.
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

func (c *Cache) lookup(ctx context.Context, digest Digest) (held, error) {
	c.mu.Lock()
	if found, ok := c.held(digest); ok {
		c.mu.Unlock()
		c.here.Add(1)
		return found, nil
	}
	f, ok := c.flights[digest]
	if !ok || f.generation != c.generation {
		f = &flight{generation: c.generation, done: make(chan struct{})}
		c.flights[digest] = f
		// The question outlives the request that asked it: others wait for it too. Load has its own deadline.
		c.flying.Go(func() { c.fly(context.WithoutCancel(ctx), digest, f) })
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.held, f.err
	case <-ctx.Done():
		return held{}, ctx.Err()
	}
}

// held finds a lease that holds. It is called with the lock held. What a key opened stays: Seen asks for it.
func (c *Cache) held(digest Digest) (held, bool) {
	if found, ok := c.leases[digest]; ok && c.valid(found) {
		return found, true
	}
	found, ok := c.unknown[digest]
	if ok && c.valid(found) {
		return found, true
	}
	delete(c.unknown, digest)
	return held{}, false
}

// Seen says whether a look-up of the key costs no question that anybody could cause by inventing keys: its answer is here,
// somebody has just asked, or the key has opened something before and no answer since said otherwise.
func (c *Cache) Seen(digest Digest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.leases[digest]; ok {
		return true
	}
	if f, ok := c.flights[digest]; ok && f.generation == c.generation {
		return true
	}
	_, ok := c.held(digest)
	return ok
}

// remember is called with the lock held.
func (c *Cache) remember(digest Digest, answer held) {
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

// Invalidate forgets keys. Once it has returned, no Lookup that starts later gives an answer that this process had from
// before it; what processes share may still hold one.
func (c *Cache) Invalidate(digests ...Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	for _, digest := range digests {
		if _, ok := c.leases[digest]; ok {
			c.leases[digest] = held{} // it holds no more, and the key was seen
		}
	}
}

// Counts gives how many questions each layer has answered so far. Those that shared an answer count once.
func (c *Cache) Counts() Counts {
	return Counts{Process: c.here.Load(), Shared: c.fromShared.Load(), Directory: c.fromDirectory.Load()}
}

// Close waits for questions that are under way, after the last Lookup.
func (c *Cache) Close() { c.flying.Wait() }

func (c *Cache) fly(ctx context.Context, digest Digest, f *flight) {
	var put func()
	f.held, put, f.err = c.ask(ctx, digest)
	c.mu.Lock()
	if c.flights[digest] == f {
		delete(c.flights, digest)
	}
	current := f.err == nil && f.generation == c.generation
	if current {
		c.remember(digest, f.held)
	}
	c.mu.Unlock()
	close(f.done)
	// Nobody waits for this. An answer from before an invalidation is not handed on; one that is invalidated at this very
	// moment may be, and lives no longer there than anywhere.
	if current && put != nil {
		put()
	}
}

// ask looks into what processes share, then asks directory. put, if it is not nil, hands on what directory said.
func (c *Cache) ask(ctx context.Context, digest Digest) (answer held, put func(), err error) {
	asked, day := c.elapsed(), c.day()
	var found Found
	if c.shared != nil {
		found = c.shared.Get(ctx, digest)
		if found.Left > leastLeft && sound(found.Lease, day) && found.Lease.Until.After(day.Add(leastLeft)) && c.verify(ctx, digest, found.Lease) {
			c.fromShared.Add(1)
			return holding(found.Lease, asked+min(found.Left, MaxLease)), nil, nil
		}
		asked = c.elapsed()
	}
	lease, err := c.load(ctx, digest)
	if err != nil {
		return held{}, nil, err
	}
	c.fromDirectory.Add(1)
	answer = holding(lease, asked+MaxLease)
	if term := min(answer.Until.Sub(day), MaxLease); !found.Time.IsZero() && sound(answer.Lease, day) {
		put = func() { c.shared.Put(ctx, digest, answer.Lease, found.Time.Add(term)) }
	}
	return answer, put, nil
}

func holding(lease Lease, end time.Duration) held {
	lease.Until = lease.Until.Round(0)
	return held{lease, end}
}

// valid says whether a lease holds now, by both clocks.
func (c *Cache) valid(h held) bool { return c.day().Before(h.Until) && c.elapsed() < h.end }

// day is the time of day, without the monotonic reading that Before would prefer.
func (c *Cache) day() time.Time { return c.now().Round(0) }
