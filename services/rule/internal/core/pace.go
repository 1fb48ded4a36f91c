package core

import (
	"context"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// pace says how much time a call of another service may take.
type pace int

const (
	// full is what the slow lane may take, and who calls this service: Config.CallTimeout.
	full pace = iota
	// quick is what the quick lane may take, so that an organization whose work takes long leaves it soon.
	quick
	// part is what a part of a batch may take that took too long as a whole.
	part
)

// Shares of Config.CallTimeout.
const (
	quickShare = 10
	partShare  = 8
)

type paceKey struct{}

// at sets the pace of the calls that are made with the context.
func at(ctx context.Context, p pace) context.Context { return context.WithValue(ctx, paceKey{}, p) }

func paceOf(ctx context.Context) pace {
	p, _ := ctx.Value(paceKey{}).(pace)
	return p
}

// called gives a call of another service its deadline.
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

// tooMuch says that what was asked for at once may have been too much, so that less may succeed: it took too long, or was over
// a limit. Only the slow lane has the time to find out.
func tooMuch(ctx context.Context, err error) bool {
	return ctx.Err() == nil && paceOf(ctx) != quick && (fault.Is(err, fault.Limit) || fault.Is(err, fault.Deadline))
}

// divisible says that less than what failed may succeed: it was too much, or something is wrong with a part of it, such as a
// document that identity cannot read. Not so where a service cannot be reached, or refuses this one: then all of it waits. Nor where the
// organization is being erased.
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

// shrinking reads a page of at most limit, and a smaller one while that is too much.
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

// halving reads all of ids at once, and in halves where that is too much; add takes what each read gave.
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

// turnTime is after how long a turn ends, so that other organizations get theirs.
const turnTime = 500 * time.Millisecond

// slowTurn is how long a turn may take of an organization that stays in the quick lane.
const slowTurn = time.Second
