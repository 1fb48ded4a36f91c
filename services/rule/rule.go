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

	"github.com/usher-scim/usher/services/internal/erasure"
	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/remote"
	"github.com/usher-scim/usher/services/rule/internal/server"
	"github.com/usher-scim/usher/services/rule/internal/store"
	"github.com/usher-scim/usher/services/rule/internal/store/postgres"
	"github.com/usher-scim/usher/services/rule/internal/store/sqlite"
)

// Config holds the rule service's settings. A zero field means its default.
type Config struct {
	// DatabasePath is the SQLite file. It is made when it is not there. It or DatabaseURL must be set.
	DatabasePath string
	// DatabaseURL names the PostgreSQL server and database, as libpq has it. Migrate has prepared it. Any number of processes
	// may run on it.
	DatabaseURL string
	// DatabaseConnections bounds the connections to PostgreSQL; one more listens. 0 means 20.
	DatabaseConnections int32
	// Workers is how many organizations are worked on at a time, and how many more of those whose work fails or takes long. Default
	// 4, at most 256.
	Workers int
	// BatchSize is how many change records, or members of a group, are dealt with in one transaction. Default 200, at most
	// 1,000.
	BatchSize int
	// BatchesPerTurn is how many batches of one organization are dealt with before another one's turn. Default 8.
	BatchesPerTurn int
	// SyncPageSize is how many users are in one page of a rule sync. Default 500, at most 1,000.
	SyncPageSize int
	// LeaseDuration is how long the work on an organization rests when the process that did it has died. Default 10 s.
	LeaseDuration time.Duration
	// CallTimeout bounds each call of another service. What takes longer is tried again in smaller parts. Default 5 s.
	CallTimeout time.Duration
	// RetryDelay is how long to wait after a first failure; it doubles with each failure in a row. Default 100 ms.
	RetryDelay time.Duration
	// MaxRetryDelay is how long to wait at most. Default 5 s: access must not lag long behind once identity is back.
	MaxRetryDelay time.Duration
	// BookmarkInterval is how often a quiet WatchAccess is told the cursor. Default 25 s, at most 30 s.
	BookmarkInterval time.Duration
	// SweepInterval is how often every organization is looked at, and old records are trimmed. Default 10 min.
	SweepInterval time.Duration
	// FeedRetention is how long records of the access feed are kept. Default 720 h.
	FeedRetention time.Duration
	// RecheckInterval is how often WaitUntilCaughtUp asks identity again, beside being woken. Default 250 ms.
	RecheckInterval time.Duration
	// UserRetryDelay is how long a user that was set aside waits for the next try; it doubles with each. Default 2 s.
	UserRetryDelay time.Duration
	// MaxUserRetryDelay is how long such a user waits at most. Default 5 min.
	MaxUserRetryDelay time.Duration
}

