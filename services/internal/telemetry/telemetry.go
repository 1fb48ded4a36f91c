// Package telemetry sets up the traces, metrics and logs of a process.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/version"
)

// flushTime is how long Shutdown waits for a collector.
const flushTime = 2 * time.Second

// Telemetry contains the providers of a process.
type Telemetry struct {
	Log     *slog.Logger
	Tracing trace.TracerProvider
	Meter   metric.MeterProvider
	// Metrics serves the metrics in the format of Prometheus.
	Metrics http.Handler

	shutdown []func(context.Context) error
}

// Config is the configuration of the telemetry.
type Config struct {
	// Service is the name of the service in traces and metrics, such as usher-gateway. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
	// take precedence. Empty means usher.
	Service string
	// Logs receives the log lines.
	Logs io.Writer
	// Level is the lowest level that is logged.
	Level slog.Level
	// Text writes logs for people instead of JSON.
	Text bool
	// StatementsOver is how long a statement, a transaction's begin or end, or the wait for a connection must take to have a span, unless
	// it fails. 0 means that each has one.
	StatementsOver time.Duration
	// Spans receives finished spans instead of an OTLP exporter, for tests.
	Spans sdktrace.SpanExporter
}

// New creates the providers. Prometheus can always read the metrics. The environment variables of OpenTelemetry decide what goes to a
// collector, and how: see exporters. Without a collector for traces, trace IDs are created and transmitted, but nothing is recorded.
func New(ctx context.Context, c Config) (*Telemetry, error) {
	t := &Telemetry{Log: slog.New(newHandler(c))}
	about, err := describe(ctx, c.Service)
	if err != nil {
		return nil, err
	}
	x, err := newExporters(ctx, c, t.Log)
	if err != nil {
		return nil, err
	}
	tracing := sdktrace.NewTracerProvider(append(x.tracing, sdktrace.WithResource(about))...)
	t.Tracing, t.shutdown = tracing, append(t.shutdown, tracing.Shutdown)

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := promexporter.New(promexporter.WithRegisterer(registry), promexporter.WithoutScopeInfo())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("creating the metrics exporter: %w", err), tracing.Shutdown(ctx))
	}
	meter := sdkmetric.NewMeterProvider(append(x.metrics, sdkmetric.WithReader(exporter), sdkmetric.WithResource(about))...)
	t.Meter, t.shutdown = meter, append(t.shutdown, meter.Shutdown)
	t.Metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return t, observeBuild(meter)
}

// describe returns what all data of this process says about it.
func describe(ctx context.Context, service string) (*resource.Resource, error) {
	if service == "" {
		service = "usher"
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", service), attribute.String("service.version", version.Of()),
			attribute.String("service.instance.id", ids.New())),
		resource.WithFromEnv()) // the last one wins
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return about, nil
}

// observeBuild reports which build runs.
func observeBuild(meter metric.MeterProvider) error {
	gauge, err := meter.Meter("github.com/usher-scim/usher/services/internal/telemetry").Int64Gauge("usher_build_info",
		metric.WithDescription("Always 1; its labels say which build runs."))
	if err == nil {
		gauge.Record(context.Background(), 1, metric.WithAttributes(
			attribute.String("version", version.Of()), attribute.String("go_version", runtime.Version())))
	}
	return err
}

// Shutdown sends the data that waits to be sent. It waits for a collector for 2 seconds at most, and logs what could not be sent.
func (t *Telemetry) Shutdown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	var all sync.WaitGroup
	for _, shutdown := range t.shutdown {
		all.Go(func() {
			if err := shutdown(ctx); err != nil {
				t.Log.LogAttrs(ctx, slog.LevelWarn, "the last traces or metrics could not be sent", slog.String("error", err.Error()))
			}
		})
	}
	all.Wait()
}
