package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// Service is one of the five services, as a caller or a callee.
type Service = commonv1.Caller

// The services.
const (
	gatewayService      = commonv1.Caller_CALLER_GATEWAY
	directoryService    = commonv1.Caller_CALLER_DIRECTORY
	identityService     = commonv1.Caller_CALLER_IDENTITY
	ruleService         = commonv1.Caller_CALLER_RULE
	failedEventsService = commonv1.Caller_CALLER_FAILEDEVENTS
)

// mesh connects the services: those of this process over an in-process channel, others over gRPC with mutual TLS.
type mesh struct {
	settings  Settings
	telemetry rpc.Telemetry
	now       func() time.Time
	intercept func(caller, callee Service, conn grpc.ClientConnInterface) grpc.ClientConnInterface

	local       *rpc.InProcess
	identities  map[Service]rpc.Identity
	servers     map[Service]meshServer
	connections []*grpc.ClientConn
	serving     sync.WaitGroup
}

// meshServer is the server of one service, for other processes.
type meshServer struct {
	listener net.Listener
	server   *rpc.WireServer
}

// newMesh reads the certificates of this process's services, and listens for other processes, if there are any.
func newMesh(ctx context.Context, s Settings, o Options) (*mesh, error) {
	telemetry := rpc.Telemetry{Log: o.Telemetry.Log, Tracing: o.Telemetry.Tracing, Meter: o.Telemetry.Meter}
	local, err := rpc.NewInProcess(telemetry)
	if err != nil {
		return nil, err
	}
	m := &mesh{
		settings: s, telemetry: telemetry, now: o.Now, intercept: o.Intercept, local: local,
		identities: map[Service]rpc.Identity{}, servers: map[Service]meshServer{},
	}
	if s.runsAll() {
		return m, nil
	}
	for _, service := range services {
		if !s.runs(service) {
			continue
		}
		if err := m.open(ctx, service); err != nil {
			return nil, errors.Join(err, m.close())
		}
	}
	return m, nil
}

// open loads a service's certificate and creates its server.
func (m *mesh) open(ctx context.Context, service Service) error {
	identity, err := certificates.FromFolder(m.settings.CertificatesDir, service, m.telemetry.Log, m.now)
	if err != nil {
		return fmt.Errorf("certificates_dir: %w", err)
	}
	m.identities[service] = identity
	if service == gatewayService {
		return nil // no other service calls it
	}
	server, err := rpc.NewWireServer(identity, m.telemetry)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", m.settings.service(service).ListenAddr)
	if err != nil {
		return fmt.Errorf("%s.listen_addr: %w", rpc.CallerName(service), err)
	}
	m.servers[service] = meshServer{listener, server}
	return nil
}

// addr returns the address at which other processes reach a service of this process; empty if there is none.
func (m *mesh) addr(service Service) string {
	if s, ok := m.servers[service]; ok {
		return s.listener.Addr().String()
	}
	return ""
}

// callees are the services that each service calls.
var callees = map[Service][]Service{
	gatewayService:      {directoryService, identityService, ruleService, failedEventsService},
	ruleService:         {identityService, failedEventsService, directoryService},
	identityService:     {directoryService, failedEventsService},
	failedEventsService: {directoryService},
}

// connect returns the connections on which a service of this process calls others. The callees need not run yet.
func (m *mesh) connect(caller Service) (map[Service]grpc.ClientConnInterface, error) {
	to := map[Service]grpc.ClientConnInterface{}
	for _, callee := range callees[caller] {
		conn, err := m.dial(caller, callee)
		if err != nil {
			return nil, err
		}
		if m.intercept != nil {
			conn = m.intercept(caller, callee, conn)
		}
		to[callee] = conn
	}
	return to, nil
}

func (m *mesh) dial(caller, callee Service) (grpc.ClientConnInterface, error) {
	if m.settings.runs(callee) {
		return m.local.As(caller), nil
	}
	conn, err := rpc.Dial(m.settings.service(callee).Addr, callee, m.identities[caller], m.telemetry)
	if err != nil {
		return nil, fmt.Errorf("%s.addr: %w", rpc.CallerName(callee), err)
	}
	m.connections = append(m.connections, conn)
	return conn, nil
}

// register registers a service for callers in this process and in others.
func (m *mesh) register(service Service, register func(grpc.ServiceRegistrar)) {
	register(m.local)
	if s, ok := m.servers[service]; ok {
		register(s.server)
	}
}

// start serves the registered services. It calls fail with the error of a server that ends by itself.
func (m *mesh) start(fail func(error)) {
	for service, s := range m.servers {
		m.serving.Go(func() {
			if err := s.server.Serve(s.listener); err != nil {
				fail(fmt.Errorf("serving %s: %w", rpc.CallerName(service), err))
			}
		})
	}
}

// drain asks callers in other processes to use other replicas.
func (m *mesh) drain() {
	for _, s := range m.servers {
		s.server.Drain()
	}
}

// stop lets calls from other processes finish until the context ends.
func (m *mesh) stop(ctx context.Context) error {
	var errs []error
	for _, s := range m.servers {
		errs = append(errs, stopGRPC(ctx, s.server.Server))
	}
	return errors.Join(errs...)
}

// close closes every connection.
func (m *mesh) close() error {
	var errs []error
	for _, conn := range m.connections {
		errs = append(errs, conn.Close())
	}
	for _, s := range m.servers {
		s.server.Stop() // also closes the listener of a server that never served
		errs = append(errs, ignoreClosed(s.listener.Close()))
	}
	m.serving.Wait()
	return errors.Join(errs...)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// stopGRPC lets calls finish until the context ends, then ends them.
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
