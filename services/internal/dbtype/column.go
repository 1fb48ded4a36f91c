// Package dbtype has the types of columns: how values are kept in all databases, PostgreSQL's and SQLite's alike.
package dbtype

// Value is the fields of a row of one column.
func Value[T any](value *T) []any { return []any{value} }
