package telemetry_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/usher-scim/usher/services/internal/telemetry"
)

// lines is a log that is read while others write to it.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.all.String(), text)
}

// The tests of this file set the environment of the process, so they do not run in parallel.

func TestTheEnvironmentNamesTheService(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging,service.version=7")
	spans := tracetest.NewInMemoryExporter()
	about := func() string {
		spans.Reset()
		_, span := start(t, telemetry.Config{Service: "usher-gateway", Logs: io.Discard, Spans: spans}).Tracing.Tracer("test").Start(t.Context(), "x")
		span.End()
		return spans.GetSpans()[0].Resource.String()
	}
	for _, want := range []string{"service.name=usher-gateway", "service.version=7", "deployment.environment.name=staging", "service.instance.id="} {
		if got := about(); !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	t.Setenv("OTEL_SERVICE_NAME", "mine")
	if got := about(); !strings.Contains(got, "service.name=mine") {
		t.Errorf("with OTEL_SERVICE_NAME: %s", got)
	}
}

func TestAWrongExporterIsRefused(t *testing.T) {
	for variable, value := range map[string]string{
		"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_METRICS_EXPORTER": "console", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv(variable, value)
			if _, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard}); err == nil || !strings.Contains(err.Error(), variable) ||
				!strings.Contains(err.Error(), value) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNothingIsExportedIfTheEnvironmentSaysSo(t *testing.T) {
	for variable, value := range map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_SDK_DISABLED": "true"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv(variable, value)
			_, span := start(t, telemetry.Config{Logs: io.Discard}).Tracing.Tracer("test").Start(t.Context(), "x")
			defer span.End()
			if span.IsRecording() || !span.SpanContext().IsValid() {
				t.Errorf("the span records: %v, and is valid: %v", span.IsRecording(), span.SpanContext().IsValid())
			}
		})
	}
}

// A collector that refuses, and then takes everything, causes one line each.
func TestAChangeOfTheCollectorIsLoggedOnce(t *testing.T) {
	var takes atomic.Bool
	paths := make(chan string, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		if !takes.Load() {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_METRICS_EXPORTER", "otlp")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "5")
	var log lines
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: &log})
	if err != nil {
		t.Fatal(err)
	}
	counter, err := tel.Meter.Meter("test").Int64Counter("things")
	if err != nil {
		t.Fatal(err)
	}
	// until sends data until the collector got some of both kinds.
	until := func() {
		for seen := map[string]bool{}; !seen["/v1/traces"] || !seen["/v1/metrics"]; {
			counter.Add(t.Context(), 1)
			_, span := tel.Tracing.Tracer("test").Start(t.Context(), "x")
			span.End()
			seen[<-paths] = true
		}
	}
	for range 3 {
		until()
	}
	takes.Store(true)
	for range 3 {
		until()
	}
	tel.Shutdown(context.Background())
	for _, line := range []string{"does not take traces", "takes traces again", "does not take metrics", "takes metrics again"} {
		if n := log.count(line); n != 1 {
			t.Errorf("%q was logged %d times: %s", line, n, &log.all)
		}
	}
}

// A collector that never answers holds nobody up: the test would end by its time limit.
func TestAStopDoesNotWaitForADeadCollector(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dead.Close() })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+dead.Addr().String())
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "20000")
	var log lines
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: &log})
	if err != nil {
		t.Fatal(err)
	}
	_, span := tel.Tracing.Tracer("test").Start(t.Context(), "x")
	span.End()
	began := time.Now()
	tel.Shutdown(context.Background())
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if log.count("could not be sent") != 1 {
		t.Errorf("logged: %s", &log.all)
	}
}
