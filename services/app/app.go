// Package app wires the services into a running Usher, top to bottom in one place: data folder, listeners, mesh, services,
// doors. It is the only room, with cmd/usher and e2e, that knows several services.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rediskv"
	"github.com/usher-scim/usher/services/internal/telemetry"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Options is what a start needs besides the settings.
type Options struct {
	Telemetry *telemetry.Telemetry
	Now       func() time.Time
	// Intercept, when set, wraps each connection between services; for fault tests.
	Intercept func(caller, callee Service, conn grpc.ClientConnInterface) grpc.ClientConnInterface
	// Lease is for how long an answer about a key may be used between processes, and ClockSkew how far their clocks may be
	// apart; 0 is the default.
	Lease, ClockSkew time.Duration
}

// App is a running Usher, or the part of one that a process runs.
type App struct {
	settings   Settings
	options    Options
	folder     *dataFolder // nil where nothing is in it
	listeners  listeners
	mesh       *mesh
	components []component // in the order in which they start; they stop in the opposite one
	running    sync.WaitGroup
	failed     chan error
	ready      *readiness
	stopOnce   sync.Once
	stopErr    error
}

// component is a part of a running Usher: a service, or what services stand on. All of its functions but close may be nil.
type component struct {
	name string // for errors
	// run works in the background until its context ends.
	run func(context.Context) error
	// drain asks clients to go elsewhere; those who stay are served.
	drain func()
	// endStreams ends those who watch, who do not leave by themselves.
	endStreams func()
	// close gives back what the component has, once nobody uses it. It takes no longer than its context.
	close func(context.Context) error
}

// withoutContext is a close that takes no time.
func withoutContext(close func() error) func(context.Context) error {
	return func(context.Context) error { return close() }
}

// Start brings up the services that the settings name, and returns once they serve. Stop it in the end.
func Start(ctx context.Context, s Settings, o Options) (*App, error) {
	if err := s.Check().Err(); err != nil {
		return nil, err
	}
	a := &App{settings: s, options: o, failed: make(chan error, 1), ready: &readiness{}}
	if err := a.start(ctx); err != nil {
		stopCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), s.ShutdownTimeout)
		defer stop()
		return nil, errors.Join(err, a.Stop(stopCtx))
	}
	return a, nil
}

func (a *App) start(ctx context.Context) (err error) {
	if a.settings.needsFolder() {
		if a.folder, err = openDataFolder(a.settings.DataDir); err != nil {
			return err
		}
		a.add(component{name: "the data folder", close: withoutContext(a.folder.Close)})
	}
	if a.listeners, err = listen(ctx, a.settings, a.options.Telemetry.Log, a.options.Telemetry.Meter, a.options.Now); err != nil {
		return err
	}
	a.add(component{name: "the listeners", close: withoutContext(a.listeners.close)})
	if a.settings.Migrate {
		if err := Migrate(ctx, a.settings); err != nil {
			return err
		}
	}
	if a.mesh, err = newMesh(ctx, a.settings, a.options); err != nil {
		return err
	}
	a.add(component{name: "the connections between services", drain: a.mesh.drain, close: withoutContext(a.mesh.close)})

	var redis *rediskv.Client // nil where there is none
	if a.settings.usesRedis() {
		if redis, err = a.openRedis(ctx); err != nil {
			return err
		}
	}
	var to gateway.Connections // from the gateway; empty in a process without it
	var keys *keylease.Cache   // the gateway's; nil in a process without it
	if a.settings.runs(gatewayService) {
		if to, err = a.connectGateway(); err != nil {
			return err
		}
		keys = a.newKeys(to.Directory, redis)
	}
	var gate *gateway.Gateway
	for _, s := range []struct {
		service Service
		start   func(context.Context) error
	}{
		{directoryService, func(ctx context.Context) error { return a.startDirectory(ctx, a.invalidation(redis, keys)) }},
		{identityService, a.startIdentity},
		{failedEventsService, a.startFailedEvents},
		{ruleService, a.startRule},
		{gatewayService, func(context.Context) error { gate, err = a.startGateway(to, keys, redis); return err }},
	} {
		if !a.settings.runs(s.service) {
			continue
		}
		if err := s.start(ctx); err != nil {
			return err
		}
	}
	a.add(component{name: "the services' servers", close: a.mesh.stop})
	a.mesh.start(a.fail)
	a.work()
	if a.settings.Dev && a.settings.runsAll() {
		if err := a.folder.seedOnce(func() error { return seedDemo(ctx, to) }); err != nil {
			return fmt.Errorf("writing the demo data: %w", err)
		}
	}
	a.openDoors(gate)
	a.ready.set(true)
	return nil
}

func (a *App) add(c component) { a.components = append(a.components, c) }

// work starts the background work of all components.
func (a *App) work() {
	ctx, cancel := context.WithCancel(context.Background())
	for _, c := range a.components {
		if c.run != nil {
			a.background(c.name, func() error { return c.run(ctx) })
		}
	}
	a.add(component{name: "background work", close: func(ctx context.Context) error {
		cancel()
		return waitAll(ctx, &a.running)
	}})
}

// background does something beside the rest; an error that ends it is told with its name.
func (a *App) background(name string, do func() error) {
	a.running.Go(func() {
		if err := do(); err != nil {
			a.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// fail reports the first part that ended on its own.
func (a *App) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
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
func (a *App) ServiceAddr(service Service) string { return a.mesh.addr(service) }

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
		if a.ready.set(false) {
			for _, c := range a.components {
				if c.drain != nil {
					c.drain()
				}
			}
			wait.Sleep(ctx, a.settings.ShutdownDelay)
			for _, c := range a.components {
				if c.endStreams != nil {
					c.endStreams()
				}
			}
		}
		var errs []error
		for _, c := range slices.Backward(a.components) {
			if err := c.close(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, fmt.Errorf("stopping %s: %w", c.name, err))
			}
		}
		a.stopErr = errors.Join(errs...)
	})
	return a.stopErr
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
