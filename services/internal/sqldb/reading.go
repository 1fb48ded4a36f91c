package sqldb

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Reader reads from PostgreSQL, in a transaction or outside one.
type Reader interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

// ReadAll reads all rows of a query, each into the fields of a new T.
func ReadAll[T any](ctx context.Context, r Reader, fields func(*T) []any, query string, args ...any) ([]T, error) {
	found, err := r.Query(ctx, query, args...)
	if err != nil {
		return nil, Reach(err)
	}
	defer found.Close()
	all := []T{}
	for found.Next() {
		// It is read where it stays: one of its own would be copied.
		all = append(all, *new(T))
		if err := found.Scan(fields(&all[len(all)-1])...); err != nil {
			return nil, Reach(err)
		}
	}
	return all, Reach(found.Err())
}

// RowTo reads a row into the fields of a new T.
func RowTo[T any](fields func(*T) []any) pgx.RowToFunc[T] {
	return func(row pgx.CollectableRow) (one T, err error) { return one, row.Scan(fields(&one)...) }
}

// ReadOne reads the one row that there must be into the fields of a new T, as ReadRow does.
func ReadOne[T any](ctx context.Context, r Reader, fields func(*T) []any, missing error, query string, args ...any) (one T, err error) {
	err = ReadRow(ctx, r, fields(&one), missing, query, args...)
	return one, err
}

// ReadRow reads the one row that there must be to where into points. missing is the error of there being none, also because no row
// could hold what is looked for; nil where that can't be.
func ReadRow(ctx context.Context, r Reader, into []any, missing error, query string, args ...any) error {
	err := r.QueryRow(ctx, query, args...).Scan(into...)
	if missing != nil && (errors.Is(err, pgx.ErrNoRows) || Unstorable(err)) {
		return missing
	}
	return Reach(err)
}

// CollectAll is ReadAll on SQLite.
func CollectAll[T any](ctx context.Context, r SQLiteReader, fields func(*T) []any, query string, args ...any) ([]T, error) {
	return CollectUntil(ctx, r, fields, nil, query, args...)
}

// CollectUntil is CollectAll that ends after the row with which there are enough, unless that is nil. Rows are read as they are asked for.
func CollectUntil[T any](ctx context.Context, r SQLiteReader, fields func(*T) []any, enough func(*T) bool, query string, args ...any) (all []T, err error) {
	found, err := r.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		// It is read where it stays: one of its own would be copied.
		all = append(all, *new(T))
		one := &all[len(all)-1]
		if err := found.Scan(fields(one)...); err != nil {
			return nil, err
		}
		if enough != nil && enough(one) {
			break
		}
	}
	return all, found.Err()
}

// CollectOne is ReadOne on SQLite.
func CollectOne[T any](ctx context.Context, r SQLiteReader, fields func(*T) []any, missing error, query string, args ...any) (one T, err error) {
	err = CollectRow(ctx, r, fields(&one), missing, query, args...)
	return one, err
}

// CollectRow is ReadRow on SQLite.
func CollectRow(ctx context.Context, r SQLiteReader, into []any, missing error, query string, args ...any) error {
	err := r.QueryRow(ctx, query, args...).Scan(into...)
	if missing != nil && errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return err
}

// SQLiteReader reads from SQLite, in a transaction or outside one.
type SQLiteReader interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) Row
}

// SQLiteConn reads and writes: a Tx, or an SQLite, on which each write is a transaction.
type SQLiteConn interface {
	SQLiteReader
	Exec(ctx context.Context, query string, args ...any) (changed int64, err error)
}

// Value is the fields of a row of one column.
func Value[T any](value *T) []any { return []any{value} }
