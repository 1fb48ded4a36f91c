// Package app wires the services into a running Usher, top to bottom in one place: data folder, listeners, transport,
// services, gateway. It is the only room, with cmd/usher and e2e, that knows several services.
package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/failedevents"
	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/telemetry"
	"github.com/usher-scim/usher/services/rule"
)

// Topology says how the services talk.
type Topology int

const (
	// OneProcess connects them by an in-process channel.
	OneProcess Topology = iota
	// Loopback connects them by gRPC over loopback TCP with mutual TLS, each with a server of its own.
	Loopback
)

// Options is what a start needs besides the settings.
type Options struct {
	Topology  Topology
	Telemetry *telemetry.Telemetry
	// OpenAPI is the admin API's description, as JSON.
	OpenAPI []byte
	Now     func() time.Time
	// Intercept, when set, wraps each connection between services; for fault tests.
	Intercept func(caller, callee commonv1.Caller, conn grpc.ClientConnInterface) grpc.ClientConnInterface
	// Lease is for how long an answer about a key may be used between processes; 0 is the default of 5 seconds.
	Lease time.Duration
}

// App is a running Usher.
type App struct {
	settings  Settings
	listeners listeners
	token     string
	closers   []closer                      // what was opened, in order
	doors     []func(context.Context) error // what lets requests in
	cancel    context.CancelFunc
	running   sync.WaitGroup
	failed    chan error
	ready     *readiness
	stopOnce  sync.Once
	stopErr   error
}

// closer ends one part; label is for the error.
type closer struct {
	label string
	close func(context.Context) error
}

// Start brings everything up and returns once it serves. Stop it in the end.
func Start(ctx context.Context, s Settings, o Options) (*App, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	runCtx, cancel := context.WithCancel(context.Background())
	a := &App{settings: s, cancel: cancel, failed: make(chan error, 1), ready: &readiness{}}
	if err := a.start(ctx, runCtx, o); err != nil {
		stopCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), s.ShutdownTimeout)
		defer stop()
		return nil, errors.Join(err, a.Stop(stopCtx))
	}
	return a, nil
}

