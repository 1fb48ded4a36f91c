// Package directory is the directory service. It owns organizations, directories, API keys and service credentials. It calls no other
// service.
package directory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/directory/internal/server"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/directory/internal/store/postgres"
	"github.com/usher-scim/usher/services/directory/internal/store/sqlite"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Settings are the settings that users choose. DatabaseURL names the PostgreSQL server and a database that Migrate has prepared. Any
// number of processes may share it.
type Settings struct {
	config.Service `koanf:",squash"`
}

// Defaults returns the default settings.
func Defaults() Settings { return Settings{config.ServiceDefaults("127.0.0.1:8090")} }

// Check returns all problems of the settings.
func (s Settings) Check() config.Problems { return s.Service.Check("directory") }

// Config contains the settings of the service, and what users cannot choose.
type Config struct {
	Settings
	// DatabasePath is the SQLite file, if there is no DatabaseURL. New creates a missing file.
	DatabasePath string
	// PublicURL is the URL at which IdPs reach the gateway, such as https://scim.example.com. Base URLs begin with it.
	PublicURL string
	// AdminURL is the URL at which browsers reach the admin listener, such as https://admin.example.com. Portal links begin with it.
	AdminURL string
	// Lease is the length of a key lease: how long the gateway may use an answer about a key or service credential, from 0 to
	// 5 seconds. Default 4 seconds.
	Lease time.Duration
	// ClockSkew is the largest difference between the clocks of directory and the gateways, from 0 to 15 seconds. A revocation with an
	// uncertain invalidation takes Lease + ClockSkew. If that sum is 5 seconds, as by default, clocks may differ by any time.
	// Default 1 second.
	ClockSkew time.Duration
	// Poll is how often a watch of the directories reads what other replicas changed, and how often the service erases the rest of
	// erased organizations. Default 1 second.
	Poll time.Duration
}

// DefaultLease is the default of Config.Lease. If the clock of a gateway is ahead of that of directory by more than this, it finds each key
// lease expired.
const DefaultLease = 4 * time.Second

const (
	defaultClockSkew = time.Second
	// maxWait leaves a revocation time for its own work: its caller waits for half a minute by default.
	maxWait = 20 * time.Second
)

// Dependencies are the tools of the service.
type Dependencies struct {
	// Invalidate deletes keys from all caches of key leases, and reports whether no lease is left. If it is nil, leases expire.
	Invalidate func(ctx context.Context, digests ...[sha256.Size]byte) (certain bool)
	Log        *slog.Logger // may be nil, as may Meter
	Tracing    trace.TracerProvider
	Meter      metric.MeterProvider
	Now        func() time.Time
}

// Service is the running service.
type Service struct {
	store  store.Store
	core   *core.Core
	server *server.Server
	log    *slog.Logger
	poll   time.Duration
	stop   chan struct{}
	once   sync.Once

	observed metric.Registration
}

