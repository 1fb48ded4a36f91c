package scimhttp

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates counts the messages of each directory for all gateways together.
type Rates interface {
	// Take counts a message of a directory that may send perSecond messages per second on average, and burst at once. If the message
	// exceeds this, ok is false, and wait says how long to wait. An error means that the answer is not known now.
	Take(ctx context.Context, directory string, perSecond float64, burst int) (wait time.Duration, ok bool, err error)
}

// maxDirectories is how many directories have a rate in memory at most.
const maxDirectories = 10_000

// rates limits the rate of each directory's messages. Its own counts are those of one gateway, so several gateways allow a multiple. It
// uses them if there is no shared count, and while the shared count does not answer.
type rates struct {
	shared    Rates // or nil
	perSecond float64
	mu        sync.Mutex
	by        map[string]*rate.Limiter
	refused   map[string]time.Time // until when the shared count accepts no message of a directory
}

// newRates creates rates that admit perSecond messages per second on average, and the messages of a second at once. 0 turns the limit off.
func newRates(perSecond float64, shared Rates) *rates {
	return &rates{shared: shared, perSecond: perSecond, by: map[string]*rate.Limiter{}, refused: map[string]time.Time{}}
}

// admit counts a message of a directory. If it exceeds the rate, ok is false, and wait says how long to wait.
func (r *rates) admit(ctx context.Context, directory string, now time.Time) (wait time.Duration, ok bool) {
	if r.perSecond <= 0 {
		return 0, true
	}
	if r.shared == nil {
		return r.admitHere(directory, now)
	}
	// A directory that sends far too much must not keep the shared count busy.
	if wait := r.refusedUntil(directory).Sub(now); wait > 0 {
		return wait, false
	}
	wait, ok, err := r.shared.Take(ctx, directory, r.perSecond, r.burst())
	if err != nil {
		return r.admitHere(directory, now)
	}
	if !ok {
		r.refuse(directory, now.Add(wait))
	}
	return wait, ok
}

func (r *rates) refusedUntil(directory string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused[directory]
}

func (r *rates) refuse(directory string, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.refused) >= maxDirectories {
		clear(r.refused)
	}
	r.refused[directory] = until
}

func (r *rates) admitHere(directory string, now time.Time) (wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	limiter := r.by[directory]
	if limiter == nil {
		r.makeRoom(now)
		limiter = rate.NewLimiter(rate.Limit(r.perSecond), r.burst())
		r.by[directory] = limiter
	}
	if limiter.AllowN(now, 1) {
		return 0, true
	}
	return time.Duration((1 - limiter.TokensAt(now)) / r.perSecond * float64(time.Second)), false
}

func (r *rates) burst() int { return max(1, int(math.Ceil(r.perSecond))) }

// makeRoom removes the idle directories, which changes nothing for them. If all are busy, it removes all. Only directories with valid keys
// are here, so nobody can use this to bypass a limit.
func (r *rates) makeRoom(now time.Time) {
	if len(r.by) < maxDirectories {
		return
	}
	for directory, limiter := range r.by {
		if limiter.TokensAt(now) >= float64(r.burst()) {
			delete(r.by, directory)
		}
	}
	if len(r.by) >= maxDirectories {
		clear(r.by)
	}
}
