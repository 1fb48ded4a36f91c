package rpc_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestOnTheWireACertificateSaysWhoCalls(t *testing.T) {
	t.Parallel()
	s := &server{resolve: func(context.Context) error { return nil }}
	w := serve(t, &log{}, s.register)
	stranger, err := certificates.NewAuthority(time.Now(), 24*time.Hour)
	must(t, err)
	client, err := w.authority.TLS(gateway, time.Now())
	must(t, err)
	anonymous := client.Clone()
	anonymous.Certificates = nil
	anonymous.ServerName = rpc.CertificateName(callee)
	expired, err := w.authority.TLS(gateway, time.Now().Add(-72*time.Hour))
	must(t, err)
	expired.ServerName = rpc.CertificateName(callee)
	raw := func(c credentials.TransportCredentials) grpc.ClientConnInterface {
		conn, err := grpc.NewClient("dns:///"+w.address, grpc.WithTransportCredentials(c))
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	for _, c := range []struct {
		name string
		conn grpc.ClientConnInterface
		want fault.Reason // 0: admitted
	}{
		{"the gateway", w.dial(t, w.authority, gateway, callee), 0},
		{"a service that may not call this", w.dial(t, w.authority, identity, callee), fault.NotAllowed},
		{"a certificate of a trusted authority that names no service", w.dial(t, w.authority, commonv1.Caller(99), callee), fault.Unauthenticated},
		{"a certificate that names the unspecified service", w.dial(t, w.authority, 0, callee), fault.Unauthenticated},
		{"a certificate of another authority", w.dial(t, stranger, gateway, callee), fault.Unavailable},
		{"a server that is not the service that was meant", w.dial(t, w.authority, gateway, identity), fault.Unavailable},
		{"no certificate", raw(credentials.NewTLS(anonymous)), fault.Unavailable},
		{"an expired certificate", raw(credentials.NewTLS(expired)), fault.Unavailable},
		{"no TLS", raw(insecure.NewCredentials()), fault.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// Only within a process may the metadata name the caller.
			ctx := metadata.AppendToOutgoingContext(t.Context(), "usher-caller", "gateway")
			if err := lookup(ctx, c.conn); c.want != 0 {
				refused(t, c.name, err, c.want)
			} else {
				must(t, err)
			}
		})
	}
}

func TestSeveralPrincipalsCountAsNone(t *testing.T) {
	t.Parallel()
	s := &server{resolve: func(context.Context) error {
		t.Error("the handler was reached")
		return nil
	}}
	w := serve(t, &log{}, s.register)
	config, err := w.authority.TLS(gateway, time.Now())
	must(t, err)
	config.ServerName = rpc.CertificateName(callee)
	conn, err := grpc.NewClient("dns:///"+w.address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	for name, values := range map[string][]string{
		"two":        {"usher-principal-bin", "\x08\x03", "usher-principal-bin", "\x08\x01"},
		"unreadable": {"usher-principal-bin", "\xff\xff"},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), values...)
		refused(t, name, lookup(ctx, conn), fault.InvalidRequest)
	}
}

func TestAWireServerMustVerifyItsClients(t *testing.T) {
	t.Parallel()
	for _, auth := range []tls.ClientAuthType{tls.NoClientCert, tls.RequestClientCert, tls.RequireAnyClientCert, tls.VerifyClientCertIfGiven} {
		if _, err := rpc.NewWireServer(fixed(&tls.Config{ClientAuth: auth, MinVersion: tls.VersionTLS13}), rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()}); err == nil {
			t.Errorf("%s was taken", auth)
		}
	}
}
