// Package traced begins the span of a request that comes from outside: its sender is not known yet, so nothing that the sender made up
// decides what is traced, or is kept.
package traced

import (
	"net/http"
	"net/netip"
	"slices"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/gateway/internal/authn"
)

// Options are what spans are made with.
type Options struct {
	Name           string // of a request that has no route
	ServerName     string // a client's Host header is not to be believed
	TrustedProxies []netip.Prefix
	Tracing        trace.TracerProvider
	Meter          metric.MeterProvider
}

// Handler has next serve requests in a span of their own, the first one of a new trace. A trace that the client is in is linked to. The
// span is named by the pattern that next sets, and has of the client its address alone. Next sees a method of Methods, or Other.
func Handler(next http.Handler, o Options) http.Handler {
	spans := otelhttp.NewHandler(next, o.Name,
		otelhttp.WithTracerProvider(o.Tracing),
		otelhttp.WithMeterProvider(o.Meter),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
		otelhttp.WithServerName(o.ServerName),
		// Next sets the pattern, and with it the span's name once more: never the path, where a client may put anything.
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

// Methods are those that a span may be named by.
var Methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Other stands for any other method: a client may send any word.
const Other = "OTHER"

// Method is a request's method, from a closed set.
func Method(text string) string {
	if slices.Contains(Methods, text) {
		return text
	}
	return Other
}
