package telemetry

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// handler adds the trace to each log line that is written within one.
type handler struct{ slog.Handler }

func newHandler(c Config) slog.Handler {
	options := &slog.HandlerOptions{Level: c.Level, ReplaceAttr: withUnit}
	if c.Text {
		return handler{slog.NewTextHandler(c.Logs, options)}
	}
	return handler{slog.NewJSONHandler(c.Logs, options)}
}

// withUnit writes each duration in milliseconds, and says so in its name.
func withUnit(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindDuration {
		return a
	}
	return slog.Float64(a.Key+"_ms", float64(a.Value.Duration())/float64(time.Millisecond))
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
