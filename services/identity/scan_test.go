package identity_test

import (
	"fmt"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/fault"
)

// scans reads how many lists went through all resources.
func scans(t *testing.T, reader sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	must(t, reader.Collect(t.Context(), &all))
	counted := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "usher_identity_list_scans_total" {
				continue
			}
			for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
				kind, _ := point.Attributes.Value(attribute.Key("resource_type"))
				counted[kind.AsString()] += point.Value
			}
		}
	}
	return counted
}

func TestAListThatNoIndexServesIsCounted(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	b := setupWith(t, func(_ *identity.Config, d *identity.Dependencies) {
		d.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	})
	i := b.idp()
	anna := i.named("anna")[0]
	g := i.group("eng", anna).GetId()
	for _, c := range []struct {
		kind, filter string
		scan         bool
	}{
		{"Users", "", false},
		{"Users", `userName eq "anna"`, false},
		{"Users", `userName sw "a" and active eq true`, false},
		{"Users", `externalId gt "a" and externalId lt "b"`, false},
		{"Users", `emails[type eq "work" and value eq "x"]`, false},
		{"Users", `displayName sw "x"`, false},
		{"Users", `active eq false`, false},
		{"Users", `groups.value eq "` + g + `"`, false},
		{"Users", `title eq "x" and id eq "` + anna + `"`, false},
		{"Users", `title eq "x"`, true},
		{"Users", `userName eq "anna" or userName eq "bob"`, false},
		{"Users", `active eq true and emails[value eq "x" or value eq "y"]`, false},
		{"Users", `userName eq "anna" or title eq "x"`, true},
		{"Users", `not (userName eq "anna")`, true},
		{"Groups", "", false},
		{"Groups", `displayName eq "eng"`, false},
		{"Groups", `id eq "` + g + `" and members eq "` + anna + `"`, false},
		{"Groups", `externalId eq "x"`, false},
		{"Groups", `displayName co "n"`, true},
	} {
		for _, cursor := range []*string{nil, proto.String("")} {
			before := scans(t, reader)
			i.list(c.kind, &identityv1.ListQuery{Filter: c.filter, Cursor: cursor})
			after := scans(t, reader)
			want := map[bool]int64{true: 1}[c.scan]
			if got := after[c.kind[:len(c.kind)-1]] - before[c.kind[:len(c.kind)-1]]; got != want {
				t.Errorf("%s %s counted %d scans, want %d", c.kind, c.filter, got, want)
			}
		}
	}
}

// A page by index that would have to read too much is refused. A page by cursor ends early, and the next one continues.
func TestAScanIsBounded(t *testing.T) {
	t.Parallel()
	i := setup(t, func(c *identity.Config) { c.ScanLimit = 500 }).idp()
	const size = 1200
	together(8, func(w int) {
		for n := w; n < size; n += 8 {
			if _, err := i.tryUser(fmt.Sprintf(`{"userName":"user%04d","title":"%d"}`, n, n%400)); err != nil {
				t.Error(err)
			}
		}
	})
	_, err := i.tryList("Users", &identityv1.ListQuery{Filter: `title eq "1"`})
	refused(t, "a scan by index", err, fault.TooMany)
	pages, totals := i.walk("Users", &identityv1.ListQuery{Filter: `title eq "1"`}, nil)
	equal(t, "those that match, by cursor", len(slices.Concat(pages...)), 3)
	if len(pages) != 3 || slices.Max(totals) != -1 {
		t.Errorf("%d pages with the totals %d", len(pages), totals)
	}
	equal(t, "those that an index finds", i.list("Users", &identityv1.ListQuery{Filter: `userName ge "user1000" and title eq "1"`}).GetTotalResults(), 0)
	equal(t, "a prefix of many", i.list("Users", &identityv1.ListQuery{Filter: `userName sw "user000"`}).GetTotalResults(), 10)
	equal(t, "all", i.list("Users", &identityv1.ListQuery{}).GetTotalResults(), size)
}
