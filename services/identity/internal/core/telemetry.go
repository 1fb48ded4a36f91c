package core

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// Names of the identity service's metrics and of their attributes.
const (
	metricScans = "usher_identity_list_scans_total"

	attributeResourceType = "resource_type" // User or Group
)

type metrics struct {
	scans metric.Int64Counter
}

// newMetrics creates the instruments. Without a provider they do nothing.
func newMetrics(provider metric.MeterProvider) (m metrics, err error) {
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	m.scans, err = provider.Meter("github.com/usher-scim/usher/services/identity").Int64Counter(metricScans,
		metric.WithDescription("Lists that read a directory's resources because no index served them."))
	return m, err
}

// scan counts a list without an index.
func (m metrics) scan(ctx context.Context, resourceType string) {
	m.scans.Add(ctx, 1, metric.WithAttributes(attribute.String(attributeResourceType, resourceType)))
}
