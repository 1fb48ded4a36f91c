package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/scim"
)

// A call that names its rows reads about as many rows, whatever the size of the organization and of the group, and whatever
// the statistics were when the planner made its plan.
func TestNoCallReadsMoreThanItsRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, s *Store)
	}{
		{"that grew", func(t *testing.T, s *Store) {
			fill(t, s)
			fold(t, s)
		}},
		{"that grew from nothing, with plans of then", func(t *testing.T, s *Store) {
			execute(t, s, `ANALYZE`)
			callAll(t, s)
			fill(t, s)
			fold(t, s)
		}},
		{"that grew from one row, with plans of then", func(t *testing.T, s *Store) {
			execute(t, s, one...)
			execute(t, s, `ANALYZE`)
			callAll(t, s)
			for _, table := range tableNames {
				execute(t, s, `DELETE FROM `+table)
			}
			fill(t, s)
			fold(t, s)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const most = 60 // rows and index entries
			s := processes(t, 1)[0]
			// Background work also reads rows. It must not run at the same time.
			s.folder.close()
			s.wakeup.Close()
			for _, table := range tableNames {
				execute(t, s, `ALTER TABLE `+table+` SET (autovacuum_enabled = off)`)
			}
			c.prepare(t, s)
			for _, c := range calls(s) {
				before := rowsRead(t, s)
				must(t, c.call(t.Context()))
				if n := rowsRead(t, s) - before; n > most {
					t.Errorf("%s reads %d rows and index entries", c.name, n)
				}
			}
		})
	}
}

// The rule service reads a thousand users at a time, perhaps from an import that was not analyzed yet.
// Invariant 16.
func TestFactsAndSearchesReadOnlyTheirRowsFromTablesThatWereNeverAnalyzed(t *testing.T) {
	t.Parallel()
	s := processes(t, 1)[0]
	s.folder.close()
	s.wakeup.Close()
	for _, table := range tableNames {
		execute(t, s, `ALTER TABLE `+table+` SET (autovacuum_enabled = off)`)
	}
	fill(t, s)
	for _, c := range calls(s) {
		if !slices.Contains([]string{"Facts", "Summaries of users", "Summaries of groups"}, c.name) && !strings.HasPrefix(c.name, "Search") {
			continue
		}
		before := rowsRead(t, s)
		must(t, c.call(t.Context()))
		if n := rowsRead(t, s) - before; n > 60 {
			t.Errorf("%s reads %d rows and index entries", c.name, n)
		}
	}
}

// An erasure finds its rows among the rows of other organizations, with plans that were made for empty tables.
func TestAnErasureReadsNoMoreThanItRemoves(t *testing.T) {
	t.Parallel()
	s := processes(t, 1)[0]
	s.folder.close()
	s.wakeup.Close()
	for _, table := range tableNames {
		execute(t, s, `ALTER TABLE `+table+` SET (autovacuum_enabled = off)`)
	}
	execute(t, s, `ANALYZE`)
	must(t, second(s.EraseOrganization(t.Context(), "gone")))
	fill(t, s)
	for _, table := range tableNames {
		execute(t, s, `CREATE TABLE few AS SELECT * FROM `+table+` LIMIT 5`, `UPDATE few SET organization_id = 'gone'`)
		if table == "changes" {
			execute(t, s, `ALTER TABLE few DROP COLUMN sequence`, `INSERT INTO changes (transaction, organization_id, directory_id, resource_group,
				resource_id, revision, kind, member_id, member_group, message_id, traceparent, time) SELECT * FROM few`)
		} else {
			execute(t, s, `INSERT INTO `+table+` SELECT * FROM few`)
		}
		execute(t, s, `DROP TABLE few`)
	}
	execute(t, s, `UPDATE directories SET closed = true WHERE organization_id = 'gone'`)
	for steps := 0; ; steps++ {
		before := rowsRead(t, s)
		nothingLeft, err := s.EraseOrganization(t.Context(), "gone")
		must(t, err)
		if n := rowsRead(t, s) - before; n > 60 {
			t.Errorf("step %d reads %d rows and index entries", steps, n)
		}
		if nothingLeft {
			if steps != len(tableNames) {
				t.Errorf("it took %d steps", steps)
			}
			return
		}
	}
}

