package gateway_test

import (
	"context"
	"net"
	"net/netip"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func TestTheConnectionsOfThePublicListenerAreBounded(t *testing.T) {
	t.Parallel()
	o := newOthers()
	d := o.dependencies(t)
	reader := sdkmetric.NewManualReader()
	d.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	c := config(t.TempDir())
	c.GRPCConnections, c.GRPCConnectionsPerAddress = 5, 2
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.8/29")}
	g := start(t, c, d)
	t.Cleanup(func() { _ = g.Close() })
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, served := g.PublicServer(), make(chan error, 1)
	go func() { served <- server.Serve(g.PublicListener(listener)) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	for i, connection := range []struct {
		from string
		in   bool
	}{
		{"127.0.0.1", true}, {"127.0.0.1", true}, {"127.0.0.1", false}, // its share
		{"127.0.0.2", true},
		{"127.0.0.9", true}, {"127.0.0.9", true}, {"127.0.0.9", false}, // a proxy's: the total
	} {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(connection.from)}}
		client, err := grpc.NewClient("passthrough:"+listener.Addr().String(),
			grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithContextDialer(
				func(ctx context.Context, addr string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", addr) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		if _, err := grpc_health_v1.NewHealthClient(client).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{}); (err == nil) != connection.in {
			t.Errorf("connection %d, from %s: %v", i+1, connection.from, err)
		}
		if !connection.in {
			_ = client.Close() // it would try again
		}
	}
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	refused := map[string]bool{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "usher_gateway_connections_refused_total" {
				for _, point := range sum.DataPoints {
					face, _ := point.Attributes.Value("face")
					reason, _ := point.Attributes.Value("reason")
					refused[face.AsString()+" "+reason.AsString()] = point.Value > 0
				}
			}
		}
	}
	if !refused["grpc address"] || !refused["grpc total"] || len(refused) != 2 {
		t.Errorf("counted: %v", refused)
	}
}
