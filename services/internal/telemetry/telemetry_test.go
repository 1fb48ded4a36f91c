package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start creates telemetry that is shut down with the test.
func start(t *testing.T, c telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tel.Shutdown(context.Background()) })
	return tel
}

func TestALogLineContainsItsTrace(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	tel := start(t, telemetry.Config{Logs: &lines, Level: slog.LevelInfo})
	ctx, span := tel.Tracing.Tracer("test").Start(t.Context(), "request")
	defer span.End()
	logs := tel.Log.With("service", "identity")
	logs.InfoContext(ctx, "within")
	logs.InfoContext(t.Context(), "outside")
	logs.DebugContext(ctx, "too fine")
	var within, outside map[string]any
	decoder := json.NewDecoder(&lines)
	for _, line := range []*map[string]any{&within, &outside} {
		if err := decoder.Decode(line); err != nil {
			t.Fatal(err)
		}
	}
	if within["trace_id"] != span.SpanContext().TraceID().String() || within["span_id"] != span.SpanContext().SpanID().String() {
		t.Errorf("the line within a trace is %v", within)
	}
	if within["service"] != "identity" || within["msg"] != "within" {
		t.Errorf("the line is %v", within)
	}
	if _, traced := outside["trace_id"]; traced {
		t.Errorf("the line outside a trace is %v", outside)
	}
	if decoder.More() {
		t.Error("a line below the level was written")
	}
}

func TestADurationInALogHasItsUnit(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	tel := start(t, telemetry.Config{Logs: &lines})
	tel.Log.Info("request", slog.Duration("duration", 1500*time.Microsecond), slog.Group("part", slog.Duration("wait", time.Second)))
	if !strings.Contains(lines.String(), `"duration_ms":1.5,"part":{"wait_ms":1000}`) {
		t.Errorf("got %s", &lines)
	}
}

func TestLogsCanBeForPeople(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	start(t, telemetry.Config{Logs: &lines, Text: true}).Log.Info("hello", "key", "value")
	if !strings.Contains(lines.String(), "msg=hello key=value") {
		t.Errorf("got %s", &lines)
	}
}

func TestMetricsAreServedForPrometheus(t *testing.T) {
	t.Parallel()
	tel := start(t, telemetry.Config{Logs: &bytes.Buffer{}})
	counter, err := tel.Meter.Meter("test").Int64Counter("usher.test.things")
	if err != nil {
		t.Fatal(err)
	}
	counter.Add(t.Context(), 3)
	answer := httptest.NewRecorder()
	tel.Metrics.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{"\nusher_test_things_total 3\n", "go_goroutines", `usher_build_info{go_version="go`, `service_name="usher"`} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(answer.Body.String(), "otel_scope") {
		t.Error("metrics name the code that made them")
	}
}

func TestSpansAreExportedOrOnlyPassedOn(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	exported := start(t, telemetry.Config{Logs: &bytes.Buffer{}, Spans: spans})
	_, span := exported.Tracing.Tracer("test").Start(t.Context(), "kept")
	span.End()
	if len(spans.GetSpans()) != 1 {
		t.Errorf("%d spans were exported", len(spans.GetSpans()))
	}
	_, span = start(t, telemetry.Config{Logs: &bytes.Buffer{}}).Tracing.Tracer("test").Start(t.Context(), "passed on")
	defer span.End()
	if span.IsRecording() || !span.SpanContext().IsValid() {
		t.Errorf("without an exporter the span records: %v, and is valid: %v", span.IsRecording(), span.SpanContext().IsValid())
	}
}

func TestTwoProvidersFitInOneProcess(t *testing.T) {
	t.Parallel()
	for range 2 {
		start(t, telemetry.Config{Logs: &bytes.Buffer{}})
	}
}