// Migrate prepares a PostgreSQL database for this service, or migrates it to the newest schema. Processes of the previous version may
// run meanwhile.
func Migrate(ctx context.Context, databaseURL string) error {
	if err := postgres.Migrate(ctx, databaseURL); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// DatabaseSchema returns the schema that the service needs in a PostgreSQL database, for those who look at one.
func DatabaseSchema() pgdb.Schema { return postgres.Schema() }

// RenewEpoch makes all followers of the service's feed begin again. Call it after a restore of the PostgreSQL database that the
// service cannot detect.
func RenewEpoch(ctx context.Context, databaseURL string) error {
	if err := postgres.RenewEpoch(ctx, databaseURL); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// New opens the service's database, and migrates a SQLite file to the newest schema. Call Run, and Close in the end.
func New(ctx context.Context, c Config, d Dependencies) (*Service, error) {
	c.Lease, c.ClockSkew, c.Poll = cmp.Or(c.Lease, DefaultLease), cmp.Or(c.ClockSkew, defaultClockSkew), cmp.Or(c.Poll, time.Second)
	if err := errors.Join(c.Check().Err(), c.OneDatabase(c.DatabasePath), c.check()); err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	if d.Invalidate == nil {
		d.Invalidate = func(context.Context, ...[sha256.Size]byte) bool { return false }
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s, err := open(ctx, c, d)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	if d.Meter == nil {
		d.Meter = noop.NewMeterProvider()
	}
	domain := core.New(s, core.Config{Lease: c.Lease, ClockSkew: c.ClockSkew, Invalidate: d.Invalidate, Now: d.Now})
	observed, err := observeExpiring(d.Meter, domain)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("directory: %w", err), s.Close())
	}
	base := strings.TrimSuffix(c.PublicURL, "/") + "/scim/v2/"
	portal := strings.TrimSuffix(c.AdminURL, "/") + "/portal#"
	stop := make(chan struct{})
	return &Service{
		store:  s,
		core:   domain,
		log:    d.Log,
		poll:   c.Poll,
		server: server.New(domain, d.Log, func(id string) string { return base + id }, func(secret string) string { return portal + secret }, c.Poll, stop),
		stop:   stop,

		observed: observed,
	}, nil
}

// check returns all problems of the fields that users cannot choose.
func (c Config) check() error {
	var problems []error
	for key, address := range map[string]string{"public_url": c.PublicURL, "admin_url": c.AdminURL} {
		if u, err := url.Parse(address); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			problems = append(problems, fmt.Errorf("%s must be an http or https address, not %q", key, address))
		}
	}
	if c.Lease < 0 || c.Lease > keylease.MaxLease {
		problems = append(problems, fmt.Errorf("the lease must be from 0 to %s, not %s", keylease.MaxLease, c.Lease))
	}
	if c.ClockSkew < 0 || c.ClockSkew > maxWait-keylease.MaxLease {
		problems = append(problems, fmt.Errorf("the clock skew must be from 0 to %s, not %s", maxWait-keylease.MaxLease, c.ClockSkew))
	}
	if c.Poll < 0 {
		problems = append(problems, fmt.Errorf("the poll interval must not be negative, not %s", c.Poll))
	}
	return errors.Join(problems...)
}

// open chooses the engine.
func open(ctx context.Context, c Config, d Dependencies) (store.Store, error) {
	if c.DatabaseURL != "" {
		return postgres.Open(ctx, pgdb.Server{
			URL: c.DatabaseURL.Reveal(), MaxConnections: c.DatabaseConnections, Log: d.Log, Tracing: d.Tracing, Meter: d.Meter,
		})
	}
	return sqlite.Open(ctx, c.DatabasePath, d.Tracing)
}

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { s.server.Register(r) }

// deleteEvery is how often Run deletes ended sessions and portal links.
const deleteEvery = time.Minute

// Run erases the rest of erased organizations, and deletes ended sessions and portal links, until the context ends.
func (s *Service) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() {
		s.repeat(ctx, s.poll, "erase the rest of organizations", func(ctx context.Context) error { return s.core.FinishErasures(ctx, s.log) })
	})
	running.Go(func() { s.repeat(ctx, deleteEvery, "delete ended sessions and portal links", s.core.DeleteEnded) })
	running.Wait()
	return nil
}

// repeat does some work now and then, until the context ends.
func (s *Service) repeat(ctx context.Context, every time.Duration, work string, do func(ctx context.Context) error) {
	failing := false
	for again := true; again; again = wait.Sleep(ctx, every) {
		err := do(ctx)
		if err != nil && !failing && ctx.Err() == nil { // log the first of consecutive failures only
			s.log.WarnContext(ctx, "work in the background failed and is retried", "work", work, "error", err)
		}
		failing = err != nil
	}
}

// Stop ends the streams, so that their server can stop. It is safe to stop twice.
func (s *Service) Stop() { s.once.Do(func() { close(s.stop) }) }

// Close closes the service's database. Call it after the last call, and after Run.
func (s *Service) Close() error {
	s.Stop()
	return errors.Join(s.observed.Unregister(), s.store.Close())
}
