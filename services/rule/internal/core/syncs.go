package core

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// StartSync starts a rule sync in the name of by. The organization's owner carries it out.
func (c *Core) StartSync(ctx context.Context, organizationID, by string, r requestid.Request) (store.Sync, error) {
	if err := checkOrganization(organizationID); err != nil {
		return store.Sync{}, err
	}
	now := c.now()
	s := store.Sync{OrganizationID: organizationID, ID: ids.New(), State: store.SyncRunning, StartedBy: by,
		Traceparent: traceparent(trace.SpanContextFromContext(ctx)), CreateTime: now, UpdateTime: now}
	err := c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		return requestid.Once(ctx, tx, r, now, func(id string) (err error) {
			s, err = tx.Sync(ctx, id)
			return err
		}, func() (string, error) { return s.ID, tx.CreateSync(ctx, s, keepSyncs) })
	})
	if err != nil {
		return store.Sync{}, err
	}
	c.queue.add(organizationID)
	return s, nil
}

// Sync reads one rule sync.
func (c *Core) Sync(ctx context.Context, organizationID, id string) (store.Sync, error) {
	return c.store.Sync(ctx, organizationID, id)
}

// Syncs lists rule syncs, newest first, below an id unless it is empty, at most limit.
func (c *Core) Syncs(ctx context.Context, organizationID, before string, limit int) ([]store.Sync, error) {
	return c.store.Syncs(ctx, organizationID, before, limit)
}

// CancelSync ends a running rule sync. A page that is not committed yet is not written.
func (c *Core) CancelSync(ctx context.Context, organizationID, id string) (s store.Sync, err error) {
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if s, err = tx.Sync(ctx, id); err != nil {
			return err
		}
		if s.State != store.SyncRunning {
			return fault.New(fault.SyncEnded, "the rule sync has ended")
		}
		now := c.now()
		s.State, s.UpdateTime, s.EndTime = store.SyncCancelled, now, now
		return tx.PutSync(ctx, s)
	})
	return s, err
}
