package scimhttp

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// Invariant 18.
func TestNoSecretAndNothingPersonalIsLoggedOrTraced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", "/Users", `{"userName":"jane@example.com"}`)
	w.do("GET", "/Users/jane@example.com", "")
	w.do("GET", `/Users?filter=userName%20eq%20%22jane@example.com%22`, "")
	w.do("BREW", "/jane@example.com", "")
	w.do("PATCH", "/Users/jane@example.com", `{"Operations":[{"op":"add","path":"emails[value eq \"jane@example.com\"]"`)
	w.do("GET", "/Users", "", "Authorization", "Bearer "+w.revoked.Reveal())
	text := w.logs.String()
	for _, span := range w.spans.GetSpans() {
		text += fmt.Sprintln(span.Name, span.Attributes, span.Events, span.Status)
	}
	for _, event := range w.events.all() {
		text += protojson.Format(event)
	}
	for _, secret := range []string{"jane", w.keys[directory].Reveal(), w.revoked.Reveal(), "ush_"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in: %s", secret, text)
		}
	}
}

func TestAMessageIsOneTraceNamedByRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const traceID = "0af7651916cd43dd8448eb211c80319c"
	a := w.do("GET", "/Users/"+someID, "", "Traceparent", "00-"+traceID+"-b7ad6b7169203331-01")
	names := map[string]bool{}
	for _, span := range w.spans.GetSpans() {
		names[span.Name] = true
		if own := w.spans.GetSpans()[0].SpanContext.TraceID(); span.SpanContext.TraceID() != own || own.String() == traceID {
			t.Errorf("%s is of trace %s", span.Name, span.SpanContext.TraceID())
		}
		if span.Name != "GET /scim/v2/{directory_id}/Users/{id}" {
			continue
		}
		found := false
		for _, attribute := range span.Attributes {
			found = found || string(attribute.Key) == rpc.MessageIDAttribute && attribute.Value.AsString() == a.Header().Get(MessageIDHeader)
		}
		if !found {
			t.Errorf("the span has not the message ID: %v", span.Attributes)
		}
	}
	if !names["GET /scim/v2/{directory_id}/Users/{id}"] || !names["usher.identity.v1.ResourceService/GetResource"] {
		t.Errorf("the spans are %v", names)
	}
}

// spanAttribute returns an attribute of the span with a name, as text.
func (w *world) spanAttribute(name, key string) string {
	for _, span := range w.spans.GetSpans() {
		for _, a := range span.Attributes {
			if span.Name == name && string(a.Key) == key {
				return a.Value.String()
			}
		}
	}
	return ""
}

func TestEachMessageHasItsOwnID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do("GET", "/Users", "", MessageIDHeader, "theirs")
	b := w.do("GET", "/Users", "", MessageIDHeader, "theirs")
	if first, second := a.Header().Get(MessageIDHeader), b.Header().Get(MessageIDHeader); first == second || first == "theirs" {
		t.Errorf("the message IDs are %q and %q", first, second)
	}
}

func TestMessagesAreMeasuredByRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.RatePerSecond = 3 })
	w.do("PATCH", "/Users/"+someID, `{"Operations":[{"op":"add","path":"title","value":"x"}]}`)
	r := w.request("BREW", "/jane@example.com", "")
	r.Host = "evil.example.com"
	w.serve(r)
	w.do("GET", "/Users", "")
	w.do("GET", "/Users", "") // exceeds the rate
	w.do("GET", "/Users", "", "Authorization", "Bearer "+bearer.APIKey.New().Reveal())
	if quirks := w.spanAttribute("PATCH /scim/v2/{directory_id}/Users/{id}", "usher.quirks"); quirks != `["op-capitalised"]` {
		t.Errorf("the span's quirks are %s", quirks)
	}
	points := w.measured()
	for _, want := range []string{
		"usher_gateway_messages_total{method=PATCH,route=/Users/{id},status_class=2xx}",
		"usher_gateway_messages_total{method=OTHER,route=/{unknown},status_class=4xx}",
		"usher_gateway_messages_total{method=GET,route=/Users,status_class=2xx}",
		"usher_gateway_message_duration_seconds{method=GET,route=/Users}",
		"usher_gateway_rate_limited_total{}",
		"usher_gateway_unauthenticated_total{reason=unknown}",
		"usher_gateway_ignored_values_total{}",
		"usher_gateway_quirks_total{quirk=op-capitalised}",
	} {
		if points[want] != 1 {
			t.Errorf("%s is %d", want, points[want])
		}
	}
	for point := range points {
		// If a client could choose the value of a label, it could create any number of series.
		if strings.Contains(point, "evil") || strings.Contains(point, "jane") || strings.Contains(point, directory) || strings.Contains(point, "BREW") {
			t.Errorf("a client chose a label: %s", point)
		}
	}
}
