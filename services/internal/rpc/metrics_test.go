package rpc_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// measured returns how often each metric counted, by metric, RPC and status code.
func measured(t *testing.T, reader *sdkmetric.ManualReader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	must(t, reader.Collect(t.Context(), &all))
	counts := map[string]int64{}
	name := func(metric string, attributes attribute.Set) string {
		for _, key := range []attribute.Key{"rpc.method", "rpc.response.status_code"} {
			if value, ok := attributes.Value(key); ok {
				metric += " " + value.AsString()
			}
		}
		return metric
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					counts[name(m.Name, p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					counts[name(m.Name, p.Attributes)] = int64(p.Count)
				}
			}
		}
	}
	return counts
}

// Both sides count each call by its status, and time it, unless it is a watch.
func TestCallsOnTheWireAreMeasuredOnBothSides(t *testing.T) {
	t.Parallel()
	authority, err := certificates.NewAuthority(time.Now(), 24*time.Hour)
	must(t, err)
	reported := func() (*sdkmetric.ManualReader, rpc.Telemetry) {
		reader := sdkmetric.NewManualReader()
		return reader, rpc.Telemetry{
			Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider(), Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
		}
	}
	atServer, telemetry := reported()
	config, err := authority.TLS(callee, time.Now())
	must(t, err)
	wire, err := rpc.NewWireServer(fixed(config), telemetry)
	must(t, err)
	next := error(nil)
	s := &server{
		resolve: func(context.Context) error { return next },
		watch: func(stream grpc.ServerStreamingServer[directoryv1.WatchDirectoriesResponse]) error {
			return stream.Send(&directoryv1.WatchDirectoriesResponse{})
		},
	}
	s.register(wire)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	go func() { _ = wire.Serve(listener) }() // ends with Stop
	atClient, telemetry := reported()
	config, err = authority.TLS(gateway, time.Now())
	must(t, err)
	conn, err := rpc.Dial(listener.Addr().String(), callee, fixed(config), telemetry)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })

	must(t, lookup(t.Context(), conn))
	for _, next = range []error{errors.New("broken"), fault.New(fault.NotFound, "no such key"), fault.New(fault.NotFound, "no such key")} {
		if lookup(t.Context(), conn) == nil {
			t.Error("the call succeeded")
		}
	}
	stream, err := directoryv1.NewDirectoryFeedServiceClient(conn).WatchDirectories(t.Context(), &directoryv1.WatchDirectoriesRequest{})
	must(t, err)
	for err == nil {
		_, err = stream.Recv()
	}
	wire.Stop() // after it, the server has measured everything
	const resolve, watch = "usher.directory.v1.KeyLookupService/ResolveKey", "usher.directory.v1.DirectoryFeedService/WatchDirectories"
	for side, reader := range map[string]*sdkmetric.ManualReader{"server": atServer, "client": atClient} {
		want := map[string]int64{
			"rpc." + side + ".calls " + resolve + " OK": 1, "rpc." + side + ".calls " + resolve + " INTERNAL": 1,
			"rpc." + side + ".calls " + resolve + " NOT_FOUND": 2, "rpc." + side + ".call.duration " + resolve: 4,
			"rpc." + side + ".calls " + watch + " OK": 1,
		}
		if got := measured(t, reader); !maps.Equal(got, want) {
			t.Errorf("the %s measured %v, want %v", side, got, want)
		}
	}
}
