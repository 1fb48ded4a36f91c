package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
)

// planner returns a function that explains a statement. The planner of an empty database would read the table: it is told that sorting and
// scanning are dear.
func planner(t *testing.T, s *Store) func(query string, args ...any) string {
	t.Helper()
	conn, err := s.db.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Release)
	for _, method := range []string{"seqscan", "bitmapscan", "sort", "incremental_sort"} {
		if _, err := conn.Exec(t.Context(), "SET enable_"+method+" = off"); err != nil {
			t.Fatal(err)
		}
	}
	return func(query string, args ...any) string {
		t.Helper()
		rows, err := conn.Query(t.Context(), `EXPLAIN `+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(steps, "\n")
	}
}

// Each way of listing can read an index in the list's order: a page costs what it shows, however many events there are.
func TestNoListSortsOrScans(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	planOf := planner(t, s)
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
		plan := planOf(query, args...)
		if !strings.Contains(plan, "Index Scan Backward using events_") || strings.Contains(plan, "Sort") {
			t.Errorf("%+v after %+v:\n%s", filter, after, plan)
		}
	}
}

// Listing activity reads an index in the list's order, and counting messages reads only the hours that it counts.
func TestNothingScansTallies(t *testing.T) {
	t.Parallel()
	planOf := planner(t, openStore(t))
	if plan := planOf(shared.ListActivity, "acme", "d1", "d2", 10); !strings.Contains(plan, "Index Scan using activity_pkey") || strings.Contains(plan, "Sort") {
		t.Error(plan)
	}
	plan := planOf(shared.CountMessages, "acme", "d1", "d2", 1, 2, 3)
	if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Nested Loop") ||
		!strings.Contains(plan, "(organization_id = a.organization_id) AND (directory_id = a.directory_id) AND (hour >=") {
		t.Error(plan)
	}
}
