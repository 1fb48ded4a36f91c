package rediskv

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/wait"
)

// revocations is the channel with the digests of revoked keys, as bytes without separators.
const revocations = "usher:revocations"

// Invalidate deletes keys from Redis, and tells every follower to remove them from its cache. Nobody knows which followers it reached, so
// it is never certain. It returns within the timeout. The end of ctx does not stop it.
func (c *Client) Invalidate(ctx context.Context, digests ...[sha256.Size]byte) (certain bool) {
	if len(digests) == 0 {
		return false
	}
	keys, payload := make([]string, 0, len(digests)), make([]byte, 0, len(digests)*sha256.Size)
	for _, digest := range digests {
		keys, payload = append(keys, leaseKey(digest)), append(payload, digest[:]...)
	}
	// A failure is noted in the state. The revocation waits, so it stays correct.
	_ = c.do(context.WithoutCancel(ctx), func(ctx context.Context) error {
		_, err := c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, keys...)
			p.Publish(ctx, revocations, payload)
			return nil
		})
		return err
	})
	return false
}

// Follow calls invalidate with the keys that any process revokes, until its context ends. It misses revocations while it has no
// connection: leases expire nevertheless.
func (c *Client) Follow(ctx context.Context, invalidate func(digests ...keylease.Digest)) error {
	for ctx.Err() == nil {
		c.hear(ctx, invalidate)
		wait.Sleep(ctx, c.probe)
	}
	return nil
}

// hear follows on one connection until that fails.
func (c *Client) hear(ctx context.Context, invalidate func(digests ...keylease.Digest)) {
	subscription := c.redis.Subscribe(ctx, revocations)
	// The receiving ignores contexts.
	defer context.AfterFunc(ctx, func() { _ = subscription.Close() })()
	defer func() { _ = subscription.Close() }()
	for asked := false; ; {
		received, err := subscription.ReceiveTimeout(ctx, c.probe)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !asked:
			// Silence is normal, even on a dead connection. Silence after a ping is not.
			if subscription.Ping(ctx) != nil {
				return
			}
			asked = true
			continue
		case err != nil:
			return
		}
		asked = false
		if m, ok := received.(*redis.Message); ok {
			invalidate(readDigests(m.Payload)...)
		}
	}
}

func readDigests(payload string) []keylease.Digest {
	var digests []keylease.Digest
	for rest := []byte(payload); len(rest) >= sha256.Size; rest = rest[sha256.Size:] {
		digests = append(digests, keylease.Digest(rest[:sha256.Size]))
	}
	return digests
}
