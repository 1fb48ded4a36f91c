package admin

import (
	"bytes"
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/internal/inflight"
)

// overBudget returns the counted refusals by budget.
func (w *world) overBudget(t *testing.T) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.metrics.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	counted := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != metrics.OverBudget {
				continue
			}
			for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
				by, _ := point.Attributes.Value("budget")
				if point.Value > 0 {
					counted[by.AsString()] += point.Value
				}
			}
		}
	}
	return counted
}

// Invariant 15.
func TestRequestsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	const total, share = 8 << 20, 4 << 20
	small := `{"id":"acme"}`
	large := `{"id":"acme"` + strings.Repeat(" ", 100_000) + `}`
	largeBytes := int64(callBytes+bodyCopies*(len(large)+1-firstRoom)) + decodedBytes([]byte(large))
	for _, c := range []struct {
		name, body  string
		own, others int64 // bytes that the credential, and others, have already reserved
		status      int
		budget      string
	}{
		{"a request in the last room of its share", small, share - callBytes, 0, 200, ""},
		{"a request over its share", small, share - callBytes + 1, 0, 429, "credential"},
		{"a request in the last room of all", small, 0, total - callBytes, 200, ""},
		{"a request over all", small, 0, total - callBytes + 1, 503, "total"},
		{"a large body in the last room of its share", large, share - largeBytes, 0, 200, ""},
		{"a large body over its share", large, share - largeBytes + 1, 0, 429, "credential"},
		{"a large body over all", large, 0, total - largeBytes + 1, 503, "total"},
		{"a large body that finds no room while it arrives", large, share - callBytes, 0, 429, "credential"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			budget := inflight.New(total, share)
			w := newWorld(t, func(d *Dependencies) { d.InFlight = budget })
			token := "Bearer " + w.keys.credential.Reveal()
			own, others := budget.OpenCredential("c1"), budget.OpenCredential("others")
			own.Take(c.own)
			others.Take(c.others)
			a := w.do("POST", "/api/v1/organizations", c.body, "Authorization", token)
			if a.Code != c.status || (w.directories.created != nil) != (c.status == 200) {
				t.Fatalf("%d: %s", a.Code, a.Body)
			}
			if c.status != 200 {
				var f failure
				if err := json.Unmarshal(a.Body.Bytes(), &f); err != nil {
					t.Fatal(err)
				}
				limit := map[string]string{"credential": "4194304 bytes", "total": "8388608 bytes"}[c.budget]
				if a.Header().Get("Retry-After") != "1" || !strings.Contains(f.Message, limit) {
					t.Errorf("Retry-After %q: %s", a.Header().Get("Retry-After"), f.Message)
				}
				if counted := w.overBudget(t); len(counted) != 1 || counted[c.budget] != 1 {
					t.Errorf("counted %v", counted)
				}
			}
			if c.budget == "credential" { // the operator has its own share
				if a := w.do("POST", "/api/v1/organizations", small); a.Code != 200 {
					t.Errorf("another credential gets %d: %s", a.Code, a.Body)
				}
			}
			own.Close()
			others.Close()
			if reserved := budget.Bytes(); reserved != 0 {
				t.Errorf("%d bytes are not released", reserved)
			}
			if a := w.do("POST", "/api/v1/organizations", large, "Authorization", token); a.Code != 200 {
				t.Errorf("once there is room it gets %d: %s", a.Code, a.Body)
			}
		})
	}
}

// It measures the allocations of the process, so it does not run in parallel.
func TestDecodingAllocatesNoMoreThanIsReserved(t *testing.T) {
	const size = 32 << 10
	for name, c := range map[string]struct {
		into                 proto.Message
		before, each, behind string
	}{
		"grants":         {&rulev1.Rule{}, `{"grants":[`, `{}`, `]}`},
		"pins":           {&rulev1.Rule{}, `{"group":{"pins":[`, `{}`, `]}}`},
		"ids":            {&identityv1.BatchGetUsersRequest{}, `{"ids":[`, `""`, `]}`},
		"long ids":       {&identityv1.BatchGetUsersRequest{}, `{"ids":[`, `"` + strings.Repeat("\\u00e9", 100) + `"`, `]}`},
		"organizations":  {&directoryv1.ServiceCredential{}, `{"organizationIds":[`, `"a"`, `]}`},
		"many a field":   {&directoryv1.Organization{}, `{"id":"a","federated":true,"x":[`, `[]`, `]}`},
		"no list at all": {&directoryv1.Organization{}, `[`, `0`, `]`},
	} {
		body := []byte(c.before + strings.TrimSuffix(strings.Repeat(c.each+",", size/len(c.each)), ",") + c.behind)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = protojson.Unmarshal(bytes.Clone(body), c.into) // a refused body takes memory, too
		runtime.ReadMemStats(&after)
		if took := int64(after.TotalAlloc - before.TotalAlloc); took > callBytes+decodedBytes(body) {
			t.Errorf("%s: %d bytes take %d, and %d are reserved", name, len(body), took, callBytes+decodedBytes(body))
		}
	}
}
