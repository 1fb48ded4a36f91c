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

// revocations is the channel on which digests of keys that were revoked are told, one after the other as bytes.
const revocations = "usher:revocations"

// Invalidate forgets keys in Redis and tells every process that follows to forget them. Nobody knows who was reached, so it
// is never certain; it takes no longer than the timeout, and goes on although the caller leaves.
func (c *Client) Invalidate(ctx context.Context, digests ...[sha256.Size]byte) (certain bool) {
	if len(digests) == 0 {
		return false
	}
	keys, told := make([]string, 0, len(digests)), make([]byte, 0, len(digests)*sha256.Size)
	for _, digest := range digests {
		keys, told = append(keys, leaseKey(digest)), append(told, digest[:]...)
	}
	// What could not be done is noted in the state, and made good for by waiting.
	_ = c.do(context.WithoutCancel(ctx), func(ctx context.Context) error {
		_, err := c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Del(ctx, keys...)
			p.Publish(ctx, revocations, told)
			return nil
		})
		return err
	})
	return false
}

// Follow calls invalidate with the keys that any process revokes, until its context ends. While it has no connection it
// hears of none: leases run out all the same.
func (c *Client) Follow(ctx context.Context, invalidate func(digests ...keylease.Digest)) error {
	for ctx.Err() == nil {
		c.hear(ctx, invalidate)
		wait.Sleep(ctx, c.probe)
	}
	return nil
}

// hear follows on one connection, to its end.
func (c *Client) hear(ctx context.Context, invalidate func(digests ...keylease.Digest)) {
	subscription := c.redis.Subscribe(ctx, revocations)
	// Waiting for a message heeds no context.
	defer context.AfterFunc(ctx, func() { _ = subscription.Close() })()
	defer func() { _ = subscription.Close() }()
	for asked := false; ; {
		message, err := subscription.ReceiveTimeout(ctx, c.probe)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && !asked:
			// Silence is normal, also on a connection that leads nowhere any more. A second one, after a ping, is not.
			if subscription.Ping(ctx) != nil {
				return
			}
			asked = true
			continue
		case err != nil:
			return
		}
		asked = false
		if m, ok := message.(*redis.Message); ok {
			invalidate(readDigests(m.Payload)...)
		}
	}
}

func readDigests(told string) []keylease.Digest {
	var digests []keylease.Digest
	for rest := []byte(told); len(rest) >= sha256.Size; rest = rest[sha256.Size:] {
		digests = append(digests, keylease.Digest(rest[:sha256.Size]))
	}
	return digests
}
