package core

import (
	"context"
	"log/slog"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/wait"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// maxEvents is how many failed events the failedevents service accepts at once.
const maxEvents = 500

// deliver sends reports to the failedevents service until it has accepted each.
func (c *Core) deliver(ctx context.Context) {
	for failures := 0; ; {
		delay := c.config.SweepInterval // for what another process has left
		if err := c.deliverAll(ctx); err != nil && ctx.Err() == nil {
			failures++
			delay = wait.Backoff(c.config.RetryDelay, c.config.MaxRetryDelay, failures)
			c.log.LogAttrs(ctx, slog.LevelWarn, "delivering reports failed and is retried", slog.Any("error", err))
		} else {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-c.reports:
		case <-time.After(delay):
		}
	}
}

func (c *Core) deliverAll(ctx context.Context) error {
	for {
		reports, err := c.store.Reports(ctx, maxEvents)
		if err != nil || len(reports) == 0 {
			return err
		}
		if err := c.deliverSome(ctx, reports); err != nil {
			return err
		}
	}
}

// deliverSome delivers reports and deletes them. A report that would never be accepted must not block the others.
func (c *Core) deliverSome(ctx context.Context, reports []store.Report) error {
	events := make([]FailedEvent, len(reports))
	for i, r := range reports {
		events[i] = FailedEvent{
			ID: r.ID, OrganizationID: r.OrganizationID, MessageID: r.MessageID, ResourceID: r.UserID, TraceID: r.TraceID, Time: r.Time,
		}
		describe(&events[i], r)
	}
	calling, cancel := c.called(ctx)
	err := c.events.Record(calling, events)
	cancel()
	switch {
	case err == nil:
	case !fault.Is(err, fault.InvalidRequest):
		return err
	case len(reports) > 1:
		half := len(reports) / 2
		if err := c.deliverSome(ctx, reports[:half]); err != nil {
			return err
		}
		return c.deliverSome(ctx, reports[half:])
	default:
		c.log.LogAttrs(ctx, slog.LevelError, "a report is not acceptable and was dropped", slog.String("organization", reports[0].OrganizationID),
			slog.String("event", reports[0].ID), slog.Any("error", err))
		c.metrics.reportsDropped.Add(ctx, 1)
	}
	return c.store.DeleteReports(ctx, reports)
}

// describe sets the reason and texts of a report's failed event.
func describe(e *FailedEvent, r store.Report) {
	reason := fault.LastAdmin
	switch r.Kind {
	case store.ReportKept:
		reason = fault.AccessKept
		e.Detail = "The user was deactivated. The user's grant of the role Organization Admin is marked keep, so it does not end."
	case store.ReportKeptGone:
		reason = fault.AccessKept
		e.Detail = "The user was deleted. The user's grant of the role Organization Admin was marked keep, and ended with the user: the " +
			"id of a deleted user is never used again."
	case store.ReportSetAside:
		reason = fault.UsersSetAside
		e.Detail = "Usher cannot compute what this user should hold, and has set the user aside: access from rules may be out of date. " + r.Detail
	default:
		e.Detail = "No rule gives this user the role Organization Admin any more, but it is the organization's last effective " +
			"Organization Admin. Usher retains this access."
	}
	options := fault.OptionsOf(reason)
	e.Reason, e.Remedy, e.AdminAction = fault.ReasonName(reason), options.GetRemedy(), options.GetAdminAction()
}
