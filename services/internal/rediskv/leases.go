package rediskv

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/usher-scim/usher/services/internal/keylease"
)

// leasePrefix is before the hex digest of a key. The key's secret is nowhere in Redis.
const leasePrefix = "usher:lease:"

// Leases keeps leases on keys. It implements keylease.Shared.
type Leases struct{ client *Client }

// Leases gives those that are shared through this Redis.
func (c *Client) Leases() Leases { return Leases{c} }

func (l Leases) Get(ctx context.Context, digest keylease.Digest) keylease.Found {
	var left *redis.DurationCmd
	var value *redis.StringCmd
	var now *redis.TimeCmd
	key := leaseKey(digest)
	// In one transaction: another lease that comes in between would have another time to live.
	_ = l.client.do(ctx, func(ctx context.Context) error {
		_, err := l.client.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
			left, value, now = p.PTTL(ctx, key), p.Get(ctx, key), p.Time(ctx)
			return nil
		})
		return err
	})
	if now == nil || now.Err() != nil {
		return keylease.Found{}
	}
	// What is wrong with the value alone is a miss, and a Put mends it.
	found := keylease.Found{Time: now.Val()}
	if lease, ok := readLease(value.Val()); ok && value.Err() == nil {
		found.Lease, found.Left = lease, left.Val()
	}
	return found
}

// Put implements keylease.Shared. Redis keeps time in milliseconds of its own time of day; a SET that it gets late, even
// after it was frozen, holds nothing.
func (l Leases) Put(ctx context.Context, digest keylease.Digest, lease keylease.Lease, until time.Time) {
	value, err := json.Marshal(lease)
	if err != nil {
		return // an end beyond the year 9999
	}
	// A lease that cannot be put is asked for again: the error has been noted where it was seen.
	_ = l.client.do(ctx, func(ctx context.Context) error {
		return l.client.redis.Do(ctx, "set", leaseKey(digest), value, "pxat", until.UnixMilli()).Err()
	})
}

func leaseKey(digest keylease.Digest) string { return leasePrefix + hex.EncodeToString(digest[:]) }

// readLease reads a value strictly: one that another version wrote, with fields that are not known here, is not there.
func readLease(value string) (lease keylease.Lease, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(value)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&lease); err != nil {
		return keylease.Lease{}, false
	}
	_, err := decoder.Token()
	return lease, errors.Is(err, io.EOF)
}
