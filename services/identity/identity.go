// Package identity is the identity service: it owns users, groups, memberships and the feed of their changes, and all of
// SCIM's semantics. It follows the directory service, to know which directories there are.
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
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/server"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/postgres"
	"github.com/usher-scim/usher/services/identity/internal/store/sqlite"
	"github.com/usher-scim/usher/services/internal/erasure"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Config is what the service can be told.
type Config struct {
	// DatabasePath is the SQLite file. It is made when it is not there. It or DatabaseURL must be set.
	DatabasePath string
	// DatabaseURL names the PostgreSQL server and database, as libpq has it. Migrate has prepared it. Any number of processes
	// may run on it.
	DatabaseURL string
	// DatabaseConnections bounds the connections to PostgreSQL; one more listens for a feed. 0 means 20.
	DatabaseConnections int32
	// ReadyWait is how long a request waits for identity to learn that its directory was created. Default 2 seconds.
	ReadyWait time.Duration
	// ChangeRetention is for how long records of the change feed are kept. Default 720 hours.
	ChangeRetention time.Duration
	// PageBytes is how large a page of a list may grow before it ends early. Default 4 MiB.
	PageBytes int
	// ScanLimit is how many resources a list reads at most where no index serves it. A page by index is refused beyond, one by
	// cursor ends early. Default 100,000.
	ScanLimit int
	// FactsLimit is how many memberships, of users and of the groups above them, one read of users looks at. A call for several
	// users is refused beyond, and a user who alone is beyond has no access by groups. Default 200,000.
	FactsLimit int
	// InFlightBytes is how much memory large groups under way may take, by an estimate of 1.5 bytes for each byte of a document
	// and 8 MiB. Lists may take half as much again: see lists. Default: a quarter of GOMEMLIMIT, or 256 MiB without one.
	InFlightBytes int64
	// InFlightShareBytes is how much of it one directory may take. Default: half of it. Both defaults are larger where the
	// largest group needs it.
	InFlightShareBytes int64
	// DocumentBytes is how large the document of a user or group may be when it is stored, without a group's members, however it
	// was written: from 64 KiB to 16 MiB. One that is stored and larger can be read, and may only become smaller. Default 1 MiB.
	DocumentBytes int
	// Limits bounds what messages may hold; zero fields have their defaults.
	Limits scim.Limits
}

// Dependencies is what the service uses.
type Dependencies struct {
	// Directory is the connection to the directory service, as identity.
	Directory grpc.ClientConnInterface
	Log       *slog.Logger
	Tracing   trace.TracerProvider
	Meter     metric.MeterProvider // may be nil
	Now       func() time.Time
}

// Service is the running service.
type Service struct {
	store       store.Store
	core        *core.Core
	server      *server.Server
	directory   grpc.ClientConnInterface
	directories directoryv1.DirectoryFeedServiceClient // of it
	log         *slog.Logger
	retention   time.Duration
	observed    metric.Registration
	stop        chan struct{}
	once        sync.Once
}

// Migrate prepares a PostgreSQL database for this service, or brings it to the newest schema. Processes of the version
// before may run on it meanwhile.
func Migrate(ctx context.Context, databaseURL string) error {
	if err := postgres.Migrate(ctx, databaseURL); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}

// RenewEpoch has who follows the service's feed begin anew, after its PostgreSQL database was restored in a way that
// cannot be noticed.
func RenewEpoch(ctx context.Context, databaseURL string) error {
	if err := postgres.RenewEpoch(ctx, databaseURL); err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	return nil
}

