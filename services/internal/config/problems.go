package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Problems are the problems of settings. Each one names its setting by the whole key, such as rule.workers.
type Problems []error

// Add reports that the value of a setting is not allowed.
func (p *Problems) Add(key, allowed string, got any) {
	*p = append(*p, fmt.Errorf("%s must be %s, not %q", key, allowed, fmt.Sprint(got)))
}

// AddSecret is Add for a secret: it does not repeat the value.
func (p *Problems) AddSecret(key, allowed string) {
	*p = append(*p, fmt.Errorf("%s must be %s", key, allowed))
}

// HostPort requires an address such as 127.0.0.1:8080.
func (p *Problems) HostPort(key, addr string) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		p.Add(key, "host:port", addr)
	}
}

// InFlight requires that the largest work fits into a service's in_flight_bytes and in_flight_share_bytes. 0 stands for a default, which is
// large enough. total is the effective value of in_flight_bytes.
func (p *Problems) InFlight(service string, bytes, share, total, largest int64, work string) {
	enough := fmt.Sprintf("0, or at least %d, which %s takes", largest, work)
	for key, value := range map[string]int64{".in_flight_bytes": bytes, ".in_flight_share_bytes": share} {
		if value != 0 && value < largest {
			p.Add(service+key, enough, value)
		}
	}
	if share >= largest && share > total {
		p.Add(service+".in_flight_share_bytes", fmt.Sprintf("at most %s.in_flight_bytes, %d", service, total), share)
	}
}

// Err joins all problems, each one once, sorted by their text. It returns nil if there are none.
func (p Problems) Err() error {
	byText := func(a, b error) int { return strings.Compare(a.Error(), b.Error()) }
	sorted := slices.SortedFunc(slices.Values(p), byText)
	return errors.Join(slices.CompactFunc(sorted, func(a, b error) bool { return byText(a, b) == 0 })...)
}

// number is a type with bounds.
type number interface {
	~int | ~int32 | ~int64 | ~float64
}

// Above0 requires a value above 0.
func Above0[T number](p *Problems, key string, value T) {
	if !(value > 0) { // also for NaN
		p.Add(key, "above 0", value)
	}
}

// AtLeast0 requires a value of 0 or more.
func AtLeast0[T number](p *Problems, key string, value T) {
	if !(value >= 0) { // also for NaN
		p.Add(key, "0 or more", value)
	}
}

// Between requires a value from least to most.
func Between[T number](p *Problems, key string, value, least, most T) {
	if cmp.Compare(value, least) < 0 || cmp.Compare(value, most) > 0 { // NaN is less than any number
		p.Add(key, fmt.Sprintf("from %v to %v", least, most), value)
	}
}
