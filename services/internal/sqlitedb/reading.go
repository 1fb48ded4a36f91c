package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
)

// Reader reads from SQLite, in a transaction or outside one.
type Reader interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) Row
}

// Conn reads and writes: a Tx, or a DB, on which each write is a transaction.
type Conn interface {
	Reader
	Exec(ctx context.Context, query string, args ...any) (changed int64, err error)
}

// ReadAll reads all rows of a query, each into the fields of a new T.
func ReadAll[T any](ctx context.Context, r Reader, fields func(*T) []any, query string, args ...any) ([]T, error) {
	return ReadUntil(ctx, r, fields, nil, query, args...)
}

// ReadUntil is ReadAll that ends after the row with which there are enough, unless that is nil. Rows are read as they are asked for.
func ReadUntil[T any](ctx context.Context, r Reader, fields func(*T) []any, enough func(*T) bool, query string, args ...any) (all []T, err error) {
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

// ReadOne reads the one row that there must be into the fields of a new T, as ReadRow does.
func ReadOne[T any](ctx context.Context, r Reader, fields func(*T) []any, missing error, query string, args ...any) (one T, err error) {
	err = ReadRow(ctx, r, fields(&one), missing, query, args...)
	return one, err
}

// ReadRow reads the one row that there must be to where into points. missing is the error of there being none; nil where that can't be.
func ReadRow(ctx context.Context, r Reader, into []any, missing error, query string, args ...any) error {
	err := r.QueryRow(ctx, query, args...).Scan(into...)
	if missing != nil && errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return err
}
