package keylease

import "context"

// holders are those who hold a key at a time.
type holders struct {
	count int
	idle  chan struct{} // closed once nobody does; nil while nobody waits for that
}

// Hold looks a key up as Lookup does, for a step of a message that began before: what the key opened then it may not open any
// more. Revoke waits until release is called, which is not nil.
func (c *Cache) Hold(ctx context.Context, digest Digest) (lease Lease, release func(), err error) {
	c.mu.Lock()
	h := c.holders[digest]
	if h == nil {
		h = &holders{}
		c.holders[digest] = h
	}
	h.count++
	c.mu.Unlock()
	lease, err = c.Lookup(ctx, digest)
	return lease, func() { c.release(digest, h) }, err
}

func (c *Cache) release(digest Digest, h *holders) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.count--; h.count > 0 {
		return
	}
	if h.idle != nil {
		close(h.idle)
		return
	}
	delete(c.holders, digest)
}

// Revoke invalidates keys, and waits until all who held one of them before have released it. It is for a process that has the
// only cache there is: then nothing is done with these keys any more. It gives the context's error if that ends before.
func (c *Cache) Revoke(ctx context.Context, digests ...Digest) error {
	c.Invalidate(digests...)
	c.mu.Lock()
	var before []*holders
	for _, digest := range digests {
		if h := c.holders[digest]; h != nil {
			h.idle = make(chan struct{})
			before = append(before, h)
			delete(c.holders, digest) // who comes later finds the key revoked, and need not be waited for
		}
	}
	c.mu.Unlock()
	for _, h := range before {
		select {
		case <-h.idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
