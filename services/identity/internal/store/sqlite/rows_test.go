package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

// effort is the cost of a write: its statements in order, and the rows that it wrote.
type effort struct {
	statements []string
	rows       int64
}

func TestAMemberEditTouchesTheSameRowsWhateverTheGroupsSize(t *testing.T) {
	t.Parallel()
	scope := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}
	edits := []struct {
		name  string
		edits []store.MemberEdit
	}{
		{"remove a user who is not a member", []store.MemberEdit{{Kind: scim.RemoveMembers, IDs: []string{"other"}}}},
		{"remove one that is not a member", []store.MemberEdit{{Kind: scim.RemoveMembers, IDs: []string{"nobody"}}}},
		{"add an existing member", []store.MemberEdit{{Kind: scim.AddMembers, IDs: []string{"u1"}}}},
		{"add a member", []store.MemberEdit{{Kind: scim.AddMembers, IDs: []string{"new"}}}},
		{"remove a member", []store.MemberEdit{{Kind: scim.RemoveMembers, IDs: []string{"u2"}}}},
		{"add a group", []store.MemberEdit{{Kind: scim.AddMembers, IDs: []string{"inner"}}}},
		{"add two and remove two", []store.MemberEdit{
			{Kind: scim.AddMembers, IDs: []string{"other", "third"}}, {Kind: scim.RemoveMembers, IDs: []string{"u3", "u4"}},
		}},
	}
	small, large := newMetered(t, 10), newMetered(t, 10_000)
	for _, edit := range edits {
		t.Run(edit.name, func(t *testing.T) {
			write := func(ctx context.Context, s *Store) error {
				g, err := s.Get(ctx, scope, store.Group, store.Selector{ID: "eng"}, false)
				if err != nil {
					return err
				}
				_, err = s.Update(ctx, store.Resource{Type: store.Group, Scope: scope, ID: g.ID}, edit.edits, store.Cause{Time: time.Unix(1, 0)})
				return err
			}
			one, other := small.measure(t, write), large.measure(t, write)
			if one.rows != other.rows {
				t.Errorf("wrote %d rows to the small group and %d to the large one", one.rows, other.rows)
			}
			if !slices.Equal(one.statements, other.statements) {
				t.Errorf("the statements differ:\n%q\n%q", one.statements, other.statements)
			}
		})
	}
}

func TestReadsByIdOrNameReadNoMoreThanTheirs(t *testing.T) {
	t.Parallel()
	scope := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}
	newMetered(t, 1000).measure(t, func(ctx context.Context, s *Store) error {
		_, facts := s.Facts(ctx, "acme", []string{"u1", "u2"}, store.FactsBounds{Bytes: 1000, Edges: 100})
		_, statuses := s.Summaries(ctx, "acme", store.User, []string{"u1", "u2"})
		_, groupFacts := s.Summaries(ctx, "acme", store.Group, []string{"eng"})
		_, user := s.Get(ctx, scope, store.User, store.Selector{ID: "u1"}, false)
		_, userName := s.Get(ctx, scope, store.User, store.Selector{Name: "u1"}, false)
		_, detached := s.Detached(ctx, store.Resource{Type: store.User, Scope: scope, ExternalID: "u1", NameFolded: "u2"}, []string{"d0", "d1"})
		_, detachedGroup := s.Detached(ctx, store.Resource{Type: store.Group, Scope: scope, ExternalID: "e", NameFolded: "eng"}, []string{"d0", "d1"})
		_, groups := s.UserGroups(ctx, scope, []string{"u1"})
		var candidates []error
		for _, attribute := range []string{"id", "userName", "externalId", "emails", "displayName", "active", "groups", "members"} {
			for _, high := range []string{"u1", "u2", "", "one of"} {
				c := scim.Condition{Attribute: attribute, Low: "u1", High: high}
				if high == "one of" {
					c.High, c.Values = "u3", []string{"u1", "u3"}
				}
				if attribute != "members" {
					_, err := s.Candidates(ctx, scope, store.User, c, 10)
					candidates = append(candidates, err)
				}
				if slices.Contains([]string{"id", "displayName", "externalId", "members"}, attribute) {
					_, err := s.Candidates(ctx, scope, store.Group, c, 10)
					candidates = append(candidates, err)
				}
			}
		}
		_, usersByID := s.ByID(ctx, scope, store.User, []string{"u1", "u2"}, math.MaxInt32)
		_, groupsByID := s.ByID(ctx, scope, store.Group, []string{"eng"}, math.MaxInt32)
		_, find := s.Find(ctx, "acme", store.Group, store.Selector{Name: "eng"}, "", 10)
		_, members := s.Members(ctx, scope, "eng", "u5", 10)
		_, direct := s.DirectMembers(ctx, "acme", "eng", "u5", 10)
		_, byName := s.Find(ctx, "acme", store.User, store.Selector{Name: "u1"}, "", 2)
		_, byExternal := s.Find(ctx, "acme", store.User, store.Selector{ExternalID: "e"}, "", 2)
		_, byEmail := s.Find(ctx, "acme", store.User, store.Selector{Email: "e"}, "", 2)
		return errors.Join(facts, statuses, groupFacts, user, userName, groups, usersByID, groupsByID, errors.Join(candidates...), find, members, direct, byName, byExternal, byEmail,
			detached, detachedGroup)
	})
}

