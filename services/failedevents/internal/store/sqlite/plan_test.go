package sqlite

import (
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/failedevents/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

func planOf(t *testing.T, s *Store, query string, args ...any) string {
	t.Helper()
	rows, err := s.db.Query(t.Context(), `EXPLAIN QUERY PLAN `+query, args...)
	steps, err := sqlitedb.Collect(rows, err, func(scan func(...any) error) (step string, err error) {
		var id, parent, unused int
		return step, scan(&id, &parent, &unused, &step)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "; ")
}

// Each kind of list reads an index in the list's order: a page costs as much as it shows, however many failed events exist.
func TestNoListSortsOrScans(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for set := range 64 {
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
		if set&16 != 0 {
			filter.Reason = "r"
		}
		if set&32 != 0 {
			filter.Start, filter.End = time.Unix(1, 0), time.Unix(2, 0)
		}
		query, args := shared.ListEvents("acme", filter, after, 10)
		plan := planOf(t, s, query, args...)
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v after %+v: %s", filter, after, plan)
		}
		if set&32 != 0 && !strings.Contains(plan, "time>?") { // or it would read all older ones
			t.Errorf("%+v after %+v: %s", filter, after, plan)
		}
	}
}

// A step reads no more events than it counts or changes.
func TestNothingScansEvents(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for _, directory := range []string{"", "d"} {
		for _, open := range []bool{false, true} {
			query, args := shared.CountReasons("acme", directory, open, 10, 10)
			plan := planOf(t, s, query, args...)
			if strings.Contains(plan, "SCAN e") || strings.Count(plan, "INDEX events_") != 4 || strings.Count(plan, "TEMP B-TREE") > 1 || // the few reasons are sorted
				directory == "" && strings.Contains(plan, "_directory_") {
				t.Error(plan)
			}
		}
		query, args := shared.AcknowledgeSome("acme", directory, "r", time.Unix(1, 0), "a", time.Unix(2, 0), 10)
		if plan := planOf(t, s, query, args...); strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE FOR") || !strings.Contains(plan, "time<?") {
			t.Error(plan)
		}
	}
	note, erase := shared.EraseNames("acme", []store.DeletedUser{{ID: "u", NameKey: "k"}}, 10)
	trim := rows.Statement{Text: shared.TrimErasedNames, Args: []any{1, 1}}
	forget := rows.Statement{Text: shared.EraseErasedNames, Args: []any{"acme", 1}}
	for _, statement := range append(append(note, erase...), trim, forget) {
		if plan := planOf(t, s, statement.Text, statement.Args...); strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", statement.Text, plan)
		}
	}
}

// Listing activity, counting messages and deleting old tallies read only what they need, however many tallies exist.
func TestNothingScansTallies(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for statement, args := range map[string][]any{
		shared.ListActivity:  {"acme", "d1", "d2", 10},
		shared.CountMessages: {"acme", "d1", "d2", 1, 2, 3},
		shared.DeleteTallies: {1, 10},
	} {
		if plan := planOf(t, s, statement, args...); strings.Contains(plan, "SCAN") || strings.Contains(plan, "FOR ORDER") {
			t.Errorf("%s: %s", statement, plan)
		}
	}
}
