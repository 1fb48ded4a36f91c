package sqlite

import (
	"encoding/json"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

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
