package traced

import (
	"context"
	"crypto/rand"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func TestAPartOfTheSuccessesIsNotLogged(t *testing.T) {
	t.Parallel()
	const count = 10_000
	for quiet, bounds := range map[Quiet][2]int{0: {0, 0}, .9: {8700, 9300}, 1: {count, count}} {
		skipped := 0
		for range count {
			var id trace.TraceID
			_, _ = rand.Read(id[:]) // it never fails
			ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{1}}))
			if quiet.Skips(ctx) {
				skipped++
				if sampler := sdktrace.TraceIDRatioBased(1 - float64(quiet)); sampler.ShouldSample(sdktrace.SamplingParameters{TraceID: id}).Decision == sdktrace.RecordAndSample {
					t.Fatal("a trace is kept, and its line is not")
				}
			}
		}
		if skipped < bounds[0] || skipped > bounds[1] {
			t.Errorf("with %v, %d of %d are skipped", quiet, skipped, count)
		}
	}
}
