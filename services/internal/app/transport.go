package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/devca"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// Short names of the services as callers and callees.
const (
	gatewayCaller      = commonv1.Caller_CALLER_GATEWAY
	directoryCaller    = commonv1.Caller_CALLER_DIRECTORY
	identityCaller     = commonv1.Caller_CALLER_IDENTITY
	ruleCaller         = commonv1.Caller_CALLER_RULE
	failedEventsCaller = commonv1.Caller_CALLER_FAILEDEVENTS
)

// connector gives the connection on which one service calls another.
type connector func(caller, callee commonv1.Caller) (grpc.ClientConnInterface, error)

// transport carries calls between the services.
type transport interface {
	// connect may come before the callee is registered.
	connect(caller, callee commonv1.Caller) (grpc.ClientConnInterface, error)
	register(service commonv1.Caller, register func(grpc.ServiceRegistrar)) error
	// start serves what is registered; fail takes the error of a server that ends on its own.
	start(fail func(error)) error
	stop(ctx context.Context) error
	closeConnections() error
}

func newTransport(topology Topology, log *slog.Logger, tracing trace.TracerProvider, now time.Time) (transport, error) {
	if topology == OneProcess {
		channel, err := rpc.NewInProcess(log, tracing)
		return inProcess{channel}, err
	}
	authority, err := devca.New(now)
	if err != nil {
		return nil, err
	}
	return &loopback{
		authority: authority, log: log, tracing: tracing, now: now,
		servers: map[commonv1.Caller]*wireServer{},
	}, nil
}

// inProcess is the transport of one process.
type inProcess struct{ channel *rpc.InProcess }

func (t inProcess) connect(caller, _ commonv1.Caller) (grpc.ClientConnInterface, error) {
	return t.channel.As(caller), nil
}

func (t inProcess) register(_ commonv1.Caller, register func(grpc.ServiceRegistrar)) error {
	register(t.channel)
	return nil
}
func (inProcess) start(func(error)) error    { return nil }
func (inProcess) stop(context.Context) error { return nil }
func (inProcess) closeConnections() error    { return nil }

// loopback is the transport of a process a service, all of them here.
type loopback struct {
	authority   *devca.Authority
	log         *slog.Logger
	tracing     trace.TracerProvider
	now         time.Time
	servers     map[commonv1.Caller]*wireServer
	connections []*grpc.ClientConn
}

// wireServer is one service's server.
type wireServer struct {
	listener net.Listener
	server   *grpc.Server
}

// server gives a service's server. The first call makes it: others may connect before the service is registered.
func (t *loopback) server(service commonv1.Caller) (*wireServer, error) {
	if s := t.servers[service]; s != nil {
		return s, nil
	}
	config, err := t.authority.TLS(service, t.now)
	if err != nil {
		return nil, err
	}
	server, err := rpc.NewWireServer(config, t.log, t.tracing)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for %s: %w", service, err)
	}
	t.servers[service] = &wireServer{listener, server}
	return t.servers[service], nil
}

func (t *loopback) connect(caller, callee commonv1.Caller) (grpc.ClientConnInterface, error) {
	server, err := t.server(callee)
	if err != nil {
		return nil, err
	}
	config, err := t.authority.TLS(caller, t.now)
	if err != nil {
		return nil, err
	}
	conn, err := rpc.Dial("dns:///"+server.listener.Addr().String(), callee, config, t.tracing)
	if err != nil {
		return nil, err
	}
	t.connections = append(t.connections, conn)
	return conn, nil
}

func (t *loopback) register(service commonv1.Caller, register func(grpc.ServiceRegistrar)) error {
	s, err := t.server(service)
	if err == nil {
		register(s.server)
	}
	return err
}

func (t *loopback) start(fail func(error)) error {
	for service, s := range t.servers {
		go func() {
			if err := s.server.Serve(s.listener); err != nil {
				fail(fmt.Errorf("serving %s: %w", service, err))
			}
		}()
	}
	return nil
}

func (t *loopback) stop(ctx context.Context) error {
	var errs []error
	for _, s := range t.servers {
		errs = append(errs, stopGRPC(ctx, s.server))
	}
	return errors.Join(errs...)
}

func (t *loopback) closeConnections() error {
	var errs []error
	for _, conn := range t.connections {
		errs = append(errs, conn.Close())
	}
	for _, s := range t.servers {
		s.server.Stop() // also closes the listener of one that never served
		errs = append(errs, ignoreClosed(s.listener.Close()))
	}
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// stopGRPC lets calls end until the context does, then cuts them off.
func stopGRPC(ctx context.Context, server *grpc.Server) error {
	done := make(chan struct{})
	go func() {
		server.GracefulStop()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		server.Stop()
		<-done
		return ctx.Err()
	}
}
