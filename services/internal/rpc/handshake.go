package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"

	"google.golang.org/grpc/credentials"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

// Identity returns the present TLS configuration of a service: its certificate, and the authorities that it trusts, as a server and as a
// client. It is called for each handshake, so that certificates can be renewed while the service runs.
type Identity func() (*tls.Config, error)

// handshake is gRPC's transport credentials over an Identity. The side that refuses the other one logs the reason, because gRPC only tells
// the caller that the service is unavailable.
type handshake struct {
	credentials.TransportCredentials // of the first configuration
	identity                         Identity
	peer                             string // the certificate name of the called service; empty for a server
	log                              *slog.Logger
}

func serverHandshake(identity Identity, log *slog.Logger) (credentials.TransportCredentials, error) {
	config, err := identity()
	if err != nil {
		return nil, err
	}
	return &handshake{TransportCredentials: credentials.NewTLS(config), identity: identity, log: log}, nil
}

func clientHandshake(identity Identity, service commonv1.Caller, log *slog.Logger) (credentials.TransportCredentials, error) {
	config, err := identity()
	if err != nil {
		return nil, err
	}
	config = config.Clone()
	config.ServerName = CertificateName(service)
	return &handshake{TransportCredentials: credentials.NewTLS(config), identity: identity, peer: config.ServerName, log: log}, nil
}

func (h *handshake) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config, err := h.identity()
	if err != nil {
		return nil, nil, err
	}
	config = config.Clone()
	config.ServerName = h.peer
	secured, info, err := credentials.NewTLS(config).ClientHandshake(ctx, authority, conn)
	if err != nil {
		if !leftEarly(err) {
			h.distrusted(conn, err)
		}
		return nil, nil, err
	}
	return &refusable{Conn: secured, refused: func(err error) { h.distrusted(conn, err) }}, info, nil
}

func (h *handshake) distrusted(conn net.Conn, err error) {
	h.log.LogAttrs(context.Background(), slog.LevelWarn, "the connection to a service failed: one side does not trust the other's certificate",
		slog.String("service", h.peer), slog.String("address", conn.RemoteAddr().String()), slog.String("error", err.Error()))
}

// refusable is a client's connection after its handshake. In TLS 1.3, the server checks the client's certificate only then (RFC 8446
// §4.4.2), so the first data that the client reads may be an alert about a refusal.
type refusable struct {
	net.Conn
	refused func(error)
}

func (c *refusable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" { // crypto/tls uses this name for an alert
		c.refused(err)
	}
	return n, err
}

func (h *handshake) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	config, err := h.identity()
	if err != nil {
		return nil, nil, err
	}
	secured, info, err := credentials.NewTLS(config).ServerHandshake(conn)
	if err != nil && !leftEarly(err) {
		h.log.LogAttrs(context.Background(), slog.LevelWarn, "a connection was refused: its certificate is not trusted, or there is none",
			slog.String("address", conn.RemoteAddr().String()), slog.String("error", err.Error()))
	}
	return secured, info, err
}

// leftEarly reports whether the other side just left, as port probes do.
func leftEarly(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

func (h *handshake) Clone() credentials.TransportCredentials {
	c := *h
	c.TransportCredentials = h.TransportCredentials.Clone()
	return &c
}
