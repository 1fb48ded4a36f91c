package sqlite

import (
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
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
		plan := planOf(t, s, query, args...)
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v after %+v: %s", filter, after, plan)
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
