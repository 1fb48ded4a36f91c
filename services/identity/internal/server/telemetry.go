package server

import (
	"context"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// metricInFlight is the metric of the memory that large groups have reserved.
const metricInFlight = "usher_identity_in_flight_bytes"

// ObserveInFlight reports the memory that large groups in progress have reserved, whenever metrics are read, until the
// registration ends. Without a provider it does nothing.
func (s *Server) ObserveInFlight(provider metric.MeterProvider) (metric.Registration, error) {
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	meter := provider.Meter("github.com/usher-scim/usher/services/identity")
	gauge, err := meter.Int64ObservableGauge(metricInFlight, metric.WithUnit("By"),
		metric.WithDescription("Memory that large groups in progress have reserved."))
	if err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(gauge, s.documents.Bytes())
		return nil
	}, gauge)
}
