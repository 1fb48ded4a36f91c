package authn

import (
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
	// from are the addresses. If all buckets are busy and are removed, only the total limits an attacker with so many addresses.
	from buckets[netip.Addr]
}

// NewUnknownKeys creates UnknownKeys.
func NewUnknownKeys(config UnknownKeysConfig, now func() time.Time) *UnknownKeys {
	return &UnknownKeys{config: config, now: now, from: newBuckets[netip.Addr](config.PerAddress)}
}

// take counts a look-up. It returns the address to pass to giveBack.
func (u *UnknownKeys) take(source Source) (netip.Addr, error) {
	addr := source.share(u.config.TrustedProxies)
	u.mu.Lock()
	defer u.mu.Unlock()
	now := u.now()
	from := u.from.of(addr, now)
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
	if from := u.from.by[addr]; from != nil {
		from.taken = max(0, from.taken-1)
	}
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
