package sqlite

import "github.com/usher-scim/usher/services/identity/internal/store"

// orderBy orders rows by their id or by the column that is their name.
func orderBy(o store.Order, name string) string {
	direction := ``
	if o.Descending {
		direction = ` DESC`
	}
	if o.ByName {
		return ` ORDER BY ` + name + direction + `, id` + direction
	}
	return ` ORDER BY id` + direction
}

// full says, of one row after another, when their documents have so many bytes. Rows are read as they are asked for.
func full[T interface{ Size() int }](bytes int) func(T) bool {
	return func(read T) bool {
		bytes -= read.Size()
		return bytes <= 0
	}
}
