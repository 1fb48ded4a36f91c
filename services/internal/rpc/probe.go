package rpc

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

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
	read, err := firstByte(ctx, secured)
	if err != nil {
		return errors.Join(err, secured.Close())
	}
	return healthOver(ctx, address, &started{Conn: secured, read: read})
}

// started is a connection whose first bytes have arrived.
type started struct {
	net.Conn
	read *bufio.Reader
}

func (s *started) Read(p []byte) (int, error) { return s.read.Read(p) }

// firstByte waits for what the server sends first: the settings of HTTP/2, or an alert, since in TLS 1.3 it checks the client's certificate
// only now (RFC 8446 §4.4.2). Who writes before that may lose the alert, because the connection is closed.
func firstByte(ctx context.Context, secured *tls.Conn) (*bufio.Reader, error) {
	stop := context.AfterFunc(ctx, func() { _ = secured.SetReadDeadline(time.Unix(1, 0)) }) // it has passed
	defer stop()
	read := bufio.NewReader(secured)
	_, err := read.Peek(1)
	var alert *net.OpError
	switch {
	case err == nil:
		return read, nil
	case errors.As(err, &alert) && alert.Op == "remote error": // crypto/tls uses this name for an alert
		return nil, fmt.Errorf("%w: %w", ErrDistrusted, err)
	default:
		return nil, fmt.Errorf("%w: %w", ErrDown, err)
	}
}

// healthOver asks for the health on a connection, and closes it.
func healthOver(ctx context.Context, address string, secured net.Conn) error {
	once := make(chan net.Conn, 1)
	once <- secured
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
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDown, err)
	case answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		return ErrNotServing
	}
	return nil
}
