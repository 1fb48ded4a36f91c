package storetest

import (
	"fmt"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// userFacts are a user's facts with its groups.
type userFacts struct {
	store.Facts
	GroupIDs []string
}

// ample returns bounds that no case reaches.
func ample() store.FactsBounds { return store.FactsBounds{Bytes: 1 << 20, Edges: 100_000} }

// facts reads users' facts, by id.
func (f *fixture) facts(organization string, ids ...string) []userFacts {
	f.Helper()
	page, err := f.store.Facts(f.Context(), organization, ids, ample())
	f.must(err)
	f.equal("that all were read", fmt.Sprint(page.Rest, page.More), "[] false")
	around := store.NewAround(page.Edges)
	var all []userFacts
	for _, u := range page.Users {
		all = append(all, userFacts{Facts: u, GroupIDs: around.Groups(u.ID)})
	}
	return all
}

func email(address string) func(*store.Resource) {
	return func(u *store.Resource) {
		u.Search = append(u.Search, scim.SearchValue{Attribute: "emails", Value: address})
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
		f.equal("the facts", got, []userFacts{
			{Facts: store.Facts{Resource: anna}, GroupIDs: []string{"inner", "outer"}},
			{Facts: store.Facts{Resource: bob, Detached: true}, GroupIDs: []string{"inner", "outer"}},
			{Facts: store.Facts{Resource: carl}},
		})
		f.equal("of nobody", f.facts("acme"), list())
	}},
	{"an id that is requested twice is read once", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "eng", "anna")
		f.equal("users", len(f.facts("acme", "anna", "bob", "anna")), 2)
		groups, err := f.store.Summaries(f.Context(), "acme", store.Group, []string{"eng", "eng"})
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
	{"facts are read up to a limit of bytes, and of at least one user", func(f *fixture) {
		scope := f.directory("d1")
		for _, id := range []string{"a", "b", "c", "d"} {
			f.user(scope, id, func(u *store.Resource) { u.Document = []byte(strings.Repeat("x", 100)) })
		}
		f.group(scope, "eng", "a", "b", "c", "d")
		for _, c := range []struct {
			bytes       int
			users, rest string
		}{
			{1, list("a"), list("b", "c", "d", "nobody")}, {199, list("a"), list("b", "c", "d", "nobody")},
			{200, list("a", "b"), list("c", "d", "nobody")}, {399, list("a", "b", "c"), list("d", "nobody")}, {400, list("a", "b", "c", "d"), list()},
		} {
			page, err := f.store.Facts(f.Context(), "acme", []string{"d", "nobody", "a", "c", "b", "a"}, store.FactsBounds{Bytes: c.bytes, Edges: 10})
			f.must(err)
			var users []string
			for _, u := range page.Users {
				users = append(users, u.ID)
			}
			f.equal(fmt.Sprintf("users of %d bytes", c.bytes), users, c.users)
			f.equal("the rest", page.Rest, c.rest)
			f.equal("whose memberships were read", len(page.Edges), len(page.Users))
		}
	}},
	{"the groups of inactive or detached users are not read if they are not requested", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "left")
			f.group(old, "before", "left")
		})
		_ = old
		f.user(scope, "idle", func(u *store.Resource) { u.Active = false })
		f.users(scope, "anna")
		f.group(scope, "eng", "anna", "idle")
		most := ample()
		all, err := f.store.Facts(f.Context(), "acme", []string{"left", "idle", "anna"}, most)
		f.must(err)
		f.equal("all memberships", len(all.Edges), 3)
		most.Live = true
		live, err := f.store.Facts(f.Context(), "acme", []string{"left", "idle", "anna"}, most)
		f.must(err)
		f.equal("those of the live", live.Edges, []store.Edge{{Member: "anna", Group: "eng"}})
		f.equal("how many users", len(live.Users), 3)
	}},
	{"the groups above a group are read once, however many members it has", func(f *fixture) {
		const users, layers, wide = 50, 30, 5
		scope := f.directory("d1")
		var people []string
		for i := range users {
			people = append(people, fmt.Sprintf("u%03d", i))
		}
		f.manyUsers(scope, people...)
		name := func(layer, i int) string { return fmt.Sprintf("g%02d-%d", layer, i) }
		var nested []store.Edge
		for layer := range layers {
			for i := range wide {
				if layer == 0 {
					f.group(scope, name(0, i), people...)
					continue
				}
				f.group(scope, name(layer, i))
				for j := range wide {
					nested = append(nested, store.Edge{Member: name(layer-1, j), Group: name(layer, i)})
				}
			}
		}
		f.must(f.inside.Plant("acme", nested))
		page, err := f.store.Facts(f.Context(), "acme", people, ample())
		f.must(err)
		f.equal("how many memberships were read", len(page.Edges), users*wide+len(nested))
		around := store.NewAround(page.Edges)
		for _, id := range people {
			f.equal("how many groups", len(around.Groups(id)), layers*wide)
			f.equal("limits", around.Beyond(id), "")
		}
	}},
	{"groups that are each in all following groups are read once", func(f *fixture) {
		const groups, users = 100, 50
		scope := f.directory("d1")
		var people []string
		for i := range users {
			people = append(people, fmt.Sprintf("u%03d", i))
		}
		f.manyUsers(scope, people...)
		var nested []store.Edge
		for i := range groups {
			f.group(scope, fmt.Sprintf("g%03d", i))
			for j := range i {
				nested = append(nested, store.Edge{Member: fmt.Sprintf("g%03d", j), Group: fmt.Sprintf("g%03d", i)})
			}
		}
		f.edit(scope, "g000", added(people...))
		f.must(f.inside.Plant("acme", nested))
		page, err := f.store.Facts(f.Context(), "acme", people, ample())
		f.must(err)
		f.equal("how many memberships were read", len(page.Edges), users+len(nested))
		around := store.NewAround(page.Edges)
		for _, id := range people {
			f.equal("how many groups", len(around.Groups(id)), groups)
			f.equal("the limit", around.Beyond(id), `group "g000" is in a chain of more than 32 groups`)
		}
		shown, err := f.store.UserGroups(f.Context(), scope, people)
		f.must(err)
		for _, id := range people {
			f.equal("how many groups are shown", len(shown[id]), groups)
			f.equal("the first", shown[id][0], scim.GroupRef{ID: "g000", Display: "Group g000", Direct: true})
			f.equal("the last", shown[id][groups-1], scim.GroupRef{ID: "g099", Display: "Group g099"})
		}
	}},
	{"a cycle and the groups above it are read once", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		for _, id := range []string{"a", "b", "c", "top"} {
			f.group(scope, id)
		}
		f.edit(scope, "a", added("anna"))
		f.edit(scope, "c", added("bob"))
		f.must(f.inside.Plant("acme", []store.Edge{{Member: "a", Group: "b"}, {Member: "b", Group: "c"}, {Member: "c", Group: "a"}, {Member: "c", Group: "top"}}))
		page, err := f.store.Facts(f.Context(), "acme", []string{"anna", "bob"}, ample())
		f.must(err)
		f.equal("how many memberships were read", len(page.Edges), 6)
		around := store.NewAround(page.Edges)
		for _, id := range []string{"anna", "bob"} {
			f.equal("groups", around.Groups(id), list("a", "b", "c", "top"))
			f.equal("the limit", around.Beyond(id), "")
		}
	}},
	{"not more memberships are read than the limit", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "inner", "anna", "bob")
		f.group(scope, "outer", "inner")
		for edges, more := range map[int]bool{0: true, 1: true, 2: true, 3: false, 4: false} {
			page, err := f.store.Facts(f.Context(), "acme", []string{"anna", "bob"}, store.FactsBounds{Bytes: 1000, Edges: edges})
			f.must(err)
			f.equal(fmt.Sprintf("with %d, that there are more", edges), page.More, more)
			f.equal("how many were read", len(page.Edges), min(3, edges+1))
			f.equal("how many users", len(page.Users), 2)
		}
	}},
	{"users of any directory are found by one criterion, up to the limit", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.user(old, "anna", email("a@example.com"), func(u *store.Resource) { u.ExternalID = "ext" })
		})
		_ = old
		f.user(scope, "second", email("a@example.com"), email("b@example.com"), email("b@example.com"), func(u *store.Resource) {
			u.NameFolded, u.ExternalID = "name-anna", "ext"
		})
		f.user(scope, "third", func(u *store.Resource) {
			u.Search = []scim.SearchValue{{Attribute: "ims", Value: "a@example.com"}}
		})
		for _, c := range []struct {
			by    store.Selector
			limit int
			want  string
		}{
			{store.Selector{Name: "name-anna"}, 10, list("anna", "second")},
			{store.Selector{Name: "name-anna"}, 1, list("anna")},
			{store.Selector{Name: "name-nobody"}, 10, list()},
			{store.Selector{ExternalID: "ext"}, 10, list("anna", "second")},
			{store.Selector{ExternalID: "EXT"}, 10, list()},
			{store.Selector{Email: "a@example.com"}, 10, list("anna", "second")},
			{store.Selector{Email: "b@example.com"}, 10, list("second")},
			{store.Selector{ID: "third"}, 10, list("third")},
			{store.Selector{ID: "nobody"}, 10, list()},
			{store.Selector{}, 10, list()},
		} {
			got, err := f.store.Find(f.Context(), "acme", store.User, c.by, "", c.limit)
			f.must(err)
			f.equal("found", idsOfFacts(got), c.want)
		}
	}},
	{"an update and a delete remove the old search values", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna", email("old@example.com"))
		u.Search = []scim.SearchValue{{Attribute: "emails", Value: "new@example.com"}}
		_, err := f.store.Update(f.Context(), u, nil, cause(1))
		f.must(err)
		find := func(address string) []string {
			got, err := f.store.Find(f.Context(), "acme", store.User, store.Selector{Email: address}, "", 10)
			f.must(err)
			return idsOfFacts(got)
		}
		f.equal("by the old address", find("old@example.com"), list())
		f.equal("by the new address", find("new@example.com"), list("anna"))
		_, err = f.store.Delete(f.Context(), scope, store.User, "anna", nil, cause(1))
		f.must(err)
		f.equal("once it is deleted", find("new@example.com"), list())
	}},
	{"direct members are listed by id, also those that the directory cannot see", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "club")
			f.group(old, "eng", "anna", "bob", "club")
		})
		f.adoptGroup(old, scope, "eng")
		got, err := f.store.DirectMembers(f.Context(), "acme", "eng", "anna", 10)
		f.must(err)
		f.equal("a page", got, []store.Member{
			{Member: scim.Member{Value: "bob", Type: "User"}, Carried: true}, {Member: scim.Member{Value: "club", Type: "Group"}, Carried: true},
		})
	}},
}
