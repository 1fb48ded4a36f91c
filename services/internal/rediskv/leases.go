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

// leasePrefix is the prefix of a key's hex digest. Redis never contains the key's secret.
const leasePrefix = "usher:lease:"

// Leases stores key leases. It is a keylease.Shared.
type Leases struct{ client *Client }

// Leases returns the key leases that processes share in this Redis.
func (c *Client) Leases() Leases { return Leases{c} }

func (l Leases) Get(ctx context.Context, digest keylease.Digest) keylease.Found {
	var left *redis.DurationCmd
	var value *redis.StringCmd
	var now *redis.TimeCmd
	key := leaseKey(digest)
	// In one transaction: another lease in between would have another time to live.
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
	// An invalid value is a miss, and Set replaces it.
	found := keylease.Found{Time: now.Val()}
	if lease, ok := readLease(value.Val()); ok && value.Err() == nil {
		found.Lease, found.Left = lease, left.Val()
	}
	return found
}

// Set uses Redis's own time of day, in milliseconds. A SET that Redis receives after the end, even because Redis was frozen, stores
// nothing.
func (l Leases) Set(ctx context.Context, digest keylease.Digest, lease keylease.Lease, until time.Time) {
	value, err := json.Marshal(lease)
	if err != nil {
		return // an end beyond the year 9999
	}
	// If this fails, directory is asked again. do has noted the error.
	_ = l.client.do(ctx, func(ctx context.Context) error {
		return l.client.redis.Do(ctx, "set", leaseKey(digest), value, "pxat", until.UnixMilli()).Err()
	})
}

func leaseKey(digest keylease.Digest) string { return leasePrefix + hex.EncodeToString(digest[:]) }

// readLease parses a value strictly: a value of another version, with unknown fields, is a miss.
func readLease(value string) (lease keylease.Lease, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(value)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&lease); err != nil {
		return keylease.Lease{}, false
	}
	_, err := decoder.Token()
	return lease, errors.Is(err, io.EOF)
}
