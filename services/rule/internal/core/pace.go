package core

import (
	"context"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// pace is how much time a call to another service may take.
type pace int

const (
	// full is the time for the slow lane and for this service's own callers: Config.CallTimeout.
	full pace = iota
	// quick is the time for the quick lane. An organization with slow work leaves that lane soon.
	quick
	// part is the time for a part of a batch that took too long as a whole.
	part
)

// Shares of Config.CallTimeout.
const (
	quickShare = 10
	partShare  = 8
)

type paceKey struct{}

// at sets the pace of calls that use the context.
func at(ctx context.Context, p pace) context.Context { return context.WithValue(ctx, paceKey{}, p) }

func paceOf(ctx context.Context) pace {
	p, _ := ctx.Value(paceKey{}).(pace)
	return p
}

// called returns a context with the deadline of a call to another service.
func (c *Core) called(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := c.config.CallTimeout
	switch paceOf(ctx) {
	case full:
	case quick:
		timeout /= quickShare
	case part:
		timeout /= partShare
	}
	return context.WithTimeout(ctx, timeout)
}

// tooMuch reports whether a smaller request may succeed, because this one took too long or exceeded a limit. Only the slow lane has
// the time to try.
func tooMuch(ctx context.Context, err error) bool {
	return ctx.Err() == nil && paceOf(ctx) != quick && (fault.Is(err, fault.Limit) || fault.Is(err, fault.Deadline))
}

// divisible reports whether a part of the failed work may succeed: the whole was too much, or a part is invalid, such as a document
// that identity cannot read. It is false if a service is unreachable or refuses this one: then all of the work waits. It is also false
// if the organization is being erased.
func divisible(ctx context.Context, err error) bool {
	var f *fault.Error
	if ctx.Err() != nil || !errors.As(err, &f) {
		return false
	}
	switch f.Reason {
	case fault.Unavailable, fault.NotReady, fault.Unauthenticated, fault.NotAllowed, fault.Erasing:
		return false
	}
	return true
}

// shrinking reads a page of at most limit. It retries with smaller pages while that is too much.
func shrinking[T any](ctx context.Context, c *Core, limit int, read func(ctx context.Context, limit int) (T, error)) (T, error) {
	for {
		calling, cancel := c.called(ctx)
		page, err := read(calling, limit)
		cancel()
		if limit == 1 || !tooMuch(ctx, err) {
			return page, err
		}
		limit, ctx = limit/2, at(ctx, part)
	}
}

// halving reads all ids at once, and in halves if that is too much. It calls add with the result of each read.
func halving[T any](ctx context.Context, c *Core, ids []string, read func(ctx context.Context, ids []string) (T, error), add func(T)) error {
	if len(ids) == 0 {
		return nil
	}
	calling, cancel := c.called(ctx)
	some, err := read(calling, ids)
	cancel()
	if err == nil {
		add(some)
		return nil
	}
	if len(ids) == 1 || !tooMuch(ctx, err) {
		return err
	}
	ctx = at(ctx, part)
	if err := halving(ctx, c, ids[:len(ids)/2], read, add); err != nil {
		return err
	}
	return halving(ctx, c, ids[len(ids)/2:], read, add)
}

// turnTime is the time after which a turn ends, so that other organizations get turns.
const turnTime = 500 * time.Millisecond

// slowTurn is the longest turn of an organization that stays in the quick lane.
const slowTurn = time.Second
