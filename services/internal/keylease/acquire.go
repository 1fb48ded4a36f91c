package keylease

import "context"

// users counts the current users of a key.
type users struct {
	count int
	own   int           // how many of them Revoke does not wait for
	idle  chan struct{} // closed when there are only these; nil while nobody waits for that
}

type usingCtx struct{}

// Using returns a context for work that uses a key between Acquire and release. If this work revokes the key itself, it does not wait for
// itself.
func Using(ctx context.Context, digest Digest) context.Context {
	return context.WithValue(ctx, usingCtx{}, digest)
}

// UsingAs returns a context for a part of some work, with the key that the work uses.
func UsingAs(ctx, work context.Context) context.Context {
	if digest, ok := work.Value(usingCtx{}).(Digest); ok {
		return Using(ctx, digest)
	}
	return ctx
}

// Acquire looks a key up like Lookup, for a step of a running message: the key may not open any more what it opened at the
// beginning. Revoke waits for release, which is never nil.
func (c *Cache) Acquire(ctx context.Context, digest Digest) (lease Lease, release func(), err error) {
	c.mu.Lock()
	u := c.users[digest]
	if u == nil {
		u = &users{}
		c.users[digest] = u
	}
	u.count++
	c.mu.Unlock()
	lease, err = c.Lookup(ctx, digest)
	return lease, func() { c.release(digest, u) }, err
}

func (c *Cache) release(digest Digest, u *users) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u.count--
	if u.idle != nil && u.count == u.own {
		close(u.idle)
	}
	if u.count == 0 && c.users[digest] == u {
		delete(c.users, digest)
	}
}

// Revoke invalidates keys, and waits until all their current users have called release. Use it in the process with the only
// cache: afterwards nobody does anything with these keys. It returns the context's error if the context ends first. It does not wait for
// the work that calls it; see Using.
func (c *Cache) Revoke(ctx context.Context, digests ...Digest) error {
	c.Invalidate(digests...)
	c.mu.Lock()
	var before []*users
	for _, digest := range digests {
		if u := c.users[digest]; u != nil {
			if ctx.Value(usingCtx{}) == digest {
				u.own = 1
			}
			if u.count > u.own {
				u.idle = make(chan struct{})
				before = append(before, u)
			}
			delete(c.users, digest) // later users find the key revoked, so nobody must wait for them
		}
	}
	c.mu.Unlock()
	for _, u := range before {
		select {
		case <-u.idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
