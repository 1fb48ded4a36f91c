package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

// The errors of Probe, each with its cause.
var (
	// ErrDown means that nothing answers at the address.
	ErrDown = errors.New("nothing answers")
	// ErrDistrusted means that one side does not trust the other's certificate.
	ErrDistrusted = errors.New("one side does not trust the certificate of the other")
	// ErrNotServing means that the replica answers, but is starting or stopping.
	ErrNotServing = errors.New("the replica does not serve now")
)

// Probe asks one replica of a service how it is, on a connection of its own. address is the host and port of this replica. Unlike a call
// through Dial, it says at which step it failed.
func Probe(ctx context.Context, address string, service commonv1.Caller, identity Identity) error {
	config, err := identity()
	if err != nil {
		return err
	}
	config = config.Clone()
	config.ServerName, config.NextProtos = CertificateName(service), []string{"h2"}
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDown, err)
	}
	secured := tls.Client(raw, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		err = errors.Join(err, raw.Close())
		if leftEarly(err) || ctx.Err() != nil {
			return fmt.Errorf("%w: the handshake did not end: %w", ErrDown, err)
		}
		return fmt.Errorf("%w: %w", ErrDistrusted, err)
	}
	return healthOver(ctx, address, secured)
}

// healthOver asks for the health on a connection, and closes it.
func healthOver(ctx context.Context, address string, secured net.Conn) error {
	var refused atomic.Pointer[error]
	once := make(chan net.Conn, 1)
	once <- &refusable{Conn: secured, refused: func(err error) { refused.Store(&err) }}
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			select {
			case c := <-once:
				return c, nil
			default:
				return nil, net.ErrClosed
			}
		}))
	if err != nil {
		return errors.Join(err, secured.Close())
	}
	defer func() { _, _ = conn.Close(), secured.Close() }() // either may be closed
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	switch cause := refused.Load(); {
	case cause != nil:
		return fmt.Errorf("%w: %w", ErrDistrusted, *cause)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDown, err)
	case answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		return ErrNotServing
	}
	return nil
}