// withDefaults fills in the defaults, then gives every problem at once, by the field's name.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	number := func(name string, value *int, standard, most int) {
		if *value == 0 {
			*value = standard
		}
		if *value < 1 || *value > most {
			errs = append(errs, fmt.Errorf("%s must be 1 to %d, not %d", name, most, *value))
		}
	}
	span := func(name string, value *time.Duration, standard, most time.Duration) {
		if *value == 0 {
			*value = standard
		}
		if *value < time.Millisecond || *value > most {
			errs = append(errs, fmt.Errorf("%s must be 1ms to %s, not %s", name, most, *value))
		}
	}
	const year = 365 * 24 * time.Hour
	if (c.DatabasePath == "") == (c.DatabaseURL == "") {
		errs = append(errs, errors.New("one of rule.database_path (SQLite) and rule.database_url (PostgreSQL) must be set, and not both"))
	}
	number("Workers", &c.Workers, 4, 256)
	number("BatchSize", &c.BatchSize, 200, 1000)
	number("BatchesPerTurn", &c.BatchesPerTurn, 8, 1000)
	number("SyncPageSize", &c.SyncPageSize, 500, 1000)
	span("LeaseDuration", &c.LeaseDuration, 10*time.Second, time.Hour)
	span("CallTimeout", &c.CallTimeout, 5*time.Second, time.Minute)
	span("RetryDelay", &c.RetryDelay, 100*time.Millisecond, time.Minute)
	span("MaxRetryDelay", &c.MaxRetryDelay, 5*time.Second, time.Hour)
	span("BookmarkInterval", &c.BookmarkInterval, 25*time.Second, 30*time.Second)
	span("SweepInterval", &c.SweepInterval, 10*time.Minute, 24*time.Hour)
	span("FeedRetention", &c.FeedRetention, 30*24*time.Hour, 10*year)
	span("RecheckInterval", &c.RecheckInterval, 250*time.Millisecond, time.Minute)
	span("UserRetryDelay", &c.UserRetryDelay, 2*time.Second, time.Hour)
	span("MaxUserRetryDelay", &c.MaxUserRetryDelay, 5*time.Minute, 24*time.Hour)
	return c, errors.Join(errs...)
}

// Check gives every problem of the settings at once.
func (c Config) Check() error {
	_, err := c.withDefaults()
	return err
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
	Meters    metric.MeterProvider
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

// RenewEpoch has who follows the service's feed begin anew, after its PostgreSQL database was restored in a way that
// cannot be noticed.
func RenewEpoch(ctx context.Context, databaseURL string) error {
	if err := postgres.RenewEpoch(ctx, databaseURL); err != nil {
		return fmt.Errorf("rule: %w", err)
	}
	return nil
}

// New opens the database; a SQLite file it brings to the newest schema. Close the service.
func New(ctx context.Context, config Config, deps Dependencies) (*Service, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("rule: %w", err)
	}
	if deps.Identity == nil || deps.FailedEvents == nil || deps.Directory == nil || deps.Log == nil || deps.Tracing == nil || deps.Meters == nil || deps.Now == nil {
		return nil, errors.New("rule: a dependency is missing")
	}
	s, err := open(ctx, config, deps)
	if err != nil {
		return nil, fmt.Errorf("rule: %w", err)
	}
	c, err := core.New(core.Config{
		Workers: config.Workers, BatchSize: config.BatchSize, BatchesPerTurn: config.BatchesPerTurn,
		SyncPageSize: config.SyncPageSize, LeaseDuration: config.LeaseDuration, CallTimeout: config.CallTimeout,
		RetryDelay: config.RetryDelay, MaxRetryDelay: config.MaxRetryDelay, BookmarkEvery: config.BookmarkInterval,
		SweepEvery: config.SweepInterval, FeedRetention: config.FeedRetention, RecheckInterval: config.RecheckInterval,
		UserRetryDelay: config.UserRetryDelay, MaxUserRetryDelay: config.MaxUserRetryDelay,
	}, s, remote.NewIdentity(deps.Identity), remote.NewFailedEvents(deps.FailedEvents), deps.Log, deps.Tracing, deps.Meters, deps.Now)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rule: %w", err), s.Close())
	}
	return &Service{core: c, store: s, directory: deps.Directory, log: deps.Log}, nil
}

// open chooses the engine.
func open(ctx context.Context, config Config, deps Dependencies) (store.Store, error) {
	if config.DatabaseURL != "" {
		return postgres.Open(ctx, postgres.Config{Server: sqldb.PostgresServer{
			URL: config.DatabaseURL, MaxConnections: config.DatabaseConnections, Log: deps.Log, Tracing: deps.Tracing, Meter: deps.Meters,
		}})
	}
	return sqlite.Open(ctx, config.DatabasePath, deps.Log, deps.Tracing)
}

// Register registers the RPCs of usher.rule.v1 on r.
func (s *Service) Register(r grpc.ServiceRegistrar) { server.Register(r, s.core) }

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