// Sorting takes all the sorted data into memory that the garbage collector does not know: a page of documents of 1 MiB would
// be 1 GiB.
func TestListsSortNoDocuments(t *testing.T) {
	t.Parallel()
	scope := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}
	m := newMetered(t, 1000)
	lists := m.trace(t, func(ctx context.Context, s *Store) error {
		_, users := s.List(ctx, scope, store.User, "u5", 10, 1000)
		_, groups := s.List(ctx, scope, store.Group, "e", 10, 1000)
		errs := []error{users, groups}
		for _, order := range []store.Order{{}, {Descending: true}, {ByName: true}, {ByName: true, Descending: true}} {
			page, users := s.Page(ctx, scope, store.User, order, 5, 10, 1000)
			if !slices.IsSortedFunc(page, func(a, b store.Resource) int {
				if order.Descending {
					a, b = b, a
				}
				return strings.Compare(a.ID, b.ID) // the id is also the name
			}) || len(page) != 10 {
				t.Errorf("%+v: the page has %d users, or is not in its order", order, len(page))
			}
			_, groups := s.Page(ctx, scope, store.Group, order, 0, 10, 1000)
			errs = append(errs, users, groups)
		}
		page, usersByID := s.ByID(ctx, scope, store.User, []string{"u3", "u1", "u2"}, math.MaxInt32)
		if len(page) != 3 || page[0].ID != "u1" || page[2].ID != "u3" {
			t.Errorf("by ids, there are %d users, or not in the order of ids", len(page))
		}
		_, groupsByID := s.ByID(ctx, scope, store.Group, []string{"inner", "eng"}, math.MaxInt32)
		return errors.Join(append(errs, usersByID, groupsByID)...)
	})
	explain(t, m.path, lists.statements, func(text, step string) {
		if strings.Contains(step, "TEMP B-TREE") {
			t.Errorf("%s\nsorts what it reads: %s", text, step)
		}
	})
}

// metered is a store with a group of some size, whose statements are traced.
type metered struct {
	store   *Store
	path    string
	spans   *tracetest.InMemoryExporter
	tracing *sdktrace.TracerProvider
}

func newMetered(t *testing.T, size int) metered {
	t.Helper()
	m := metered{path: filepath.Join(t.TempDir(), "identity.db"), spans: tracetest.NewInMemoryExporter()}
	m.tracing = sdktrace.NewTracerProvider(sdktrace.WithSyncer(m.spans))
	var err error
	if m.store, err = Open(t.Context(), m.path, slog.New(slog.DiscardHandler), m.tracing); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.store.Close() })
	fill(t, m.store, size)
	return m
}

// measure runs fn, and checks that its statements read no more rows than an index finds.
func (m metered) measure(t *testing.T, fn func(ctx context.Context, s *Store) error) effort {
	t.Helper()
	e := m.trace(t, fn)
	byIndex(t, m.path, e.statements)
	return e
}

