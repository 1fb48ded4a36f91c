package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// Each way of listing can read an index in the list's order: a page costs what it shows, however many events there are.
// The planner of an empty database would read the table: it is told that sorting and scanning are dear.
func TestNoListSortsOrScans(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), pgdb.Server{URL: kit.Postgres(t, "failedevents", Migrate)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	conn, err := s.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, method := range []string{"seqscan", "bitmapscan", "sort", "incremental_sort"} {
		if _, err := conn.Exec(t.Context(), "SET enable_"+method+" = off"); err != nil {
			t.Fatal(err)
		}
	}
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
		rows, err := conn.Query(t.Context(), `EXPLAIN `+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "\n")
		if !strings.Contains(plan, "Index Scan Backward using events_") || strings.Contains(plan, "Sort") {
			t.Errorf("%+v after %+v:\n%s", filter, after, plan)
		}
	}
}
