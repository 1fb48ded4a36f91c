// Package pgdb opens PostgreSQL databases for the services' stores: connections, migrations, epochs and wake-ups of feeds, and
// what errors mean. It knows no table.
package pgdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/migration"
)

// Timeouts of every session. A transaction that is held open would hold the feeds of the whole cluster back, and a
// migration that waits for a lock would make everybody wait behind it.
const (
	statementTimeout = 20 * time.Second
	idleTimeout      = 10 * time.Second
	lockTimeout      = 5 * time.Second
	connectTimeout   = 5 * time.Second
)

// DB is a pool of connections to one service's schema.
type DB struct {
	*pgxpool.Pool
	epochs *epochs   // nil in a schema without a feed
	held   *heldBack // nil where no transaction holds a feed back
}

// Server is a PostgreSQL server and database, and how a process reaches it.
type Server struct {
	// URL names it, as libpq has it.
	URL string
	// MaxConnections bounds each pool; one more listens for a feed. 0 means 20.
	MaxConnections int32
	// Log, Tracing and Meter may be nil: then nothing is said.
	Log     *slog.Logger
	Tracing trace.TracerProvider
	Meter   metric.MeterProvider
}

// byIndex leaves the planner the nested loop over index scans where there is one. What it believes of the costs must not make
// it compile a statement, or start workers for one.
var byIndex = map[string]string{
	"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	"enable_material": "off", "jit": "off", "plan_cache_mode": "force_generic_plan",
	"max_parallel_workers_per_gather": "0",
}

// Schema is a service's tables in a database: others may be beside it.
type Schema struct {
	// Name is the schema's. It is made when it is missing.
	Name string
	// Migrations are numbered .sql files with goose annotations. The first makes the table meta, see DB.Epoch.
	Migrations fs.FS
	// NewEpoch, where the schema has a feed, is part of the transaction that begins a new epoch: it clears what means nothing
	// in another database than before. Nil where there is no feed.
	NewEpoch func(ctx context.Context, tx pgx.Tx) error
	// ByIndex says that each statement finds its rows by an index, row by row, and is to do so whatever the tables' statistics
	// are. Plans are made once a connection, maybe on empty tables: what is best there reads everything later.
	ByIndex bool
	// ByTransaction says that the feed is ordered by transactions, so that the oldest open one holds its readers back.
	ByTransaction bool
}

// Open connects, and checks that the schema and this binary bear each other. It changes no table: Migrate
// does. Settings with which the database can lose what it acknowledged are warned of.
func Open(ctx context.Context, server Server, schema Schema) (*DB, error) {
	if server.Log == nil {
		server.Log = slog.New(slog.DiscardHandler)
	}
	db := &DB{}
	if schema.NewEpoch != nil {
		db.epochs = &epochs{schema: schema, log: server.Log}
	}
	var err error
	if db.Pool, err = connect(ctx, server, schema, db.recognize, nil); err != nil {
		return nil, err
	}
	if err := db.prepare(ctx, server, schema); err != nil {
		db.Pool.Close()
		return nil, err
	}
	return db, nil
}

func (p *DB) prepare(ctx context.Context, server Server, schema Schema) error {
	if err := bears(ctx, p.Pool, schema); err != nil {
		return err
	}
	if err := warnOfUnsafeSettings(ctx, p.Pool, server.Log); err != nil {
		return err
	}
	if p.epochs == nil {
		return nil
	}
	if err := p.epochs.open(ctx, p.Pool); err != nil {
		return err
	}
	if !schema.ByTransaction {
		return nil
	}
	var err error
	p.held, err = watchHeldBack(p.Pool, schema.Name, server.Log, server.Meter)
	return err
}

// recognize is called with each new connection.
func (p *DB) recognize(ctx context.Context, conn *pgx.Conn) error {
	if p.epochs == nil {
		return nil
	}
	return p.epochs.recognize(ctx, conn)
}

// Close ends the connections.
func (p *DB) Close() {
	if p.held != nil {
		p.held.close()
	}
	p.Pool.Close()
}

// ErrOldSchema is wrapped by the error of a schema that lacks migrations, or is not there: Migrate applies them.
var ErrOldSchema = errors.New("run usher migrate, or serve with migrate set")

// Check connects, and says whether the schema and this binary bear each other, as Open does. It writes nothing.
func Check(ctx context.Context, url string, schema Schema) error {
	pool, err := connect(ctx, Server{URL: url, MaxConnections: 1}, schema, nil, nil)
	if err != nil {
		return err
	}
	defer pool.Close()
	return bears(ctx, pool, schema)
}

// Migrate makes the schema and applies the migrations that it lacks, under a lock that other migrators wait for.
func Migrate(ctx context.Context, url string, schema Schema) error {
	// A migration may take as long as it needs, as long as it makes nobody wait behind a lock.
	pool, err := connect(ctx, Server{URL: url}, schema, nil, map[string]string{"statement_timeout": "0"})
	if err != nil {
		return err
	}
	defer pool.Close()
	// Making one that is there needs a right that who only migrates may lack.
	there, err := ReadOne(ctx, pool, dbtype.Value[bool], nil, `SELECT to_regnamespace($1) IS NOT NULL`, schema.Name)
	if err != nil {
		return err
	}
	if there {
		return migrateUp(ctx, pool, schema)
	}
	if _, err := pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema.Name}.Sanitize()); err != nil && !uniqueViolation(err) {
		// Two that make it at once: the loser is told that it is there.
		return fmt.Errorf("making schema %s: %w", schema.Name, err)
	}
	return migrateUp(ctx, pool, schema)
}

