package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

// maxMessage is the largest message between services, in bytes: a group's document of 64 MiB and its frame.
const maxMessage = 80 << 20

// certificateSuffix ends the DNS name in a service's certificate: "gateway.usher.internal" is the gateway.
const certificateSuffix = ".usher.internal"

// CertificateName is the DNS name that the certificate of a service must carry.
func CertificateName(caller commonv1.Caller) string { return callerName(caller) + certificateSuffix }

// NewWireServer makes the gRPC server of services that other processes call. config must demand and verify a client's
// certificate: its DNS name says which service calls.
func NewWireServer(config *tls.Config, log *slog.Logger, tracing trace.TracerProvider) (*grpc.Server, error) {
	if config.ClientAuth != tls.RequireAndVerifyClientCert {
		return nil, errors.New("a wire server must verify its clients' certificates")
	}
	server, err := newServer(log, certifiedCaller)
	if err != nil {
		return nil, err
	}
	return grpc.NewServer(
		grpc.Creds(credentials.NewTLS(config)),
		grpc.UnaryInterceptor(server.unary),
		grpc.StreamInterceptor(server.stream),
		grpc.StatsHandler(WithoutMessages(otelgrpc.NewServerHandler(tracingOptions(tracing)...))),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	), nil
}

// Dial makes the connection to a service at an address that gRPC can resolve, such as "dns:///identity:8090". config
// holds this service's certificate and the authority that signs the others'.
func Dial(target string, service commonv1.Caller, config *tls.Config, tracing trace.TracerProvider) (*grpc.ClientConn, error) {
	config = config.Clone()
	config.ServerName = CertificateName(service)
	return grpc.NewClient(target,
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithUnaryInterceptor(clientUnary),
		grpc.WithStreamInterceptor(clientStream),
		grpc.WithStatsHandler(WithoutMessages(otelgrpc.NewClientHandler(tracingOptions(tracing)...))),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 5 * time.Second}),
	)
}

// certifiedCaller reads the service's name from its verified certificate.
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
