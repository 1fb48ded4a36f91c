package e2e

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/usher-scim/usher/services/internal/app"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

// One trace leads from the SCIM request through the gateway, identity and its SQL, and by a link on to the reconcile that
// it caused, whose trace stands in the access feed.
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
			u := startUsher(t, app.Options{Topology: topology, Telemetry: tel})
			d := u.newDirectory(nil)
			ann := d.user("ann")
			group := d.group("Designers")
			u.caughtUp()

			const traceID = "0af7651916cd43dd8448eb211c80319c"
			request, err := http.NewRequestWithContext(t.Context(), "PATCH", d.baseURL+"/Groups/"+group,
				strings.NewReader(patchBody("add", "members", []any{map[string]any{"value": ann}})))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+d.key)
			request.Header.Set("Traceparent", "00-"+traceID+"-b7ad6b7169203331-01")
			response, err := d.http.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			messageID := response.Header.Get("Usher-Message-Id")
			u.caughtUp()

			var gateway, identity, sql, reconcile bool
			var reconcileTrace string
			for _, span := range spans.GetSpans() {
				scope := span.InstrumentationScope.Name
				if span.SpanContext.TraceID().String() == traceID {
					gateway = gateway || strings.Contains(scope, "otelhttp")
					identity = identity || strings.Contains(span.Name, "usher.identity.v1.GroupService/PatchGroup")
					sql = sql || strings.Contains(scope, "otelsql")
					if strings.Contains(scope, "otelhttp") && !slices.ContainsFunc(span.Attributes, func(kv attribute.KeyValue) bool {
						return kv.Value.AsString() == messageID
					}) {
						t.Errorf("the gateway's span %q lacks the message ID", span.Name)
					}
				}
				for _, link := range span.Links {
					if link.SpanContext.TraceID().String() == traceID {
						reconcile, reconcileTrace = true, span.SpanContext.TraceID().String()
					}
				}
			}
			if !gateway || !identity || !sql || !reconcile {
				t.Errorf("in the trace: gateway %v, identity %v, SQL %v; by link: reconcile %v", gateway, identity, sql, reconcile)
			}
			changes := u.accessChanges("")
			if len(changes) != 1 || changes[0].GetMessageId() != messageID || !strings.Contains(changes[0].GetTraceparent(), reconcileTrace) {
				t.Errorf("the access feed says %v, want one change by message %s in trace %s", changes, messageID, reconcileTrace)
			}
		})
	}
}
