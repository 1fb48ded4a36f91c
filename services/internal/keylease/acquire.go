package keylease

import "context"

// users counts the current users of a key.
type users struct {
	count int
	idle  chan struct{} // closed when there are none any more; nil while nobody waits for that
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
	if u.count--; u.count > 0 {
		return
	}
	if u.idle != nil {
		close(u.idle)
		return
	}
	delete(c.users, digest)
}

// Revoke invalidates keys, and waits until all their current users have called release. Use it in the process with the only
// cache: afterwards nobody does anything with these keys. It returns the context's error if the context ends first.
func (c *Cache) Revoke(ctx context.Context, digests ...Digest) error {
	c.Invalidate(digests...)
	c.mu.Lock()
	var before []*users
	for _, digest := range digests {
		if u := c.users[digest]; u != nil {
			u.idle = make(chan struct{})
			before = append(before, u)
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
