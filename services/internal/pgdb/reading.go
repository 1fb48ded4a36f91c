package pgdb

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// Reader reads from PostgreSQL, in a transaction or outside of one.
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
		// Read into the slice: a separate variable would be copied.
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

// ReadOne reads the only row into the fields of a new T, like ReadRow.
func ReadOne[T any](ctx context.Context, r Reader, fields func(*T) []any, missing error, query string, args ...any) (one T, err error) {
	err = ReadRow(ctx, r, fields(&one), missing, query, args...)
	return one, err
}

// ReadRow reads the only row into the targets. missing is the error if there is no row, or if no row can contain an argument; nil if
// that cannot happen.
func ReadRow(ctx context.Context, r Reader, into []any, missing error, query string, args ...any) error {
	err := r.QueryRow(ctx, query, args...).Scan(into...)
	if missing != nil && (errors.Is(err, pgx.ErrNoRows) || Unstorable(err)) {
		return missing
	}
	return Reach(err)
}
