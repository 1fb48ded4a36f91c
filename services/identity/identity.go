// Package identity is the identity service: it owns users, groups, memberships and the feed of their changes, and all of
// SCIM's semantics. It follows the directory service's feed to learn which directories exist. It asks the failedevents service to erase
// the names of deleted users.
package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/server"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/postgres"
	"github.com/usher-scim/usher/services/identity/internal/store/sqlite"
	"github.com/usher-scim/usher/services/internal/erasure"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Config is the configuration of the service: its settings, and values that users cannot set.
type Config struct {
	Settings
	// DatabasePath is the SQLite file, used when DatabaseURL is empty. New creates a missing file.
	DatabasePath string
	core.Tuning  // a zero field means its default
}

// Dependencies is what the service uses.
type Dependencies struct {
	// Directory is the connection to the directory service. Calls on it are made as identity.
	Directory grpc.ClientConnInterface
	// FailedEvents is the connection to the failedevents service. Calls on it are made as identity.
	FailedEvents grpc.ClientConnInterface
	Log          *slog.Logger
	Tracing      trace.TracerProvider
	Meter        metric.MeterProvider // may be nil
	Now          func() time.Time
}

// Service is the running service.
type Service struct {
	store       store.Store
	core        *core.Core
	server      *server.Server
	directory   grpc.ClientConnInterface
	directories directoryv1.DirectoryFeedServiceClient // on the connection directory
	names       failedeventsv1.FailedEventErasureServiceClient
	log         *slog.Logger
	retention   time.Duration
	observed    metric.Registration
	stop        chan struct{}
	once        sync.Once
}

// Migrate prepares a PostgreSQL database for this service, or brings it to the newest schema. Processes of the previous
// version may use the database meanwhile.
func Migrate(ctx context.Context, databaseURL string) error {
	if err := postgres.Migrate(ctx, databaseURL); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}

// DatabaseSchema returns the schema that the service needs in a PostgreSQL database, for those who look at one.
func DatabaseSchema() pgdb.Schema { return postgres.Schema() }

// RenewEpoch makes all followers of the service's feed begin again. Call it after the PostgreSQL database was restored in a
// way that Usher cannot notice.
func RenewEpoch(ctx context.Context, databaseURL string) error {
	if err := postgres.RenewEpoch(ctx, databaseURL); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}

// New opens the service's database. It brings a SQLite file to the newest schema. Call Run to follow the directories, and Close at the
// end.
func New(ctx context.Context, c Config, d Dependencies) (*Service, error) {
	if err := errors.Join(c.Check().Err(), c.OneDatabase(c.DatabasePath)); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	c.Tuning = c.Tuning.Complete()
	s, err := open(ctx, c, d)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	domain, err := core.New(s, core.Config{
		ScanLimit: c.ScanLimit, DocumentBytes: c.DocumentBytes, Tuning: c.Tuning,
		Lists: inflight.New(c.lists()), Now: d.Now, Shared: c.DatabaseURL != "",
	}, d.Meter)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("identity: %w", err), s.Close())
	}
	stop := make(chan struct{})
	srv := server.New(domain, inflight.New(c.inFlight()), stop)
	observed, err := srv.ObserveInFlight(d.Meter)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("identity: %w", err), s.Close())
	}
	return &Service{
		store: s, core: domain, server: srv, observed: observed,
		directory: d.Directory, directories: directoryv1.NewDirectoryFeedServiceClient(d.Directory),
		names: failedeventsv1.NewFailedEventErasureServiceClient(d.FailedEvents), log: d.Log, retention: c.ChangeRetention, stop: stop,
	}, nil
}

// lists returns how much memory lists may take: half of the memory for large groups, and at least enough for four of the
// largest lists. share is the part that the lists of one directory may take.
func (c Config) lists() (total, share int64) {
	groups, _ := c.inFlight()
	total = max(groups/2, 4*core.MostInList(c.PageBytes, c.DocumentBytes))
	return total, total / 4
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

// Run follows the directories, erases organizations and the names of deleted users, and trims the feed, until the context ends.
func (s *Service) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { s.followAlways(ctx) })
	running.Go(func() { s.trim(ctx) })
	running.Go(func() { s.flushMessageCounts(ctx) })
	running.Go(func() { s.eraseNames(ctx) })
	running.Go(func() { erasure.Follow(ctx, s.directory, erasure.Keeper{Erase: s.erase}, s.log) })
	running.Wait()
	return nil
}

