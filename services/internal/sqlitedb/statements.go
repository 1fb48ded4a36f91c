package sqlitedb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
)

// driverArg is the type of a statement's argument in a span filter.
type driverArg = driver.NamedValue

// statements caches prepared statements by their text. The texts are the stores' and few, so nothing is evicted.
type statements struct {
	on preparer
	mu sync.RWMutex
	by map[string]*sql.Stmt
}

// preparer is a pool, or the writer's connection.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func newStatements(on preparer) *statements { return &statements{on: on, by: map[string]*sql.Stmt{}} }

// prepared returns a statement that was prepared before; nil for other ones.
func (s *statements) prepared(query string) *sql.Stmt {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.by[query]
}

func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := s.prepared(query); stmt != nil {
		return stmt, nil
	}
	// This may wait for a connection of the pool. Do it without the lock, because the users of the connections may wait for it.
	stmt, err := s.on.PrepareContext(context.WithoutCancel(ctx), query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if before := s.by[query]; before != nil {
		return before, stmt.Close()
	}
	s.by[query] = stmt
	return stmt, nil
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.by {
		errs = append(errs, stmt.Close())
	}
	clear(s.by) // a late read prepares a statement, and the closed pool refuses that
	return errors.Join(errs...)
}

func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// Tx is a transaction as a store sees it.
type Tx struct {
	on interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
	// ended, if set, reports that nobody waits for the write any more. It is checked between statements: an interrupted statement would
	// undo the other writes of the same commit.
	ended func() error
	// erased is set by Erased.
	erased *bool
}

func (t *Tx) alive() error {
	if t.ended == nil {
		return nil
	}
	return t.ended()
}

// Exec runs a statement and returns the number of rows that changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := t.alive(); err != nil {
		return 0, err
	}
	result, err := t.on.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Query reads rows. Read them all, or close them, before the next statement.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.alive(); err != nil {
		return nil, err
	}
	return t.on.QueryContext(ctx, query, args...)
}

// QueryRow reads one row.
func (t *Tx) QueryRow(ctx context.Context, query string, args ...any) Row {
	return rowOf(t.Query(ctx, query, args...))
}

// Row is one row, or an error.
type Row struct {
	rows *sql.Rows
	err  error
}

func rowOf(rows *sql.Rows, err error) Row { return Row{rows: rows, err: err} }

// Scan reads the row's columns. It fails with sql.ErrNoRows if there is no row.
func (r Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer func() { _ = r.rows.Close() }()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	return r.rows.Close()
}

// Collect reads all rows with scan, and closes them.
func Collect[T any](rows *sql.Rows, err error, scan func(scan func(dest ...any) error) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// connector opens connections of one data source.
type connector struct {
	dsn    string
	driver driver.Driver
}

func (c *connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c *connector) Driver() driver.Driver                        { return c.driver }
