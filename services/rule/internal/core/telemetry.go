package core

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/usher-scim/usher/services/rule/internal/store"
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

	attributeKind = "kind" // added or removed
)

type metrics struct {
	duration       metric.Float64Histogram
	users          metric.Int64Counter
	changes        metric.Int64Counter
	lag            metric.Float64Histogram
	failures       metric.Int64Counter
	reportsDropped metric.Int64Counter
	syncs          metric.Registration
}

func newMetrics(meter metric.Meter, s store.Store) (*metrics, error) {
	m := &metrics{}
	var errs [7]error
	m.duration, errs[0] = meter.Float64Histogram(metricReconcile, metric.WithUnit("s"),
		metric.WithDescription("How long one batch of users took, from reading their facts to the commit."))
	m.users, errs[1] = meter.Int64Counter(metricUsers, metric.WithDescription("Users reconciled."))
	m.changes, errs[2] = meter.Int64Counter(metricChanges, metric.WithDescription("Changes of effective access, by kind."))
	m.lag, errs[3] = meter.Float64Histogram(metricLag, metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200),
		metric.WithDescription("Time from a change in identity until access was brought up to date with it."))
	m.failures, errs[4] = meter.Int64Counter(metricFailures,
		metric.WithDescription("Turns of an organization that failed and are tried again."))
	m.reportsDropped, errs[5] = meter.Int64Counter(metricReportsDropped,
		metric.WithDescription("Reports to the failedevents service for which there was no room."))
	gauge, err := meter.Int64ObservableGauge(metricSyncs, metric.WithDescription("Rule syncs that run."))
	if err == nil {
		m.syncs, err = meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
			n, err := s.RunningSyncs(ctx)
			if err == nil {
				o.ObserveInt64(gauge, int64(n))
			}
			return err
		}, gauge)
	}
	errs[6] = err
	return m, errors.Join(errs[:]...)
}

// reconciled counts a batch that was committed.
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

// close ends the observation of the store, which may be closed next.
func (m *metrics) close() { _ = m.syncs.Unregister() } // it was registered, so it can be
