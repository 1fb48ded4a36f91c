// Package core is the failedevents service's domain: events are recorded once, listed newest first, and acknowledged.
// It knows no SQL and no transport.
package core

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
)

// Core is the domain over a store.
type Core struct {
	store store.Store
	now   func() time.Time
}

// New makes the domain.
func New(s store.Store, now func() time.Time) *Core { return &Core{store: s, now: now} }

// Record keeps events. Those that are kept already stay as they are, so that who reports may report again.
func (c *Core) Record(ctx context.Context, events []store.Event) error {
	return c.store.Record(ctx, events)
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
