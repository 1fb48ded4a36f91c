// Package telemetry sets up the traces, metrics and logs of a process.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

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
	// Logs receives the log lines.
	Logs io.Writer
	// Level is the lowest level that is logged.
	Level slog.Level
	// Text writes logs for people instead of JSON.
	Text bool
	// Spans receives finished spans instead of an OTLP exporter, for tests.
	Spans sdktrace.SpanExporter
}

// New creates the providers. Traces go to the OTLP endpoint in OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. Without
// one, trace IDs are created and transmitted, but nothing is recorded.
func New(ctx context.Context, c Config) (*Telemetry, error) {
	t := &Telemetry{Log: slog.New(newHandler(c))}
	about := resource.NewSchemaless(attribute.String("service.name", "usher"))

	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(about)}
	switch {
	case c.Spans != nil:
		options = append(options, sdktrace.WithSyncer(c.Spans))
	case os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "":
		exporter, err := otlptracegrpc.New(ctx)
		if err != nil {
			return nil, fmt.Errorf("creating the trace exporter: %w", err)
		}
		options = append(options, sdktrace.WithBatcher(exporter))
	default:
		options = append(options, sdktrace.WithSampler(off{}))
	}
	tracing := sdktrace.NewTracerProvider(options...)
	t.Tracing, t.shutdown = tracing, append(t.shutdown, tracing.Shutdown)

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := promexporter.New(promexporter.WithRegisterer(registry))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("creating the metrics exporter: %w", err), tracing.Shutdown(ctx))
	}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter), sdkmetric.WithResource(about))
	t.Meter, t.shutdown = meter, append(t.shutdown, meter.Shutdown)
	t.Metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return t, nil
}

// Shutdown sends the data that waits to be sent.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var errs []error
	for _, shutdown := range t.shutdown {
		errs = append(errs, shutdown(ctx))
	}
	return errors.Join(errs...)
}

// handler adds the trace to each log line that is written within one.
type handler struct{ slog.Handler }

func newHandler(c Config) slog.Handler {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Text {
		return handler{slog.NewTextHandler(c.Logs, options)}
	}
	return handler{slog.NewJSONHandler(c.Logs, options)}
}

func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

func (h handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attributes)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// off records no span. Unlike the SDK's own sampler, it does not search the context for the parent's state, which would walk through the
// whole context.
type off struct{}

func (off) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.Drop}
}

func (off) Description() string { return "off" }
