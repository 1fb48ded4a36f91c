package directory_test

import (
	"maps"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
)

func TestExpiringKeysAndCredentialsAreMeasured(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	b := setup(t)
	b.meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	b.open() // another replica, which measures
	b.organization("acme")
	id := b.directory().GetDirectory().GetId()
	for _, left := range []time.Duration{time.Hour, 8 * day, 31 * day} {
		_, err := b.createKey(id, timestamppb.New(b.clock.Now().Add(left)))
		must(t, err)
	}
	b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true}})
	check := func(when string, want map[string]int64) {
		t.Helper()
		var all metricdata.ResourceMetrics
		must(t, reader.Collect(t.Context(), &all))
		got := map[string]int64{}
		for _, m := range all.ScopeMetrics[0].Metrics {
			for _, p := range m.Data.(metricdata.Gauge[int64]).DataPoints {
				kind, _ := p.Attributes.Value("kind")
				within, _ := p.Attributes.Value("within")
				if p.Value != 0 {
					got[m.Name+" "+kind.AsString()+" "+within.AsString()] = p.Value
				}
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	const expiring = "usher_directory_expiring_credentials "
	before := map[string]int64{expiring + "api_key 7d": 1, expiring + "api_key 30d": 2}
	check("at first", before)
	b.clock.advance(2 * time.Hour)
	check("later", map[string]int64{expiring + "api_key expired_1d": 1, expiring + "api_key 30d": 1})
	b.clock.advance(8 * day)
	after := map[string]int64{expiring + "api_key expired_1d": 1, expiring + "api_key 30d": 1}
	check("when the second has expired", after)
	_, err := b.createKey(id, timestamppb.New(b.clock.Now().Add(time.Hour)))
	must(t, err)
	b.clock.advance(time.Minute)
	check("a minute later, without asking the database", after)
	b.clock.advance(5 * time.Minute)
	check("some minutes later", map[string]int64{expiring + "api_key expired_1d": 1, expiring + "api_key 7d": 1, expiring + "api_key 30d": 2})
}
