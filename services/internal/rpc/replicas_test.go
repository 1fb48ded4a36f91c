package rpc_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/usher-scim/usher/services/internal/certificates"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// member is one of several servers of a service.
type member struct {
	t       *testing.T
	address string
	server  *rpc.WireServer
	calls   atomic.Int64
	serving sync.WaitGroup
	again   func(net.Listener) // serves, at first or after a Stop
}

// replicas starts servers of one service, and returns a connection to all of them.
func replicas(t *testing.T, n int, handle func() error) (all []*member, call func(context.Context) error) {
	t.Helper()
	authority, err := certificates.NewAuthority(time.Now(), time.Hour)
	must(t, err)
	own, err := authority.TLS(callee, time.Now())
	must(t, err)
	var addresses []string
	for range n {
		m := &member{t: t}
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		m.address = listener.Addr().String()
		m.again = func(listener net.Listener) {
			m.server, err = rpc.NewWireServer(fixed(own), rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
			must(t, err)
			s := &server{resolve: func(context.Context) error {
				m.calls.Add(1)
				return handle()
			}}
			s.register(m.server)
			serving := m.server
			m.serving.Go(func() { _ = serving.Serve(listener) }) // the test checks how it ends
		}
		m.again(listener)
		t.Cleanup(func() {
			m.server.Stop()
			m.serving.Wait()
		})
		all, addresses = append(all, m), append(addresses, m.address)
	}
	client, err := authority.TLS(gateway, time.Now())
	must(t, err)
	conn, err := rpc.Dial(strings.Join(addresses, ", "), callee, fixed(client), rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: noop.NewTracerProvider()})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return all, func(ctx context.Context) error { return lookup(ctx, conn) }
}

// until calls until a condition is true; no call may fail.
func until(t *testing.T, call func(context.Context) error, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to be that %s", what)
		}
		must(t, call(t.Context()))
	}
}

func TestCallsAreSpreadOverReplicas(t *testing.T) {
	t.Parallel()
	all, call := replicas(t, 3, func() error { return nil })
	until(t, call, "each replica was called", func() bool {
		return all[0].calls.Load() > 0 && all[1].calls.Load() > 0 && all[2].calls.Load() > 0
	})
}

// When a replica drains and stops, no call is lost, not even one that must not be made twice.
func TestAReplicaThatStopsLosesNoCall(t *testing.T) {
	t.Parallel()
	all, call := replicas(t, 2, func() error { return nil })
	until(t, call, "both replicas were called", func() bool { return all[0].calls.Load() > 0 && all[1].calls.Load() > 0 })
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var made atomic.Int64
	for range 8 {
		clients.Go(func() {
			for ctx.Err() == nil {
				if err := call(t.Context()); err != nil {
					t.Error(err)
					return
				}
				made.Add(1)
			}
		})
	}
	all[0].server.Drain()
	all[0].server.GracefulStop()
	stopped := made.Load()
	until(t, call, "calls went on", func() bool { return made.Load() > stopped+100 })
	cancel()
	clients.Wait()
}

func TestADrainedReplicaGetsNoCalls(t *testing.T) {
	t.Parallel()
	all, call := replicas(t, 2, func() error { return nil })
	until(t, call, "both replicas were called", func() bool { return all[0].calls.Load() > 0 && all[1].calls.Load() > 0 })
	all[0].server.Drain()
	last, quiet := all[0].calls.Load(), 0
	until(t, call, "the drained one is called no more", func() bool {
		now := all[0].calls.Load()
		if quiet++; now != last {
			last, quiet = now, 0
		}
		return quiet > 100
	})
}

// If a replica is gone, a call without side effects is sent to another one. An error from a replica is not retried.
func TestALostConnectionIsRetriedAndAnAnswerIsNot(t *testing.T) {
	t.Parallel()
	var answer atomic.Pointer[fault.Error]
	all, call := replicas(t, 2, func() error {
		if err := answer.Load(); err != nil {
			return err
		}
		return nil
	})
	until(t, call, "both replicas were called", func() bool { return all[0].calls.Load() > 0 && all[1].calls.Load() > 0 })
	all[0].server.Stop() // as if it had been killed
	for range 50 {
		must(t, call(t.Context()))
	}
	answer.Store(fault.New(fault.Unavailable, "the database cannot be reached").Retry(time.Second))
	before := all[1].calls.Load()
	f := refused(t, "a call", call(t.Context()), fault.Unavailable)
	if f.Message != "the database cannot be reached" || all[1].calls.Load() != before+1 {
		t.Errorf("it was asked %d times and said %q", all[1].calls.Load()-before, f.Message)
	}
	all[1].server.Stop()
	refused(t, "a call of nobody", call(t.Context()), fault.Unavailable)
}

// After one replica ended and before the next one is found, calls wait, even those that must not be made twice.
func TestACallWaitsForAReplicaThatComesBack(t *testing.T) {
	t.Parallel()
	all, call := replicas(t, 1, func() error { return nil })
	must(t, call(t.Context()))
	all[0].server.Drain()
	all[0].server.Stop()
	all[0].serving.Wait()
	refused(t, "a call while it is away", call(t.Context()), fault.Unavailable) // from now on, the client knows that it is down
	called := make(chan error, 1)
	go func() { called <- call(t.Context()) }()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", all[0].address)
	must(t, err)
	all[0].again(listener)
	must(t, <-called)
}

// When the connection breaks in the middle of a call, the call is repeated if it has no side effects, and only then.
func TestACallWhoseConnectionBreaksIsMadeAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	reached, broken := make(chan struct{}), make(chan struct{})
	s := &server{resolve: func(context.Context) error {
		if calls.Add(1) == 1 {
			close(reached)
			<-broken
		}
		return nil
	}}
	w := serve(t, &log{}, s.register)
	proxy := kit.StartProxy(t, "tcp", w.address)
	w.address = proxy.Addr()
	conn := w.dial(t, w.authority, gateway, callee)
	called := make(chan error, 1)
	go func() { called <- lookup(t.Context(), conn) }()
	<-reached
	proxy.Cut()
	proxy.Mend()
	close(broken)
	must(t, <-called)
	if calls.Load() != 2 {
		t.Errorf("it was made %d times", calls.Load())
	}
}

// Only a service with a certificate may ask for the health of a service.
func TestHealthIsForServices(t *testing.T) {
	t.Parallel()
	s := &server{resolve: func(context.Context) error { return nil }}
	w := serve(t, &log{}, s.register)
	stranger, err := certificates.NewAuthority(time.Now(), time.Hour)
	must(t, err)
	for name, c := range map[string]struct {
		authority *certificates.Authority
		good      bool
	}{"a service": {w.authority, true}, "a stranger": {stranger, false}} {
		conn := w.dial(t, c.authority, gateway, callee)
		_, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
