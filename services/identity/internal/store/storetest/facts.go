package storetest

import (
	"slices"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

// facts reads users' facts, by id.
func (f *fixture) facts(organization string, ids ...string) []store.Facts {
	f.Helper()
	all, err := f.store.Facts(f.Context(), organization, ids)
	f.must(err)
	slices.SortFunc(all, func(a, b store.Facts) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func email(address string) func(*store.User) {
	return func(u *store.User) {
		u.Search = append(u.Search, store.SearchValue{Attribute: "emails", Value: address})
	}
}

var factCases = []testCase{
	{"facts are of users of any directory, detached ones too, with their groups", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "inner", "anna", "bob")
			f.group(old, "outer", "inner")
		})
		carl := f.user(scope, "carl")
		f.adoptUser(old, scope, "anna")
		got := f.facts("acme", "bob", "anna", "carl", "nobody")
		anna, bob := f.readUser(scope, "anna"), f.readUser(old, "bob")
		f.equal("the facts", got, []store.Facts{
			{User: anna, GroupIDs: []string{"inner", "outer"}},
			{User: bob, Detached: true, GroupIDs: []string{"inner", "outer"}},
			{User: carl},
		})
		f.equal("of nobody", f.facts("acme"), list())
	}},
	{"what is asked for twice is read once", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "eng", "anna")
		f.equal("users", len(f.facts("acme", "anna", "bob", "anna")), 2)
		groups, err := f.store.GroupFacts(f.Context(), "acme", []string{"eng", "eng"})
		f.must(err)
		f.equal("groups", len(groups), 1)
	}},
	{"a thousand users are read at once", func(f *fixture) {
		scope := f.directory("d1")
		ids := make([]string, 1000)
		for i := range ids {
			ids[i] = newUser(scope, strings.Repeat("x", 1+i/100)+string(rune('a'+i%100))).ID
		}
		f.manyUsers(scope, ids...)
		f.equal("how many", len(f.facts("acme", ids...)), 1000)
	}},
	{"users are found in one way, of any directory, at most as many as asked for", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.user(old, "anna", email("a@example.com"), func(u *store.User) { u.ExternalID = "ext" })
		})
		_ = old
		f.user(scope, "second", email("a@example.com"), email("b@example.com"), email("b@example.com"), func(u *store.User) {
			u.UserNameFolded, u.ExternalID = "name-anna", "ext"
		})
		f.user(scope, "third", func(u *store.User) {
			u.Search = []store.SearchValue{{Attribute: "ims", Value: "a@example.com"}}
		})
		for _, c := range []struct {
			by    store.Lookup
			limit int
			want  string
		}{
			{store.Lookup{UserNameFolded: "name-anna"}, 10, list("anna", "second")},
			{store.Lookup{UserNameFolded: "name-anna"}, 1, list("anna")},
			{store.Lookup{UserNameFolded: "name-nobody"}, 10, list()},
			{store.Lookup{ExternalID: "ext"}, 10, list("anna", "second")},
			{store.Lookup{ExternalID: "EXT"}, 10, list()},
			{store.Lookup{EmailFolded: "a@example.com"}, 10, list("anna", "second")},
			{store.Lookup{EmailFolded: "b@example.com"}, 10, list("second")},
			{store.Lookup{ID: "third"}, 10, list("third")},
			{store.Lookup{ID: "nobody"}, 10, list()},
			{store.Lookup{}, 10, list()},
		} {
			got, err := f.store.FindUsers(f.Context(), "acme", c.by, c.limit)
			f.must(err)
			f.equal("found", got, c.want)
		}
	}},
	{"an update and a delete take the old search values along", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna", email("old@example.com"))
		u.Search = []store.SearchValue{{Attribute: "emails", Value: "new@example.com"}}
		_, err := f.store.UpdateUser(f.Context(), u, cause(1))
		f.must(err)
		find := func(address string) []string {
			got, err := f.store.FindUsers(f.Context(), "acme", store.Lookup{EmailFolded: address}, 10)
			f.must(err)
			return got
		}
		f.equal("by the old address", find("old@example.com"), list())
		f.equal("by the new address", find("new@example.com"), list("anna"))
		_, err = f.store.DeleteUser(f.Context(), scope, "anna", nil, cause(1))
		f.must(err)
		f.equal("once it is deleted", find("new@example.com"), list())
	}},
	{"an organization's users are walked by id, detached ones too", func(f *fixture) {
		_, scope := f.replacement(func(old store.Scope) { f.users(old, "b", "d") })
		f.users(scope, "a", "c")
		for _, c := range []struct {
			after string
			limit int
			want  string
		}{{"", 3, list("a", "b", "c")}, {"c", 3, list("d")}, {"d", 3, list()}} {
			got, err := f.store.UserIDs(f.Context(), "acme", c.after, c.limit)
			f.must(err)
			f.equal("after "+c.after, got, c.want)
		}
	}},
	{"an organization's groups are found by name or all, by id, detached ones too", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.group(old, "b")
			f.group(old, "x")
		})
		same := newGroup(scope, "a")
		same.DisplayNameFolded = "group b"
		_, err := f.store.CreateGroup(f.Context(), same, nil, cause(0))
		f.must(err)
		detachedB, a := store.GroupFacts{Group: f.readGroup(old, "b"), Detached: true}, store.GroupFacts{Group: f.readGroup(scope, "a")}
		for _, c := range []struct {
			name, folded, after string
			limit               int
			want                []store.GroupFacts
		}{
			{"by name", "group b", "", 10, []store.GroupFacts{a, detachedB}},
			{"by name, a page", "group b", "a", 10, []store.GroupFacts{detachedB}},
			{"by name, the first", "group b", "", 1, []store.GroupFacts{a}},
			{"all, a page", "", "", 2, []store.GroupFacts{a, detachedB}},
			{"by a name that none has", "group z", "", 2, []store.GroupFacts{}},
		} {
			got, err := f.store.FindGroups(f.Context(), "acme", c.folded, c.after, c.limit)
			f.must(err)
			f.equal(c.name, got, c.want)
		}
		got, err := f.store.GroupFacts(f.Context(), "acme", []string{"b", "nobody"})
		f.must(err)
		f.equal("by id", got, []store.GroupFacts{detachedB})
	}},
	{"direct members are walked by id, also those that the directory cannot see", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "club")
			f.group(old, "eng", "anna", "bob", "club")
		})
		f.adoptGroup(old, scope, "eng")
		got, err := f.store.DirectMembers(f.Context(), "acme", "eng", "anna", 10)
		f.must(err)
		f.equal("a page", got, []store.Member{{ID: "bob", Carried: true}, {ID: "club", Group: true, Carried: true}})
	}},
}
