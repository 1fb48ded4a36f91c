package e2e

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/usher-scim/usher/services/internal/telemetry"
)

// One trace leads from the SCIM request through the gateway, identity and its SQL to the reconcile that it caused, which stands in the
// access feed.
func TestOneTraceFromMessageToAccess(t *testing.T) {
	t.Parallel()
	for name, topology := range topologies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spans := tracetest.NewInMemoryExporter()
			tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard, Spans: spans})
			if err != nil {
				t.Fatal(err)
			}
			u := startUsher(t, topology, tel)
			d := u.newDirectory(nil)
			ann := d.user("ann")
			group := d.group("Designers")
			u.caughtUp()

			const theirs = "0af7651916cd43dd8448eb211c80319c"
			request, err := http.NewRequestWithContext(t.Context(), "PATCH", d.baseURL+"/Groups/"+group,
				strings.NewReader(patchBody("add", "members", []any{map[string]any{"value": ann}})))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+d.key)
			request.Header.Set("Traceparent", "00-"+theirs+"-b7ad6b7169203331-01")
			response, err := d.http.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			messageID := response.Header.Get("Usher-Message-Id")
			u.caughtUp()

			// The message's trace is its own, and linked to the client's.
			linked := func(span tracetest.SpanStub, to string) bool {
				return slices.ContainsFunc(span.Links, func(l sdktrace.Link) bool { return l.SpanContext.TraceID().String() == to })
			}
			traceOf := func(to string) (traceID string) {
				for _, span := range spans.GetSpans() {
					if linked(span, to) {
						traceID = span.SpanContext.TraceID().String()
					}
				}
				return traceID
			}
			// A span ends a little after others can see what it describes.
			var traceID, reconcile string
			eventually(t, "the trace has the gateway, identity, its SQL and the reconcile", func() bool {
				traceID = traceOf(theirs)
				var gateway, identity, sql bool
				for _, span := range spans.GetSpans() {
					if span.SpanContext.TraceID().String() == traceID {
						gateway = gateway || strings.Contains(span.InstrumentationScope.Name, "otelhttp")
						identity = identity || strings.Contains(span.Name, "usher.identity.v1.ResourceService/WriteResource")
						sql = sql || strings.Contains(span.InstrumentationScope.Name, "otelsql")
						if span.Name == "reconcile" {
							reconcile = span.SpanContext.SpanID().String()
						}
					}
				}
				return gateway && identity && sql && reconcile != ""
			})
			if traceID == theirs {
				t.Error("the message is in the client's trace")
			}
			for _, span := range spans.GetSpans() {
				if span.SpanContext.TraceID().String() == traceID && strings.Contains(span.InstrumentationScope.Name, "otelhttp") &&
					!slices.ContainsFunc(span.Attributes, func(kv attribute.KeyValue) bool { return kv.Value.AsString() == messageID }) {
					t.Errorf("the gateway's span %q lacks the message ID", span.Name)
				}
			}
			changes := u.accessChanges("")
			if len(changes) != 1 || changes[0].GetMessageId() != messageID || changes[0].GetTraceparent() != "00-"+traceID+"-"+reconcile+"-01" {
				t.Errorf("the access feed says %v, want one change by message %s in span %s of trace %s", changes, messageID, reconcile, traceID)
			}
		})
	}
}

// mostSpans is how many spans a message has, with all that follows from it, while no statement is slow.
const mostSpans = 6

func TestAMessageHasFewSpans(t *testing.T) {
	t.Parallel()
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spans := tracetest.NewInMemoryExporter()
			tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard, Spans: spans, StatementsOver: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			u := startUsher(t, setup, tel)
			d := u.newDirectory(nil)
			ann := d.user("ann")
			group := d.group("Designers", ann)
			u.caughtUp()
			d.patch("/Groups/"+group, "remove", "members", nil, http.StatusNoContent)
			u.caughtUp()
			d.send("GET", "/Users/"+ann, "", http.StatusOK)
			for method, reconciled := range map[string]bool{"POST": true, "PATCH": true, "GET": false} {
				var names []string
				eventually(t, "the trace of a "+method+" is whole", func() bool {
					before := len(names)
					names = nil
					all := spans.GetSpans()
					root := slices.IndexFunc(all, func(s tracetest.SpanStub) bool { return strings.HasPrefix(s.Name, method+" /scim") })
					if root < 0 {
						return false
					}
					for _, s := range all {
						if s.SpanContext.TraceID() == all[root].SpanContext.TraceID() {
							names = append(names, s.Name)
						}
					}
					ended := !reconciled || slices.Contains(names, "reconcile") || slices.Contains(names, "reconciled")
					return ended && len(names) == before // others may end later
				})
				if len(names) > mostSpans {
					t.Errorf("a %s has %d spans: %q", method, len(names), names)
				}
			}
		})
	}
}

