// Package pgdb opens PostgreSQL databases for the services' stores. It handles connections, migrations, the epochs and wakeups of feeds,
// and errors. It knows no table.
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
	"github.com/usher-scim/usher/services/internal/secret"
)

// Timeouts of every session. An open transaction would delay the feeds of the whole cluster, and a migration that waits for a lock
// would make everybody behind it wait.
const (
	statementTimeout = 20 * time.Second
	idleTimeout      = 10 * time.Second
	lockTimeout      = 5 * time.Second
	connectTimeout   = 5 * time.Second
)

// DB is a pool of connections to one service's schema.
type DB struct {
	*pgxpool.Pool
	epochs *epochs // nil for a schema without a feed
	delays *delays // nil if no transaction delays a feed
	state  *state
}

// Server is a PostgreSQL server and database, with the options of this process.
type Server struct {
	// URL is the address, in libpq's format.
	URL string
	// MaxConnections bounds each pool; a feed uses one more connection to listen. 0 means 20.
	MaxConnections int32
	// Log, Tracing and Meter may be nil.
	Log     *slog.Logger
	Tracing trace.TracerProvider
	Meter   metric.MeterProvider
}

// byIndex makes the planner use nested loops over index scans whenever they exist. Its estimates of costs must not make it compile a
// statement, or start workers.
var byIndex = map[string]string{
	"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
	"enable_material": "off", "jit": "off", "plan_cache_mode": "force_generic_plan",
	"max_parallel_workers_per_gather": "0",
}

// Schema is a service's tables in a database, which may contain other schemas.
type Schema struct {
	// Name is the schema's name. Migrate creates a missing schema.
	Name string
	// Migrations are numbered .sql files with goose annotations. The first one creates the table meta, see DB.Epoch.
	Migrations fs.FS
	// NewEpoch, if the schema has a feed, is a part of the transaction that starts a new epoch. It deletes what has no meaning in
	// another database. It is nil without a feed.
	NewEpoch func(ctx context.Context, tx pgx.Tx) error
	// Truncates are the tables that NewEpoch empties with TRUNCATE, which needs a right of its own.
	Truncates []string
	// ByIndex means that each statement finds its rows by an index, row by row, whatever the tables' statistics are. PostgreSQL plans
	// a statement once for each connection, maybe on empty tables, where another plan is best that later reads everything.
	ByIndex bool
	// ByTransaction means that the feed is ordered by transactions, so that the oldest open one delays its readers.
	ByTransaction bool
}