var tableNames = []string{"directories", "users", "search_values", "groups", "members", "changes"}

// callAll makes plans for all calls, whatever their result.
func callAll(t *testing.T, s *Store) {
	t.Helper()
	for _, c := range calls(s) {
		_ = c.call(t.Context())
	}
}

// fold does the background work.
func fold(t *testing.T, s *Store) {
	t.Helper()
	_, err := s.fold(t.Context(), foldMost)
	must(t, err)
	must(t, s.analyze(t.Context()))
}

type call struct {
	name string
	call func(ctx context.Context) error
}

// calls are the calls that name what they read or write, on the data of fill.
func calls(s *Store) []call {
	scope, cause := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}, store.Cause{Time: time.Unix(1, 0)}
	editOf := func(ctx context.Context, id string, edits ...store.MemberEdit) error {
		_, err := s.Update(ctx, store.Resource{Type: store.Group, Scope: scope, ID: id}, edits, cause)
		return err
	}
	edit := func(ctx context.Context, edits ...store.MemberEdit) error { return editOf(ctx, "eng", edits...) }
	candidates := func(of store.Type) func(attribute, low, high string, values ...string) call {
		return func(attribute, low, high string, values ...string) call {
			return call{fmt.Sprintf("candidates for a %s with %s from %q to %q, one of %q", of, attribute, low, high, values), func(ctx context.Context) error {
				return second(s.Candidates(ctx, scope, of, scim.Condition{Attribute: attribute, Low: low, High: high, Values: values}, 1000))
			}}
		}
	}
	userCandidates, groupCandidates := candidates(store.User), candidates(store.Group)
	return append(peopleCalls(s), []call{
		{"Facts", func(ctx context.Context) error {
			return second(s.Facts(ctx, "acme", []string{"u1", "u2"}, store.FactsBounds{Bytes: 1000, Edges: 100, Live: true}))
		}},
		{"the first memberships of thousands", func(ctx context.Context) error {
			return second(edgeReader{q: s.db, organizationID: "acme"}.Above(ctx, []string{"busy"}, 10))
		}},
		{"the first memberships of thousands of groups in one", func(ctx context.Context) error {
			return second(edgeReader{q: s.db, organizationID: "acme"}.Below(ctx, []string{"wide"}, 10))
		}},
		{"Summaries of users", func(ctx context.Context) error {
			return second(s.Summaries(ctx, "acme", store.User, []string{"u1", "u2"}))
		}},
		{"Summaries of groups", func(ctx context.Context) error { return second(s.Summaries(ctx, "acme", store.Group, []string{"eng"})) }},
		{"Get a user", func(ctx context.Context) error {
			return second(s.Get(ctx, scope, store.User, store.Selector{ID: "u1"}, false))
		}},
		{"Get by userName", func(ctx context.Context) error {
			return second(s.Get(ctx, scope, store.User, store.Selector{Name: "u1"}, false))
		}},
		{"Get by externalId", func(ctx context.Context) error {
			return second(s.Get(ctx, scope, store.User, store.Selector{ExternalID: "u1"}, false))
		}},
		{"List users", func(ctx context.Context) error {
			return second(s.List(ctx, scope, store.User, "u2000", 10, math.MaxInt32))
		}},
		{"UserGroups", func(ctx context.Context) error { return second(s.UserGroups(ctx, scope, []string{"u1", "u2"})) }},
		{"Get with groups", func(ctx context.Context) error {
			return second(s.Get(ctx, scope, store.User, store.Selector{Name: "u1"}, true))
		}},
		{"Count", func(ctx context.Context) error { return second(s.Count(ctx, scope, store.User)) }},
		{"Detached user", func(ctx context.Context) error {
			return second(s.Detached(ctx, store.Resource{Type: store.User, Scope: scope, ExternalID: "u1", NameFolded: "u2"}, []string{"d0", "d1"}))
		}},
		{"Detached group", func(ctx context.Context) error {
			return second(s.Detached(ctx, store.Resource{Type: store.Group, Scope: scope, ExternalID: "g1", NameFolded: "g2"}, []string{"d0", "d1"}))
		}},
		{"Get a group", func(ctx context.Context) error {
			return second(s.Get(ctx, scope, store.Group, store.Selector{ID: "eng"}, false))
		}},
		{"List groups", func(ctx context.Context) error {
			return second(s.List(ctx, scope, store.Group, "g2000", 10, math.MaxInt32))
		}},
		{"ByID of users", func(ctx context.Context) error {
			return second(s.ByID(ctx, scope, store.User, []string{"u1", "u2"}, math.MaxInt32))
		}},
		{"ByID of groups", func(ctx context.Context) error {
			return second(s.ByID(ctx, scope, store.Group, []string{"g1", "g2"}, math.MaxInt32))
		}},
		userCandidates("id", "u77", "u77"), userCandidates("id", "u1", "u9", "u1", "u9"),
		userCandidates("id", "u9999", ""), userCandidates("id", "u77", "u770"),
		userCandidates("userName", "u77", "u77"), userCandidates("userName", "u1", "u9", "u1", "u9"),
		userCandidates("userName", "u9999", ""), userCandidates("userName", "u77", "u770"),
		userCandidates("externalId", "u77", "u77"), userCandidates("externalId", "u1", "u9", "u1", "u9"),
		userCandidates("externalId", "u9999", ""), userCandidates("externalId", "u77", "u770"),
		userCandidates("emails", "u77", "u77"), userCandidates("emails", "u1", "u9", "u1", "u9"),
		userCandidates("emails", "u9999", ""), userCandidates("emails", "u77", "u770"),
		userCandidates("active", "false", "false"), userCandidates("groups", "g77", "g77"),
		groupCandidates("id", "g77", "g77"), groupCandidates("id", "g1", "g9", "g1", "g9"),
		groupCandidates("id", "g9999", ""), groupCandidates("id", "g77", "g770"),
		groupCandidates("displayName", "g77", "g77"), groupCandidates("displayName", "g1", "g9", "g1", "g9"),
		groupCandidates("displayName", "g9999", ""), groupCandidates("displayName", "g77", "g770"),
		groupCandidates("externalId", "g77", "g77"), groupCandidates("externalId", "g1", "g9", "g1", "g9"),
		groupCandidates("externalId", "g9999", ""), groupCandidates("externalId", "g77", "g770"),
		groupCandidates("members", "u77", "u77"),
		{"Find groups by name", func(ctx context.Context) error {
			return second(s.Find(ctx, "acme", store.Group, store.Selector{Name: "eng"}, "", 10))
		}},
		{"Members", func(ctx context.Context) error { return second(s.Members(ctx, scope, "eng", "u2000", 10)) }},
		{"CarriedMembers, if there are none", func(ctx context.Context) error { return second(s.CarriedMembers(ctx, scope, "", "", 10)) }},
		{"DirectMembers", func(ctx context.Context) error { return second(s.DirectMembers(ctx, "acme", "eng", "u2000", 10)) }},
		{"Find users by userName", func(ctx context.Context) error {
			return second(s.Find(ctx, "acme", store.User, store.Selector{Name: "u1"}, "", 2))
		}},
		{"Find users by externalId", func(ctx context.Context) error {
			return second(s.Find(ctx, "acme", store.User, store.Selector{ExternalID: "u1"}, "", 2))
		}},
		{"Find users by address", func(ctx context.Context) error {
			return second(s.Find(ctx, "acme", store.User, store.Selector{Email: "u1"}, "", 2))
		}},
		{"IDs", func(ctx context.Context) error { return second(s.IDs(ctx, "acme", store.User, "u2000", 10)) }},
		{"adding two", func(ctx context.Context) error {
			return edit(ctx, store.MemberEdit{Kind: scim.AddMembers, IDs: []string{"new", "u5"}})
		}},
		{"adding a group", func(ctx context.Context) error {
			return edit(ctx, store.MemberEdit{Kind: scim.AddMembers, IDs: []string{"g7"}})
		}},
		{"adding a large group", func(ctx context.Context) error {
			return editOf(ctx, "g8", store.MemberEdit{Kind: scim.AddMembers, IDs: []string{"eng"}})
		}},
		{"removing two", func(ctx context.Context) error {
			return edit(ctx, store.MemberEdit{Kind: scim.RemoveMembers, IDs: []string{"u3", "nobody"}})
		}},
		{"adding and removing", func(ctx context.Context) error {
			return edit(ctx, store.MemberEdit{Kind: scim.RemoveMembers, IDs: []string{"u6"}}, store.MemberEdit{Kind: scim.AddMembers, IDs: []string{"u3"}})
		}},
		{"renaming a group", func(ctx context.Context) error {
			g := store.Resource{Type: store.Group, Scope: scope, ID: "g9", Name: "x", NameFolded: "x", Document: []byte("{}"), Version: 1}
			return second(s.Update(ctx, g, nil, cause))
		}},
		{"Create a group", func(ctx context.Context) error {
			g := store.Resource{Type: store.Group, Scope: scope, ID: "g", Name: "y", NameFolded: "y", Document: []byte("{}")}
			return second(s.Create(ctx, g, []store.MemberEdit{{Kind: scim.AddMembers, IDs: []string{"u1"}}}, cause))
		}},
		{"Create a user", func(ctx context.Context) error {
			return second(s.Create(ctx, store.Resource{Type: store.User, Scope: scope, ID: "u", NameFolded: "u", Document: []byte("{}")}, nil, cause))
		}},
		{"Update a user", func(ctx context.Context) error {
			return second(s.Update(ctx, store.Resource{Type: store.User, Scope: scope, ID: "u7", NameFolded: "u7", Document: []byte("{}"), Version: 1}, nil, cause))
		}},
		{"Page of users", func(ctx context.Context) error {
			return second(s.Page(ctx, scope, store.User, store.Order{}, 0, 10, math.MaxInt32))
		}},
		{"Page of users by name", func(ctx context.Context) error {
			return second(s.Page(ctx, scope, store.User, store.Order{ByName: true}, 0, 10, math.MaxInt32))
		}},
		{"Page of users by name, descending", func(ctx context.Context) error {
			return second(s.Page(ctx, scope, store.User, store.Order{ByName: true, Descending: true}, 0, 10, math.MaxInt32))
		}},
		{"Page of groups by name", func(ctx context.Context) error {
			return second(s.Page(ctx, scope, store.Group, store.Order{ByName: true}, 0, 10, math.MaxInt32))
		}},
		{"Page of groups by name, descending", func(ctx context.Context) error {
			return second(s.Page(ctx, scope, store.Group, store.Order{ByName: true, Descending: true}, 0, 10, math.MaxInt32))
		}},
		{"Delete a user", func(ctx context.Context) error { return second(s.Delete(ctx, scope, store.User, "u4", nil, cause)) }},
		{"Cursor", func(ctx context.Context) error {
			_, _, err := s.Cursor(ctx)
			return err
		}},
		{"Changes", func(ctx context.Context) error {
			_, _, _, err := s.Changes(ctx, "acme", feed.Cursor{Epoch: s.Epoch(), Sequence: 2000}, 10)
			return err
		}},
		{"Active from the beginning", func(ctx context.Context) error {
			_, _, _, err := s.Active(ctx, feed.Cursor{})
			return err
		}},
	}...)
}