// New opens the service's database; a SQLite file it brings to the newest schema. Call Run to follow the directories, and Close in the end.
func New(ctx context.Context, c Config, d Dependencies) (*Service, error) {
	if c.ReadyWait == 0 {
		c.ReadyWait = 2 * time.Second
	}
	if c.ChangeRetention == 0 {
		c.ChangeRetention = 30 * 24 * time.Hour
	}
	if c.PageBytes == 0 {
		c.PageBytes = 4 << 20
	}
	if c.FactsLimit == 0 {
		c.FactsLimit = 200_000
	}
	if c.DocumentBytes == 0 {
		c.DocumentBytes = 1 << 20
	}
	if c.ScanLimit == 0 {
		c.ScanLimit = 100_000
	}
	if c.InFlightBytes == 0 {
		c.InFlightBytes = inflight.Default(4, server.MostInFlight())
	}
	if c.InFlightShareBytes == 0 {
		c.InFlightShareBytes = max(c.InFlightBytes/2, min(server.MostInFlight(), c.InFlightBytes))
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	s, err := open(ctx, c, d)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	domain, err := core.New(s, core.Config{
		ReadyWait: c.ReadyWait, PageBytes: c.PageBytes, ScanLimit: c.ScanLimit, FactsLimit: c.FactsLimit, DocumentBytes: c.DocumentBytes, Limits: c.Limits,
		Lists: inflight.New(c.lists()), Now: d.Now, Shared: c.DatabaseURL != "",
	}, d.Meter)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("identity: %w", err), s.Close())
	}
	stop := make(chan struct{})
	srv := server.New(domain, inflight.New(c.InFlightBytes, c.InFlightShareBytes), stop)
	observed, err := srv.ObserveInFlight(d.Meter)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("identity: %w", err), s.Close())
	}
	return &Service{
		store: s, core: domain, server: srv, observed: observed,
		directory: d.Directory, directories: directoryv1.NewDirectoryFeedServiceClient(d.Directory), log: d.Log, retention: c.ChangeRetention, stop: stop,
	}, nil
}

// lists is how much memory lists may take, half of what large groups may and enough for four of the largest lists, and how
// much of it those of one directory may.
func (c Config) lists() (total, share int64) {
	total = max(c.InFlightBytes/2, 4*core.MostInList(c.PageBytes, c.DocumentBytes))
	return total, total / 4
}

// Bounds of Config.DocumentBytes: a photo fits in the least, and messages between services hold several of the most.
const leastDocumentBytes, mostDocumentBytes = 64 << 10, 16 << 20

func (c Config) check() error {
	var problems []error
	if (c.DatabasePath == "") == (c.DatabaseURL == "") {
		problems = append(problems, errors.New("one of identity.database_path (SQLite) and identity.database_url (PostgreSQL) must be set, and not both"))
	}
	if c.ReadyWait < 0 {
		problems = append(problems, fmt.Errorf("identity.ready_wait must not be negative, not %s", c.ReadyWait))
	}
	if c.ChangeRetention < 0 {
		problems = append(problems, fmt.Errorf("identity.change_retention must not be negative, not %s", c.ChangeRetention))
	}
	if c.PageBytes < 0 {
		problems = append(problems, fmt.Errorf("identity.page_bytes must not be negative, not %d", c.PageBytes))
	}
	if c.FactsLimit < 0 {
		problems = append(problems, fmt.Errorf("identity.facts_limit must not be negative, not %d", c.FactsLimit))
	}
	if c.DocumentBytes < leastDocumentBytes || c.DocumentBytes > mostDocumentBytes {
		problems = append(problems, fmt.Errorf("identity.document_bytes must be from %d to %d, not %d", leastDocumentBytes, mostDocumentBytes, c.DocumentBytes))
	}
	if c.ScanLimit < 0 {
		problems = append(problems, fmt.Errorf("identity.scan_limit must not be negative, not %d", c.ScanLimit))
	}
	if most := server.MostInFlight(); c.InFlightShareBytes < most || c.InFlightBytes < most {
		problems = append(problems, fmt.Errorf("identity.in_flight_bytes and identity.in_flight_share_bytes must be at least %d, not %d and %d: "+
			"the largest group takes that much", most, c.InFlightBytes, c.InFlightShareBytes))
	}
	if c.InFlightShareBytes > c.InFlightBytes {
		problems = append(problems, fmt.Errorf("identity.in_flight_share_bytes must be at most identity.in_flight_bytes, %d, not %d",
			c.InFlightBytes, c.InFlightShareBytes))
	}
	return errors.Join(problems...)
}

