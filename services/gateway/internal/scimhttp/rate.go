package scimhttp

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxDirectories bounds how many directories' rates are remembered.
const maxDirectories = 10_000

// rates holds each directory's rate of messages. It is one gateway's: several allow a multiple.
type rates struct {
	perSecond float64
	mu        sync.Mutex
	by        map[string]*rate.Limiter
}

// newRates makes it; no more than perSecond messages a second get in on average, and a second's worth at once. 0 is off.
func newRates(perSecond float64) *rates {
	return &rates{perSecond: perSecond, by: map[string]*rate.Limiter{}}
}

// admit counts a message of a directory. When it is one too many it says how long to wait.
func (r *rates) admit(directory string, now time.Time) (wait time.Duration, ok bool) {
	if r.perSecond <= 0 {
		return 0, true
	}
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
