// Package sqlitedb opens SQLite databases for the services' stores. It handles connections, migrations and commits, and removes erased
// data from the file. It knows no table.
package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/XSAM/otelsql"
	"github.com/pressly/goose/v3"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	sqlite "modernc.org/sqlite"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/migration"
	"github.com/usher-scim/usher/services/internal/wait"
)

// maxGroup is how many waiting writes share one commit. With more, one client's burst could delay others.
const maxGroup = 256

const readers = 8

// DB is a database file with many readers and one writer. Commits are durable: a write that has returned survives a loss of power.
// Waiting writes share one commit, each with its own savepoint.
type DB struct {
	reader *sql.DB
	read   *statements // on reader
	writer *sql.DB
	conn   *sql.Conn   // the writer's only one
	write  *statements // on conn
	writes chan *write
	lone   chan func() // runs on conn between two commits
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once

	erased     chan struct{} // wakes the scrub in the background
	scrubbing  chan struct{} // contains one token while the file is scrubbed
	stopScrubs context.CancelFunc
	scrubs     sync.WaitGroup
}

// busyTimeout is how long a connection waits for a lock.
const busyTimeout = 5 * time.Second

// ErrClosed is the error of a write after Close. The caller may try another replica.
var ErrClosed error = fault.New(fault.Unavailable, "the database is closed").Retry(time.Second)

// write is one transaction that waits for its turn.
type write struct {
	ctx  context.Context //nolint:containedctx // of the request that waits for done
	fn   func(context.Context, *Tx) error
	err  error
	done chan struct{}

	erased bool // see Tx.Erased
}

// Open opens or creates the file and applies the migrations, numbered .sql files with goose annotations. Only one process at a time
// may open the file: the data folder is locked.
func Open(ctx context.Context, path string, migrations fs.FS, tracing trace.TracerProvider) (*DB, error) {
	base := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		fmt.Sprintf("&_pragma=busy_timeout(%d)", busyTimeout.Milliseconds()) +
		"&_pragma=foreign_keys(1)&_pragma=cache_size(-16000)&_pragma=temp_store(MEMORY)&_pragma=secure_delete(ON)"
	options := []otelsql.Option{
		otelsql.WithTracerProvider(tracing),
		otelsql.WithAttributes(attribute.String("db.system.name", "sqlite")),
		// A span for each statement, but not for the work of the pool itself. Without a recorded parent there is no request to explain.
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			OmitConnResetSession: true, OmitConnPrepare: true, OmitRows: true, OmitConnectorConnect: true,
			DisableErrSkip: true,
			SpanFilter: func(ctx context.Context, _ otelsql.Method, _ string, _ []driverArg) bool {
				return trace.SpanContextFromContext(ctx).IsSampled()
			},
		}),
	}
	open := func(dsn string, conns int) (*sql.DB, error) {
		connector := &connector{dsn: dsn, driver: &sqlite.Driver{}}
		db := otelsql.OpenDB(connector, options...)
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		if err := db.PingContext(ctx); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		return db, nil
	}
	writer, err := open(base, 1)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	if err := migrate(ctx, writer, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("migrating %s: %w", path, err), writer.Close())
	}
	reader, err := open(base+"&_pragma=query_only(1)", readers)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), writer.Close())
	}
	conn, err := writer.Conn(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, err), writer.Close(), reader.Close())
	}
	db := &DB{
		reader: reader, read: newStatements(reader), writer: writer, conn: conn, write: newStatements(conn),
		writes: make(chan *write, maxGroup), lone: make(chan func()), stop: make(chan struct{}), done: make(chan struct{}),
		erased: make(chan struct{}, 1), scrubbing: make(chan struct{}, 1), stopScrubs: func() {},
	}
	go db.commitLoop()
	return db, nil
}

