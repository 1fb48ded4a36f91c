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
	// Take counts a message of a directory that may send perSecond a second on average, and burst at once. When it is one
	// too many it says how long to wait. An error says that it cannot be told now.
	Take(ctx context.Context, directory string, perSecond float64, burst int) (wait time.Duration, ok bool, err error)
}

// maxDirectories bounds how many directories' rates are remembered.
const maxDirectories = 10_000

// rates holds each directory's rate of messages. What it counts itself is one gateway's: several allow a multiple. It
// does so where nothing counts for all, and while that cannot tell.
type rates struct {
	shared    Rates // or nil
	perSecond float64
	mu        sync.Mutex
	by        map[string]*rate.Limiter
	refused   map[string]time.Time // until when the shared count takes nothing more of a directory
}

// newRates makes it; no more than perSecond messages a second get in on average, and a second's worth at once. 0 is off.
func newRates(perSecond float64, shared Rates) *rates {
	return &rates{shared: shared, perSecond: perSecond, by: map[string]*rate.Limiter{}, refused: map[string]time.Time{}}
}

// admit counts a message of a directory. When it is one too many it says how long to wait.
func (r *rates) admit(ctx context.Context, directory string, now time.Time) (wait time.Duration, ok bool) {
	if r.perSecond <= 0 {
		return 0, true
	}
	if r.shared == nil {
		return r.admitHere(directory, now)
	}
	// Who sends far too much must not keep busy what all directories share.
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

// makeRoom forgets those at rest, which changes nothing for them. If all are busy it forgets all: only directories with
// valid keys are here, so nobody can force that to get around a limit.
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
