package storetest

import (
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

var memberCases = []testCase{
	{"members are listed by id with what they show", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "club")
		f.group(scope, "eng", "club", "bob", "anna")
		got, err := f.store.Members(f.Context(), scope, "eng", "", 10)
		f.must(err)
		f.equal("the members", got, []scim.Member{
			{Value: "anna", Type: "User", Display: "The anna"}, {Value: "bob", Type: "User", Display: "The bob"}, {Value: "club", Type: "Group", Display: "Group club"},
		})
		got, err = f.store.Members(f.Context(), scope, "eng", "anna", 1)
		f.must(err)
		f.equal("a page", memberIDs(got), list("bob"))
	}},
	{"an edit that changes something counts the version up once", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob", "carl")
		f.group(scope, "eng", "carl")
		w := f.edit(scope, "eng", append(added("anna", "bob"), removed("carl")...))
		f.wrote(w, 2, cause(1).Time)
		g := f.readGroup(scope, "eng")
		f.equal("the group", fmt.Sprint(g.Version, g.UpdateTime), fmt.Sprint(2, cause(1).Time))
		f.equal("the members", f.members(scope, "eng"), list("anna", "bob"))
	}},
	{"an edit that changes nothing writes nothing", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		before := f.group(scope, "eng", "anna")
		for name, edits := range map[string][]store.MemberEdit{
			"no edits":                nil,
			"adding a member":         added("anna", "anna"),
			"removing a stranger":     removed("bob", "nobody"),
			"matching none":           matching(func(scim.Member) bool { return false }),
			"replacing with the same": replaced("anna"),
		} {
			f.writesNothing(func() {
				w := f.edit(scope, "eng", edits)
				f.equal(name, w, store.Written{Version: 1, UpdateTime: before.UpdateTime})
			})
		}
		f.equal("the group", f.readGroup(scope, "eng"), before)
	}},
	{"edits are made in their order", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob", "carl")
		f.group(scope, "eng", "carl")
		edits := append(added("anna"), replaced("bob")...)
		f.edit(scope, "eng", append(edits, added("anna")...))
		f.equal("the members", f.members(scope, "eng"), list("anna", "bob"))
	}},
	{"replace keeps only the named members", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob", "carl")
		f.group(scope, "eng", "anna", "bob")
		at := f.cursor()
		f.edit(scope, "eng", replaced("bob", "carl"))
		f.equal("the members", f.members(scope, "eng"), list("bob", "carl"))
		f.equal("the records", sorted(f.since(at)), list("group eng@2: added user carl", "group eng@2: removed user anna"))
		f.edit(scope, "eng", replaced())
		f.equal("the members after replacing with none", f.members(scope, "eng"), list())
	}},
	{"remove matching removes the matching members on many pages", func(f *fixture) {
		scope := f.directory("d1")
		var ids, want []string
		for i := range 2345 {
			id := fmt.Sprintf("u%04d", i)
			ids = append(ids, id)
			if i%3 != 0 {
				want = append(want, id)
			}
		}
		f.manyUsers(scope, ids...)
		f.group(scope, "eng", ids...)
		f.edit(scope, "eng", matching(func(m scim.Member) bool {
			var n int
			_, _ = fmt.Sscanf(m.Value, "u%d", &n)
			return n%3 == 0 && m.Display == "The "+m.Value
		}))
		all, err := f.store.Members(f.Context(), scope, "eng", "", 5000)
		f.must(err)
		f.equal("who is left", memberIDs(all), want)
	}},
	{"only a resource of the directory can become a member", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		f.users(other, "anna")
		f.group(other, "club")
		f.group(scope, "eng")
		f.writesNothing(func() {
			for _, id := range []string{"anna", "club", "nobody", ""} {
				_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: "eng"}, added(id), cause(1))
				f.refuses("adding "+id, err, fault.InvalidValue)
			}
		})
	}},
	{"parallel adds are all kept", func(f *fixture) {
		const each, writers = 8, 16
		scope := f.directory("d1")
		var want []string
		for i := range each * writers {
			want = append(want, fmt.Sprintf("u%03d", i))
		}
		f.manyUsers(scope, want...)
		f.group(scope, "eng")
		at := f.cursor()
		f.together(writers, func(w int) {
			for i := range each {
				_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: "eng"},
					added(want[w*each+i]), cause(1))
				if err != nil {
					f.Error(err)
				}
			}
		})
		f.equal("the members", f.members(scope, "eng"), want)
		f.equal("the version", f.readGroup(scope, "eng").Version, 1+each*writers)
		revisions := map[int64]string{}
		for _, c := range f.changes(at) {
			revisions[c.Revision] = c.MemberID
		}
		f.equal("how many revisions the records have", len(revisions), each*writers)
	}},
}
