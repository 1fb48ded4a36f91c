package sqlite

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

// Each kind of list reads an index in the list's order: a page costs as much as it shows, however many failed events exist.
func TestNoListSortsOrScans(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "failedevents.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for set := range 16 {
		filter, after := store.Filter{OpenOnly: set&1 != 0}, store.Place{}
		if set&2 != 0 {
			filter.DirectoryID = "d"
		}
		if set&4 != 0 {
			filter.MessageID = "m"
		}
		if set&8 != 0 {
			after.ID = "e"
		}
		query, args := shared.ListEvents("acme", filter, after, 10)
		rows, err := s.db.Query(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
		steps, err := sqlitedb.Collect(rows, err, func(scan func(...any) error) (step string, err error) {
			var id, parent, unused int
			return step, scan(&id, &parent, &unused, &step)
		})
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "; ")
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v after %+v: %s", filter, after, plan)
		}
	}
}
