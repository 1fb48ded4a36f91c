// Package rule is the rule service. It owns an organization's tenants, the catalogue of roles, user management rules, rule syncs,
// and access. It follows identity's change feed and computes what users hold from what identity stores. It sends failed events to
// failedevents, and reads from directory which organizations are erased.
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

// Settings are the settings that users choose. DatabaseURL names the PostgreSQL server and a database that Migrate has prepared. Any
// number of processes may share it.
type Settings struct {
	config.Service `koanf:",squash"`
	Workers        int           `koanf:"workers" doc:"Number of organizations that a replica reconciles at a time, from 1 to 256. It reconciles the same number of those whose work fails or takes long."`
	FeedRetention  time.Duration `koanf:"feed_retention" doc:"Time for which Usher keeps records of the access feed. A follower that was away for longer has to list access again."`
}

// Defaults returns the default settings.
func Defaults() Settings {
	return Settings{Service: config.ServiceDefaults("127.0.0.1:8092"), Workers: 4, FeedRetention: 30 * 24 * time.Hour}
}

// Check returns all problems of the settings.
func (s Settings) Check() config.Problems {
	p := s.Service.Check("rule")
	config.Between(&p, "rule.workers", s.Workers, 1, 256)
	config.Between(&p, "rule.feed_retention", s.FeedRetention, time.Millisecond, 10*365*24*time.Hour)
	return p
}

// Config contains the settings of the service, and what users cannot choose.
type Config struct {
	Settings
	// DatabasePath is the SQLite file, if there is no DatabaseURL. New creates a missing file.
	DatabasePath string
	core.Tuning
}

// Dependencies are the other services and tools that the rule service needs. All are required.
type Dependencies struct {
	// Identity is a connection to the identity service, with rule as the caller.
	Identity grpc.ClientConnInterface
	// FailedEvents is a connection to the failedevents service, with rule as the caller.
	FailedEvents grpc.ClientConnInterface
	// Directory is a connection to the directory service, with rule as the caller.
	Directory grpc.ClientConnInterface
	Log       *slog.Logger
	Tracing   trace.TracerProvider
	Meter     metric.MeterProvider
	// Now is the clock of everything that the service stores.
	Now func() time.Time
}

// Service is the rule service.
type Service struct {
	core      *core.Core
	store     store.Store
	directory grpc.ClientConnInterface
	log       *slog.Logger
}

// Migrate prepares a PostgreSQL database for this service, or migrates it to the newest schema. Processes of the previous version may
// run meanwhile.
func Migrate(ctx context.Context, databaseURL string) error {
	if err := postgres.Migrate(ctx, databaseURL); err != nil {
		return fmt.Errorf("rule: %w", err)
	}
	return nil
}

// DatabaseSchema returns the schema that the service needs in a PostgreSQL database, for those who look at one.
func DatabaseSchema() pgdb.Schema { return postgres.Schema() }

// RenewEpoch makes all followers of the service's feed begin again. Call it after a restore of the PostgreSQL database that the
// service cannot detect.
func RenewEpoch(ctx context.Context, databaseURL string) error {
	if err := postgres.RenewEpoch(ctx, databaseURL); err != nil {
		return fmt.Errorf("rule: %w", err)
	}
	return nil
}

// New opens the database, and migrates a SQLite file to the newest schema. Close the service in the end.
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

// Run follows identity's changes, carries out rule syncs, delivers reports and erases organizations until ctx ends. Then it
// finishes its current work and releases its organizations. Call it at most once, and Close after it has returned.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var erasing sync.WaitGroup
	erasing.Go(func() { erasure.Follow(ctx, s.directory, s.keeper(), s.log) })
	defer erasing.Wait()
	defer cancel()
	return s.core.Run(ctx)
}

// keeper erases organizations in this service.
func (s *Service) keeper() erasure.Keeper {
	return erasure.Keeper{
		Erase: func(ctx context.Context, e erasure.Erasure) (bool, error) {
			return s.core.Erase(ctx, e.OrganizationID, e.Time)
		},
		Marked: s.core.ErasuresUnderWay, Unmark: s.core.EndErasure,
	}
}

// Stop ends the calls that watch or wait, so that their server can stop. It is safe to stop twice.
func (s *Service) Stop() { s.core.Stop() }

// Close stops the service and closes its database. Call it after the last call, and after Run. It is safe to close twice.
func (s *Service) Close() error {
	s.Stop()
	return s.store.Close()
}
