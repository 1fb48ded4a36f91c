// Package rule is the rule service: an organization's tenants, the catalogue of roles, user management rules, rule syncs,
// and the access that comes of them. It follows identity's change feed, and what users hold follows what identity stores. It
// reports to failedevents, and learns from directory which organizations are erased.
package rule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/erasure"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/remote"
	"github.com/usher-scim/usher/services/rule/internal/server"
	"github.com/usher-scim/usher/services/rule/internal/store"
	"github.com/usher-scim/usher/services/rule/internal/store/postgres"
	"github.com/usher-scim/usher/services/rule/internal/store/sqlite"
)

// Settings is what users can set of the service. A DatabaseURL names the PostgreSQL server and database, which Migrate has
// prepared; any number of processes may run on it.
type Settings struct {
	config.Service `koanf:",squash"`
	Workers        int           `koanf:"workers" doc:"Number of organizations that a replica reconciles at a time, from 1 to 256. It reconciles the same number of those whose work fails or takes long."`
	FeedRetention  time.Duration `koanf:"feed_retention" doc:"Time for which Usher keeps records of the access feed. A follower that was away for longer has to list access again."`
}

// Defaults gives the settings of a service that was told nothing.
func Defaults() Settings {
	return Settings{Service: config.ServiceDefaults("127.0.0.1:8092"), Workers: 4, FeedRetention: 30 * 24 * time.Hour}
}

// Check says all that is wrong with the settings.
func (s Settings) Check() config.Problems {
	p := s.Service.Check("rule")
	config.Between(&p, "rule.workers", s.Workers, 1, 256)
	config.Between(&p, "rule.feed_retention", s.FeedRetention, time.Millisecond, 10*365*24*time.Hour)
	return p
}

// Config is what the service can be told: its settings, and what users cannot set.
type Config struct {
	Settings
	// DatabasePath is the SQLite file, where there is no DatabaseURL. It is made when it is not there.
	DatabasePath string
	core.Tuning
}

// Dependencies are what the rule service needs. All are required.
type Dependencies struct {
	// Identity is a connection to the identity service, on which this service is the caller rule.
	Identity grpc.ClientConnInterface
	// FailedEvents is such a connection to the failedevents service.
	FailedEvents grpc.ClientConnInterface
	// Directory is such a connection to the directory service.
	Directory grpc.ClientConnInterface
	Log       *slog.Logger
	Tracing   trace.TracerProvider
	Meter     metric.MeterProvider
	// Now is the clock of all that is stored.
	Now func() time.Time
}

// Service is the rule service.
type Service struct {
	core      *core.Core
	store     store.Store
	directory grpc.ClientConnInterface
	log       *slog.Logger
}

// Migrate prepares a PostgreSQL database for this service, or brings it to the newest schema. Processes of the version
// before may run on it meanwhile.
func Migrate(ctx context.Context, databaseURL string) error {
	if err := postgres.Migrate(ctx, databaseURL); err != nil {
		return fmt.Errorf("rule: %w", err)
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
		return fmt.Errorf("rule: %w", err)
	}
	return nil
}

// New opens the database; a SQLite file it brings to the newest schema. Close the service.
func New(ctx context.Context, config Config, d Dependencies) (*Service, error) {
	if err := errors.Join(config.Check().Err(), config.OneDatabase(config.DatabasePath)); err != nil {
		return nil, fmt.Errorf("rule: %w", err)
	}
	if d.Identity == nil || d.FailedEvents == nil || d.Directory == nil || d.Log == nil || d.Tracing == nil || d.Meter == nil || d.Now == nil {
		return nil, errors.New("rule: a dependency is missing")
	}
	s, err := open(ctx, config, d)
	if err != nil {
		return nil, fmt.Errorf("rule: %w", err)
	}
	c, err := core.New(core.Config{Workers: config.Workers, FeedRetention: config.FeedRetention, Tuning: config.Tuning},
		s, remote.NewIdentity(d.Identity), remote.NewFailedEvents(d.FailedEvents), d.Log, d.Tracing, d.Meter, d.Now)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rule: %w", err), s.Close())
	}
	return &Service{core: c, store: s, directory: d.Directory, log: d.Log}, nil
}

// open chooses the engine.
func open(ctx context.Context, config Config, d Dependencies) (store.Store, error) {
	if config.DatabaseURL != "" {
		return postgres.Open(ctx, postgres.Config{Server: pgdb.Server{
			URL: config.DatabaseURL.Reveal(), MaxConnections: config.DatabaseConnections, Log: d.Log, Tracing: d.Tracing, Meter: d.Meter,
		}})
	}
	return sqlite.Open(ctx, config.DatabasePath, d.Log, d.Tracing)
}

// Register registers the RPCs of usher.rule.v1 on r.
func (s *Service) Register(r grpc.ServiceRegistrar) { server.New(s.core).Register(r) }

// Run follows identity's changes, carries out rule syncs, delivers reports and erases organizations until ctx ends; then it
// finishes what is under way and gives up what it owns. Call it at most once, and Close after it has returned.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var erasing sync.WaitGroup
	erasing.Go(func() { erasure.Follow(ctx, s.directory, s.keeper(), s.log) })
	defer erasing.Wait()
	defer cancel()
	return s.core.Run(ctx)
}

// keeper says how organizations are erased here.
func (s *Service) keeper() erasure.Keeper {
	return erasure.Keeper{
		Erase: func(ctx context.Context, e erasure.Erasure) (bool, error) {
			return s.core.Erase(ctx, e.OrganizationID, e.Time)
		},
		Marked: s.core.ErasuresUnderWay, Unmark: s.core.EndErasure,
	}
}

// Stop ends the calls that watch or wait, so that the server that serves them can stop. Stopping twice is safe.
func (s *Service) Stop() { s.core.Stop() }

// Close stops the service and closes its database, after the last call and after Run. Closing twice is safe.
func (s *Service) Close() error {
	s.Stop()
	return s.store.Close()
}
