// Package failedevents is the failedevents service. It stores the messages, and the effects of messages, that Usher could not carry
// out, and how many messages each directory sent. It calls only the directory service, to learn which organizations are erased.
package failedevents

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

	"github.com/usher-scim/usher/services/failedevents/internal/server"
	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/failedevents/internal/store/postgres"
	"github.com/usher-scim/usher/services/failedevents/internal/store/sqlite"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/erasure"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Settings are the settings that users choose. DatabaseURL names the PostgreSQL server and a database that Migrate has prepared. Any
// number of processes may share it.
type Settings struct {
	config.Service `koanf:",squash"`
}

// Defaults returns the default settings.
func Defaults() Settings { return Settings{config.ServiceDefaults("127.0.0.1:8093")} }

// Check returns all problems of the settings.
func (s Settings) Check() config.Problems { return s.Service.Check("failedevents") }

// Config contains the settings of the service, and what users cannot choose.
type Config struct {
	Settings
	// DatabasePath is the SQLite file, if there is no DatabaseURL. New creates a missing file.
	DatabasePath string
}

// Dependencies are the other services and tools that the service needs. All are required.
type Dependencies struct {
	// Directory is a connection to the directory service, with failedevents as the caller.
	Directory grpc.ClientConnInterface
	Log       *slog.Logger
	Tracing   trace.TracerProvider
	Meter     metric.MeterProvider
	Now       func() time.Time
}

// Service is the running service. It starts no goroutines except those of its database.
type Service struct {
	store     store.Store
	server    *server.Server
	directory grpc.ClientConnInterface
	log       *slog.Logger
	now       func() time.Time // with microsecond precision
}

// Migrate prepares a PostgreSQL database for this service, or migrates it to the newest schema. Processes of the previous version may
// run meanwhile.
func Migrate(ctx context.Context, databaseURL string) error {
	if err := postgres.Migrate(ctx, databaseURL); err != nil {
		return fmt.Errorf("failedevents: %w", err)
	}
	return nil
}

// DatabaseSchema returns the schema that the service needs in a PostgreSQL database, for those who look at one.
func DatabaseSchema() pgdb.Schema { return postgres.Schema() }

// New opens the service's database, and migrates a SQLite file to the newest schema. Call Close in the end.
func New(ctx context.Context, c Config, d Dependencies) (*Service, error) {
	if err := errors.Join(c.Check().Err(), c.OneDatabase(c.DatabasePath)); err != nil {
		return nil, fmt.Errorf("failedevents: %w", err)
	}
	if d.Directory == nil || d.Log == nil || d.Tracing == nil || d.Meter == nil || d.Now == nil {
		return nil, errors.New("failedevents: a dependency is missing")
	}
	s, err := open(ctx, c, d)
	if err != nil {
		return nil, fmt.Errorf("failedevents: %w", err)
	}
	now := func() time.Time { return d.Now().Truncate(time.Microsecond) }
	face, err := server.New(s, d.Meter, now)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("failedevents: %w", err), s.Close())
	}
	return &Service{store: s, server: face, directory: d.Directory, log: d.Log, now: now}, nil
}

// open chooses the engine.
func open(ctx context.Context, c Config, d Dependencies) (store.Store, error) {
	if c.DatabaseURL != "" {
		return postgres.Open(ctx, pgdb.Server{
			URL: c.DatabaseURL.Reveal(), MaxConnections: c.DatabaseConnections, Log: d.Log, Tracing: d.Tracing, Meter: d.Meter,
		})
	}
	return sqlite.Open(ctx, c.DatabasePath, d.Log, d.Tracing)
}

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { s.server.Register(r) }

// Run erases organizations, deletes old tallies of messages, and forgets whose names it has erased, until ctx ends. Call it at most once,
// and Close after it has returned.
func (s *Service) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { erasure.Follow(ctx, s.directory, s.keeper(), s.log) })
	running.Go(func() { s.deleteOldTallies(ctx) })
	running.Go(func() { s.trimErasedNames(ctx) })
	running.Wait()
	return nil
}

// deleteEvery is how often Run deletes old tallies.
const deleteEvery = 10 * time.Minute

func (s *Service) deleteOldTallies(ctx context.Context) {
	for again := true; again; again = wait.Sleep(ctx, deleteEvery) {
		if err := s.server.DeleteOldTallies(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "deleting old tallies of messages failed and is retried", "error", err)
		}
	}
}

const (
	// trimEvery is how often a process forgets whose names were erased, and trimStep how many of them in a transaction.
	trimEvery, trimStep = 10 * time.Minute, 1000
	// namesRemembered is how long they are remembered. It is longer than the time by which a failed event with names may be late, as the
	// clocks of processes differ.
	namesRemembered = server.NamesLate + time.Hour
)

func (s *Service) trimErasedNames(ctx context.Context) {
	for {
		trimmed, err := s.store.TrimErasedNames(ctx, s.now().Add(-namesRemembered), trimStep)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "forgetting whose names were erased failed and is tried again", "error", err)
		}
		if trimmed < trimStep && !wait.Sleep(ctx, trimEvery) {
			return
		}
	}
}

// erasedEvents is how many failed events, and how many tallies, one transaction of an erasure erases at most.
const erasedEvents = 400

// keeper erases organizations in this service. It later drops failed events from before now that arrive late.
func (s *Service) keeper() erasure.Keeper {
	return erasure.Keeper{
		Erase: func(ctx context.Context, e erasure.Erasure) (bool, error) {
			removed, err := s.store.Erase(ctx, e.OrganizationID, e.Time.Truncate(time.Microsecond), s.now(), erasedEvents)
			return err == nil && removed == 0, err
		},
		Marked: s.store.Marked, Unmark: s.store.Unmark,
	}
}

// Close closes the database. Call it after the last call. It is safe to close twice.
func (s *Service) Close() error { return s.store.Close() }
