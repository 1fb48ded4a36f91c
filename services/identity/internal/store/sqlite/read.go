package sqlite

import (
	"encoding/json"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

// full returns a function. Call it once for each row. It returns true when the documents of all rows so far have at least this many bytes.
func full(bytes int) func(*store.Resource) bool {
	return func(read *store.Resource) bool {
		bytes -= len(read.Document)
		return bytes <= 0
	}
}

// jsonSet returns distinct ids as one SQL argument. Statements that join them use CROSS JOIN: then SQLite keeps the written order, the
// ids first, and reads one row for each. By itself it would read the whole organization, and search for each row among the ids.
func jsonSet(ids []string) string {
	return jsonList(slices.Compact(slices.Sorted(slices.Values(ids))))
}

// jsonList returns ids as one SQL argument, in their order.
func jsonList(ids []string) string {
	text, _ := json.Marshal(ids) // a []string always marshals
	return string(text)
}
