package telemetry_test

import (
	"io"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/telemetry"
)

// What continues a kept trace of Usher is kept, whatever the ratio. A client's trace decides nothing.
func TestWhatContinuesAKeptTraceIsKept(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0")
	spans := tracetest.NewInMemoryExporter()
	tracer := start(t, telemetry.Config{Logs: io.Discard, Spans: spans}).Tracing.Tracer("test")
	link := func(flags trace.TraceFlags, remote bool) trace.SpanStartOption {
		return trace.WithLinks(trace.Link{SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: flags, Remote: remote,
		})})
	}
	for name, option := range map[string]trace.SpanStartOption{
		"continues": link(trace.FlagsSampled, false), "of a client": link(trace.FlagsSampled, true), "of a trace that is not kept": link(0, false),
	} {
		_, span := tracer.Start(t.Context(), name, option)
		span.End()
	}
	if got := namesOf(spans); !slices.Equal(got, []string{"continues"}) {
		t.Errorf("kept are %q", got)
	}
}

func TestAWrongSamplerIsRefused(t *testing.T) {
	for variable, value := range map[string]string{"OTEL_TRACES_SAMPLER": "sometimes", "OTEL_TRACES_SAMPLER_ARG": "2"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, value)
			if _, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard}); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestOnlySlowAndFailedStatementsHaveSpans(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	tracing := start(t, telemetry.Config{Logs: io.Discard, Spans: spans, StatementsOver: time.Second}).Tracing
	began := time.Now()
	for name, of := range map[string]struct {
		scope string
		took  time.Duration
		code  codes.Code
	}{
		"quick": {"github.com/exaring/otelpgx", time.Millisecond, codes.Unset}, "slow": {"github.com/exaring/otelpgx", time.Minute, codes.Unset},
		"failed": {"github.com/XSAM/otelsql", time.Millisecond, codes.Error}, "no statement": {"other", time.Millisecond, codes.Unset},
	} {
		_, span := tracing.Tracer(of.scope).Start(t.Context(), name, trace.WithTimestamp(began))
		span.SetStatus(of.code, "")
		span.End(trace.WithTimestamp(began.Add(of.took)))
	}
	if got := namesOf(spans); !slices.Equal(got, []string{"failed", "no statement", "slow"}) {
		t.Errorf("spans are %q", got)
	}
}

func namesOf(spans *tracetest.InMemoryExporter) (names []string) {
	for _, span := range spans.GetSpans() {
		names = append(names, span.Name)
	}
	slices.Sort(names)
	return names
}
