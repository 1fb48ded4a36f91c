package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"google.golang.org/grpc"

	"github.com/usher-scim/usher/services/console"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/failedevents"
	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/identity"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rediskv"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule"
)

// Migrate migrates the PostgreSQL schemas of the services that the settings name, one after the other. SQLite's files are migrated
// when they are opened.
func Migrate(ctx context.Context, s Settings) error {
	migrations := map[Service]func(ctx context.Context, databaseURL string) error{
		directoryService: directory.Migrate, identityService: identity.Migrate, ruleService: rule.Migrate, failedEventsService: failedevents.Migrate,
	}
	for _, service := range services {
		migrate, url := migrations[service], s.databaseURL(service)
		if migrate == nil || url == "" || !s.runs(service) {
			continue
		}
		if err := migrate(ctx, string(url)); err != nil {
			return fmt.Errorf("migrating %s: %w", rpc.CallerName(service), err)
		}
	}
	return nil
}

// RenewEpochs starts new epochs of the feeds of the services that the settings name. Call it after a restore that the services cannot
// detect, such as from a snapshot of a volume. Processes notice it with their next connection: stop them before, and start them after.
func RenewEpochs(ctx context.Context, s Settings) error {
	for service, renew := range map[Service]func(ctx context.Context, databaseURL string) error{
		directoryService: directory.RenewEpoch, identityService: identity.RenewEpoch, ruleService: rule.RenewEpoch,
	} {
		if url := s.databaseURL(service); url != "" && s.runs(service) {
			if err := renew(ctx, string(url)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *App) log(service Service) *slog.Logger {
	return a.options.Telemetry.Log.With("service", rpc.CallerName(service))
}

// file returns a service's SQLite file; empty if PostgreSQL stores its data.
func (a *App) file(service Service) string {
	if a.settings.databaseURL(service) != "" {
		return ""
	}
	path := a.folder.path(rpc.CallerName(service) + ".db")
	if !a.settings.runsAll() {
		// Maybe somebody forgot a setting. Each replica would store different data.
		a.log(service).Warn("the service keeps its data in a SQLite file, for this process alone: set database_url where there are replicas", "file", path)
	}
	return path
}

func (a *App) openRedis(ctx context.Context) (*rediskv.Client, error) {
	redis, err := rediskv.Open(ctx, rediskv.Config{URL: a.settings.RedisURL.Reveal()}, rediskv.Dependencies{
		Log: a.options.Telemetry.Log, Tracing: a.options.Telemetry.Tracing, Meter: a.options.Telemetry.Meter,
	})
	if err != nil {
		return nil, err
	}
	a.add(component{name: "Redis", close: withoutContext(redis.Close)})
	return redis, nil
}

// connectGateway returns the gateway's connections.
func (a *App) connectGateway() (gateway.Connections, error) {
	to, err := a.mesh.connect(gatewayService)
	return gateway.Connections{
		Directory: to[directoryService], Identity: to[identityService], Rule: to[ruleService], FailedEvents: to[failedEventsService],
	}, err
}

// newKeys creates the cache of key leases. The gateway looks keys up in it, and a directory service in the same process invalidates
// it. redis is nil without Redis.
func (a *App) newKeys(toDirectory grpc.ClientConnInterface, redis *rediskv.Client) *keylease.Cache {
	var shared keylease.Shared
	if redis != nil {
		shared = redis.Leases()
	}
	return keylease.FromDirectory(toDirectory, shared, a.log(gatewayService), a.options.Now)
}

// invalidation returns the function by which the directory service announces revocations; nil if key leases must expire.
func (a *App) invalidation(redis *rediskv.Client, keys *keylease.Cache) func(context.Context, ...keylease.Digest) (certain bool) {
	switch {
	case redis != nil:
		return redis.Invalidate
	case a.settings.runsAll() && a.settings.databaseURL(directoryService) == "":
		// This process alone uses the data folder, so the only cache of keys is here. Invalidating it is certain, and a revocation need
		// not wait until key leases expire.
		return func(ctx context.Context, digests ...keylease.Digest) bool {
			return keys.Revoke(keylease.UsingAs(ctx, rpc.ClientContext(ctx)), digests...) == nil
		}
	}
	return nil
}

func (a *App) startDirectory(ctx context.Context, invalidate func(context.Context, ...keylease.Digest) (certain bool)) error {
	settings := a.settings.Directory
	settings.DatabaseURL = a.settings.databaseURL(directoryService)
	s, err := directory.New(ctx, directory.Config{
		Settings: settings, DatabasePath: a.file(directoryService), PublicURL: a.PublicURL(), AdminURL: a.AdminURL(), Lease: a.options.Lease, ClockSkew: a.options.ClockSkew,
	}, directory.Dependencies{
		Invalidate: invalidate, Log: a.log(directoryService),
		Tracing: a.options.Telemetry.Tracing, Meter: a.options.Telemetry.Meter, Now: a.options.Now,
	})
	if err != nil {
		return err
	}
	a.add(component{name: "directory", run: s.Run, endStreams: s.Stop, close: withoutContext(s.Close)})
	a.mesh.register(directoryService, s.Register)
	return nil
}

func (a *App) startIdentity(ctx context.Context) error {
	to, err := a.mesh.connect(identityService)
	if err != nil {
		return err
	}
	settings := a.settings.Identity
	settings.DatabaseURL = a.settings.databaseURL(identityService)
	s, err := identity.New(ctx, identity.Config{Settings: settings, DatabasePath: a.file(identityService)}, identity.Dependencies{
		Directory: to[directoryService], FailedEvents: to[failedEventsService], Log: a.log(identityService),
		Tracing: a.options.Telemetry.Tracing, Meter: a.options.Telemetry.Meter, Now: a.options.Now,
	})
	if err != nil {
		return err
	}
	a.add(component{name: "identity", run: s.Run, endStreams: s.Stop, close: withoutContext(s.Close)})
	a.mesh.register(identityService, s.Register)
	return nil
}

func (a *App) startFailedEvents(ctx context.Context) error {
	to, err := a.mesh.connect(failedEventsService)
	if err != nil {
		return err
	}
	settings := a.settings.FailedEvents
	settings.DatabaseURL = a.settings.databaseURL(failedEventsService)
	s, err := failedevents.New(ctx, failedevents.Config{Settings: settings, DatabasePath: a.file(failedEventsService)}, failedevents.Dependencies{
		Directory: to[directoryService], Log: a.log(failedEventsService), Tracing: a.options.Telemetry.Tracing, Meter: a.options.Telemetry.Meter, Now: a.options.Now,
	})
	if err != nil {
		return err
	}
	a.add(component{name: "failedevents", run: s.Run, close: withoutContext(s.Close)})
	a.mesh.register(failedEventsService, s.Register)
	return nil
}

func (a *App) startRule(ctx context.Context) error {
	to, err := a.mesh.connect(ruleService)
	if err != nil {
		return err
	}
	settings := a.settings.Rule
	settings.DatabaseURL = a.settings.databaseURL(ruleService)
	s, err := rule.New(ctx, rule.Config{Settings: settings, DatabasePath: a.file(ruleService)}, rule.Dependencies{
		Identity: to[identityService], FailedEvents: to[failedEventsService], Directory: to[directoryService], Log: a.log(ruleService),
		Tracing: a.options.Telemetry.Tracing, Meter: a.options.Telemetry.Meter, Now: a.options.Now,
	})
	if err != nil {
		return err
	}
	a.add(component{name: "rule", run: s.Run, endStreams: s.Stop, close: withoutContext(s.Close)})
	a.mesh.register(ruleService, s.Register)
	return nil
}

func (a *App) startGateway(to gateway.Connections, keys *keylease.Cache, redis *rediskv.Client) (*gateway.Gateway, error) {
	d := gateway.Dependencies{
		Connections: to, Keys: keys, Reread: a.options.Reread, Log: a.log(gatewayService),
		Tracing: a.options.Telemetry.Tracing, Meter: a.options.Telemetry.Meter, Now: a.options.Now,
	}
	// It stops before the services that it asks, although it was created before them.
	lookups := component{name: "key look-ups", close: func(context.Context) error { keys.Close(); return nil }}
	if redis != nil {
		d.Rates = redis.Rates()
		lookups.run = func(ctx context.Context) error { return redis.Follow(ctx, keys.Invalidate) }
	}
	a.add(lookups)
	if a.settings.bootstraps() {
		if err := a.folder.createToken(); err != nil {
			return nil, fmt.Errorf("data_dir: %w", err)
		}
	}
	tokenFiles, err := a.settings.TokenFiles()
	if err != nil {
		return nil, fmt.Errorf("operator_token_files %w", err)
	}
	proxies, err := prefixes(a.settings.TrustedProxies)
	if err != nil {
		return nil, fmt.Errorf("trusted_proxies: %w", err)
	}
	if d.Console, err = console.New(strings.HasPrefix(a.AdminURL(), "https:")); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	gate, err := gateway.New(gateway.Config{
		Settings: a.settings.Gateway, PublicURL: a.PublicURL(), AdminURL: a.AdminURL(), OIDC: a.settings.OIDC, SpoolPath: spoolOf(a.folder.root), TrustedProxies: proxies,
		OperatorToken: a.settings.OperatorToken, OperatorTokenFiles: tokenFiles, SignInWithToken: a.settings.Dev,
	}, d)
	if err != nil {
		return nil, err
	}
	a.add(component{name: "gateway", run: gate.Run, drain: gate.Drain, endStreams: gate.Stop, close: withoutContext(gate.Close)})
	return gate, nil
}
