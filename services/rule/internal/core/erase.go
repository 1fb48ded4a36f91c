package core

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/rule/internal/store"
)

// How many rows one transaction of an erasure removes at most. Removing a source may add a record to the access feed.
const (
	erasedSources = 200
	erasedRows    = 400
)

// Erase erases a part of the stored data of an organization, for an erasure that was requested at the given time. It reports whether
// nothing was left. From the first call until EndErasure, nothing else writes to the organization. The access feed records the access
// that ends, and is not erased.
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

// eraseSources removes the given sources, which are the organization's first ones, from their holders.
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

// lastGrant returns the index of the first source of the last grant. The store may contain more sources of that grant than were
// read. They are removed together, so that the feed reports the removal once. If the last grant is the only one that was read, all
// sources except the last one go: the grant counts while one of its sources exists. Manual sources come last, because they count
// whenever sources from rules do.
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

// ErasuresUnderWay returns the organizations that are being erased, and when each erasure was requested.
func (c *Core) ErasuresUnderWay(ctx context.Context) (map[string]time.Time, error) {
	return c.store.Marked(ctx)
}

// EndErasure allows writes to the organization again: its id is free. An erasure that was requested at another time continues.
func (c *Core) EndErasure(ctx context.Context, organizationID string, asked time.Time) error {
	c.forget(organizationID)
	err := c.store.Unmark(ctx, organizationID, asked)
	if err == nil {
		c.queue.add(organizationID) // for what arrived while nothing could be written
	}
	return err
}

// forget drops what this process caches about an organization. Correctness does not depend on that, because commits check it or
// the store is read again: other processes may keep their caches for a while.
func (c *Core) forget(organizationID string) {
	c.rules.set(organizationID, nil)
	c.leases.forget(organizationID)
	c.attempts.forget(organizationID)
	c.protected.forget(organizationID)
}