func migrate(ctx context.Context, db *sql.DB, migrations fs.FS) error {
	newest, err := migration.Newest(migrations)
	if err != nil {
		return err
	}
	var least int64
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'meta'`).Scan(&least); err != nil {
		return err
	}
	if least > 0 { // the file is not new
		if err := db.QueryRowContext(ctx, `SELECT least_migration FROM meta`).Scan(&least); err != nil {
			return err
		}
	}
	if err := migration.Fits("the database", least, newest); err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations, goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// Close finishes the waiting writes, then closes the file. It is safe to close twice.
func (db *DB) Close() error {
	var err error
	db.once.Do(func() {
		db.stopScrubs()
		db.scrubs.Wait()
		close(db.stop)
		<-db.done
		err = errors.Join(db.read.close(), db.reader.Close(), db.write.close(), db.conn.Close(), db.writer.Close())
	})
	return err
}

// Query reads rows. It sees every write that has returned.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return db.read.QueryContext(ctx, query, args...)
}

// QueryRow reads one row.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) Row {
	return rowOf(db.read.QueryContext(ctx, query, args...))
}

// Snapshot runs fn in one reading transaction: all its reads are as of one moment.
func (db *DB) Snapshot(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	tx, err := db.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	on := &snapshot{tx: tx, read: db.read}
	defer on.prepare(ctx)
	defer func() { _ = tx.Rollback() }() // it only reads
	return fn(ctx, &Tx{on: on})
}

// snapshot runs statements in a reading transaction. It uses prepared ones.
type snapshot struct {
	tx      *sql.Tx
	read    *statements // of the same pool
	missing []string    // not prepared yet
}

func (s *snapshot) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return s.tx.ExecContext(ctx, query, args...)
}

func (s *snapshot) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt := s.read.prepared(query)
	if stmt == nil {
		s.missing = append(s.missing, query)
		return s.tx.QueryContext(ctx, query, args...)
	}
	return s.tx.StmtContext(ctx, stmt).QueryContext(ctx, args...)
}

// prepare prepares the missing statements for the next snapshot. That needs another connection, so a transaction must not wait for it.
func (s *snapshot) prepare(ctx context.Context) {
	for _, query := range s.missing {
		_, _ = s.read.get(ctx, query) // the next snapshot tries again
	}
}

// Write runs fn in a transaction and returns once it is on disk. If fn fails, Write changes nothing and returns that error. fn may share
// its commit with others, but never runs at the same time as another one.
//
// If the context ends while fn waits for its turn, or between two of its statements, Write returns the context's error and changes
// nothing. A running statement is never interrupted: that would undo the whole group.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	w := &write{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case <-db.stop:
		return ErrClosed
	default:
	}
	select {
	case db.writes <- w:
	case <-db.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-w.done:
		return w.err
	case <-db.done:
		// The loop may have taken it just before the loop ended.
		select {
		case <-w.done:
			return w.err
		default:
			return ErrClosed
		}
	}
}

// Exec is a Write of one statement. It returns the number of rows that changed.
func (db *DB) Exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	err = db.Write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		changed, err = tx.Exec(ctx, query, args...)
		return err
	})
	return changed, err
}

func (db *DB) commitLoop() {
	defer close(db.done)
	for {
		select {
		case first := <-db.writes:
			db.commit(db.gather(first))
		case run := <-db.lone:
			run()
		case <-db.stop:
			for {
				select {
				case w := <-db.writes:
					db.commit(db.gather(w))
				default:
					return
				}
			}
		}
	}
}

// alone runs fn on conn while no transaction is open, and returns its error.
func (db *DB) alone(ctx context.Context, fn func() error) error {
	done := make(chan error, 1)
	select {
	case db.lone <- func() { done <- reach(fn()) }:
		return <-done
	case <-db.stop:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gather collects the other waiting writes.
func (db *DB) gather(first *write) []*write {
	group := []*write{first}
	for len(group) < maxGroup {
		select {
		case w := <-db.writes:
			group = append(group, w)
		default:
			return group
		}
	}
	return group
}

// commit runs a group of writes in one transaction, and sets the result of each.
func (db *DB) commit(group []*write) {
	err := db.run(group)
	for _, w := range group {
		if w.err == nil {
			w.err = err
		}
		w.err = reach(w.err)
		if w.err == nil && w.erased {
			wait.Poke(db.erased)
		}
		close(w.done)
	}
}

func (db *DB) run(group []*write) error {
	// The transaction must not depend on one request's context, because the group shares it.
	ctx := context.Background()
	tx := &Tx{on: db.write}
	if _, err := tx.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	var err error
	for _, w := range group {
		if w.err = w.ctx.Err(); w.err != nil {
			continue
		}
		if err = w.inSavepoint(ctx, tx); err != nil {
			break
		}
	}
	if err == nil {
		if _, err = tx.Exec(ctx, "COMMIT"); err == nil {
			return nil
		}
		err = fmt.Errorf("committing: %w", err)
	}
	_, rollback := tx.Exec(ctx, "ROLLBACK")
	return errors.Join(err, rollback)
}

// inSavepoint stores the result of the write. It returns an error only if the savepoint itself fails: that ends the group.
func (w *write) inSavepoint(ctx context.Context, tx *Tx) error {
	if _, err := tx.Exec(ctx, "SAVEPOINT w"); err != nil {
		return fmt.Errorf("setting a savepoint: %w", err)
	}
	if w.err = call(context.WithoutCancel(w.ctx), w.fn, &Tx{on: tx.on, ended: w.ctx.Err, erased: &w.erased}); w.err != nil {
		if _, err := tx.Exec(ctx, "ROLLBACK TO w"); err != nil {
			return fmt.Errorf("going back to a savepoint: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, "RELEASE w"); err != nil {
		return fmt.Errorf("releasing a savepoint: %w", err)
	}
	return nil
}

// reach turns the error of a writer that lost its only connection into fault.Unavailable. It returns other errors unchanged.
func reach(err error) error {
	if errors.Is(err, sql.ErrConnDone) {
		return fault.Wrap(err, fault.Unavailable, "the database cannot be reached").Retry(time.Second)
	}
	return err
}

// call turns a panic of one write into an error, so that the others of its group and the loop continue.
func call(ctx context.Context, fn func(context.Context, *Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v", p)
		}
	}()
	return fn(ctx, tx)
}
