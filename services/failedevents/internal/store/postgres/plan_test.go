package postgres

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/failedevents/internal/store/rows"
)

// inIndexCondition matches the lower limit of the time: without it, a list would read all older events.
var inIndexCondition = regexp.MustCompile(`Index Cond: .*("time" >= |"time"\) >= ROW)`)

var eventIndexes = regexp.MustCompile(`using (events_\w+)`)

// indexOf returns the index that contains the events of a filter and no others, in the order of a list.
func indexOf(filter store.Filter) string {
	name := "events"
	for _, part := range []struct {
		name  string
		named bool
	}{{"_open", filter.OpenOnly}, {"_directory", filter.DirectoryID != ""}, {"_reason", filter.Reason != ""}} {
		if part.named {
			name += part.name
		}
	}
	switch {
	case filter.MessageID != "":
		return "events_message"
	case name == "events":
		return "events_time"
	}
	return name
}

// fillEvents adds failed events of two reasons and a hundred directories. The database has no statistics about them. Then a planner that may
// choose between indexes does not choose the same as on an empty table.
const fillEvents = `INSERT INTO events (organization_id, id, directory_id, message_id, source, time, operation, resource_id, status, reason,
		scim_type, detail, remedy, admin_action, trace_id, acknowledge_time, acknowledged_by, subject, subject_key, conflicting_resource_id,
		conflicting_name, conflicting_key)
	SELECT 'acme', n::text, lpad((n % 100)::text, 36, '0'), n::text, 1, n, 'POST /Users', '', 409, (n % 2)::text, '', '', '', '', '', 0, '', '', '', '', '', ''
	FROM generate_series(1, 20000) n`

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

// Each way of listing reads the index that contains only its events, in the list's order: a page costs what it shows, however many events
// there are, of whichever directories.
func TestNoListSortsOrScans(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	planOf := planner(t, s)
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
		plan := planOf(query, args...)
		if want := "Index Scan Backward using " + indexOf(filter) + " "; !strings.Contains(plan, want) || strings.Contains(plan, "Sort") ||
			strings.Contains(plan, "Filter") && filter.MessageID == "" {
			t.Errorf("%+v after %+v:\n%s", filter, after, plan)
		}
		if set&32 != 0 && !inIndexCondition.MatchString(plan) {
			t.Errorf("%+v after %+v:\n%s", filter, after, plan)
		}
	}
}

// A step reads no more events than it counts or changes, whatever the planner estimates.
func TestNothingScansEvents(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tx, err := s.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	for _, statement := range []string{fillEvents, readByIndex} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var all []rows.Statement
	indexes := map[string]string{} // by statement
	for _, directory := range []string{"", "d"} {
		for _, open := range []bool{false, true} {
			query, args := shared.CountReasons("acme", directory, open, 10, 10)
			all = append(all, rows.Statement{Text: query, Args: args})
			indexes[query] = indexOf(store.Filter{DirectoryID: directory, Reason: "r", OpenOnly: open})
		}
		query, args := shared.AcknowledgeSome("acme", directory, "r", time.Unix(1, 0), "a", time.Unix(2, 0), 10)
		all = append(all, rows.Statement{Text: query, Args: args})
		indexes[query] = indexOf(store.Filter{DirectoryID: directory, Reason: "r", OpenOnly: true})
	}
	note, erase := shared.EraseNames("acme", []store.DeletedUser{{ID: "u", NameKey: "k"}}, 10)
	all = append(append(all, note...), erase...)
	all = append(all, rows.Statement{Text: shared.TrimErasedNames, Args: []any{1, 1}}, rows.Statement{Text: shared.EraseErasedNames, Args: []any{"acme", 1}})
	for _, statement := range all {
		found, err := tx.Query(t.Context(), `EXPLAIN `+statement.Text, statement.Args...)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := pgx.CollectRows(found, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "\n")
		sorts := strings.Contains(plan, "Sort") && !strings.Contains(statement.Text, "RECURSIVE") // the few reasons are sorted
		changes := strings.Contains(statement.Text, "UPDATE events") || strings.Contains(statement.Text, "DELETE")
		if changes && !strings.Contains(plan, "Tid Scan") {
			t.Errorf("%s:\n%s", statement.Text, plan)
		}
		if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Bitmap") || sorts {
			t.Errorf("%s:\n%s", statement.Text, plan)
		}
		for _, used := range eventIndexes.FindAllStringSubmatch(plan, -1) {
			if want := indexes[statement.Text]; want != "" && used[1] != want {
				t.Errorf("it reads %s, and not %s: %s:\n%s", used[1], want, statement.Text, plan)
			}
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
