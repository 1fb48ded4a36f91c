package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// queryer reads, in a transaction or outside one.
type queryer interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) sqldb.Row
}

// read reads all rows of a query, each into the fields of a new T.
func read[T any](ctx context.Context, q queryer, fields func(*T) []any, query string, args ...any) ([]T, error) {
	return readUntil(ctx, q, fields, nil, query, args...)
}

// readUntil is read that ends after the row with which there are enough, unless that is nil. Rows are read as they are asked for.
func readUntil[T any](ctx context.Context, q queryer, fields func(*T) []any, enough func(*T) bool, query string, args ...any) (all []T, err error) {
	found, err := q.Query(ctx, query, args...)
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

// readOne reads the one row of a query; else sql.ErrNoRows.
func readOne[T any](ctx context.Context, q queryer, fields func(*T) []any, query string, args ...any) (one T, err error) {
	err = q.QueryRow(ctx, query, args...).Scan(fields(&one)...)
	return one, err
}

// value is the fields of a row of one column.
func value[T any](one *T) []any { return []any{one} }

// full says, of one row after another, when their documents have so many bytes.
func full(bytes int) func(*store.Resource) bool {
	return func(read *store.Resource) bool {
		bytes -= len(read.Document)
		return bytes <= 0
	}
}

// list passes ids to SQL as one argument, each once. Where they are joined, CROSS JOIN keeps SQLite to the order that is written: the
// ids first, each a look-up. Left to itself it reads the whole organization and looks for each row among the ids.
func list(ids []string) string {
	return inOrder(slices.Compact(slices.Sorted(slices.Values(ids))))
}

// inOrder passes ids to SQL as they are.
func inOrder(ids []string) string {
	text, _ := json.Marshal(ids) // a []string always marshals
	return string(text)
}
