package authn

import (
	"math"
	"time"
)

// maxBuckets is how many buckets are in memory at most.
const maxBuckets = 10_000

// burstSeconds is how many seconds of the rate a burst may have.
const burstSeconds = 10

// buckets limit a rate for each key, such as an address. The caller locks them.
type buckets[K comparable] struct {
	perSecond float64
	by        map[K]*bucket
}

func newBuckets[K comparable](perSecond float64) buckets[K] {
	return buckets[K]{perSecond: perSecond, by: map[K]*bucket{}}
}

// of returns the bucket of a key.
func (b buckets[K]) of(key K, now time.Time) *bucket {
	one := b.by[key]
	if one == nil {
		b.makeRoom(now)
		one = &bucket{}
		b.by[key] = one
	}
	return one
}

// makeRoom removes the idle buckets, which changes nothing for them. If all are busy, it removes all.
func (b buckets[K]) makeRoom(now time.Time) {
	if len(b.by) < maxBuckets {
		return
	}
	for key, one := range b.by {
		if one.drain(now, b.perSecond); one.taken == 0 {
			delete(b.by, key)
		}
	}
	if len(b.by) >= maxBuckets {
		clear(b.by)
	}
}

// bucket is a token bucket that stores how much was taken. Unlike those of x/time/rate, tokens can be put back.
type bucket struct {
	taken float64
	at    time.Time
}

func (b *bucket) drain(now time.Time, perSecond float64) {
	b.taken = max(0, b.taken-max(0, now.Sub(b.at).Seconds())*perSecond)
	b.at = now
}

// wait returns how long to wait before one token can be taken; 0 is now.
func (b *bucket) wait(now time.Time, perSecond float64) time.Duration {
	b.drain(now, perSecond)
	over := b.taken + 1 - max(1, perSecond*burstSeconds)
	if over <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(over / perSecond * float64(time.Second)))
}