// erase erases a part of an organization.
func (s *Service) erase(ctx context.Context, e erasure.Erasure) (nothingLeft bool, err error) {
	return s.core.EraseOrganization(ctx, e.OrganizationID, store.Place{Epoch: e.Epoch, Revision: e.Revision})
}

// flushEvery is how often the message counts are written to the database. A killed process loses the counts of about this
// time.
const flushEvery = 5 * time.Second

// lastFlush is how long Close waits for a database that does not answer.
const lastFlush = 2 * time.Second

// flushMessageCounts stores the gathered message counts at intervals. Close stores the last ones.
func (s *Service) flushMessageCounts(ctx context.Context) {
	for wait.Sleep(ctx, flushEvery) {
		if err := s.core.FlushMessageCounts(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "storing the counts of messages failed and is tried again", "error", err)
		}
	}
}

// trim trims the records of the feed that are older than the retention time.
func (s *Service) trim(ctx context.Context) {
	ticker := time.NewTicker(trimEvery)
	defer ticker.Stop()
	for {
		if err := s.core.TrimChanges(ctx, s.retention); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "trimming the change feed failed and is tried again", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// trimEvery is how often trim searches for records to trim.
const trimEvery = 10 * time.Minute

// followAlways follows the directories until the context ends.
func (s *Service) followAlways(ctx context.Context) {
	const leastDelay, mostDelay = 50 * time.Millisecond, 5 * time.Second
	for failures := 1; ; failures++ {
		connected, err := s.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if connected {
			failures = 1
		}
		delay := wait.Backoff(leastDelay, mostDelay, failures)
		if err != nil && !errors.Is(err, io.EOF) {
			s.log.WarnContext(ctx, "following the directories stopped; trying again", "error", err, "delay", delay)
		}
		if !wait.Sleep(ctx, delay) {
			return
		}
	}
}

// errRestored ends the stream of directories: the restored database may contain fewer directories than were applied before.
var errRestored = errors.New("the database is another one than before")

// restoreCheckEvery is how often follow checks whether the database was restored.
const restoreCheckEvery = time.Second

// follow applies directories until the stream breaks. It begins at the last place that the database has, also after a
// failover to another database. connected is true if the stream delivered something.
func (s *Service) follow(ctx context.Context) (connected bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var checking sync.WaitGroup
	defer checking.Wait()
	defer cancel(nil)
	epoch := s.core.Epoch()
	checking.Go(func() {
		for wait.Sleep(ctx, restoreCheckEvery) {
			if s.core.Epoch() != epoch {
				cancel(errRestored)
			}
		}
	})
	at, err := s.core.Followed(ctx)
	if err != nil {
		return false, err
	}
	stream, err := s.directories.WatchDirectories(ctx, &directoryv1.WatchDirectoriesRequest{AfterRevision: at.Revision, Epoch: at.Epoch})
	if err != nil {
		return false, err
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			if errors.Is(context.Cause(ctx), errRestored) {
				err = errRestored
			}
			return connected, err
		}
		connected = true
		d := response.GetDirectory()
		if d == nil {
			continue // the response only says that the follower has caught up
		}
		if err := s.core.ApplyDirectory(ctx, store.Directory{
			OrganizationID: d.GetOrganizationId(), ID: d.GetId(), UniqueGroupNames: d.GetUniqueGroupNames(), AdoptByName: d.GetAdoptByName(),
			Strict: d.GetMode() == directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT, ReplacesID: d.GetReplacesId(),
			Closed: d.GetState() == directoryv1.DirectoryState_DIRECTORY_STATE_DELETED,
		}, store.Place{Epoch: response.GetEpoch(), Revision: response.GetRevision()}); err != nil {
			return connected, err
		}
	}
}

// Stop ends the streams, so that the server that serves them can stop. A second call does nothing.
func (s *Service) Stop() { s.once.Do(func() { close(s.stop) }) }

// Close stops the service and closes its database. Call it after the last call has ended and Run has returned.
func (s *Service) Close() error {
	s.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), lastFlush)
	defer cancel()
	if err := s.core.FlushMessageCounts(ctx); err != nil {
		s.log.WarnContext(ctx, "the last counts of messages could not be stored", "error", err)
	}
	return errors.Join(s.observed.Unregister(), s.store.Close())
}
