package pgdb

import (
	"net/url"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/usher-scim/usher/services/internal/test/kit"
)

func TestADatabaseThatDoesNotAnswerIsReported(t *testing.T) {
	t.Parallel()
	log, reader := &lines{}, sdkmetric.NewManualReader()
	address, err := url.Parse(kit.Postgres(t, "library", migrated))
	must(t, err)
	network := kit.StartProxy(t, "unix", address.Query().Get("host")+"/.s.PGSQL.5432")
	address.Host, address.RawQuery = network.Addr(), "sslmode=disable"
	server := log.server(address.String())
	server.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	openLibrary(t, server, library())
	value := func(name, state string) int64 {
		t.Helper()
		var all metricdata.ResourceMetrics
		must(t, reader.Collect(t.Context(), &all))
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				data, ok := m.Data.(metricdata.Gauge[int64])
				if m.Name != name || !ok {
					continue
				}
				for _, p := range data.DataPoints {
					if got, _ := p.Attributes.Value("state"); got.AsString() == state {
						return p.Value
					}
				}
			}
		}
		t.Fatalf("there is no %s %s", name, state)
		return 0
	}
	if value("usher_database_up", "") != 1 || value("usher_database_max_connections", "") != 4 || value("usher_database_connections", "used") > 4 {
		t.Error("the state of a database that answers is wrong")
	}
	network.Cut()
	within(t, "the database is down", func() bool { return value("usher_database_up", "") == 0 })
	network.Mend()
	within(t, "the database is up", func() bool { return value("usher_database_up", "") == 1 })
	for _, line := range []string{"the database does not answer", "the database answers again"} {
		within(t, "it is logged once that "+line, func() bool { return log.count(line) == 1 })
	}
}

// A pool whose connections are all in use is no reason to call the database down.
func TestABusyPoolIsNotADatabaseThatIsDown(t *testing.T) {
	t.Parallel()
	db := openLibrary(t, (&lines{}).server(kit.Postgres(t, "library", migrated)), library())
	for range db.Config().MaxConns {
		conn, err := db.Acquire(t.Context())
		must(t, err)
		defer conn.Release()
	}
	db.state.check(t.Context())
	if !db.state.up.Load() {
		t.Error("the database counts as down")
	}
}
