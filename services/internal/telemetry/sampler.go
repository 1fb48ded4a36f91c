package telemetry

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// sampler returns the sampler of OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG, which also keeps what continues a kept trace.
func sampler() (sdktrace.Sampler, error) {
	name, ratio := os.Getenv("OTEL_TRACES_SAMPLER"), 1.0
	if text := os.Getenv("OTEL_TRACES_SAMPLER_ARG"); text != "" {
		var err error
		if ratio, err = strconv.ParseFloat(text, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
			return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG must be from 0 to 1, not %q", text)
		}
	}
	var s sdktrace.Sampler
	switch name {
	case "", "parentbased_always_on":
		s = sdktrace.ParentBased(sdktrace.AlwaysSample())
	case "always_on":
		s = sdktrace.AlwaysSample()
	case "always_off":
		s = sdktrace.NeverSample()
	case "traceidratio":
		s = sdktrace.TraceIDRatioBased(ratio)
	case "parentbased_always_off":
		s = sdktrace.ParentBased(sdktrace.NeverSample())
	case "parentbased_traceidratio":
		s = sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))
	default:
		return nil, fmt.Errorf("OTEL_TRACES_SAMPLER must be a sampler of OpenTelemetry, such as parentbased_traceidratio, not %q", name)
	}
	return continued{s}, nil
}

// continued keeps each span with a link to a kept span of Usher: it continues that one's work in another trace. A link that a client asked
// for is remote, and decides nothing.
type continued struct{ sdktrace.Sampler }

func (c continued) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	for _, link := range p.Links {
		if link.SpanContext.IsSampled() && !link.SpanContext.IsRemote() {
			return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
		}
	}
	return c.Sampler.ShouldSample(p)
}

// off records no span. Unlike the SDK's own sampler, it does not search the context for the parent's state, which would walk through the
// whole context.
type off struct{}

func (off) ShouldSample(sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return sdktrace.SamplingResult{Decision: sdktrace.Drop}
}

func (off) Description() string { return "off" }

// unremarkable leaves out spans of SQL that took less than some time, and did not fail. Nothing is below them in a trace.
type unremarkable struct {
	sdktrace.SpanProcessor
	over time.Duration
}

func (u unremarkable) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.EndTime().Sub(s.StartTime()) < u.over && s.Status().Code != codes.Error && isSQL(s) {
		return
	}
	u.SpanProcessor.OnEnd(s)
}

// isSQL reports whether a span is about a statement, a transaction or the connection for it.
func isSQL(s sdktrace.ReadOnlySpan) bool {
	switch s.InstrumentationScope().Name {
	case "github.com/exaring/otelpgx", "github.com/XSAM/otelsql":
		return true
	}
	return false
}