// open chooses the engine.
func open(ctx context.Context, c Config, d Dependencies) (store.Store, error) {
	if c.DatabaseURL != "" {
		return postgres.Open(ctx, sqldb.PostgresServer{
			URL: c.DatabaseURL, MaxConnections: c.DatabaseConnections, Log: d.Log, Tracing: d.Tracing, Meter: d.Meter,
		})
	}
	return sqlite.Open(ctx, c.DatabasePath, d.Log, d.Tracing)
}

// Register adds the service to a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { s.server.Register(r) }

// Run follows the directories, erases organizations, and trims the feed, until the context ends.
func (s *Service) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { s.followAlways(ctx) })
	running.Go(func() { s.trim(ctx) })
	running.Go(func() { s.foldOddities(ctx) })
	running.Go(func() { erasure.Follow(ctx, s.directory, erasure.Keeper{Erase: s.erase}, s.log) })
	running.Wait()
	return nil
}

// erase removes some of an organization.
func (s *Service) erase(ctx context.Context, e erasure.Erasure) (nothingLeft bool, err error) {
	return s.core.EraseOrganization(ctx, e.OrganizationID, store.Place{Epoch: e.Epoch, Revision: e.Revision})
}

// foldEvery is how often counts of quirks go to the database: a kill loses those of about so long.
const foldEvery = 5 * time.Second

// lastFold is how long Close waits for a database that is away.
const lastFold = 2 * time.Second

// foldOddities stores what was gathered of quirks, now and then. Close does so in the end.
func (s *Service) foldOddities(ctx context.Context) {
	for wait.Sleep(ctx, foldEvery) {
		if err := s.core.FoldOddities(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "storing the counts of quirks failed and is tried again", "error", err)
		}
	}
}

// trim removes records from the feed that were kept long enough.
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

// trimEvery is how often records are looked for that are old enough to be trimmed.
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

// errRestored ends the following of directories: what the database has of them may be less than what was applied.
var errRestored = errors.New("the database is another one than before")

// lookForRestore is how often it is looked whether the database is another one.
const lookForRestore = time.Second

// follow applies directories from where it left off until the stream breaks, and says whether there was one. It begins
// again where the database has left off, when that is another one than before, as after a failover.
func (s *Service) follow(ctx context.Context) (connected bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer cancel(nil)
	epoch := s.core.Epoch()
	looking.Go(func() {
		for wait.Sleep(ctx, lookForRestore) {
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
			continue // it only says that we have caught up
		}
		if err := s.core.ApplyDirectory(ctx, store.Directory{
			OrganizationID: d.GetOrganizationId(), ID: d.GetId(), UniqueGroupNames: d.GetUniqueGroupNames(),
			Strict: d.GetMode() == directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT, ReplacesID: d.GetReplacesId(),
			Closed: d.GetState() == directoryv1.DirectoryState_DIRECTORY_STATE_DELETED,
		}, store.Place{Epoch: response.GetEpoch(), Revision: response.GetRevision()}); err != nil {
			return connected, err
		}
	}
}

// Stop ends the streams, so that the server that serves them can stop. Stopping twice is safe.
func (s *Service) Stop() { s.once.Do(func() { close(s.stop) }) }

// Close stops the service and closes its database, after the last call and after Run.
func (s *Service) Close() error {
	s.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), lastFold)
	defer cancel()
	if err := s.core.FoldOddities(ctx); err != nil {
		s.log.WarnContext(ctx, "the last counts of quirks could not be stored", "error", err)
	}
	return errors.Join(s.observed.Unregister(), s.store.Close())
}
