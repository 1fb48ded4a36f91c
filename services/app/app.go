// Package app wires the services into a running Usher, top to bottom in one place: data folder, listeners, mesh, services,
// doors. It is the only room, with cmd/usher and e2e, that knows several services.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/pace"
	"github.com/usher-scim/usher/services/internal/rediskv"
	"github.com/usher-scim/usher/services/internal/telemetry"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Options is what a start needs besides the settings.
type Options struct {
	Telemetry *telemetry.Telemetry
	// OpenAPI is the admin API's description, as JSON.
	OpenAPI []byte
	Now     func() time.Time
	// Intercept, when set, wraps each connection between services; for fault tests.
	Intercept func(caller, callee commonv1.Caller, conn grpc.ClientConnInterface) grpc.ClientConnInterface
	// Lease is for how long an answer about a key may be used between processes, and ClockSkew how far their clocks may be
	// apart; 0 is the default.
	Lease, ClockSkew time.Duration
}

// App is a running Usher, or the part of one that a process runs.
type App struct {
	settings  Settings
	options   Options
	folder    *dataFolder // nil where nothing is in it
	listeners listeners
	mesh      *mesh
	redis     *rediskv.Client               // nil where there is none
	keys      *keylease.Cache               // the gateway's; nil in a process without it
	closers   []closer                      // what was opened, in order
	runs      []part                        // what works in the background
	drains    []func()                      // what asks clients to go elsewhere
	streams   []func()                      // what ends those who watch, so that the doors can close
	doors     []func(context.Context) error // what lets requests in
	cancel    context.CancelFunc
	running   sync.WaitGroup
	failed    chan error
	ready     *readiness
	stopOnce  sync.Once
	stopErr   error
}

// part is something that runs until its context ends.
type part struct {
	label string
	run   func(context.Context) error
}

// closer ends one part; label is for the error.
type closer struct {
	label string
	close func(context.Context) error
}

// Start brings up the services that the settings name, and returns once they serve. Stop it in the end.
func Start(ctx context.Context, s Settings, o Options) (*App, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	runCtx, cancel := context.WithCancel(context.Background())
	a := &App{settings: s, options: o, cancel: cancel, failed: make(chan error, 1), ready: &readiness{}}
	if err := a.start(ctx, runCtx); err != nil {
		stopCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), s.ShutdownTimeout)
		defer stop()
		return nil, errors.Join(err, a.Stop(stopCtx))
	}
	return a, nil
}

func (a *App) start(ctx, runCtx context.Context) (err error) {
	if a.settings.needsFolder() {
		if a.folder, err = openDataFolder(a.settings.DataDir); err != nil {
			return err
		}
		a.onStop("the data folder", func(context.Context) error { return a.folder.Close() })
	}
	if a.listeners, err = listen(ctx, a.settings, a.options.Telemetry.Log, a.options.Telemetry.Meter, a.options.Now); err != nil {
		return err
	}
	a.onStop("the listeners", func(context.Context) error { return a.listeners.close() })
	if a.settings.Migrate {
		if err := Migrate(ctx, a.settings); err != nil {
			return err
		}
	}
	if a.mesh, err = newMesh(ctx, a.settings, a.options); err != nil {
		return err
	}
	a.onStop("the connections between services", func(context.Context) error { return a.mesh.close() })

	if a.settings.RedisURL != "" && (a.settings.runs(gatewayCaller) || a.settings.runs(directoryCaller)) {
		if a.redis, err = rediskv.Open(ctx, rediskv.Config{URL: string(a.settings.RedisURL)}, rediskv.Dependencies{
			Log: a.options.Telemetry.Log, Tracing: a.options.Telemetry.Tracing, Meter: a.options.Telemetry.Meter,
		}); err != nil {
			return err
		}
		a.onStop("Redis", func(context.Context) error { return a.redis.Close() })
	}

	var gate *gateway.Gateway
	for _, service := range []struct {
		caller commonv1.Caller
		start  func(context.Context) error
	}{
		{directoryCaller, a.startDirectory},
		{identityCaller, a.startIdentity},
		{failedEventsCaller, a.startFailedEvents},
		{ruleCaller, a.startRule},
		{gatewayCaller, func(context.Context) error { gate, err = a.startGateway(); return err }},
	} {
		if !a.settings.runs(service.caller) {
			continue
		}
		if err := service.start(ctx); err != nil {
			return err
		}
	}

	// From here on things run; they stop in the opposite order.
	a.onStop("the services' servers", func(ctx context.Context) error { return a.mesh.stop(ctx) })
	a.onStop("background work", func(ctx context.Context) error {
		a.cancel()
		return waitAll(ctx, &a.running)
	})
	a.mesh.start(a.fail)
	for _, p := range a.runs {
		a.run(runCtx, p.label, p.run)
	}
	if a.settings.Dev && a.settings.runsAll() {
		if err := a.folder.seedOnce(func() error { return seedDemo(ctx, a.mesh.connect) }); err != nil {
			return fmt.Errorf("writing the demo data: %w", err)
		}
	}
	a.openDoors(gate)
	a.ready.set(true)
	return nil
}