func second[T any](_ T, err error) error { return err }

// fill creates a group "eng" of thousands of users u1, u2, ..., a "new" user in no group, as many groups g1, g2, ... of one
// user each, memberships of "busy" in as many groups and of as many groups in "wide", and as many change records.
func fill(t *testing.T, s *Store) {
	t.Helper()
	execute(t, s,
		`INSERT INTO directories VALUES ('acme', 'd1', false, false, false, '', false)`,
		`INSERT INTO users (organization_id, id, directory_id, user_name, user_name_folded, external_id, display_name,
			active, version, document, create_time, update_time)
			SELECT 'acme', id, 'd1', id, id, id, id, true, 1, '{}', 0, 0
			FROM (SELECT 'new' AS id UNION ALL SELECT 'u' || n FROM generate_series(1, 4000) n) u`,
		`INSERT INTO search_values SELECT 'acme', attribute, id, id FROM users, (VALUES ('emails'), ('displayName')) a (attribute)`,
		`INSERT INTO search_values SELECT 'acme', 'roleValues', CASE WHEN id = 'u7' THEN 'host' ELSE 'guide' END, id FROM users`,
		`INSERT INTO groups (organization_id, id, directory_id, display_name, display_name_folded, external_id, version, document,
			create_time, update_time) SELECT 'acme', id, 'd1', id, id, id, 1, '{}', 0, 0
			FROM (SELECT 'eng' AS id UNION ALL SELECT 'g' || n FROM generate_series(1, 4000) n) g`,
		`INSERT INTO members SELECT 'acme', 'eng', id, false, false FROM users WHERE id <> 'new'`,
		`INSERT INTO members SELECT 'acme', 'g' || n, 'u' || n, false, false FROM generate_series(1, 4000) n`,
		`INSERT INTO members SELECT 'acme', 'in' || n, 'busy', false, false FROM generate_series(1, 4000) n`,
		`INSERT INTO members SELECT 'acme', 'wide', 'under' || n, true, false FROM generate_series(1, 4000) n`,
		`INSERT INTO changes (transaction, organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
			member_group, message_id, traceparent, time)
			SELECT 0, 'acme', 'd1', false, id, 1, 1, '', false, '', '', 0 FROM users`,
	)
}

