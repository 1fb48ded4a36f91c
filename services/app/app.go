// Package app wires the services into a running Usher, in order in one place: data folder, listeners, mesh, services, doors. Besides
// cmd/usher and e2e, it is the only package that knows several services.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
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

// Options are the inputs of a start besides the settings.
type Options struct {
	Telemetry *telemetry.Telemetry
	Now       func() time.Time
	// Reread, if set, makes Usher read the files with the operator's tokens at once, whenever it receives a signal.
	Reread <-chan os.Signal
	// Intercept, if set, wraps each connection between services; for fault tests.
	Intercept func(caller, callee Service, conn grpc.ClientConnInterface) grpc.ClientConnInterface
	// Lease is the length of a key lease, that is, how long processes may use an answer about a key. ClockSkew is the largest
	// difference between their clocks. 0 means the default.
	Lease, ClockSkew time.Duration
}

// App is a running Usher, or the part of Usher that this process runs.
type App struct {
	settings   Settings
	options    Options
	folder     *dataFolder // nil if nothing of this process is in it
	listeners  listeners
	mesh       *mesh
	components []component // in the order of their start; they stop in the opposite order
	running    sync.WaitGroup
	failed     chan error
	ready      *readiness
	stopOnce   sync.Once
	stopErr    error
}

// component is a part of a running Usher: a service, or something that services use. All functions except close may be nil.
type component struct {
	name string // for errors
	// run does the background work until its context ends.
	run func(context.Context) error
	// drain asks clients to use other replicas, and continues to serve the clients that stay.
	drain func()
	// endStreams ends the streams of watchers, because watchers do not leave by themselves.
	endStreams func()
	// close closes the component after its last use. It returns before its context ends.
	close func(context.Context) error
}

// withoutContext makes a close of a function that does not block.
func withoutContext(close func() error) func(context.Context) error {
	return func(context.Context) error { return close() }
}

// Start starts the services that the settings name, and returns once they serve. Call Stop in the end.
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
	if err := a.observeCertificates(); err != nil {
		return err
	}

	var redis *rediskv.Client // nil without Redis
	if a.settings.usesRedis() {
		if redis, err = a.openRedis(ctx); err != nil {
			return err
		}
	}
	var to gateway.Connections // the gateway's; empty in a process without it
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

// background runs do in a goroutine. If do fails, fail gets the error with the component's name.
func (a *App) background(name string, do func() error) {
	a.running.Go(func() {
		if err := do(); err != nil {
			a.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// fail reports the first component that ended by itself.
func (a *App) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
}

// PublicURL returns the URL at which IdPs reach the SCIM listener.
func (a *App) PublicURL() string {
	if a.settings.PublicURL != "" {
		return a.settings.PublicURL
	}
	if a.settings.TLSCertFile != "" {
		return "https://" + a.SCIMAddr()
	}
	return "http://" + a.SCIMAddr()
}

// AdminURL returns the URL at which browsers reach the admin listener.
func (a *App) AdminURL() string {
	if a.settings.AdminURL != "" {
		return a.settings.AdminURL
	}
	if a.settings.TLSCertFile != "" {
		return "https://" + a.AdminAddr()
	}
	return "http://" + a.AdminAddr()
}

// SCIMAddr returns the address of the SCIM listener, with the actual port. SCIMAddr, AdminAddr and GRPCAddr are empty in a process
// without the gateway.
func (a *App) SCIMAddr() string { return addr(a.listeners.scim) }

// AdminAddr returns the address of the admin REST API.
func (a *App) AdminAddr() string { return addr(a.listeners.admin) }

// GRPCAddr returns the address of the public gRPC API.
func (a *App) GRPCAddr() string { return addr(a.listeners.grpc) }

// OpsAddr returns the address of metrics, health and, if enabled, profiles.
func (a *App) OpsAddr() string { return addr(a.listeners.ops) }

// ServiceAddr returns the address at which other processes reach a service of this process; empty if there are none.
func (a *App) ServiceAddr(service Service) string { return a.mesh.addr(service) }

// TokenPath returns the file with the bootstrap token; empty if there is none.
func (a *App) TokenPath() string {
	if !a.settings.bootstraps() {
		return ""
	}
	return filepath.Join(a.settings.DataDir, tokenFile)
}

// Failed returns a channel with the error of a component that ended although nobody stopped it.
func (a *App) Failed() <-chan error { return a.failed }

// Stop stops everything in order. First readiness becomes false, and Usher continues to serve for the delay in the settings. Then it
// refuses new requests, finishes the current ones, and stops background work and databases. It returns at the latest when the
// context ends. It is safe to stop twice.
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

// waitAll waits for all, at most until the context ends.
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
