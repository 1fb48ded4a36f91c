package traced

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/usher-scim/usher/services/gateway/internal/metrics"
)

const (
	theirs     = "0af7651916cd43dd8448eb211c80319c"
	sampled    = "00-" + theirs + "-b7ad6b7169203331-01"
	notSampled = "00-" + theirs + "-b7ad6b7169203331-00"
)

// serve returns the span of one request from a peer, with these headers.
func serve(t *testing.T, method, peer string, headers ...string) tracetest.SpanStub {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	instruments, err := metrics.New(noop.NewMeterProvider())
	if err != nil {
		t.Fatal(err)
	}
	h := Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { r.Pattern = "/x/{id}" }), Options{
		Name: "x", ServerName: "x.example.com", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Tracing: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)), Metrics: instruments,
	})
	r := httptest.NewRequest(method, "/x/1", http.NoBody)
	r.RemoteAddr = peer
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
	all := spans.GetSpans()
	if len(all) != 1 {
		t.Fatalf("there are %d spans", len(all))
	}
	return all[0]
}

func TestAClientDecidesNothingOfItsTrace(t *testing.T) {
	t.Parallel()
	for _, parent := range []string{sampled, notSampled} {
		span := serve(t, "GET", "192.0.2.1:1", "Traceparent", parent)
		if span.SpanContext.TraceID().String() == theirs || span.Parent.IsValid() || !span.SpanContext.IsSampled() {
			t.Errorf("%s: the span is of trace %s, under %s", parent, span.SpanContext.TraceID(), span.Parent.SpanID())
		}
		if len(span.Links) != 1 || span.Links[0].SpanContext.TraceID().String() != theirs {
			t.Errorf("%s: the links are %v", parent, span.Links)
		}
	}
}

func TestASpanContainsNothingThatAClientInvented(t *testing.T) {
	t.Parallel()
	span := serve(t, "MARKER", "192.0.2.1:1", "User-Agent", "marker", "X-Forwarded-For", "marker", "X-Forwarded-For", "198.51.100.7")
	text := fmt.Sprint(span.Name, span.Attributes)
	if span.Name != "OTHER /x/{id}" || strings.Contains(strings.ToLower(text), "marker") || strings.Contains(text, "198.51.100.7") {
		t.Errorf("the span is %s", text)
	}
}

func TestATrustedProxySendsTheClientsAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ peer, forwarded, want string }{
		"no proxy":                   {"192.0.2.1:1", "198.51.100.7", "192.0.2.1"},
		"a proxy":                    {"10.0.0.1:1", "198.51.100.7", "198.51.100.7"},
		"two proxies":                {"10.0.0.1:1", "198.51.100.7, 10.0.0.2", "198.51.100.7"},
		"a client that makes one up": {"10.0.0.1:1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"},
		"what is no address":         {"10.0.0.1:1", "marker", "10.0.0.1"},
		"behind what is no address":  {"10.0.0.1:1", "198.51.100.7, marker, 10.0.0.2", "10.0.0.2"},
		"nothing":                    {"10.0.0.1:1", "", "10.0.0.1"},
		"an IPv6 client":             {"[::ffff:10.0.0.1]:1", "2001:db8::1", "2001:db8::1"},
	} {
		span := serve(t, "GET", c.peer, "X-Forwarded-For", c.forwarded)
		got := ""
		for _, a := range span.Attributes {
			if a.Key == "client.address" {
				got = a.Value.AsString()
			}
			if a.Key == "network.peer.address" && got == "" {
				got = a.Value.AsString()
			}
		}
		if got != c.want {
			t.Errorf("%s: the client is %q, want %q: %v", name, got, c.want, span.Attributes)
		}
	}
}