// openDoors lets requests from outside in.
func (a *App) openDoors(gate *gateway.Gateway) {
	a.onStop("the doors", func(ctx context.Context) error {
		// Who outstays the stop is cut off while there is time left for what comes after the doors.
		ctx, cancel := earlier(ctx)
		defer cancel()
		// Who watches does not leave by itself: the streams end first, so that the doors can close.
		for _, end := range a.streams {
			end()
		}
		return a.closeDoors(ctx)
	})
	a.serveHTTP("operations", a.listeners.ops, operations(a.ready, a.options.Telemetry.Metrics, a.settings.Profiles))
	if gate == nil {
		return
	}
	a.serveHTTP("SCIM", a.listeners.scim, gate.SCIM())
	a.serveHTTP("admin", a.listeners.admin, gate.Admin())
	public := gate.PublicServer()
	a.running.Go(func() {
		if err := public.Serve(a.listeners.grpc); err != nil {
			a.fail(fmt.Errorf("serving gRPC: %w", err))
		}
	})
	a.doors = append(a.doors, func(ctx context.Context) error { return stopGRPC(ctx, public) })
}

// PublicURL is where IdPs reach the SCIM listener.
func (a *App) PublicURL() string {
	if a.settings.PublicURL != "" {
		return a.settings.PublicURL
	}
	if a.settings.TLSCertFile != "" {
		return "https://" + a.SCIMAddr()
	}
	return "http://" + a.SCIMAddr()
}

// SCIMAddr, AdminAddr, GRPCAddr and OpsAddr are where it listens, with the ports that were chosen; the first three are empty
// in a process without the gateway.
func (a *App) SCIMAddr() string { return addr(a.listeners.scim) }

// AdminAddr is where the admin REST API is.
func (a *App) AdminAddr() string { return addr(a.listeners.admin) }

// GRPCAddr is where the public gRPC API is.
func (a *App) GRPCAddr() string { return addr(a.listeners.grpc) }

// OpsAddr is where metrics, health and, if they are on, profiles are.
func (a *App) OpsAddr() string { return addr(a.listeners.ops) }

// ServiceAddr is where a service of this process listens for the others; empty where it is not here, or all are.
func (a *App) ServiceAddr(service commonv1.Caller) string { return a.mesh.addr(service) }

// TokenPath is the file that holds the bootstrap token; empty where there is none.
func (a *App) TokenPath() string {
	if !a.settings.bootstraps() {
		return ""
	}
	return filepath.Join(a.settings.DataDir, tokenFile)
}

// Failed gives the error of a part that ended although nobody stopped it.
func (a *App) Failed() <-chan error { return a.failed }

// Stop ends everything in order: it says that it is not ready and goes on for the settings' delay; then no new requests, those
// under way to their end, background work, databases. It waits no longer than the context allows. Stopping twice is safe.
func (a *App) Stop(ctx context.Context) error {
	a.stopOnce.Do(func() {
		var errs []error
		if a.ready.set(false) {
			a.mesh.drain()
			for _, drain := range a.drains {
				drain()
			}
			wait.Sleep(ctx, a.settings.ShutdownDelay)
		}
		for i := len(a.closers) - 1; i >= 0; i-- {
			if err := a.closers[i].close(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, fmt.Errorf("stopping %s: %w", a.closers[i].label, err))
			}
		}
		a.cancel()
		a.stopErr = errors.Join(errs...)
	})
	return a.stopErr
}

func (a *App) onStop(label string, close func(context.Context) error) {
	a.closers = append(a.closers, closer{label, close})
}

// fail reports the first part that ended on its own.
func (a *App) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
}

func (a *App) run(ctx context.Context, label string, run func(context.Context) error) {
	a.running.Go(func() {
		if err := run(ctx); err != nil {
			a.fail(fmt.Errorf("%s: %w", label, err))
		}
	})
}

// Limits of every HTTP server: a client that is slower than this holds nothing open. Package pace has those of bodies and
// answers.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	writeTimeout      = time.Minute // of what the server writes by itself
	maxHeaderBytes    = 64 << 10
)

func (a *App) serveHTTP(label string, listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: pace.Handler(handler), ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, WriteTimeout: writeTimeout,
		MaxHeaderBytes: maxHeaderBytes,
	}
	a.running.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			a.fail(fmt.Errorf("serving %s: %w", label, err))
		}
	})
	a.doors = append(a.doors, func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if err != nil {
			err = errors.Join(fmt.Errorf("the %s server: %w", label, err), server.Close())
		}
		return err
	})
}

// closeDoors closes all of them to newcomers at once, and lets who is inside finish.
func (a *App) closeDoors(ctx context.Context) error {
	errs := make([]error, len(a.doors))
	var closing sync.WaitGroup
	for i, door := range a.doors {
		closing.Go(func() { errs[i] = door(ctx) })
	}
	closing.Wait()
	return errors.Join(errs...)
}

// waitAll waits for all, no longer than the context allows.
func waitAll(ctx context.Context, all *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// earlier gives a context that ends when four fifths of a context's time are over.
func earlier(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)*4/5)
}
