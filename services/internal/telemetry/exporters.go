package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// exporters are the options of the providers that send data to a collector.
type exporters struct {
	tracing []sdktrace.TracerProviderOption
	metrics []sdkmetric.Option
}

// newExporters reads the environment variables of OpenTelemetry.
//
// Traces go to the endpoint of OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, unless OTEL_TRACES_EXPORTER is none.
// Metrics go to a collector only if OTEL_METRICS_EXPORTER is otlp or OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is set: many collectors of traces
// take no metrics. OTEL_SDK_DISABLED=true ends both. The SDK itself reads all other variables, such as those for headers, certificates
// and intervals.
func newExporters(ctx context.Context, c Config, log *slog.Logger) (x exporters, err error) {
	keep, err := sampler()
	if err != nil {
		return x, err
	}
	send := func(p sdktrace.SpanProcessor) {
		x.tracing = append(x.tracing, sdktrace.WithSampler(keep), sdktrace.WithSpanProcessor(unremarkable{p, c.StatementsOver}))
	}
	if c.Spans != nil {
		send(sdktrace.NewSimpleSpanProcessor(c.Spans))
		return x, nil
	}
	disabled, _ := strconv.ParseBool(os.Getenv("OTEL_SDK_DISABLED")) // the standard: anything else is false
	tracing, err := sends("OTEL_TRACES_EXPORTER", set("OTEL_EXPORTER_OTLP_ENDPOINT") || set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
	if err != nil {
		return x, err
	}
	metrics, err := sends("OTEL_METRICS_EXPORTER", set("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"))
	if err != nil {
		return x, err
	}
	if tracing && !disabled {
		exporter, err := spanExporter(ctx)
		if err != nil {
			return x, fmt.Errorf("creating the exporter of traces: %w", err)
		}
		send(sdktrace.NewBatchSpanProcessor(reportedSpans{exporter, &report{log: log, what: "traces"}}))
	} else {
		x.tracing = append(x.tracing, sdktrace.WithSampler(off{}))
	}
	if metrics && !disabled {
		exporter, err := metricExporter(ctx)
		if err != nil {
			return x, fmt.Errorf("creating the exporter of metrics: %w", err)
		}
		reader := sdkmetric.NewPeriodicReader(reportedMetrics{exporter, &report{log: log, what: "metrics"}})
		x.metrics = append(x.metrics, sdkmetric.WithReader(reader))
	}
	return x, nil
}

func set(variable string) bool { return os.Getenv(variable) != "" }

// sends reports whether a variable that names an exporter asks for OTLP. standard is the answer if it is not set.
func sends(variable string, standard bool) (bool, error) {
	switch name := os.Getenv(variable); name {
	case "":
		return standard, nil
	case "otlp":
		return true, nil
	case "none", "prometheus": // Prometheus can always read the metrics
		return false, nil
	default:
		return false, fmt.Errorf("%s must be otlp or none, not %q", variable, name)
	}
}

// The protocols of OTLP.
const overGRPC, overHTTP = "grpc", "http/protobuf"

// protocol returns the protocol for traces or metrics, by default gRPC.
func protocol(variable string) (string, error) {
	name := cmp.Or(os.Getenv(variable), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), overGRPC)
	if name != overGRPC && name != overHTTP {
		return "", fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL must be %s or %s, not %q", overGRPC, overHTTP, name)
	}
	return name, nil
}

func spanExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	name, err := protocol("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	switch {
	case err != nil:
		return nil, err
	case name == overHTTP:
		return otlptracehttp.New(ctx)
	default:
		return otlptracegrpc.New(ctx)
	}
}

func metricExporter(ctx context.Context) (sdkmetric.Exporter, error) {
	name, err := protocol("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL")
	switch {
	case err != nil:
		return nil, err
	case name == overHTTP:
		return otlpmetrichttp.New(ctx)
	default:
		return otlpmetricgrpc.New(ctx)
	}
}

// report logs when a collector stops taking data, and when it takes data again: one line each.
type report struct {
	log  *slog.Logger
	what string

	mu    sync.Mutex
	fails bool
	lost  int // exports since then
}

// note notes the result of an export. It keeps the error: the SDK would log each one.
func (r *report) note(ctx context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, context.Canceled): // this process stops
	case err != nil:
		if r.lost++; r.fails {
			return
		}
		r.fails = true
		r.log.LogAttrs(ctx, slog.LevelWarn, "the collector does not take "+r.what, slog.String("error", err.Error()))
	case r.fails:
		r.log.LogAttrs(ctx, slog.LevelInfo, "the collector takes "+r.what+" again", slog.Int("lost_exports", r.lost))
		r.fails, r.lost = false, 0
	}
}

type reportedSpans struct {
	sdktrace.SpanExporter
	report *report
}

func (r reportedSpans) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	r.report.note(ctx, r.SpanExporter.ExportSpans(ctx, spans))
	return nil
}

type reportedMetrics struct {
	sdkmetric.Exporter
	report *report
}

func (r reportedMetrics) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	r.report.note(ctx, r.Exporter.Export(ctx, data))
	return nil
}

// LogErrors writes the errors of the OpenTelemetry SDK of this process, which has one handler for all, as log lines.
func LogErrors(log *slog.Logger) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.LogAttrs(context.Background(), slog.LevelWarn, "an error in telemetry", slog.String("error", err.Error()))
	}))
}
