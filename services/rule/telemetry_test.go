package rule_test

import (
	"slices"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// OpenTelemetry's default boundaries are meant for milliseconds: nearly all values in seconds would be in the first bucket.
func TestHistogramsOfSecondsDistinguishMilliseconds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("v", "developer")
	b.identity.SetRoles(b.identity.AddUser(acme, b.dir), "v")
	b.caughtUp()
	b.eventually("the reconcile is measured, which happens after its commit", func() bool { return b.reconciled() > 0 })
	var all metricdata.ResourceMetrics
	b.must(nil, b.metrics.Collect(t.Context(), &all))
	var found []string
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			histogram, ok := m.Data.(metricdata.Histogram[float64])
			if !ok || m.Unit != "s" {
				continue
			}
			found = append(found, m.Name)
			if bounds := histogram.DataPoints[0].Bounds; bounds[0] <= 0 || bounds[0] > .005 || bounds[len(bounds)-1] < 30 {
				t.Errorf("the buckets of %s are %v", m.Name, bounds)
			}
		}
	}
	if !slices.Contains(found, "usher_rule_reconcile_duration_seconds") {
		t.Errorf("the histograms are %v", found)
	}
}
