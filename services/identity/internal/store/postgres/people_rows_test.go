package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// peopleCalls are the calls for people who search, on the data of fill.
func peopleCalls(s *Store) []call {
	search := func(name string, q store.Search) call {
		return call{name, func(ctx context.Context) error { return second(s.SearchUsers(ctx, "acme", q, 10)) }}
	}
	// Another index on names has the users of all directories.
	other := store.Scope{OrganizationID: "acme", DirectoryID: "d2"}
	names := func(low, high string, values ...string) call {
		return call{fmt.Sprintf("candidates of another directory from %q to %q, one of %q", low, high, values), func(ctx context.Context) error {
			return second(s.Candidates(ctx, other, store.User, scim.Condition{Attribute: "userName", Low: low, High: high, Values: values}, 1000))
		}}
	}
	byName := func(descending bool) call {
		return call{fmt.Sprintf("Page of another directory by name, descending: %v", descending), func(ctx context.Context) error {
			return second(s.Page(ctx, other, store.User, store.Order{ByName: true, Descending: descending}, 0, 10, math.MaxInt32))
		}}
	}
	return []call{
		names("u1", "u1"), names("u1", "u2"), names("u1", ""), names("u1", "u2", "u1", "u2"), byName(false), byName(true),
		search("Search by userName", store.Search{Part: store.ByUserName, Low: "u1", High: "u2", Value: "u2000", ID: "u2000"}),
		search("Search by userName in a directory", store.Search{Part: store.ByUserName, DirectoryID: "d1", Low: "u1", High: "u2", Value: "u2000", ID: "u2000"}),
		search("Search by userName in another directory", store.Search{Part: store.ByUserName, DirectoryID: "d2", Low: "u1", High: "u2", Value: "u1"}),
		search("Search by displayName", store.Search{Part: store.ByDisplayName, Low: "u1", High: "u3", Value: "u2000", ID: "u2000"}),
		search("Search by address", store.Search{Part: store.ByEmail, Low: "u1", High: "u3", Value: "u2000", ID: "u2000"}),
		{"GetAny of a user", func(ctx context.Context) error { return second(s.GetAny(ctx, "acme", store.User, "u1")) }},
		{"GetAny of a group", func(ctx context.Context) error { return second(s.GetAny(ctx, "acme", store.Group, "eng")) }},
		{"Names", func(ctx context.Context) error { return second(s.Names(ctx, "acme", []string{"u1", "u2"})) }},
		{"Above", func(ctx context.Context) error { return second(s.Above(ctx, "acme", "busy", 10)) }},
		{"CarriedEdges", func(ctx context.Context) error {
			return second(s.CarriedEdges(ctx, "acme", []store.Edge{{Member: "u1", Group: "eng"}, {Member: "u1", Group: "g1"}}))
		}},
		{"Nested groups in a large group", func(ctx context.Context) error { return second(s.Nested(ctx, "acme", "eng", false, "", 10)) }},
		{"Nested groups", func(ctx context.Context) error { return second(s.Nested(ctx, "acme", "wide", false, "under2", 10)) }},
		{"Containing groups", func(ctx context.Context) error { return second(s.Nested(ctx, "acme", "busy", true, "in2", 10)) }},
		{"TallyMembers of a large group", func(ctx context.Context) error {
			return second(s.TallyMembers(ctx, "acme", []string{"eng"}, true, store.TallyBounds{Groups: 10, Memberships: 10}))
		}},
		{"TallyMembers of many nested groups", func(ctx context.Context) error {
			return second(s.TallyMembers(ctx, "acme", []string{"wide"}, true, store.TallyBounds{Groups: 10, Memberships: 10}))
		}},
		{"TallyRole", func(ctx context.Context) error { return second(s.TallyRole(ctx, "acme", "guide", 10)) }},
		{"RoleValues", func(ctx context.Context) error { return second(s.RoleValues(ctx, "acme", "a", "z", "", 4, 4)) }},
		{"Search for groups", func(ctx context.Context) error {
			return second(s.SearchGroups(ctx, "acme", store.Search{Low: "g1", High: "g3", Value: "g2000", ID: "g2000"}, 10))
		}},
	}
}
