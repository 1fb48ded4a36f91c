package core

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/fault"
)

// maxLinks bounds the links of one span, and the traces that a reconcile leaves a mark in. A batch with more messages links to the first
// ones.
const maxLinks = 100

// reconciling is the span of a batch, which all its parts share.
type reconciling struct {
	trace.Span
	causes []trace.SpanContext
	within bool // it is a part of the one trace that caused the batch
}

type reconcilingCtx struct{}

// begin starts the span of a batch, unless ctx has it already. Call end with the result.
//
// If everything in the batch came from one trace, the span is a part of it. Otherwise the span begins a trace of its own, which links to
// the causes; and end leaves a span in the trace of each cause, which links to it. So both directions can be followed in a trace store. A
// batch that is one of many for the same cause only links to it: the pages of a rule sync, and the retries of users who are set aside.
func (c *Core) begin(ctx context.Context, b batch) (_ context.Context, _ trace.SpanContext, end func(error)) {
	if r, ok := ctx.Value(reconcilingCtx{}).(*reconciling); ok {
		return ctx, r.SpanContext(), func(error) {}
	}
	r := &reconciling{causes: spansOf(b.links)}
	options := []trace.SpanStartOption{trace.WithAttributes(
		attribute.String("usher.organization_id", b.organizationID), attribute.Int("usher.users", len(b.userIDs)),
		attribute.Int("usher.messages", countMessages(b)))}
	if r.within = !b.repeats && ofOneTrace(r.causes); r.within {
		ctx = trace.ContextWithRemoteSpanContext(ctx, r.causes[0])
	} else {
		options = append(options, trace.WithNewRoot(), trace.WithLinks(linksTo(r.causes)...))
	}
	ctx, r.Span = c.tracer.Start(ctx, "reconcile", options...)
	return context.WithValue(ctx, reconcilingCtx{}, r), r.SpanContext(), func(err error) {
		var f *fault.Error
		switch {
		case errors.As(err, &f):
			r.SetStatus(codes.Error, fault.ReasonName(f.Reason))
		case errors.Is(err, errRulesChanged), errors.Is(err, context.Canceled): // the batch begins again, or this process stops
		case err != nil:
			r.SetStatus(codes.Error, fault.ReasonName(fault.Internal))
		case r.IsRecording() && !r.within && !b.repeats:
			c.mark(ctx, r)
		}
		r.End()
	}
}

// mark leaves a span in the trace of each cause.
func (c *Core) mark(ctx context.Context, r *reconciling) {
	back := trace.WithLinks(linksTo([]trace.SpanContext{r.SpanContext()})...)
	for _, cause := range r.causes {
		if !cause.IsSampled() {
			continue // nobody kept its trace
		}
		_, span := c.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, cause), "reconciled", back)
		span.End()
	}
}

// spansOf reads W3C traceparents, each once, up to maxLinks.
func spansOf(traceparents []string) (all []trace.SpanContext) {
	seen := map[string]bool{}
	for _, text := range traceparents {
		if text == "" || seen[text] || len(all) == maxLinks {
			continue
		}
		seen[text] = true
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": text})
		if span := trace.SpanContextFromContext(ctx); span.IsValid() {
			all = append(all, span)
		}
	}
	return all
}

// ofOneTrace reports whether there are spans, and all are of the same trace.
func ofOneTrace(spans []trace.SpanContext) bool {
	for _, span := range spans {
		if span.TraceID() != spans[0].TraceID() {
			return false
		}
	}
	return len(spans) > 0
}

// linksTo makes links to spans of Usher. They are not remote: the sampler keeps what continues a kept trace of Usher's own, and not what
// continues that of a client.
func linksTo(spans []trace.SpanContext) []trace.Link {
	links := make([]trace.Link, len(spans))
	for i, span := range spans {
		links[i] = trace.Link{SpanContext: span.WithRemote(false)}
	}
	return links
}

// traceparent returns a span as W3C text; empty if there is none.
func traceparent(span trace.SpanContext) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), span), carrier)
	return carrier["traceparent"]
}

// traceID returns a span's trace id in hexadecimal digits; empty if there is none.
func traceID(span trace.SpanContext) string {
	if !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}
