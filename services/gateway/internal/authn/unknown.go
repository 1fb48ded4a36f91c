package authn

import (
	"math"
	"net/netip"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// UnknownKeysConfig is the configuration of UnknownKeys. The rates must be positive.
type UnknownKeysConfig struct {
	// PerAddress and Total are how many unknown keys are looked up per second, from one address and in all. A burst may have ten times as
	// many.
	PerAddress, Total float64
	// TrustedProxies are the proxies whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
}

// UnknownKeys limits the look-ups of keys, service credentials and sessions that have not opened anything here before: anybody can invent any number
// of them, and each one is a call to the directory service. A key that turns out to be valid does not count.
type UnknownKeys struct {
	config UnknownKeysConfig
	now    func() time.Time

	mu    sync.Mutex
	total bucket
	by    map[netip.Addr]*bucket
}

// unknownBurst is how many seconds of the rate a burst may have.
const unknownBurst = 10

// maxAddresses is how many addresses have a bucket at most.
const maxAddresses = 10_000

// NewUnknownKeys creates UnknownKeys.
func NewUnknownKeys(config UnknownKeysConfig, now func() time.Time) *UnknownKeys {
	return &UnknownKeys{config: config, now: now, by: map[netip.Addr]*bucket{}}
}

// take counts a look-up. It returns the address to pass to giveBack.
func (u *UnknownKeys) take(source Source) (netip.Addr, error) {
	addr := source.share(u.config.TrustedProxies)
	u.mu.Lock()
	defer u.mu.Unlock()
	now := u.now()
	from := u.by[addr]
	if from == nil {
		u.makeRoom(now)
		from = &bucket{}
		u.by[addr] = from
	}
	if wait := from.wait(now, u.config.PerAddress); wait > 0 {
		return addr, fault.New(fault.Limit, "Too many unknown keys were sent from this address: %v a second are looked up.",
			u.config.PerAddress).Retry(wait)
	}
	if wait := u.total.wait(now, u.config.Total); wait > 0 {
		return addr, fault.New(fault.Limit, "Too many unknown keys were sent: %v a second are looked up.", u.config.Total).Retry(wait)
	}
	from.taken++
	u.total.taken++
	return addr, nil
}

// giveBack undoes a take, for a key that turned out to be valid.
func (u *UnknownKeys) giveBack(addr netip.Addr) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.total.taken = max(0, u.total.taken-1)
	if from := u.by[addr]; from != nil {
		from.taken = max(0, from.taken-1)
	}
}

// makeRoom removes the idle addresses, which changes nothing for them. If all are busy, it removes all: only the total limits an attacker
// with so many addresses.
func (u *UnknownKeys) makeRoom(now time.Time) {
	if len(u.by) < maxAddresses {
		return
	}
	for addr, from := range u.by {
		if from.drain(now, u.config.PerAddress); from.taken == 0 {
			delete(u.by, addr)
		}
	}
	if len(u.by) >= maxAddresses {
		clear(u.by)
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
	over := b.taken + 1 - max(1, perSecond*unknownBurst)
	if over <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(over / perSecond * float64(time.Second)))
}

// Visitors limits the requests that anybody can send without a credential, such as those of a sign-in, like look-ups of unknown keys. They
// have shares of their own.
type Visitors struct{ visits *UnknownKeys }

// NewVisitors creates Visitors with the rates of unknown keys.
func NewVisitors(config UnknownKeysConfig, now func() time.Time) Visitors {
	return Visitors{NewUnknownKeys(config, now)}
}

// Visit counts a request from a source. The error is fault.Limit if the source sent too many.
func (v Visitors) Visit(source Source) error {
	_, err := v.visits.take(source)
	return err
}

// GiveBack undoes a Visit, for a request that turned out to be from somebody known.
func (v Visitors) GiveBack(source Source) {
	v.visits.giveBack(source.share(v.visits.config.TrustedProxies))
}
