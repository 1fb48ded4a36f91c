package core

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// maxLinks bounds the links of one span. A batch with more messages links to the first ones.
const maxLinks = 128

// linksTo makes span links from W3C traceparents, each once.
func linksTo(traceparents []string) []trace.Link {
	var links []trace.Link
	seen := map[string]bool{}
	for _, text := range traceparents {
		if text == "" || seen[text] || len(links) == maxLinks {
			continue
		}
		seen[text] = true
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": text})
		if span := trace.SpanContextFromContext(ctx); span.IsValid() {
			links = append(links, trace.Link{SpanContext: span})
		}
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