// A batch of many messages has a trace of its own. The trace of each message leads there, and back.
func TestTheTracesOfManyMessagesLeadToTheirReconcile(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: io.Discard, Spans: spans, StatementsOver: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	u := startUsher(t, topology{}, tel)
	d := u.newDirectory(nil)
	sent := 0
	eventually(t, "messages that came together lead to their reconcile, and back", func() bool {
		var together sync.WaitGroup
		for range 20 {
			sent++
			name := fmt.Sprint("user", sent)
			together.Go(func() { d.user(name) })
		}
		together.Wait()
		u.caughtUp()
		forth, back := map[string]bool{}, map[string]bool{}
		for _, span := range spans.GetSpans() {
			for _, link := range span.Links {
				switch span.Name {
				case "reconciled":
					forth[span.SpanContext.TraceID().String()+link.SpanContext.TraceID().String()] = true
				case "reconcile":
					back[link.SpanContext.TraceID().String()+span.SpanContext.TraceID().String()] = true
				}
			}
		}
		return len(forth) > 1 && maps.Equal(forth, back)
	})
}

// What an IdP sends of people is in no span and in no log line, also where it is wrong.
// Invariant 18.
func TestNoPersonalDataInSpansAndLogs(t *testing.T) {
	t.Parallel()
	for name, topology := range topologies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spans, logs := tracetest.NewInMemoryExporter(), &lines{}
			tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: logs, Spans: spans, Level: slog.LevelDebug})
			if err != nil {
				t.Fatal(err)
			}
			u := startUsher(t, topology, tel)
			d := u.newDirectory(nil)
			ann := d.user("secret-ann@example.com")
			group := d.group("Secret group", ann)
			for _, m := range []struct{ method, path, body string }{
				{"POST", "/Groups", `{` + groupSchema + `,"displayName":"Secret","members":[{"value":"secret-member@example.com"}]}`},
				{"POST", "/Users", `{` + userSchema + `,"userName":"secret-ann@example.com"}`},
				{"POST", "/Users", `{` + userSchema + `,"userName":"x","secret-key@example.com":1,"name":"secret"}`},
				{"GET", "/Users?filter=userName%20eq%20%22secret-filter@example.com%22", ""},
				{"GET", "/Users?filter=secret%20eq%20%22x%22", ""},
				{"GET", "/Users/secret-id@example.com", ""},
				{"DELETE", "/Users/secret-id@example.com", ""},
				{"PATCH", "/Users/" + ann, patchBody("replace", "secretPath", "secret value")},
				{"PATCH", "/Users/" + ann, patchBody("replace", "displayName", "secret value")},
				{"PATCH", "/Groups/" + group, patchBody("add", "members", []any{map[string]any{"value": "secret-member"}})},
			} {
				if _, err := d.try(t.Context(), m.method, m.path, m.body); err != nil {
					t.Fatal(err)
				}
			}
			u.caughtUp()
			for _, span := range spans.GetSpans() {
				text := fmt.Sprint(span.Name, span.Attributes, span.Status.Description, span.Events)
				if strings.Contains(strings.ToLower(text), "secret") {
					t.Errorf("span %s: %s", span.Name, text)
				}
			}
			for line := range strings.Lines(logs.text()) {
				if strings.Contains(strings.ToLower(line), "secret") || strings.Contains(line, d.key) || strings.Contains(line, u.token) {
					t.Errorf("log: %s", line)
				}
			}
		})
	}
}

// lines is a log that many write at once.
type lines struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(line)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}
