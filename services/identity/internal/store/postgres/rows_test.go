package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/feed"
)

// What names its rows reads about as many, whatever the size of the organization and of the group.
func TestNoCallReadsMoreThanItsRows(t *testing.T) {
	t.Parallel()
	const most = 60 // rows and index entries
	s := processes(t, 1)[0]
	fill(t, s)
	scope, cause := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}, store.Cause{Time: time.Unix(1, 0)}
	editOf := func(ctx context.Context, id string, edits ...store.MemberEdit) error {
		_, err := s.UpdateGroup(ctx, store.Group{Scope: scope, ID: id}, false, nil, edits, cause)
		return err
	}
	edit := func(ctx context.Context, edits ...store.MemberEdit) error { return editOf(ctx, "eng", edits...) }
	for _, c := range []struct {
		name string
		call func(ctx context.Context) error
	}{
		{"Facts", func(ctx context.Context) error { return second(s.Facts(ctx, "acme", []string{"u1", "u2"})) }},
		{"GroupFacts", func(ctx context.Context) error { return second(s.GroupFacts(ctx, "acme", []string{"eng"})) }},
		{"User", func(ctx context.Context) error { return second(s.User(ctx, scope, "u1")) }},
		{"UserByUserName", func(ctx context.Context) error { return second(s.UserByUserName(ctx, scope, "u1")) }},
		{"UserByExternalID", func(ctx context.Context) error { return second(s.UserByExternalID(ctx, scope, "u1")) }},
		{"Users", func(ctx context.Context) error { return second(s.Users(ctx, scope, "u2000", 10)) }},
		{"UserGroups", func(ctx context.Context) error { return second(s.UserGroups(ctx, scope, "u1")) }},
		{"Group", func(ctx context.Context) error { return second(s.Group(ctx, scope, "eng")) }},
		{"Groups", func(ctx context.Context) error { return second(s.Groups(ctx, scope, "g2000", 10)) }},
		{"GroupsOfMember", func(ctx context.Context) error { return second(s.GroupsOfMember(ctx, scope, "u1", "", 10)) }},
		{"GroupsByName", func(ctx context.Context) error { return second(s.GroupsByName(ctx, scope, "eng", 10)) }},
		{"GroupsByExternalID", func(ctx context.Context) error { return second(s.GroupsByExternalID(ctx, scope, "eng", 10)) }},
		{"FindGroups", func(ctx context.Context) error { return second(s.FindGroups(ctx, "acme", "eng", "", 10)) }},
		{"Members", func(ctx context.Context) error { return second(s.Members(ctx, scope, "eng", "u2000", 10)) }},
		{"DirectMembers", func(ctx context.Context) error { return second(s.DirectMembers(ctx, "acme", "eng", "u2000", 10)) }},
		{"FindUsers by userName", func(ctx context.Context) error {
			return second(s.FindUsers(ctx, "acme", store.Lookup{UserNameFolded: "u1"}, 2))
		}},
		{"FindUsers by externalId", func(ctx context.Context) error {
			return second(s.FindUsers(ctx, "acme", store.Lookup{ExternalID: "u1"}, 2))
		}},
		{"FindUsers by address", func(ctx context.Context) error {
			return second(s.FindUsers(ctx, "acme", store.Lookup{EmailFolded: "u1"}, 2))
		}},
		{"UserIDs", func(ctx context.Context) error { return second(s.UserIDs(ctx, "acme", "u2000", 10)) }},
		{"adding two", func(ctx context.Context) error {
			return edit(ctx, store.MemberEdit{Kind: store.EditAdd, IDs: []string{"new", "u5"}})
		}},
		{"adding a group", func(ctx context.Context) error {
			return edit(ctx, store.MemberEdit{Kind: store.EditAdd, IDs: []string{"g7"}})
		}},
		{"adding a large group", func(ctx context.Context) error {
			return editOf(ctx, "g8", store.MemberEdit{Kind: store.EditAdd, IDs: []string{"eng"}})
		}},
		{"removing two", func(ctx context.Context) error {
			return edit(ctx, store.MemberEdit{Kind: store.EditRemove, IDs: []string{"u3", "nobody"}})
		}},
		{"DeleteUser", func(ctx context.Context) error { return second(s.DeleteUser(ctx, scope, "u4", nil, cause)) }},
		{"Cursor", func(ctx context.Context) error {
			_, _, err := s.Cursor(ctx)
			return err
		}},
		{"Changes", func(ctx context.Context) error {
			_, _, err := s.Changes(ctx, "acme", feed.Cursor{Epoch: s.Epoch(), Sequence: 2000}, 10)
			return err
		}},
		{"Active from the beginning", func(ctx context.Context) error {
			_, _, err := s.Active(ctx, feed.Cursor{})
			return err
		}},
	} {
		before := rowsRead(t, s)
		must(t, c.call(t.Context()))
		if n := rowsRead(t, s) - before; n > most {
			t.Errorf("%s reads %d rows and index entries", c.name, n)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// fill makes a group "eng" of thousands of users u1, u2, ..., a "new" one who is in none, as many groups g1, g2, ... of one
// user each, and as many change records.
func fill(t *testing.T, s *Store) {
	t.Helper()
	// The watch of the feed reads too, and not at the same time.
	s.wakeup.Close()
	for _, statement := range []string{
		`INSERT INTO directories VALUES ('acme', 'd1', false, false, '', false)`,
		`INSERT INTO users (organization_id, id, directory_id, user_name, user_name_folded, external_id, display_name,
			active, version, document, create_time, update_time)
			SELECT 'acme', id, 'd1', id, id, id, id, true, 1, '{}', 0, 0
			FROM (SELECT 'new' AS id UNION ALL SELECT 'u' || n FROM generate_series(1, 4000) n) u`,
		`INSERT INTO search_values SELECT 'acme', 'emails', id, id FROM users`,
		`INSERT INTO groups (organization_id, id, directory_id, display_name, display_name_folded, external_id, version, document,
			create_time, update_time) SELECT 'acme', id, 'd1', id, id, id, 1, '{}', 0, 0
			FROM (SELECT 'eng' AS id UNION ALL SELECT 'g' || n FROM generate_series(1, 4000) n) g`,
		`INSERT INTO members SELECT 'acme', 'eng', id, false, false FROM users WHERE id <> 'new'`,
		`INSERT INTO members SELECT 'acme', 'g' || n, 'u' || n, false, false FROM generate_series(1, 4000) n`,
		`INSERT INTO changes (transaction, organization_id, directory_id, resource_group, resource_id, revision, kind, member_id,
			member_group, message_id, traceparent, time)
			SELECT 0, 'acme', 'd1', false, id, 1, 1, '', false, '', '', 0 FROM users`,
		`ANALYZE`,
	} {
		_, err := s.db.Exec(t.Context(), statement)
		must(t, err)
	}
}

// rowsRead is how many rows of tables, and entries of indexes, were read so far. Directories are left out: they are few.
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
