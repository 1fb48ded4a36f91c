// Package dbtype contains the types of columns. PostgreSQL and SQLite store values in the same way.
package dbtype

// Value returns the field of a row with one column.
func Value[T any](value *T) []any { return []any{value} }