func (a *App) start(ctx, runCtx context.Context, o Options) error {
	folder, err := openDataFolder(a.settings.DataDir)
	if err != nil {
		return err
	}
	a.onStop("the data folder", func(context.Context) error { return folder.Close() })
	if a.token, err = folder.bootstrapToken(); err != nil {
		return err
	}
	if a.listeners, err = listen(ctx, a.settings); err != nil {
		return err
	}
	a.onStop("the listeners", func(context.Context) error { return a.listeners.close() })

	if err := a.migrate(ctx); err != nil {
		return err
	}

	tracing := o.Telemetry.Tracing
	transport, err := newTransport(o.Topology, o.Telemetry.Log, tracing, o.Now())
	if err != nil {
		return err
	}
	connect := func(caller, callee commonv1.Caller) (grpc.ClientConnInterface, error) {
		conn, err := transport.connect(caller, callee)
		if err == nil && o.Intercept != nil {
			conn = o.Intercept(caller, callee, conn)
		}
		return conn, err
	}
	a.onStop("the connections between services", func(context.Context) error { return transport.closeConnections() })
	gatewayToDirectory, err := connect(gatewayCaller, directoryCaller)
	if err != nil {
		return err
	}
	keys := keylease.New(gateway.LoadKeys(gatewayToDirectory, o.Now), o.Now)
	dependencies := directory.Dependencies{Tracing: tracing, Now: o.Now}
	if o.Topology == OneProcess {
		// The only cache of keys is here, so forgetting a key is certain and a revocation need not wait.
		dependencies.Invalidate = func(_ context.Context, digests ...[sha256.Size]byte) bool {
			keys.Invalidate(digests...)
			return true
		}
	}

	directories, err := directory.New(ctx, directory.Config{
		DatabasePath: a.database(folder, "directory.db"), DatabaseURL: string(a.settings.DatabaseURL), PublicURL: a.PublicURL(), Lease: o.Lease,
	}, dependencies)
	if err != nil {
		return err
	}
	a.onStop("directory", func(context.Context) error { return directories.Close() })
	if err := transport.register(directoryCaller, directories.Register); err != nil {
		return err
	}

	identityToDirectory, err := connect(identityCaller, directoryCaller)
	if err != nil {
		return err
	}
	identities, err := identity.New(ctx, identity.Config{DatabasePath: a.database(folder, "identity.db"), DatabaseURL: string(a.settings.DatabaseURL)}, identity.Dependencies{
		Directory: identityToDirectory, Log: o.Telemetry.Log.With("service", "identity"), Tracing: tracing, Now: o.Now,
	})
	if err != nil {
		return err
	}
	a.onStop("identity", func(context.Context) error { return identities.Close() })
	if err := transport.register(identityCaller, identities.Register); err != nil {
		return err
	}

	events, err := failedevents.New(ctx, failedevents.Config{DatabasePath: a.database(folder, "failedevents.db"), DatabaseURL: string(a.settings.DatabaseURL)},
		failedevents.Dependencies{Tracing: tracing, Now: o.Now})
	if err != nil {
		return err
	}
	a.onStop("failedevents", func(context.Context) error { return events.Close() })
	if err := transport.register(failedEventsCaller, events.Register); err != nil {
		return err
	}

	rules, err := a.newRules(ctx, folder, connect, o)
	if err != nil {
		return err
	}
	a.onStop("rule", func(context.Context) error { return rules.Close() })
	if err := transport.register(ruleCaller, rules.Register); err != nil {
		return err
	}

	gate, err := a.newGateway(folder, connect, gatewayToDirectory, keys, o)
	if err != nil {
		return err
	}
	a.onStop("gateway", func(context.Context) error { return gate.Close() })

	// From here on things run; they stop in the opposite order.
	a.onStop("the services' servers", func(ctx context.Context) error { return transport.stop(ctx) })
	a.onStop("background work", func(ctx context.Context) error {
		a.cancel()
		return wait(ctx, &a.running)
	})
	if err := transport.start(a.fail); err != nil {
		return err
	}
	a.run(runCtx, "identity", identities.Run)
	a.run(runCtx, "rule", rules.Run)
	a.run(runCtx, "gateway", gate.Run)
	if err := folder.seedOnce(func() error { return seedDemo(ctx, connect) }); err != nil {
		return fmt.Errorf("writing the demo data: %w", err)
	}

	a.onStop("the doors", func(ctx context.Context) error {
		// Who watches does not leave by itself: the streams end first, so that the doors can close.
		directories.Stop()
		identities.Stop()
		rules.Stop()
		return a.closeDoors(ctx)
	})
	public := gate.PublicServer()
	a.serveHTTP("SCIM", a.listeners.scim, gate.SCIM())
	a.serveHTTP("admin", a.listeners.admin, gate.Admin())
	a.serveHTTP("operations", a.listeners.ops, operations(a.ready, o.Telemetry.Metrics))
	a.running.Go(func() {
		if err := public.Serve(a.listeners.grpc); err != nil {
			a.fail(fmt.Errorf("serving gRPC: %w", err))
		}
	})
	a.doors = append(a.doors, func(ctx context.Context) error { return stopGRPC(ctx, public) })
	a.ready.set(true)
	return nil
}

// database is the file of a service's database, or empty where PostgreSQL has it.
func (a *App) database(folder *dataFolder, file string) string {
	if a.settings.DatabaseURL != "" {
		return ""
	}
	return folder.path(file)
}

// migrate brings PostgreSQL's schemas up to date; SQLite's files are when they are opened.
func (a *App) migrate(ctx context.Context) error {
	if a.settings.DatabaseURL == "" {
		return nil
	}
	for service, migrate := range map[string]func(context.Context, string) error{
		"directory": directory.Migrate, "identity": identity.Migrate, "rule": rule.Migrate, "failedevents": failedevents.Migrate,
	} {
		if err := migrate(ctx, string(a.settings.DatabaseURL)); err != nil {
			return fmt.Errorf("migrating %s: %w", service, err)
		}
	}
	return nil
}

