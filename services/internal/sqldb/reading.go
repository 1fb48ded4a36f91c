package sqldb

import (
	"context"
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
	all, err := pgx.CollectRows(found, func(row pgx.CollectableRow) (one T, err error) {
		return one, row.Scan(fields(&one)...)
	})
	return all, Reach(err)
}

// ReadOne reads the one row that there must be. missing is the error of there being none, also because no row could hold
// what is looked for; nil where that can't be.
func ReadOne[T any](ctx context.Context, r Reader, fields func(*T) []any, missing error, query string, args ...any) (one T, err error) {
	err = r.QueryRow(ctx, query, args...).Scan(fields(&one)...)
	if missing != nil && (errors.Is(err, pgx.ErrNoRows) || Unstorable(err)) {
		return one, missing
	}
	return one, Reach(err)
}

// Value is the fields of a row of one column.
func Value[T any](value *T) []any { return []any{value} }
