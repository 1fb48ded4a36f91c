package rediskv

import (
	"context"
	"errors"
	"math"

	"github.com/redis/go-redis/v9"

	"github.com/usher-scim/usher/services/internal/wait"
)

// errDown is the error while Redis is down.
var errDown = errors.New("not asked, because Redis does not answer")

// closed is the state of a closed client: down for ever.
const closed = math.MaxUint64

// The probe writes, so that a Redis that is read-only or full counts as down. Nothing else uses this command, so probes can be
// excluded from traces.
const (
	probeCommand = "setex"
	probeKey     = "usher:probe"
)

// Up reports whether Redis answers, as far as the client knows.
func (c *Client) Up() bool { return c.changes.Load()%2 == 0 }

// do asks Redis something, within the timeout. It fails at once while Redis is down.
func (c *Client) do(ctx context.Context, ask func(ctx context.Context) error) error {
	state := c.changes.Load()
	if state%2 != 0 {
		return errDown
	}
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := ask(bounded)
	var reply redis.Error
	switch {
	case err == nil, errors.Is(err, redis.Nil):
	case ctx.Err() != nil: // the caller gave up: that says nothing about Redis
	case errors.As(err, &reply):
		// Redis answers. The probe checks whether it also works: maybe only this command is wrong.
		wait.Poke(c.suspect)
	default:
		c.lost(ctx, state, err)
	}
	return err
}

// lost notes that Redis is down, if it was up in this state. Only the first caller logs it, not later failures of earlier questions.
func (c *Client) lost(ctx context.Context, state uint64, err error) {
	if !c.changes.CompareAndSwap(state, state+1) {
		return
	}
	c.log.WarnContext(ctx, "Redis is down: until it answers, keys are looked up in the directory service and each gateway counts rates on its own",
		"error", err)
	select {
	case c.suspect <- struct{}{}:
	default:
	}
}

// watch probes Redis when somebody doubts it, and repeatedly while it is down.
func (c *Client) watch(ctx context.Context) {
	for ctx.Err() == nil {
		if !c.Up() {
			wait.Sleep(ctx, c.probe)
			c.check(ctx)
			continue
		}
		select {
		case <-ctx.Done():
		case <-c.suspect:
			if c.Up() {
				c.check(ctx)
			}
		}
	}
}

// check probes once and notes the result.
func (c *Client) check(ctx context.Context) {
	state := c.changes.Load()
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := probe(bounded, c.redis)
	switch up := state%2 == 0; {
	case ctx.Err() != nil:
	case err != nil && up:
		c.lost(ctx, state, err)
	case err == nil && !up:
		if c.changes.CompareAndSwap(state, state+1) {
			c.log.InfoContext(ctx, "Redis answers again")
		}
	}
}

// probe asks Redis to store something.
func probe(ctx context.Context, client *redis.Client) error {
	return client.Do(ctx, probeCommand, probeKey, 1, 1).Err()
}
