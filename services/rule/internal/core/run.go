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

// activitySaveEvery is how often the followed cursor is kept while no unknown organization comes. After a restart what
// came since is announced again, which does no harm.
const activitySaveEvery = 10 * time.Second

// Run does the work in the background until ctx ends, and gives its leases back. Call it once.
func (c *Core) Run(ctx context.Context) error {
	// The cursor first: organizations that another process makes known after it are announced again after it.
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

// queueAll has every known organization looked at, and gives their ids.
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

// follow queues the organizations that identity has new records of.
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
			// Known organizations are looked at after a restart, whatever the cursor; unknown ones must be noted before it
			// moves on.
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
		c.log.LogAttrs(ctx, slog.LevelWarn, "following identity's activity broke off and is tried again", slog.Any("error", err))
		if !wait.Sleep(ctx, wait.Backoff(c.config.RetryDelay, c.config.MaxRetryDelay, failures)) {
			return
		}
	}
}

// followAnew gives the beginning of what identity keeps, or its end where even that is cut off, to go on from. Every known
// organization is looked at: each has a checkpoint of its own, and finds out whether it lost records.
func (c *Core) followAnew(ctx context.Context, after string, known map[string]bool) (cursor string, err error) {
	c.log.LogAttrs(ctx, slog.LevelWarn, "identity's feed cannot be followed from where it was left: starting anew")
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

// work gives the organizations of a lane their turns.
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
		// One of which a kind of work rests after a failure is not quick either.
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
			// When the other one lives it has done the work by then, and this finds nothing; when it has died, this takes over.
			c.queue.doneUntil(id, max(t.until.Sub(c.now()), c.config.RetryDelay))
		default:
			c.queue.done(id, slow, t.again, c.untilNext(id, t.due))
		}
	}
}

// failed notes that a kind of work failed, and has it rest.
func (c *Core) failed(ctx context.Context, organizationID string, k kind, err error) {
	c.metrics.failed(ctx, k)
	failures := c.attempts.failed(organizationID, k, c.now())
	c.log.LogAttrs(ctx, slog.LevelWarn, "working on an organization failed and is tried again", slog.String("organization", organizationID),
		slog.String("kind", k.String()), slog.Int("failures", failures), slog.Any("error", err))
}

// untilNext is how long to wait for the first kind of work that rests, or for the next user to try again, who is due then; 0 for
// nothing.
func (c *Core) untilNext(organizationID string, due time.Time) time.Duration {
	next := c.attempts.next(organizationID)
	if c.attempts.rests(organizationID, retrying, c.now()) {
		due = time.Time{} // a user that is due waits as well
	}
	if next.IsZero() || !due.IsZero() && due.Before(next) {
		next = due
	}
	if next.IsZero() {
		return 0
	}
	return max(next.Sub(c.now()), time.Millisecond)
}

// turn is what came of an organization's turn.
type turn struct {
	again  bool      // there is more to do now
	failed bool      // a kind of work failed
	slow   bool      // the quick lane has too little time for it
	due    time.Time // when there is more to do; zero when nothing waits for its time
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
		lease, held, until, err := c.own(ctx, organizationID)
		if err != nil || held {
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

// sweep looks at every organization now and then, so that what was missed for whatever reason is found, and checkpoints
// of quiet organizations do not grow old; and it trims what has been kept long enough.
func (c *Core) sweep(ctx context.Context) {
	ticker := time.NewTicker(c.config.SweepInterval)
	defer ticker.Stop()
	for {
		if err := c.trim(ctx); err != nil && ctx.Err() == nil {
			c.log.LogAttrs(ctx, slog.LevelWarn, "trimming the access feed failed and is tried again", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		c.leases.dropExpired(c.now())
		if _, err := c.queueAll(ctx); err != nil && ctx.Err() == nil {
			c.log.LogAttrs(ctx, slog.LevelWarn, "reading the known organizations failed and is tried again", slog.Any("error", err))
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
