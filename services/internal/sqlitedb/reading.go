package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
)

// Reader reads from SQLite, in a transaction or outside of one.
type Reader interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) Row
}

// Conn reads and writes. It is a Tx, or a DB with a transaction for each write.
type Conn interface {
	Reader
	Exec(ctx context.Context, query string, args ...any) (changed int64, err error)
}

// ReadAll reads all rows of a query, each into the fields of a new T.
func ReadAll[T any](ctx context.Context, r Reader, fields func(*T) []any, query string, args ...any) ([]T, error) {
	return ReadUntil(ctx, r, fields, nil, query, args...)
}

// ReadUntil is a ReadAll that ends after the first row for which enough is true, unless enough is nil. It reads rows one by one.
func ReadUntil[T any](ctx context.Context, r Reader, fields func(*T) []any, enough func(*T) bool, query string, args ...any) (all []T, err error) {
	found, err := r.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		// Read into the slice: a separate variable would be copied.
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

// ReadOne reads the only row into the fields of a new T, like ReadRow.
func ReadOne[T any](ctx context.Context, r Reader, fields func(*T) []any, missing error, query string, args ...any) (one T, err error) {
	err = ReadRow(ctx, r, fields(&one), missing, query, args...)
	return one, err
}

// ReadRow reads the only row into the targets. missing is the error if there is no row; nil if that cannot happen.
func ReadRow(ctx context.Context, r Reader, into []any, missing error, query string, args ...any) error {
	err := r.QueryRow(ctx, query, args...).Scan(into...)
	if missing != nil && errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return err
}
