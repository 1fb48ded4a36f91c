// Package directory is the directory service: it owns organizations, directories, API keys and service credentials. It calls
// nobody.
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

// Settings is what users can set of the service. A DatabaseURL names the PostgreSQL server and database, which Migrate has
// prepared; any number of processes may run on it.
type Settings struct {
	config.Service `koanf:",squash"`
}

// Defaults gives the settings of a service that was told nothing.
func Defaults() Settings { return Settings{config.ServiceDefaults("127.0.0.1:8090")} }

// Check says all that is wrong with the settings.
func (s Settings) Check() config.Problems { return s.Service.Check("directory") }

// Config is what the service can be told: its settings, and what users cannot set.
type Config struct {
	Settings
	// DatabasePath is the SQLite file, where there is no DatabaseURL. It is made when it is not there.
	DatabasePath string
	// PublicURL is where IdPs reach the gateway, such as https://scim.example.com; Base URLs begin with it.
	PublicURL string
	// Lease is for how long the gateway may use an answer about a key or service credential: from 0 to 5 seconds. Default 4
	// seconds.
	Lease time.Duration
	// ClockSkew is how far the clocks of directory and the gateways may be apart: from 0 to 15 seconds. A revocation whose
	// invalidation is not certain takes Lease + ClockSkew. Where that is 5 seconds, as it is by default, clocks may differ by any
	// time. Default 1 second.
	ClockSkew time.Duration
	// Poll is how often a follower of the directories looks for what other replicas changed, and how often what is left of erased
	// organizations is removed. Default 1 second.
	Poll time.Duration
}

const (
	defaultLease     = 4 * time.Second
	defaultClockSkew = time.Second
	// maxWait leaves a revocation, whose caller has half a minute by default, time for its own work.
	maxWait = 20 * time.Second
)

// Dependencies is what the service uses.
type Dependencies struct {
	// Invalidate forgets keys wherever leases on them are kept, and says whether none is left. Nil: leases run out.
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
}

// Migrate prepares a PostgreSQL database for this service, or brings it to the newest schema. Processes of the version
// before may run on it meanwhile.
func Migrate(ctx context.Context, databaseURL string) error {
	if err := postgres.Migrate(ctx, databaseURL); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// CheckDatabase connects to a PostgreSQL database, and says whether New would take it. It writes nothing.
func CheckDatabase(ctx context.Context, databaseURL string) error {
	return postgres.Check(ctx, databaseURL)
}

// RenewEpoch has who follows the service's feed begin anew, after its PostgreSQL database was restored in a way that
// cannot be noticed.
func RenewEpoch(ctx context.Context, databaseURL string) error {
	if err := postgres.RenewEpoch(ctx, databaseURL); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}

// New opens the service's database; a SQLite file it brings to the newest schema. Call Run, and Close in the end.
func New(ctx context.Context, c Config, d Dependencies) (*Service, error) {
	c.Lease, c.ClockSkew, c.Poll = cmp.Or(c.Lease, defaultLease), cmp.Or(c.ClockSkew, defaultClockSkew), cmp.Or(c.Poll, time.Second)
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
	domain := core.New(s, core.Config{Lease: c.Lease, ClockSkew: c.ClockSkew, Invalidate: d.Invalidate, Now: d.Now})
	base := strings.TrimSuffix(c.PublicURL, "/") + "/scim/v2/"
	stop := make(chan struct{})
	return &Service{
		store:  s,
		core:   domain,
		log:    d.Log,
		poll:   c.Poll,
		server: server.New(domain, d.Log, func(id string) string { return base + id }, c.Poll, stop),
		stop:   stop,
	}, nil
}

// check says all that is wrong with what users cannot set.
func (c Config) check() error {
	var problems []error
	if u, err := url.Parse(c.PublicURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		problems = append(problems, fmt.Errorf("public_url must be an http or https address, not %q", c.PublicURL))
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

// Run removes what is left of erased organizations, until the context ends.
func (s *Service) Run(ctx context.Context) error {
	failing := false
	for wait.Sleep(ctx, s.poll) {
		err := s.core.FinishErasures(ctx, s.log)
		if err != nil && !failing && ctx.Err() == nil { // once, not each time
			s.log.WarnContext(ctx, "removing erased organizations failed and is tried again", "error", err)
		}
		failing = err != nil
	}
	return nil
}

// Stop ends the streams, so that the server that serves them can stop. Stopping twice is safe.
func (s *Service) Stop() { s.once.Do(func() { close(s.stop) }) }

// Close stops the service and closes its database, after the last call and after Run.
func (s *Service) Close() error {
	s.Stop()
	return s.store.Close()
}
