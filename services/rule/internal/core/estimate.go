package core

import (
	"context"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

// countTime is how long the first page of a rule sync waits for the number of users. Identity counts while this service reads the page. If
// that fails, the first page of each later turn waits for recountTime.
const (
	countTime   = 250 * time.Millisecond
	recountTime = countTime / 5
)

// countUsers begins to count the users of a rule sync, unless their number is known. total returns it, or 0 while it is unknown. A
// count that fails or takes long does not hold the rule sync up. Call total at least once.
func (s *step) countUsers(ctx context.Context, of store.Sync) (total func() int64) {
	if of.UsersTotal > 0 || of.UsersDone > 0 && !s.first {
		return func() int64 { return of.UsersTotal }
	}
	limit := countTime
	if of.UsersDone > 0 {
		limit = recountTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	counted := make(chan int64, 1)
	go func() {
		n, err := s.identity.CountUsers(ctx, s.organizationID)
		if err != nil {
			n = 0
		}
		counted <- n
	}()
	return sync.OnceValue(func() int64 {
		defer cancel()
		return <-counted
	})
}

const (
	// paceShare is the share of its weight that a page loses with each later page: so about the last 64 pages decide the pace. These are
	// several turns of the organization, with the time between them.
	paceShare = 1. / 64
	// stalled is the time after which a rule sync that finished no page has stopped. Then the estimated end moves on with the clock.
	stalled = 10 * time.Second
	// longestEstimate bounds the estimated time.
	longestEstimate = 365 * 24 * time.Hour
)

// paced returns the pace of a rule sync after a page of users, which this process began to read at began, and finished now. It counts the
// time since the page before, because other organizations get turns in between. It does not count the time in which no process ran. A
// longer stop, such as while identity is down, counts at most as long as the recent pages together: so it at most doubles the estimate.
func (c *Core) paced(s store.Sync, users int, began, now time.Time) store.Pace {
	p, since := s.Pace, began
	if p.Micros > 0 && !s.UpdateTime.Before(c.fresh.since) {
		since = s.UpdateTime
	}
	took := max(1, float64(now.Sub(since).Microseconds()))
	if p.Micros > 0 {
		took = min(took, max(p.Micros, float64(stalled.Microseconds())))
	}
	return store.Pace{Users: p.Users*(1-paceShare) + float64(users), Micros: p.Micros*(1-paceShare) + took}
}

// EstimatedEnd returns the time at which a rule sync ends at its present pace; zero if it has ended, or if nothing is known yet.
func (c *Core) EstimatedEnd(s store.Sync) time.Time {
	if s.State != store.SyncRunning || s.UsersTotal == 0 || s.Pace.Users == 0 {
		return time.Time{}
	}
	left := float64(max(0, s.UsersTotal-s.UsersDone)) * s.Pace.Micros / s.Pace.Users
	from := s.UpdateTime
	if late := c.now().Add(-stalled); from.Before(late) {
		from = late
	}
	return from.Add(time.Duration(min(left, float64(longestEstimate.Microseconds()))) * time.Microsecond)
}
