package identity_test

import (
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity"
)

// inFlight reads the memory that large groups have reserved.
func inFlight(t *testing.T, reader sdkmetric.Reader) int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	must(t, reader.Collect(t.Context(), &all))
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == "usher_identity_in_flight_bytes" {
				return m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value
			}
		}
	}
	t.Fatal("it is not measured")
	return 0
}

func TestTheMemoryOfLargeGroupsIsMeasured(t *testing.T) {
	t.Parallel()
	reader := sdkmetric.NewManualReader()
	i := setupWith(t, func(_ *identity.Config, d *identity.Dependencies) {
		d.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	}).idp()
	// becomes waits until this many bytes are reserved.
	becomes := func(want int64) {
		t.Helper()
		late, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for got := inFlight(t, reader); got != want; got = inFlight(t, reader) {
			select {
			case <-tick.C:
			case <-late:
				t.Fatalf("%d bytes are reserved, want %d", got, want)
			}
		}
	}
	becomes(0)
	stream, err := i.resources.WriteResourceStream(i.ctx())
	must(t, err)
	must(t, stream.Send(&identityv1.WriteResourceStreamRequest{
		Target: i.groups,
		Write:  &identityv1.Write{Operation: create},
		Size:   1 << 20,
		Part:   []byte(`{"displayName":`),
	}))
	becomes((64 + 32 + 8*64) << 10) // for the first 64 KiB, not for what is announced
	must(t, stream.Send(&identityv1.WriteResourceStreamRequest{Target: i.groups, Part: []byte(`"eng"}`)}))
	_, err = stream.CloseAndRecv()
	must(t, err)
	becomes(0)
}