// PublicURL is where IdPs reach the SCIM listener.
func (a *App) PublicURL() string {
	if a.settings.PublicURL != "" {
		return a.settings.PublicURL
	}
	return "http://" + a.listeners.scim.Addr().String()
}

// SCIMAddr, AdminAddr, GRPCAddr and OpsAddr are where it listens, with the ports that were chosen.
func (a *App) SCIMAddr() string { return a.listeners.scim.Addr().String() }

// AdminAddr is where the admin REST API is.
func (a *App) AdminAddr() string { return a.listeners.admin.Addr().String() }

// GRPCAddr is where the public gRPC API is.
func (a *App) GRPCAddr() string { return a.listeners.grpc.Addr().String() }

// OpsAddr is where metrics, health and profiles are.
func (a *App) OpsAddr() string { return a.listeners.ops.Addr().String() }

// TokenPath is the file that holds the bootstrap token.
func (a *App) TokenPath() string { return filepath.Join(a.settings.DataDir, tokenFile) }

// Failed gives the error of a part that ended although nobody stopped it.
func (a *App) Failed() <-chan error { return a.failed }

// Stop ends everything in order: no new requests, those under way to their end, background work, databases. It waits no
// longer than the context allows. Stopping twice is safe.
func (a *App) Stop(ctx context.Context) error {
	a.stopOnce.Do(func() {
		a.ready.set(false)
		var errs []error
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

// Limits of every HTTP server: a client that is slower than this holds nothing open.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

func (a *App) serveHTTP(label string, listener net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
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

// wait waits for all, no longer than the context allows.
func wait(ctx context.Context, all *sync.WaitGroup) error {
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

func (a *App) newRules(ctx context.Context, folder *dataFolder, connect connector, o Options) (*rule.Service, error) {
	toIdentity, err := connect(ruleCaller, identityCaller)
	if err != nil {
		return nil, err
	}
	toEvents, err := connect(ruleCaller, failedEventsCaller)
	if err != nil {
		return nil, err
	}
	return rule.New(ctx, rule.Config{DatabasePath: a.database(folder, "rule.db"), DatabaseURL: string(a.settings.DatabaseURL), Workers: a.settings.Rule.Workers}, rule.Dependencies{
		Identity: toIdentity, FailedEvents: toEvents,
		Log: o.Telemetry.Log.With("service", "rule"), Tracing: o.Telemetry.Tracing, Meters: o.Telemetry.Meter, Now: o.Now,
	})
}

func (a *App) newGateway(folder *dataFolder, connect connector, toDirectory grpc.ClientConnInterface, keys *keylease.Cache, o Options) (*gateway.Gateway, error) {
	toIdentity, err := connect(gatewayCaller, identityCaller)
	if err != nil {
		return nil, err
	}
	toRule, err := connect(gatewayCaller, ruleCaller)
	if err != nil {
		return nil, err
	}
	toEvents, err := connect(gatewayCaller, failedEventsCaller)
	if err != nil {
		return nil, err
	}
	return gateway.New(gateway.Config{
		PublicURL: a.PublicURL(), SpoolPath: folder.path("spool"), SpoolBytes: a.settings.Gateway.SpoolBytes,
		MaxBodyBytes: a.settings.Gateway.MaxBodyBytes, MaxGroupBytes: a.settings.Gateway.MaxGroupBytes,
		RequestTimeout: a.settings.Gateway.RequestTimeout, RatePerSecond: a.settings.Gateway.RatePerSecond,
		OperatorToken: gateway.Secret(a.token),
	}, gateway.Dependencies{
		Directory: toDirectory, Identity: toIdentity, Rule: toRule, FailedEvents: toEvents, Keys: keys, OpenAPI: o.OpenAPI,
		Log: o.Telemetry.Log.With("service", "gateway"), Tracing: o.Telemetry.Tracing, Meter: o.Telemetry.Meter, Now: o.Now,
	})
}