// one are the statements that create a group of one user.
var one = []string{
	`INSERT INTO directories VALUES ('acme', 'd1', false, false, false, '', false)`,
	`INSERT INTO users (organization_id, id, directory_id, user_name, user_name_folded, external_id, display_name,
		active, version, document, create_time, update_time)
		VALUES ('acme', 'u1', 'd1', 'u1', 'u1', 'u1', 'u1', true, 1, '{}', 0, 0)`,
	`INSERT INTO search_values SELECT 'acme', 'emails', id, id FROM users`,
	`INSERT INTO groups (organization_id, id, directory_id, display_name, display_name_folded, external_id, version, document,
		create_time, update_time) VALUES ('acme', 'eng', 'd1', 'eng', 'eng', 'eng', 1, '{}', 0, 0)`,
	`INSERT INTO members SELECT 'acme', 'eng', id, false, false FROM users`,
}

func execute(t *testing.T, s *Store, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := s.db.Exec(t.Context(), statement)
		must(t, err)
	}
}

// rowsRead is how many rows of tables and entries of indexes have been read. It ignores the table of directories: there are
// few.
func rowsRead(t *testing.T, s *Store) (count int64) {
	t.Helper()
	for _, idle := range s.db.AcquireAllIdle(t.Context()) {
		_, err := idle.Exec(t.Context(), `SELECT pg_stat_force_next_flush()`)
		idle.Release()
		must(t, err)
	}
	must(t, s.db.QueryRow(t.Context(), `SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname <> 'directories')
		+ (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname <> 'directories')`).Scan(&count))
	return count
}