// Open connects, and checks that the schema and this binary fit. It changes no table: Migrate does. It logs a warning about settings
// with which the database can lose acknowledged data.
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
	if db.state, err = watchState(db.Pool, schema.Name, server.Log, server.Meter); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func (p *DB) prepare(ctx context.Context, server Server, schema Schema) error {
	if err := fits(ctx, p.Pool, schema); err != nil {
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
	p.delays, err = watchDelays(p.Pool, schema.Name, server.Log, server.Meter)
	return err
}

// recognize checks each new connection.
func (p *DB) recognize(ctx context.Context, conn *pgx.Conn) error {
	if p.epochs == nil {
		return nil
	}
	return p.epochs.recognize(ctx, conn)
}

// Close closes the connections.
func (p *DB) Close() {
	if p.delays != nil {
		p.delays.close()
	}
	if p.state != nil {
		p.state.close()
	}
	p.Pool.Close()
}

// ErrOldSchema is wrapped by the error of a schema that is missing, or lacks migrations: Migrate applies them.
var ErrOldSchema = errors.New("run usher migrate, or serve with migrate set")

// Check connects, and checks that the schema and this binary fit, like Open. It writes nothing.
func Check(ctx context.Context, url string, schema Schema) error {
	pool, err := connect(ctx, Server{URL: url, MaxConnections: 1}, schema, nil, nil)
	if err != nil {
		return err
	}
	defer pool.Close()
	return fits(ctx, pool, schema)
}

// Migrate creates the schema and applies the missing migrations. Concurrent calls wait for a lock.
func Migrate(ctx context.Context, url string, schema Schema) error {
	// A migration may take as long as it needs, but nobody may wait behind it for a lock.
	pool, err := connect(ctx, Server{URL: url}, schema, nil, map[string]string{"statement_timeout": "0"})
	if err != nil {
		return err
	}
	defer pool.Close()
	// Creating an existing schema needs a right that a user who only migrates may lack.
	exists, err := ReadOne(ctx, pool, dbtype.Value[bool], nil, `SELECT to_regnamespace($1) IS NOT NULL`, schema.Name)
	if err != nil {
		return err
	}
	if exists {
		return migrateUp(ctx, pool, schema)
	}
	if _, err := pool.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema.Name}.Sanitize()); err != nil && !uniqueViolation(err) {
		// Of two concurrent creations, one fails because the schema exists.
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

// fits checks that the schema has all migrations of this binary, and needs no newer binary.
func fits(ctx context.Context, pool *pgxpool.Pool, schema Schema) error {
	newest, err := migration.Newest(schema.Migrations)
	if err != nil {
		return err
	}
	at, least, err := versions(ctx, pool)
	if err != nil {
		return err
	}
	if at < newest {
		return fmt.Errorf("schema %s is at migration %d and this binary needs %d: %w", schema.Name, at, newest, ErrOldSchema)
	}
	return migration.Fits("schema "+schema.Name, least, newest)
}

// versions returns the newest migration of a schema, and the newest one that a binary must know. Both are 0 without a schema.
func versions(ctx context.Context, pool *pgxpool.Pool) (at, least int64, err error) {
	const migrated = `SELECT (SELECT max(version_id) FROM goose_db_version WHERE is_applied), least_migration FROM meta`
	err = pool.QueryRow(ctx, migrated).Scan(&at, &least)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == codeUndefinedTable {
		return 0, 0, nil
	}
	return at, least, Reach(err)
}

// warnOfUnsafeSettings logs what a crash of the database would lose.
func warnOfUnsafeSettings(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	unsafe, err := unsafeSettings(ctx, pool)
	if err != nil {
		return err
	}
	for _, name := range unsafe {
		log.LogAttrs(ctx, slog.LevelWarn, "PostgreSQL CAN LOSE WRITES THAT USHER HAS ACKNOWLEDGED: a setting is off that must be on",
			slog.String("setting", name))
	}
	return nil
}

// unsafeSettings lists the settings that are off although a crash then loses acknowledged writes.
func unsafeSettings(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	return ReadAll(ctx, pool, dbtype.Value[string], `SELECT name FROM pg_settings
		WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name`)
}

// connect creates the pool. recognize, if not nil, gets each new connection. session overrides settings of the session.
func connect(ctx context.Context, server Server, schema Schema,
	recognize func(context.Context, *pgx.Conn) error, session map[string]string,
) (*pgxpool.Pool, error) {
	config, err := configure(server, schema, session)
	if err != nil {
		return nil, err
	}
	config.AfterConnect = recognize
	return dial(ctx, config)
}

// configure returns the options of a pool.
func configure(server Server, schema Schema, session map[string]string) (*pgxpool.Config, error) {
	config, err := parseURL(server.URL)
	if err != nil {
		return nil, fmt.Errorf("database_url %w", err)
	}
	config.MaxConns = server.MaxConnections
	if config.MaxConns == 0 {
		config.MaxConns = 20
	}
	config.ConnConfig.ConnectTimeout = connectTimeout
	milliseconds := func(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
	for key, value := range map[string]string{
		"search_path":                         schema.Name,
		"application_name":                    "usher " + schema.Name,
		"statement_timeout":                   milliseconds(statementTimeout),
		"idle_in_transaction_session_timeout": milliseconds(idleTimeout),
		"lock_timeout":                        milliseconds(lockTimeout),
		// A statement that waited for a lock must see what the transaction before it wrote.
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
	return config, nil
}

// dial creates a pool whose server answers.
func dial(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
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

// CheckURL checks the address of a server and database, and the files that it names. The error follows the name of a setting, and
// contains no part of the value: it may be a password.
func CheckURL(url string) error {
	_, err := parseURL(url)
	return err
}

// Password returns the password in the address of a database, or in the file and the environment that libpq uses; empty if there is none.
// It is for those who must keep it out of a text.
func Password(url string) secret.Text {
	config, err := parseURL(url)
	if err != nil {
		return ""
	}
	return secret.Text(config.ConnConfig.Password)
}

func parseURL(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	var unusable *pgconn.ParseConfigError
	if err == nil || !errors.As(err, &unusable) {
		return config, err
	}
	// The parser's error contains the value, and so maybe a password. Other errors are about single options.
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
	defer func() { _ = db.Close() }() // the owner of the pool closes it
	// A call that waits asks once a second, for up to an hour: another one may build an index of a large table. It must not wait in a
	// statement: CREATE INDEX CONCURRENTLY would wait for the snapshot of that statement.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 3600))
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
	codeNotInThisState    = "55000" // the answer of a standby to a question about its position in the log
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

// ViolatedConstraint returns the name of the unique constraint that a write violated, or empty.
func ViolatedConstraint(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == codeUniqueViolation {
		return e.ConstraintName
	}
	return ""
}

// Unstorable reports whether a statement failed because PostgreSQL's text cannot contain an argument: U+0000 is not allowed. No row
// can contain such an argument.
func Unstorable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == codeNotInRepertoire
}

// Reach turns the error of an unreachable database into fault.Unavailable, and an Unstorable error into fault.InvalidRequest. It returns
// other errors unchanged.
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
			return fault.Wrap(err, fault.InvalidRequest, "a text contains the character U+0000, which cannot be stored")
		}
		return err
	}
	var refused *pgconn.ConnectError
	if errors.As(err, &refused) || pgconn.Timeout(err) || pgconn.SafeToRetry(err) || brokeOff(err) {
		return unavailable(err)
	}
	return err
}

// brokeOff reports whether a connection ended during a statement. Nobody knows whether the statement took effect.
func brokeOff(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed)
}

func unavailable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "the database cannot be reached").Retry(time.Second)
}
