package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/wait"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// activitySaveEvery is how often the followed cursor is stored if no unknown organization appears. After a restart, identity reports
// everything since that cursor again, which is harmless.
const activitySaveEvery = 10 * time.Second

// Run does the background work until ctx ends, and releases the organizations' leases. Call it once.
func (c *Core) Run(ctx context.Context) error {
	// Read the cursor first: identity reports organizations that another process makes known later again after it.
	after, err := c.store.Activity(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the followed cursor: %w", err)
	}
	known, err := c.queueAll(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the known organizations: %w", err)
	}
	if err := c.fresh.follows(known, after); err != nil {
		return fmt.Errorf("reading the followed cursor: %w", err)
	}
	var running sync.WaitGroup
	for range c.config.Workers {
		running.Go(func() { c.work(ctx, quickLane) })
		running.Go(func() { c.work(ctx, slowLane) })
	}
	running.Go(func() { c.follow(ctx, known, after) })
	running.Go(func() { c.refresh(ctx) })
	running.Go(func() { c.deliver(ctx) })
	running.Go(func() { c.sweep(ctx) })
	running.Wait()
	c.queue.close()
	if leases := c.leases.takeAll(); len(leases) > 0 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.CallTimeout)
		defer cancel()
		if err := c.store.Release(ctx, leases); err != nil {
			return fmt.Errorf("giving leases back: %w", err)
		}
	}
	return nil
}

// queueAll enqueues every known organization, and returns their ids.
func (c *Core) queueAll(ctx context.Context) (map[string]bool, error) {
	const page = 1000
	known := map[string]bool{}
	for after := ""; ; {
		ids, err := c.store.Organizations(ctx, after, page)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			known[id] = true
			c.queue.add(id)
		}
		if len(ids) < page {
			return known, nil
		}
		after = ids[len(ids)-1]
	}
}

