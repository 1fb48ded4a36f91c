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
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// activitySaveEvery is how often the followed cursor is kept while no unknown organization comes. After a restart what
// came since is announced again, which does no harm.
const activitySaveEvery = 10 * time.Second

// Run does the work in the background until ctx ends, and gives its leases back. Call it once.
func (c *Core) Run(ctx context.Context) error {
	known, err := c.queueAll(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the known organizations: %w", err)
	}
	var running sync.WaitGroup
	for range c.config.Workers {
		running.Go(func() { c.work(ctx) })
	}
	running.Go(func() { c.follow(ctx, known) })
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
func (c *Core) follow(ctx context.Context, known map[string]bool) {
	failures := 0
	var saved time.Time
	for ctx.Err() == nil {
		after, err := c.store.Activity(ctx)
		if err == nil {
			err = c.identity.Activity(ctx, after, func(organizationIDs []string, cursor string) error {
				failures = 0
				var unknown []string
				for _, id := range organizationIDs {
					if !known[id] {
						unknown = append(unknown, id)
					}
					c.queue.add(id)
				}
				// Known organizations are looked at after a restart, whatever the cursor; unknown ones must be noted before it
				// moves on.
				if now := c.now(); len(unknown) > 0 || now.Sub(saved) >= activitySaveEvery {
					if err := c.store.SaveActivity(ctx, cursor, unknown); err != nil {
						return err
					}
					saved = now
				}
				for _, id := range unknown {
					known[id] = true
				}
				return nil
			})
		}
		if fault.Is(err, fault.CursorExpired) {
			err = c.followAnew(ctx, after)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		failures++
		c.log.LogAttrs(ctx, slog.LevelWarn, "following identity's activity broke off and is tried again", slog.Any("error", err))
		if !pause(ctx, backoff(c.config.RetryDelay, c.config.MaxRetryDelay, failures)) {
			return
		}
	}
}

// followAnew goes on from the beginning of what identity keeps, or from the end where even that is cut off. Every known
// organization is looked at: each has a checkpoint of its own, and finds out whether it lost records.
func (c *Core) followAnew(ctx context.Context, after string) error {
	c.log.LogAttrs(ctx, slog.LevelWarn, "identity's feed cannot be followed from where it was left: starting anew")
	cursor := ""
	if after == "" {
		ctx, cancel := c.called(ctx)
		defer cancel()
		var err error
		if cursor, err = c.identity.Cursor(ctx); err != nil {
			return err
		}
	}
	if err := c.store.SaveActivity(ctx, cursor, nil); err != nil {
		return err
	}
	_, err := c.queueAll(ctx)
	return err
}

// work gives organizations their turns.
func (c *Core) work(ctx context.Context) {
	for {
		id, ok := c.queue.next(ctx)
		if !ok {
			return
		}
		again, until, err := c.turn(ctx, id)
		switch {
		case ctx.Err() != nil:
			c.queue.done(id, false)
		case errors.Is(err, store.ErrLostOwnership):
			c.leases.forget(id)
			c.log.LogAttrs(ctx, slog.LevelInfo, "another process has taken an organization over", slog.String("organization", id))
			c.queue.doneUntil(id, c.config.RetryDelay)
		case err != nil:
			c.metrics.failures.Add(ctx, 1)
			failures := c.queue.failed(id)
			c.log.LogAttrs(ctx, slog.LevelWarn, "working on an organization failed and is tried again",
				slog.String("organization", id), slog.Int("failures", failures), slog.Any("error", err))
		case !until.IsZero():
			// When the other one lives it has done the work by then, and this finds nothing; when it has died, this takes over.
			c.queue.doneUntil(id, max(until.Sub(c.now()), c.config.RetryDelay))
		default:
			c.queue.done(id, again)
		}
	}
}

// turn works on one organization for some batches. again says that there is more to do; until is set when another process
// owns the organization until then.
func (c *Core) turn(ctx context.Context, organizationID string) (again bool, until time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	for n := range c.config.BatchesPerTurn {
		lease, held, until, err := c.own(ctx, organizationID)
		if err != nil || held {
			return false, until, err
		}
		again, err := c.step(ctx, organizationID, lease, n == 0)
		if errors.Is(err, errRulesChanged) {
			continue
		}
		if err != nil || !again {
			return false, time.Time{}, err
		}
	}
	return true, time.Time{}, nil
}

// sweep looks at every organization now and then, so that what was missed for whatever reason is found, and checkpoints
// of quiet organizations do not grow old; and it trims what has been kept long enough.
func (c *Core) sweep(ctx context.Context) {
	ticker := time.NewTicker(c.config.SweepEvery)
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

// pause waits and says whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
