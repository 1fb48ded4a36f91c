package postgres

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// BenchmarkStore measures calls of the store, eight at a time, on a PostgreSQL with durable commits. Compare two versions by
// running them in turns on one machine:
//
//	go test -run '^$' -bench . -benchtime 2s ./identity/internal/store/postgres
func BenchmarkStore(b *testing.B) {
	const users = 100_000
	s, err := Open(b.Context(), pgdb.Server{URL: kit.DurablePostgres(b, "identity", Migrate)})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ctx, scope, cause := b.Context(), store.Scope{OrganizationID: "acme", DirectoryID: "d1"}, store.Cause{
		MessageID: "0190a5b0-0000-7000-8000-000000000000", Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Time: time.Unix(1, 0),
	}
	document := []byte(`{"userName":"` + strings.Repeat("somebody", 150) + `"}`)
	fillBenchmark(b, s, users, document)
	var made atomic.Int64
	user := func(id string) store.Resource {
		return store.Resource{Type: store.User,
			Scope: scope, ID: id, Name: id, NameFolded: id, ExternalID: id, DisplayName: id, Active: true, Document: document,
			Search: []scim.SearchValue{{Attribute: "emails", Value: id + "@example.com"}, {Attribute: "phoneNumbers", Value: id}},
		}
	}
	some := func(n int64) string { return userID(n * 7919 % users) }
	edit := func(ctx context.Context, group string, n int64) error {
		// Each call adds or removes a member of its own, in turns.
		kind := scim.AddMembers
		if n%2 == 1 {
			kind = scim.RemoveMembers
		}
		_, err := s.Update(ctx, store.Resource{Type: store.Group, Scope: scope, ID: group},
			[]store.MemberEdit{{Kind: kind, IDs: []string{fmt.Sprintf("x%d", n/2%1000)}}}, cause)
		return err
	}
	for _, c := range []struct {
		name string
		call func(ctx context.Context, n int64) error
	}{
		{"create a user", func(ctx context.Context, n int64) error {
			return second(s.Create(ctx, user(fmt.Sprintf("new-%d", n)), nil, cause))
		}},
		{"update a user", func(ctx context.Context, n int64) error {
			u, err := s.Get(ctx, scope, store.User, store.Selector{ID: some(n)}, false)
			if err != nil {
				return err
			}
			u.Search = user(u.ID).Search
			return second(s.Update(ctx, u, nil, cause))
		}},
		{"get a user by id", func(ctx context.Context, n int64) error {
			return second(s.Get(ctx, scope, store.User, store.Selector{ID: some(n)}, true))
		}},
		{"get a user by userName", func(ctx context.Context, n int64) error {
			return second(s.Get(ctx, scope, store.User, store.Selector{Name: some(n)}, true))
		}},
		{"page of 100 users", func(ctx context.Context, _ int64) error {
			if _, err := s.Count(ctx, scope, store.User); err != nil {
				return err
			}
			page, err := s.Page(ctx, scope, store.User, store.Order{}, 0, 100, math.MaxInt32)
			if err != nil {
				return err
			}
			var ids []string
			for _, u := range page {
				ids = append(ids, u.ID)
			}
			return second(s.UserGroups(ctx, scope, ids))
		}},
		{"add or remove a member of 10", func(ctx context.Context, n int64) error { return edit(ctx, "small", n) }},
		{"add or remove a member of 100000", func(ctx context.Context, n int64) error { return edit(ctx, "large", n) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetParallelism(4)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := c.call(ctx, made.Add(1)); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

func userID(n int64) string { return fmt.Sprintf("user-%07d", n) }

// fillBenchmark creates users that are in five groups each, users x0, x1, ... for the edits, and groups of 10 and of all
// users.
func fillBenchmark(b *testing.B, s *Store, users int, document []byte) {
	b.Helper()
	if err := s.ApplyDirectory(b.Context(), store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: 1}, store.Cause{}); err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO users (organization_id, id, directory_id, user_name, user_name_folded, external_id, display_name,
			active, version, document, create_time, update_time)
			SELECT 'acme', id, 'd1', id, id, id, id, true, 1, convert_to('%s', 'UTF8'), 0, 0 FROM (
				SELECT 'user-' || lpad(n::text, 7, '0') AS id FROM generate_series(0, %d) n
				UNION ALL SELECT 'x' || n FROM generate_series(0, 999) n) u`, document, users-1),
		`INSERT INTO search_values SELECT 'acme', a, id || '@example.com', id FROM users, unnest(ARRAY['emails', 'phoneNumbers']) a`,
		`INSERT INTO groups (organization_id, id, directory_id, display_name, display_name_folded, external_id, version, document,
			create_time, update_time) SELECT 'acme', id, 'd1', id, id, '', 1, '{}', 0, 0
			FROM (VALUES ('small'), ('large') UNION ALL SELECT 'g' || n FROM generate_series(0, 999) n) g (id)`,
		`INSERT INTO members SELECT 'acme', 'large', id, false, false FROM users WHERE id LIKE 'user-%'`,
		`INSERT INTO members SELECT 'acme', 'small', id, false, false FROM users WHERE id < 'user-0000010'`,
		`INSERT INTO members SELECT 'acme', 'g' || (hashtext(id) % 200 + 200) * 2 + n * 200 % 600, id, false, false
			FROM users, generate_series(0, 3) n WHERE id LIKE 'user-%' ON CONFLICT DO NOTHING`,
		`INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind, member_id, member_group,
			message_id, traceparent, time) SELECT 'acme', 'd1', false, id, 1, 1, '', false, '', '', 0 FROM users`,
		`VACUUM ANALYZE`,
	} {
		if _, err := s.db.Exec(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	for more := true; more; {
		var err error
		if more, err = s.fold(b.Context(), foldMost); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.analyze(b.Context()); err != nil {
		b.Fatal(err)
	}
}