func migrateUp(ctx context.Context, pool *pgxpool.Pool, schema Schema) error {
	return withProvider(pool, schema.Migrations, func(p *goose.Provider) error {
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrating schema %s: %w", schema.Name, err)
		}
		return nil
	})
}

// bears checks that the schema has what this binary needs, and needs no newer one.
func bears(ctx context.Context, pool *pgxpool.Pool, schema Schema) error {
	newest, err := migration.Newest(schema.Migrations)
	if err != nil {
		return err
	}
	var at, least int64
	const migrated = `SELECT (SELECT max(version_id) FROM goose_db_version WHERE is_applied), least_migration FROM meta`
	err = pool.QueryRow(ctx, migrated).Scan(&at, &least)
	var refused *pgconn.PgError
	if err != nil && !(errors.As(err, &refused) && refused.Code == codeUndefinedTable) {
		return Reach(err)
	}
	if at < newest {
		return fmt.Errorf("schema %s is at migration %d and this binary needs %d: %w", schema.Name, at, newest, ErrOldSchema)
	}
	return migration.Fits("schema "+schema.Name, least, newest)
}

// warnOfUnsafeSettings says loudly what a crash of the database would cost.
func warnOfUnsafeSettings(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	unsafe, err := ReadAll(ctx, pool, dbtype.Value[string], `SELECT name FROM pg_settings
		WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name`)
	if err != nil {
		return err
	}
	for _, name := range unsafe {
		log.LogAttrs(ctx, slog.LevelWarn, "PostgreSQL CAN LOSE WRITES THAT USHER HAS ACKNOWLEDGED: a setting is off that must be on",
			slog.String("setting", name))
	}
	return nil
}

// connect makes the pool. recognize, if it is not nil, sees each new connection; session overrides its settings.
func connect(ctx context.Context, server Server, schema Schema,
	recognize func(context.Context, *pgx.Conn) error, session map[string]string,
) (*pgxpool.Pool, error) {
	config, err := parseURL(server.URL)
	if err != nil {
		return nil, fmt.Errorf("database_url %w", err)
	}
	config.MaxConns = server.MaxConnections
	if config.MaxConns == 0 {
		config.MaxConns = 20
	}
	config.AfterConnect = recognize
	config.ConnConfig.ConnectTimeout = connectTimeout
	milliseconds := func(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
	for key, value := range map[string]string{
		"search_path":                         schema.Name,
		"application_name":                    "usher " + schema.Name,
		"statement_timeout":                   milliseconds(statementTimeout),
		"idle_in_transaction_session_timeout": milliseconds(idleTimeout),
		"lock_timeout":                        milliseconds(lockTimeout),
		// A statement after a lock must see what the lock's last holder left.
		"default_transaction_isolation": "read committed",
	} {
		config.ConnConfig.RuntimeParams[key] = value
	}
	if schema.ByIndex {
		maps.Copy(config.ConnConfig.RuntimeParams, byIndex)
	}
	maps.Copy(config.ConnConfig.RuntimeParams, session)
	if server.Tracing != nil {
		config.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(server.Tracing),
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

// CheckURL says what is wrong with the name of a server and database, or with a file that it names. The error follows
// the name of a setting, and shows nothing of the value: a part of it may be a password.
func CheckURL(url string) error {
	_, err := parseURL(url)
	return err
}

func parseURL(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	var unusable *pgconn.ParseConfigError
	if err == nil || !errors.As(err, &unusable) {
		return config, err
	}
	// What could not be parsed is in the error, and anywhere in it may be a password. The rest is of single options.
	text := err.Error()
	option := text[strings.LastIndex(text, "`: ")+len("`: "):]
	if strings.HasPrefix(option, "failed to parse") || !strings.Contains(text, "`: ") {
		return nil, errors.New("must be an address such as postgres://usher:password@db/usher, with other characters than letters and digits " +
			"in the password written as %XX")
	}
	return nil, fmt.Errorf("can't be used: %s", option)
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
	codeReadOnly          = "25006" // a write on a standby
	codeIdleInTransaction = "25P03"
	codeSerialization     = "40001"
	codeDeadlock          = "40P01"
	codeDiskFull          = "53100"
	codeOutOfMemory       = "53200"
	codeNotInThisState    = "55000" // what a standby answers when it is asked for its place in the log
	codeTooManyConnection = "53300"
	codeAdminShutdown     = "57P01"
	codeCrashShutdown     = "57P02"
	codeCannotConnectNow  = "57P03"
	codeQueryCanceled     = "57014"
	codeLockNotAvailable  = "55P03"
	codeNotInRepertoire   = "22021"
	codeUndefinedTable    = "42P01"
	codeNotSupported      = "0A000"
	codeNotPermitted      = "42501"
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
		case codeTooManyConnection, codeAdminShutdown, codeCrashShutdown, codeCannotConnectNow, codeQueryCanceled, codeLockNotAvailable,
			codeReadOnly, codeNotInThisState, codeIdleInTransaction, codeSerialization, codeDeadlock, codeDiskFull, codeOutOfMemory:
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
