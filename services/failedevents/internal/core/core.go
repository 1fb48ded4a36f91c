// Package core is the failedevents service's domain: events are recorded once, listed newest first, and acknowledged.
// It knows no SQL and no transport.
package core

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
)

// Core is the domain over a store.
type Core struct {
	store   store.Store
	dropped metric.Int64Counter
	now     func() time.Time
}

// metricDropped counts events of organizations that were erased.
const metricDropped = "usher_failedevents_erased_events_dropped_total"

// New makes the domain.
func New(s store.Store, meters metric.MeterProvider, now func() time.Time) (*Core, error) {
	dropped, err := meters.Meter("github.com/usher-scim/usher/services/failedevents").Int64Counter(metricDropped,
		metric.WithDescription("Failed events that came when their organization had been erased, and were not kept."))
	return &Core{store: s, dropped: dropped, now: now}, err
}

// Record keeps events. Those that are kept already stay as they are, so that who reports may report again. Those from before the
// end of an erasure of their organization are dropped: who delivers them late must not deliver them again.
func (c *Core) Record(ctx context.Context, events []store.Event) error {
	dropped, err := c.store.Record(ctx, events)
	if dropped > 0 {
		c.dropped.Add(ctx, int64(dropped))
	}
	return err
}

// Event reads one.
func (c *Core) Event(ctx context.Context, organizationID, id string) (store.Event, error) {
	return c.store.Event(ctx, organizationID, id)
}

// Events lists an organization's events newest first, those after a place.
func (c *Core) Events(ctx context.Context, organizationID string, filter store.Filter, after store.Place, limit int) ([]store.Event, error) {
	return c.store.Events(ctx, organizationID, filter, after, limit)
}

// Acknowledge notes that somebody has seen to an event. Who was first stays.
func (c *Core) Acknowledge(ctx context.Context, organizationID, id, by string) (store.Event, error) {
	return c.store.Acknowledge(ctx, organizationID, id, by, c.now().Truncate(time.Microsecond))
}

// erasedEvents is how many events one transaction of an erasure removes at most.
const erasedEvents = 400

// Erase removes some of an organization's events, whose erasure was asked for at a time, and says whether none were left. Events
// from before now that come later are dropped.
func (c *Core) Erase(ctx context.Context, organizationID string, asked time.Time) (nothingLeft bool, err error) {
	n, err := c.store.Erase(ctx, organizationID, asked.Truncate(time.Microsecond), c.now().Truncate(time.Microsecond), erasedEvents)
	return err == nil && n == 0, err
}

// ErasuresUnderWay gives when erasing them was asked for, of the organizations that are being erased.
func (c *Core) ErasuresUnderWay(ctx context.Context) (map[string]time.Time, error) {
	return c.store.Marked(ctx)
}

// EndErasure ends an erasure: the id is free. One that was asked for at another time goes on.
func (c *Core) EndErasure(ctx context.Context, organizationID string, asked time.Time) error {
	return c.store.Unmark(ctx, organizationID, asked)
}
