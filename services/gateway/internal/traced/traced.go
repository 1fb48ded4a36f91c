// Package traced starts the span of a request from outside. Its sender is not known yet, so nothing that the sender invents decides what is
// traced or kept.
package traced

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
)

// Options define the spans.
type Options struct {
	Name           string // of the API, and of a request without a route
	ServerName     string // spans must not contain a Host header that a client invents
	TrustedProxies []netip.Prefix
	Tracing        trace.TracerProvider
	Metrics        *metrics.Metrics
}

// Handler measures each request, and serves it with next in a span of its own, which is the first one of a new trace. It links to the trace of the client,
// if there is one. The span has the name of the pattern that next sets, and its only information about the client is the address. next sees
// a method of Methods, or Other.
func Handler(next http.Handler, o Options) http.Handler {
	measured := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		did := httpsnoop.CaptureMetrics(next, w, r)
		route := r.Pattern // a closed set
		if route == "" {
			route = o.Name
		}
		o.Metrics.Request(r.Context(), o.Name, r.Method+" "+route, metrics.Class(did.Code), did.Duration, strings.HasSuffix(route, watchSuffix))
	})
	spans := otelhttp.NewHandler(measured, o.Name,
		otelhttp.WithTracerProvider(o.Tracing),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), // its metrics have thousands of series
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
		otelhttp.WithServerName(o.ServerName),
		// next sets the pattern, and so the name of the span once more. The name is never the path, which may contain anything.
		otelhttp.WithSpanNameFormatter(func(operation string, r *http.Request) string {
			if r.Pattern == "" {
				return operation
			}
			return r.Method + " " + r.Pattern
		}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Method = Method(r.Method)
		delete(r.Header, "User-Agent")
		if address := authn.SourceOf(r).Client(o.TrustedProxies); address.IsValid() {
			r.Header["X-Forwarded-For"] = []string{address.String()}
		} else {
			delete(r.Header, "X-Forwarded-For")
		}
		spans.ServeHTTP(w, r)
	})
}

// watchSuffix ends the routes of requests that stream until their client leaves.
const watchSuffix = ":watch"

// Methods are the methods that may be in the name of a span.
var Methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Other stands for every other method, because a client may send any word.
const Other = "OTHER"

// Method returns the method of a request, from a closed set.
func Method(text string) string {
	if slices.Contains(Methods, text) {
		return text
	}
	return Other
}
