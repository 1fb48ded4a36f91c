package rediskv

import (
	"context"
	"errors"
	"math"

	"github.com/redis/go-redis/v9"

	"github.com/usher-scim/usher/services/internal/wait"
)

// errDown is the answer while Redis is down.
var errDown = errors.New("no question is put to a Redis that is down")

// closed is the state of a closed client: down, for ever.
const closed = math.MaxUint64

// The probe writes, so that a Redis that only reads, or has no room, is down as well. Nothing else uses this command: so
// probes can be kept out of traces.
const (
	probeCommand = "setex"
	probeKey     = "usher:probe"
)

// Up says whether Redis answers, as far as is known.
func (c *Client) Up() bool { return c.changes.Load()%2 == 0 }

// do asks Redis something, in no more time than the timeout, and in none while it is down.
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
	case ctx.Err() != nil: // the caller gave up: that says nothing of Redis
	case errors.As(err, &reply):
		// It answers. Whether it also serves is for the probe to say: this one command may be at fault.
		wait.Poke(c.suspect)
	default:
		c.lost(ctx, state, err)
	}
	return err
}

// lost notes that Redis, which was up in this state, is down. Only the first to see that says so: what was asked before
// and fails later is no news.
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

// watch probes Redis when there is a doubt, and again and again while it is down.
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

// check probes once and notes what it finds.
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

// probe asks Redis to keep something.
func probe(ctx context.Context, client *redis.Client) error {
	return client.Do(ctx, probeCommand, probeKey, 1, 1).Err()
}
