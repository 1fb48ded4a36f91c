package rpc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scope"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Short names, as the services use them.
const (
	gateway  = commonv1.Caller_CALLER_GATEWAY
	identity = commonv1.Caller_CALLER_IDENTITY
	callee   = commonv1.Caller_CALLER_DIRECTORY

	system   = commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM
	operator = commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR
	admin    = commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_ADMIN
	viewer   = commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_VIEWER
	vendor   = commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE
)

// log collects log lines.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// server is a directory service whose behavior a test defines.
type server struct {
	directoryv1.UnimplementedDirectoryServiceServer
	directoryv1.UnimplementedKeyLookupServiceServer
	directoryv1.UnimplementedDirectoryFeedServiceServer
	get     func(ctx context.Context, r *directoryv1.GetDirectoryRequest) (*directoryv1.GetDirectoryResponse, error)
	resolve func(ctx context.Context) error
	watch   func(stream grpc.ServerStreamingServer[directoryv1.WatchDirectoriesResponse]) error
}

func (s *server) register(r grpc.ServiceRegistrar) {
	directoryv1.RegisterDirectoryServiceServer(r, s)
	directoryv1.RegisterKeyLookupServiceServer(r, s)
	directoryv1.RegisterDirectoryFeedServiceServer(r, s)
}

func (s *server) GetDirectory(ctx context.Context, r *directoryv1.GetDirectoryRequest) (*directoryv1.GetDirectoryResponse, error) {
	return s.get(ctx, r)
}

func (s *server) ResolveKey(ctx context.Context, _ *directoryv1.ResolveKeyRequest) (*directoryv1.ResolveKeyResponse, error) {
	return &directoryv1.ResolveKeyResponse{}, s.resolve(ctx)
}

func (s *server) WatchDirectories(_ *directoryv1.WatchDirectoriesRequest, stream grpc.ServerStreamingServer[directoryv1.WatchDirectoriesResponse]) error {
	return s.watch(stream)
}

// onEachTransport runs a test in one process and over the wire, because both must behave in the same way.
func onEachTransport(t *testing.T, test func(t *testing.T, s *server, l *log, as func(commonv1.Caller) grpc.ClientConnInterface)) {
	t.Helper()
	t.Run("in process", func(t *testing.T) {
		t.Parallel()
		s, l := &server{}, &log{}
		channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.NewJSONHandler(l, nil)), Tracing: noop.NewTracerProvider()})
		must(t, err)
		s.register(channel)
		test(t, s, l, channel.As)
	})
	t.Run("on the wire", func(t *testing.T) {
		t.Parallel()
		s, l := &server{}, &log{}
		w := serve(t, l, s.register)
		test(t, s, l, func(caller commonv1.Caller) grpc.ClientConnInterface { return w.dial(t, w.authority, caller, callee) })
	})
}

// wire is a server on a loopback address.
type wire struct {
	authority *certificates.Authority
	address   string
}

func serve(t *testing.T, l *log, register func(grpc.ServiceRegistrar)) wire {
	t.Helper()
	authority, err := certificates.NewAuthority(time.Now(), 24*time.Hour)
	must(t, err)
	config, err := authority.TLS(callee, time.Now())
	must(t, err)
	server, err := rpc.NewWireServer(fixed(config), rpc.Telemetry{Log: slog.New(slog.NewJSONHandler(l, nil)), Tracing: noop.NewTracerProvider()})
	must(t, err)
	register(server)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	return wire{authority, listener.Addr().String()}
}

// dial connects as a caller with a certificate of an authority, to a server that should be a service.
func (w wire) dial(t *testing.T, authority *certificates.Authority, caller, service commonv1.Caller) grpc.ClientConnInterface {
	t.Helper()
	config, err := authority.TLS(caller, time.Now())
	must(t, err)
	conn, err := rpc.Dial(w.address, service, fixed(config), rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// fixed is an identity that never changes.
func fixed(config *tls.Config) rpc.Identity {
	return func() (*tls.Config, error) { return config, nil }
}

// lookup looks up a key.
func lookup(ctx context.Context, conn grpc.ClientConnInterface) error {
	_, err := directoryv1.NewKeyLookupServiceClient(conn).ResolveKey(ctx, &directoryv1.ResolveKeyRequest{KeyDigest: make([]byte, 32)})
	return err
}

// watchOne watches the directories until the first answer.
func watchOne(ctx context.Context, conn grpc.ClientConnInterface, r *directoryv1.WatchDirectoriesRequest) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := directoryv1.NewDirectoryFeedServiceClient(conn).WatchDirectories(ctx, r)
	if err == nil {
		_, err = stream.Recv()
	}
	return err
}

func as(ctx context.Context, kind commonv1.PrincipalKind) context.Context {
	return rpc.WithPrincipal(ctx, &commonv1.Principal{Kind: kind, Scopes: uint32(scope.Most(kind))})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, what string, err error, want fault.Reason) *fault.Error {
	t.Helper()
	f := rpc.Fault(err)
	if f == nil || f.Reason != want {
		t.Fatalf("%s: got %v, want %s", what, err, fault.ReasonName(want))
	}
	return f
}
