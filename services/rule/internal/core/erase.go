package core

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Rows that one transaction of an erasure removes at most. Removing a source may add a record to the access feed.
const (
	erasedSources = 200
	erasedRows    = 400
)

// Erase removes some of what is kept of an organization, of an erasure that was asked for at a time, and says whether nothing was
// left. From the first call until EndErasure nothing else writes the organization. The access that ends is in the access feed,
// which stays.
func (c *Core) Erase(ctx context.Context, organizationID string, asked time.Time) (nothingLeft bool, err error) {
	err = c.store.Erase(ctx, organizationID, asked.Truncate(time.Microsecond), func(ctx context.Context, tx store.Tx) error {
		nothingLeft = false
		holders, err := tx.FirstSources(ctx, erasedSources+1)
		if err != nil {
			return err
		}
		if len(holders) > 0 {
			return c.eraseSources(ctx, tx, holders)
		}
		n, err := tx.EraseRows(ctx, erasedRows)
		nothingLeft = n == 0
		return err
	})
	c.forget(organizationID)
	return nothingLeft, err
}

// eraseSources takes the first sources, those that were read, from their holders.
func (c *Core) eraseSources(ctx context.Context, tx store.Tx, holders []store.Holder) error {
	count := 0
	for _, h := range holders {
		count += len(h.Sources)
	}
	change := store.Change{Kind: store.Removed, Traceparent: traceparent(trace.SpanContextFromContext(ctx)), Time: c.now()}
	var changes []store.Change
	for i, h := range holders {
		after := h
		after.Sources = nil
		if i == len(holders)-1 && count > erasedSources {
			after.Sources = h.Sources[lastGrant(h.Sources, i == 0):]
		}
		for _, s := range h.Sources[:len(h.Sources)-len(after.Sources)] {
			if err := tx.DeleteSource(ctx, h.UserID, s); err != nil {
				return err
			}
		}
		d := difference{before: h, after: after}
		d.transitions()
		change.UserID = h.UserID
		for _, change.Grant = range d.removed {
			changes = append(changes, change)
		}
	}
	return tx.AppendChanges(ctx, changes)
}

// lastGrant gives the place of the first source of the last grant. There may be more sources of it than were read: it is removed
// as a whole, so that its removal is reported once. Where nothing else was read, all but the last source go: the grant counts as
// long as one of its sources is there, because those of hands, which count wherever those of rules do, come last.
func lastGrant(sources []store.Source, alone bool) int {
	last := len(sources) - 1
	first := last
	for first > 0 && sources[first-1].Grant == sources[last].Grant {
		first--
	}
	if first == 0 && alone {
		return last
	}
	return first
}

// ErasuresUnderWay gives when erasing them was asked for, of the organizations that are being erased.
func (c *Core) ErasuresUnderWay(ctx context.Context) (map[string]time.Time, error) {
	return c.store.Marked(ctx)
}

// EndErasure lets the organization be written again: its id is free. An erasure that was asked for at another time goes on.
func (c *Core) EndErasure(ctx context.Context, organizationID string, asked time.Time) error {
	c.forget(organizationID)
	err := c.store.Unmark(ctx, organizationID, asked)
	if err == nil {
		c.queue.add(organizationID) // what came while nothing could be written
	}
	return err
}

// forget drops what this process remembers of an organization. What a commit checks, or the store says anew, need not be dropped to
// be right: other processes may go on to remember it for a while.
func (c *Core) forget(organizationID string) {
	c.rules.put(organizationID, nil)
	c.leases.forget(organizationID)
	c.attempts.forget(organizationID)
	c.protected.forget(organizationID)
}
