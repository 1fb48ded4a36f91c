package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/fault"
)

// Timeouts of every session. A transaction that is held open would hold the feeds of the whole cluster back, and a
// migration that waits for a lock would make everybody wait behind it.
const (
	statementTimeout = 20 * time.Second
	idleTimeout      = 10 * time.Second
	lockTimeout      = 5 * time.Second
	connectTimeout   = 5 * time.Second
)

// Postgres is a pool of connections to one service's schema.
type Postgres struct {
	*pgxpool.Pool
}

// PostgresConfig says where a service's tables are.
type PostgresConfig struct {
	// URL names the server and database, as libpq has it.
	URL string
	// Schema holds the service's tables; it is made when it is missing. Services may share a database.
	Schema string
	// MaxConnections bounds the pool. 0 means 20.
	MaxConnections int32
	// ByIndex says that each statement finds its rows by an index, row by row, and is to do so whatever the tables' statistics
	// are. Plans are made once a connection, maybe on empty tables: what is best there reads everything later.
	ByIndex bool
}

// byIndex leaves the planner the nested loop over index scans where there is one. What it believes of the costs must not make
// it compile a statement, or start workers for one.
var byIndex = map[string]string{
	"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	"enable_material": "off", "jit": "off", "plan_cache_mode": "force_generic_plan",
	"max_parallel_workers_per_gather": "0",
}

// OpenPostgres connects, and checks that the schema has every migration that this binary knows. It changes nothing:
// MigratePostgres does.
func OpenPostgres(ctx context.Context, c PostgresConfig, migrations fs.FS, tracing trace.TracerProvider) (*Postgres, error) {
	pool, err := connectPostgres(ctx, c, tracing)
	if err != nil {
		return nil, err
	}
	if err := withProvider(pool, migrations, func(p *goose.Provider) error {
		pending, err := p.HasPending(ctx)
		if err == nil && pending {
			err = fmt.Errorf("schema %s lacks migrations: migrate it first", c.Schema)
		}
		return err
	}); err != nil {
		pool.Close()
		return nil, err
	}
	return &Postgres{pool}, nil
}

// MigratePostgres makes the schema and applies the migrations that it lacks, under a lock that other migrators wait for.
func MigratePostgres(ctx context.Context, c PostgresConfig, migrations fs.FS) error {
	pool, err := connectPostgres(ctx, c, nil)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{c.Schema}.Sanitize()); err != nil && !uniqueViolation(err) {
		// Two that make it at once: the loser is told that it is there.
		return fmt.Errorf("making schema %s: %w", c.Schema, err)
	}
	return withProvider(pool, migrations, func(p *goose.Provider) error {
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrating schema %s: %w", c.Schema, err)
		}
		return nil
	})
}

func connectPostgres(ctx context.Context, c PostgresConfig, tracing trace.TracerProvider) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		// The error of ParseConfig leaves passwords out.
		return nil, fmt.Errorf("database_url: %w", err)
	}
	config.MaxConns = c.MaxConnections
	if config.MaxConns == 0 {
		config.MaxConns = 20
	}
	config.ConnConfig.ConnectTimeout = connectTimeout
	milliseconds := func(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
	for key, value := range map[string]string{
		"search_path":                         c.Schema,
		"application_name":                    "usher " + c.Schema,
		"statement_timeout":                   milliseconds(statementTimeout),
		"idle_in_transaction_session_timeout": milliseconds(idleTimeout),
		"lock_timeout":                        milliseconds(lockTimeout),
		// A statement after a lock must see what the lock's last holder left.
		"default_transaction_isolation": "read committed",
	} {
		config.ConnConfig.RuntimeParams[key] = value
	}
	if c.ByIndex {
		maps.Copy(config.ConnConfig.RuntimeParams, byIndex)
	}
	if tracing != nil {
		config.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(tracing),
			otelpgx.WithDisableConnectionDetailsInAttributes())
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("database_url: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, Reach(err)
	}
	return pool, nil
}

func withProvider(pool *pgxpool.Pool, migrations fs.FS, do func(*goose.Provider) error) error {
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }() // the pool is closed by its owner
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations,
		goose.WithSessionLocker(locker), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	return do(provider)
}

// SQLSTATE codes, from the PostgreSQL manual's appendix A.
const (
	codeUniqueViolation   = "23505"
	codeTooManyConnection = "53300"
	codeAdminShutdown     = "57P01"
	codeCrashShutdown     = "57P02"
	codeCannotConnectNow  = "57P03"
	codeQueryCanceled     = "57014"
	codeLockNotAvailable  = "55P03"
	codeNotInRepertoire   = "22021"
)

func uniqueViolation(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == codeUniqueViolation
}

// ViolatedConstraint is the name of the unique constraint that a write would have broken, or empty.
func ViolatedConstraint(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == codeUniqueViolation {
		return e.ConstraintName
	}
	return ""
}

// Unstorable says whether a statement failed because PostgreSQL's text cannot hold an argument: it holds no U+0000. What
// was looked for is then not there.
func Unstorable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == codeNotInRepertoire
}

// Reach turns an error that says that the database cannot be reached now into fault.Unavailable, and one of Unstorable into
// fault.InvalidRequest; others it leaves alone.
func Reach(err error) error {
	if err == nil || errors.Is(err, pgx.ErrNoRows) || errors.Is(err, context.Canceled) {
		return err
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code {
		case codeTooManyConnection, codeAdminShutdown, codeCrashShutdown, codeCannotConnectNow, codeQueryCanceled, codeLockNotAvailable:
			return unavailable(err)
		case codeNotInRepertoire:
			return fault.Wrap(err, fault.InvalidRequest, "a text holds the character U+0000, which can't be kept")
		}
		return err
	}
	var refused *pgconn.ConnectError
	if errors.As(err, &refused) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) || brokeOff(err) {
		return unavailable(err)
	}
	return err
}

// brokeOff says that a connection ended in the middle of a statement. What became of it nobody knows.
func brokeOff(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}

func unavailable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "the database cannot be reached").Retry(time.Second)
}
