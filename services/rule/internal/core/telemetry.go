package core

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// The names of the rule service's metrics and their attributes.
const (
	metricReconcile      = "usher_rule_reconcile_duration_seconds"
	metricUsers          = "usher_rule_users_reconciled_total"
	metricChanges        = "usher_rule_access_changes_total"
	metricLag            = "usher_rule_change_lag_seconds"
	metricFailures       = "usher_rule_turn_failures_total"
	metricSyncs          = "usher_rule_syncs_running"
	metricReportsDropped = "usher_rule_reports_dropped_total"
	metricOldest         = "usher_rule_oldest_change_age_seconds"
	metricSetAside       = "usher_rule_users_set_aside"
	metricKept           = "usher_rule_access_kept_total"

	attributeKind = "kind" // added or removed; for a failure the kind of work
)

type metrics struct {
	duration       metric.Float64Histogram
	users          metric.Int64Counter
	changes        metric.Int64Counter
	lag            metric.Float64Histogram
	failures       metric.Int64Counter
	reportsDropped metric.Int64Counter
	kept           metric.Int64Counter
	gauges         metric.Registration
}

func newMetrics(meter metric.Meter, c *Core) (*metrics, error) {
	m := &metrics{}
	var errs [11]error
	m.duration, errs[0] = meter.Float64Histogram(metricReconcile, metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30),
		metric.WithDescription("How long one batch of users took, from reading their facts to the commit."))
	m.users, errs[1] = meter.Int64Counter(metricUsers, metric.WithDescription("Users reconciled."))
	m.changes, errs[2] = meter.Int64Counter(metricChanges, metric.WithDescription("Changes of effective access, by kind."))
	m.lag, errs[3] = meter.Float64Histogram(metricLag, metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200),
		metric.WithDescription("Time from a change in identity until access was brought up to date with it."))
	m.failures, errs[4] = meter.Int64Counter(metricFailures,
		metric.WithDescription("Pieces of work on an organization that failed and are retried, by kind."))
	m.reportsDropped, errs[5] = meter.Int64Counter(metricReportsDropped,
		metric.WithDescription("Reports to the failedevents service for which there was no room."))
	syncs, err := meter.Int64ObservableGauge(metricSyncs, metric.WithDescription("Rule syncs that run."))
	errs[6] = err
	setAside, err := meter.Int64ObservableGauge(metricSetAside,
		metric.WithDescription("Users whose access cannot be computed now, of all organizations."))
	errs[7] = err
	oldest, err := meter.Float64ObservableGauge(metricOldest, metric.WithUnit("s"), metric.WithDescription(
		"How old the oldest change may be that access does not include yet, of all organizations: one or two seconds where all is well."))
	errs[8] = err
	m.gauges, errs[9] = meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		n, syncsErr := c.store.RunningSyncs(ctx)
		if syncsErr == nil {
			o.ObserveInt64(syncs, int64(n))
		}
		known := c.fresh.oldest()
		users, since, err := c.store.CountSetAside(ctx, "", "")
		if err == nil {
			o.ObserveInt64(setAside, users)
			if users > 0 {
				known = earlier(known, since)
			}
			if known.IsZero() {
				known = c.fresh.since
			}
		}
		o.ObserveFloat64(oldest, max(0, c.now().Sub(known).Seconds()))
		return errors.Join(syncsErr, err)
	}, syncs, setAside, oldest)
	m.kept, errs[10] = meter.Int64Counter(metricKept,
		metric.WithDescription("Deactivations of users who keep the role of an organization admin, because its grant is marked keep."))
	if err := errors.Join(errs[:]...); err != nil {
		return m, err
	}
	// A counter that begins at 1 shows no increase.
	m.kept.Add(context.Background(), 0)
	m.reportsDropped.Add(context.Background(), 0)
	for _, kind := range []string{"added", "removed"} {
		m.changes.Add(context.Background(), 0, metric.WithAttributes(attribute.String(attributeKind, kind)))
	}
	return m, nil
}

// failed counts a failed piece of work.
func (m *metrics) failed(ctx context.Context, k kind) {
	m.failures.Add(ctx, 1, metric.WithAttributes(attribute.String(attributeKind, k.String())))
}

// reconciled counts a committed batch.
func (m *metrics) reconciled(ctx context.Context, took time.Duration, done outcome, now time.Time, changed []time.Time) {
	m.duration.Record(ctx, took.Seconds())
	m.users.Add(ctx, int64(done.users))
	if done.added > 0 {
		m.changes.Add(ctx, int64(done.added), metric.WithAttributes(attribute.String(attributeKind, "added")))
	}
	if done.removed > 0 {
		m.changes.Add(ctx, int64(done.removed), metric.WithAttributes(attribute.String(attributeKind, "removed")))
	}
	for _, at := range changed {
		m.lag.Record(ctx, max(0, now.Sub(at)).Seconds())
	}
}

// close ends the observation of the store, before the store is closed.
func (m *metrics) close() { _ = m.gauges.Unregister() } // it was registered, so it can be