// follow enqueues the organizations that have new records in identity.
func (c *Core) follow(ctx context.Context, known map[string]bool, after string) {
	failures := 0
	var saved time.Time
	for ctx.Err() == nil {
		err := c.identity.Activity(ctx, after, func(a Activity) error {
			failures = 0
			if err := c.fresh.hears(a); err != nil {
				return err
			}
			var unknown []string
			for _, id := range a.OrganizationIDs {
				if !known[id] {
					unknown = append(unknown, id)
				}
				c.queue.add(id)
			}
			// A restart enqueues known organizations, whatever the cursor. So store unknown ones before the cursor advances.
			if now := c.now(); len(unknown) > 0 || now.Sub(saved) >= activitySaveEvery {
				if err := c.store.SaveActivity(ctx, a.Cursor, unknown); err != nil {
					return err
				}
				saved = now
			}
			for _, id := range unknown {
				known[id] = true
			}
			after = a.Cursor
			return nil
		})
		if fault.Is(err, fault.CursorExpired) {
			after, err = c.followAnew(ctx, after, known)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		failures++
		c.log.LogAttrs(ctx, slog.LevelWarn, "following identity's activity ended and is retried", slog.Any("error", err))
		if !wait.Sleep(ctx, wait.Backoff(c.config.RetryDelay, c.config.MaxRetryDelay, failures)) {
			return
		}
	}
}

// followAnew returns the beginning of the feed that identity still keeps, or its end if even that has been trimmed. It enqueues every
// known organization: each has its own checkpoint, and finds out whether it lost records.
func (c *Core) followAnew(ctx context.Context, after string, known map[string]bool) (cursor string, err error) {
	c.log.LogAttrs(ctx, slog.LevelWarn, "identity's feed cannot be followed from the stored cursor: following begins again")
	if after == "" {
		ctx, cancel := c.called(ctx)
		defer cancel()
		if cursor, err = c.identity.Cursor(ctx); err != nil {
			return after, err
		}
	}
	if err := c.store.SaveActivity(ctx, cursor, nil); err != nil {
		return after, err
	}
	all, err := c.queueAll(ctx)
	if err != nil {
		return after, err
	}
	for id := range all {
		known[id] = true
	}
	return cursor, c.fresh.follows(known, cursor)
}

// work gives turns to the organizations of a lane.
func (c *Core) work(ctx context.Context, l lane) {
	turns := ctx
	if l == quickLane {
		turns = at(ctx, quick)
	}
	for {
		id, ok := c.queue.next(ctx, l)
		if !ok {
			return
		}
		start := time.Now()
		t, err := c.turn(turns, id)
		// An organization with a paused kind of work is not quick either.
		slow := t.failed || t.slow || time.Since(start) > slowTurn || !c.attempts.next(id).IsZero()
		switch {
		case ctx.Err() != nil:
			c.queue.done(id, slow, false, 0)
		case errors.Is(err, store.ErrLostOwnership):
			c.leases.forget(id)
			c.log.LogAttrs(ctx, slog.LevelInfo, "another process has taken an organization over", slog.String("organization", id))
			c.queue.doneUntil(id, c.config.RetryDelay)
		case fault.Is(err, fault.Erasing):
			c.forget(id)
			c.queue.done(id, false, false, 0)
		case err != nil:
			c.failed(ctx, id, taking, err)
			c.queue.done(id, true, false, c.untilNext(id, time.Time{}))
		case !t.until.IsZero():
			// If the other process is alive, the work is done by then. If it has died, this process takes over.
			c.queue.doneUntil(id, max(t.until.Sub(c.now()), c.config.RetryDelay))
		default:
			c.queue.done(id, slow, t.again, c.untilNext(id, t.due))
		}
	}
}

// failed notes that a kind of work failed, and pauses it.
func (c *Core) failed(ctx context.Context, organizationID string, k kind, err error) {
	c.metrics.failed(ctx, k)
	failures := c.attempts.failed(organizationID, k, c.now())
	c.log.LogAttrs(ctx, slog.LevelWarn, "working on an organization failed and is retried", slog.String("organization", organizationID),
		slog.String("kind", k.String()), slog.Int("failures", failures), slog.Any("error", err))
}

// untilNext returns how long to wait for the first paused kind of work, or for the next user to retry, at due. 0 means that nothing
// waits.
func (c *Core) untilNext(organizationID string, due time.Time) time.Duration {
	next := c.attempts.next(organizationID)
	if c.attempts.rests(organizationID, retrying, c.now()) {
		due = time.Time{} // a due user waits as well
	}
	if next.IsZero() || !due.IsZero() && due.Before(next) {
		next = due
	}
	if next.IsZero() {
		return 0
	}
	return max(next.Sub(c.now()), time.Millisecond)
}

// turn is the result of an organization's turn.
type turn struct {
	again  bool      // there is more work now
	failed bool      // a kind of work failed
	slow   bool      // the quick lane has too little time for it
	due    time.Time // when there is more work; zero if nothing waits for a time
	until  time.Time // set when another process owns the organization until then
}

// turn works on one organization for some batches.
func (c *Core) turn(ctx context.Context, organizationID string) (t turn, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if c.attempts.rests(organizationID, taking, c.now()) {
		return t, nil
	}
	start := time.Now()
	for n := range c.config.BatchesPerTurn {
		lease, otherOwns, until, err := c.own(ctx, organizationID)
		if err != nil || otherOwns {
			t.until = until
			return t, err
		}
		if err := c.step(ctx, organizationID, lease, n == 0, &t); err != nil {
			return t, err
		}
		c.attempts.succeeded(organizationID, taking)
		if !t.again || t.slow {
			return t, nil
		}
		if time.Since(start) > turnTime {
			break
		}
	}
	return t, nil
}

// sweep regularly enqueues every organization. So missed work is found, whatever the reason, and checkpoints of quiet organizations
// do not become too old. It also trims old records.
func (c *Core) sweep(ctx context.Context) {
	ticker := time.NewTicker(c.config.SweepInterval)
	defer ticker.Stop()
	for {
		if err := c.trim(ctx); err != nil && ctx.Err() == nil {
			c.log.LogAttrs(ctx, slog.LevelWarn, "trimming the access feed failed and is retried", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		c.leases.dropExpired(c.now())
		if _, err := c.queueAll(ctx); err != nil && ctx.Err() == nil {
			c.log.LogAttrs(ctx, slog.LevelWarn, "reading the known organizations failed and is retried", slog.Any("error", err))
		}
	}
}

func (c *Core) trim(ctx context.Context) error {
	const batch = 1000 // keeps the transaction short
	for ctx.Err() == nil {
		n, err := c.store.TrimAccessFeed(ctx, c.now().Add(-c.config.FeedRetention), batch)
		if err != nil || n < batch {
			return err
		}
	}
	return nil
}
