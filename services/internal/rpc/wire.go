package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

const (
	// maxMessage is the greatest size of a gRPC message between services, in bytes: a group's document of 64 MiB and its frame.
	maxMessage = 80 << 20
	// connectionAge is the age at which a server asks its clients to reconnect, so that they find new replicas.
	connectionAge = 5 * time.Minute
)

// ServerWorkers is how many goroutines a gRPC server keeps for calls. Their stacks have already grown; growing a stack takes much of the
// time of a small call. A call that finds no free worker, such as during so many watches, gets a new goroutine.
const ServerWorkers = 32

// certificateSuffix ends the DNS name in a service's certificate: "gateway.usher.internal" is the gateway.
const certificateSuffix = ".usher.internal"

// CertificateName returns the DNS name that the certificate of a service must contain.
func CertificateName(caller commonv1.Caller) string { return CallerName(caller) + certificateSuffix }

// WireServer is the gRPC server of a service that other processes call.
type WireServer struct {
	*grpc.Server
	health *health.Server
}

// NewWireServer creates the server. identity must require and verify a client certificate, whose DNS name says which service calls.
func NewWireServer(identity Identity, t Telemetry) (*WireServer, error) {
	config, err := identity()
	if err != nil {
		return nil, err
	}
	if config.ClientAuth != tls.RequireAndVerifyClientCert {
		return nil, errors.New("a wire server must verify its clients' certificates")
	}
	server, err := newServer(t, certifiedCaller)
	if err != nil {
		return nil, err
	}
	handshake, err := serverHandshake(identity, t.Log)
	if err != nil {
		return nil, err
	}
	s := &WireServer{
		Server: grpc.NewServer(
			grpc.Creds(handshake),
			grpc.UnaryInterceptor(server.unary),
			grpc.StreamInterceptor(server.stream),
			grpc.StatsHandler(WithoutMessages(otelgrpc.NewServerHandler(tracingOptions(t.Tracing)...))),
			grpc.NumStreamWorkers(ServerWorkers),
			grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
			grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionAge: connectionAge}),
			// Clients ping every 10 seconds. One that is a little early must not be disconnected.
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		),
		health: health.NewServer(),
	}
	grpc_health_v1.RegisterHealthServer(s, s.health)
	return s, nil
}

// Drain tells the clients to use other replicas. The server still serves calls that arrive.
func (s *WireServer) Drain() { s.health.Shutdown() }

// Dial creates the connection to a service, over all its replicas. address is host:port, whose host may resolve to many addresses, or
// several of them separated by commas. identity has this service's certificate and trusts the authority that signed those of the others.
func Dial(address string, service commonv1.Caller, identity Identity, t Telemetry) (*grpc.ClientConn, error) {
	handshake, err := clientHandshake(identity, service, t.Log)
	if err != nil {
		return nil, err
	}
	measured, err := newMetrics(t.Meter, clientSide)
	if err != nil {
		return nil, err
	}
	calls := client{measured}
	target, resolvers := resolved(address)
	return grpc.NewClient(target, append(resolvers,
		grpc.WithTransportCredentials(handshake),
		grpc.WithUnaryInterceptor(calls.unary),
		grpc.WithStreamInterceptor(calls.stream),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithDefaultServiceConfig(serviceConfig()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second, PermitWithoutStream: true}),
		// This finds a restarted replica soon.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 500 * time.Millisecond},
			MinConnectTimeout: 2 * time.Second,
		}),
	)...)
}

// resolved returns gRPC's target for an address: gRPC asks DNS for one host, and several hosts are a fixed list.
func resolved(address string) (target string, options []grpc.DialOption) {
	several := strings.Split(address, ",")
	if len(several) == 1 {
		return "dns:///" + strings.TrimSpace(address), nil
	}
	const scheme = "usher-replicas"
	list := manual.NewBuilderWithScheme(scheme)
	var state resolver.State
	for _, one := range several {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: strings.TrimSpace(one)}}})
	}
	list.InitialState(state)
	return scheme + ":///" + several[0], []grpc.DialOption{grpc.WithResolvers(list)}
}

// certifiedCaller returns the name of the service in its verified certificate.
func certifiedCaller(ctx context.Context) (commonv1.Caller, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return 0, errors.New("the call has no peer")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return 0, errors.New("the peer has no verified certificate")
	}
	for _, name := range info.State.VerifiedChains[0][0].DNSNames {
		if service, ok := strings.CutSuffix(name, certificateSuffix); ok {
			return callerNamed(service)
		}
	}
	return 0, errors.New("the peer's certificate names no service")
}