// trace runs fn.
func (m metered) trace(t *testing.T, fn func(ctx context.Context, s *Store) error) effort {
	t.Helper()
	m.spans.Reset()
	before := written(t, m.store)
	ctx, span := m.tracing.Tracer("test").Start(t.Context(), "fn")
	if err := fn(ctx, m.store); err != nil {
		t.Fatal(err)
	}
	span.End()
	e := effort{rows: written(t, m.store) - before}
	for _, span := range m.spans.GetSpans() {
		for _, attribute := range span.Attributes {
			if text := attribute.Value.AsString(); attribute.Key == "db.query.text" && isQuery(text) {
				e.statements = append(e.statements, text)
			}
		}
	}
	if len(e.statements) < 4 {
		t.Fatalf("only %d statements were traced: %q", len(e.statements), e.statements)
	}
	return e
}

// isQuery reports whether a statement touches rows; BEGIN, for example, does not.
func isQuery(text string) bool {
	return slices.ContainsFunc([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}, func(verb string) bool {
		return strings.HasPrefix(text, verb)
	})
}

// fill creates a group "eng" of users u1, u2, ... in a directory with a few other groups.
func fill(t *testing.T, s *Store, size int) {
	t.Helper()
	err := s.db.Write(t.Context(), func(ctx context.Context, tx *sqlitedb.Tx) error {
		const user = `INSERT INTO users (organization_id, id, directory_id, user_name, user_name_folded, external_id, display_name,
			active, version, document, create_time, update_time) SELECT 'acme', value, 'd1', value, value, '', value, 1, 1, '{}', 0, 0
			FROM json_each(?)`
		ids := make([]string, size)
		for i := range ids {
			ids[i] = fmt.Sprint("u", i)
		}
		for _, statement := range []struct {
			text string
			args []any
		}{
			{`INSERT INTO directories VALUES ('acme', 'd1', 0, 0, 0, '', 0)`, nil},
			{user, []any{jsonSet(append([]string{"new", "other", "third"}, ids...))}},
			{`INSERT INTO groups SELECT 'acme', value, 'd1', value, value, '', 1, '{}', 0, 0 FROM json_each(?)`, []any{jsonSet([]string{"eng", "inner"})}},
			{`INSERT INTO members SELECT 'acme', 'eng', value, 0, 0 FROM json_each(?)`, []any{jsonSet(ids)}},
		} {
			if _, err := tx.Exec(ctx, statement.text, statement.args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// written is how many rows the writer has written so far.
func written(t *testing.T, s *Store) (rows int64) {
	t.Helper()
	if err := s.db.Write(t.Context(), func(ctx context.Context, tx *sqlitedb.Tx) error {
		return tx.QueryRow(ctx, `SELECT total_changes()`).Scan(&rows)
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

// byIndex fails for a statement with a plan that reads a whole table, or all rows of an organization. The directories of an
// organization are few. The rows of a list of ids, of a recursion or of an earlier result are not rows of a table.
func byIndex(t *testing.T, path string, statements []string) {
	t.Helper()
	allowed := regexp.MustCompile(`^SCAN (CONSTANT ROW|(inside|above|found|membership|step|one|e LEFT-JOIN|\(subquery-\d+\))$|\S+ VIRTUAL TABLE)|^SEARCH d USING PRIMARY KEY`)
	reads := regexp.MustCompile(`^SCAN|\(organization_id=\?\)$`)
	explain(t, path, statements, func(text, step string) {
		if reads.MatchString(step) && !allowed.MatchString(step) {
			t.Errorf("%s\nreads too much: %s", text, step)
		}
	})
}

// explain passes each step of the plans of statements to tell.
func explain(t *testing.T, path string, statements []string, tell func(text, step string)) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, text := range statements {
		rows, err := db.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+text, make([]any, parameters(text))...)
		steps, err := sqlitedb.Collect(rows, err, func(scan func(...any) error) (step string, err error) {
			var id, parent, unused int
			return step, scan(&id, &parent, &unused, &step)
		})
		if err != nil {
			t.Fatalf("explaining %s: %v", text, err)
		}
		for _, step := range steps {
			tell(text, step)
		}
	}
}

// parameters counts the parameters of a statement: `?` has the number after the last one, `?1` has its own number.
func parameters(text string) (last int) {
	for _, after := range strings.Split(text, "?")[1:] {
		digits := len(after) - len(strings.TrimLeft(after, "0123456789"))
		n, err := strconv.Atoi(after[:digits])
		if err != nil {
			n = last + 1
		}
		last = max(last, n)
	}
	return last
}
