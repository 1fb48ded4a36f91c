package storetest

import (
	"fmt"
	"math"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// replacement fills and closes directory d1, and returns it and the open directory d2 that replaces it.
func (f *fixture) replacement(fill func(old store.Scope)) (old, scope store.Scope) {
	f.Helper()
	old = f.directory("d1")
	fill(old)
	f.directory("d1", closed)
	return old, f.directory("d2", replacing("d1"))
}

func (f *fixture) adoptUser(from, to store.Scope, id string) store.Written {
	f.Helper()
	u := f.readUser(from, id)
	u.Scope = to
	w, err := f.store.Adopt(f.Context(), from.DirectoryID, u, nil, cause(5))
	f.must(err)
	return w
}

func (f *fixture) adoptGroup(from, to store.Scope, id string, edits ...store.MemberEdit) store.Written {
	f.Helper()
	g := f.readGroup(from, id)
	g.Scope = to
	w, err := f.store.Adopt(f.Context(), from.DirectoryID, g, edits, cause(5))
	f.must(err)
	return w
}

// carried lists, as "group/member", the memberships that an adoption kept and that were not confirmed.
func (f *fixture) carried(scope store.Scope) []string {
	f.Helper()
	all, err := f.store.CarriedMembers(f.Context(), scope, "", "", 1000)
	f.must(err)
	words := []string{}
	for _, c := range all {
		words = append(words, c.GroupID+"/"+c.Member.Value)
	}
	return words
}

var adoptionCases = []testCase{
	{"a detached group is found if only one has its externalId, otherwise its displayName", func(f *fixture) {
		far, near := f.directory("far"), f.directory("near")
		group := func(scope store.Scope, id, folded, externalID string) {
			f.resource(store.Group, scope, id, func(g *store.Resource) { g.NameFolded, g.ExternalID = folded, externalID })
		}
		group(far, "eng-far", "eng", "a")
		group(near, "eng-1", "eng", "b")
		group(near, "eng-2", "eng", "b")
		group(near, "eng-3", "eng", "")
		group(near, "ops-near", "ops", "")
		group(far, "ops-far", "ops", "")
		f.directory("far", closed)
		f.directory("near", closed)
		find := func(externalID, folded string, directories ...string) (store.Resource, error) {
			g := store.Resource{Scope: store.Scope{OrganizationID: "acme"}, Type: store.Group, ExternalID: externalID, NameFolded: folded}
			return f.store.Detached(f.Context(), g, directories)
		}
		for _, c := range []struct{ externalID, folded, want string }{
			{"a", "ops", "eng-far"}, {"b", "ops", "ops-near"}, {"", "eng", "eng-far"}, {"", "ops", "ops-near"},
		} {
			got, err := find(c.externalID, c.folded, "near", "far")
			f.must(err)
			f.equal(fmt.Sprintf("which is %+v", c), got.ID, c.want)
		}
		_, err := find("b", "eng", "near")
		f.refuses("finding what is ambiguous", err, fault.NotFound)
	}},
	{"adopted users and groups count in the directory that adopts them", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "eng", "anna")
		})
		f.user(scope, "carl")
		f.adoptUser(old, scope, "anna")
		f.adoptGroup(old, scope, "eng")
		users, err := f.store.Count(f.Context(), scope, store.User)
		f.must(err)
		groups, err := f.store.Count(f.Context(), scope, store.Group)
		f.must(err)
		f.equal("how many users and groups", fmt.Sprint(users, groups), "2 1")
		_, err = f.store.Delete(f.Context(), scope, store.User, "anna", nil, cause(6))
		f.must(err)
		users, err = f.store.Count(f.Context(), scope, store.User)
		f.must(err)
		f.equal("how many users once one is deleted", users, 1)
	}},
	{"adoption keeps what is unique", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna")
			f.group(old, "eng")
		})
		f.user(scope, "second", func(u *store.Resource) { u.NameFolded = "name-anna" })
		f.group(scope, "ops")
		f.directory("d2", uniqueNames, replacing("d1"))
		u, g := f.readUser(old, "anna"), f.readGroup(old, "eng")
		u.Scope, g.Scope, g.NameFolded = scope, scope, "group ops"
		f.writesNothing(func() {
			_, err := f.store.Adopt(f.Context(), "d1", u, nil, cause(6))
			f.refusesAttribute("adopting the user", err, "userName")
			_, err = f.store.Adopt(f.Context(), "d1", g, nil, cause(6))
			f.refusesAttribute("adopting the group", err, "displayName")
		})
	}},
	{"an adopted group carries its members until they are adopted and confirmed", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "club")
			f.group(old, "eng", "anna", "bob", "club")
		})
		at := f.cursor()
		w := f.adoptGroup(old, scope, "eng")
		f.wrote(w, 2, cause(5).Time)
		f.equal("the records", f.since(at), list("group eng@2: created"))
		f.equal("all members", f.allMembers("acme", "eng"), list("anna*", "bob*", "club*"))
		f.equal("what the directory sees", f.members(scope, "eng"), list())
		f.equal("carried", f.carried(scope), list("eng/anna", "eng/bob", "eng/club"))

		f.adoptUser(old, scope, "anna")
		f.equal("what it sees with anna adopted", f.members(scope, "eng"), list("anna"))
		at = f.cursor()
		w = f.edit(scope, "eng", added("anna"))
		f.equal("a confirmation is no change", w, store.Written{Version: 2, UpdateTime: cause(5).Time})
		f.equal("its records", f.since(at), list())
		f.equal("all members once anna is confirmed", f.allMembers("acme", "eng"), list("anna", "bob*", "club*"))
		f.equal("carried once anna is confirmed", f.carried(scope), list("eng/bob", "eng/club"))
	}},
	{"adoption confirms the members that it names", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "eng", "anna", "bob")
		})
		f.adoptUser(old, scope, "anna")
		f.user(scope, "carl")
		at := f.cursor()
		w := f.adoptGroup(old, scope, "eng", added("anna", "carl")...)
		f.equal("the records", f.since(at), list("group eng@2: created", "group eng@2: added user carl"))
		f.wrote(w, 2, cause(5).Time)
		f.equal("all members", f.allMembers("acme", "eng"), list("anna", "bob*", "carl"))
	}},
	{"a carried member that was adopted can be removed", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "eng", "anna", "bob")
		})
		f.adoptUser(old, scope, "anna")
		f.adoptGroup(old, scope, "eng")
		at := f.cursor()
		f.edit(scope, "eng", removed("anna", "bob"))
		f.equal("the records", f.since(at), list("group eng@3: removed user anna"))
		f.equal("bob, whom the directory cannot see, stays", f.allMembers("acme", "eng"), list("bob*"))
	}},
	{"replace and remove matching keep members that the directory cannot see", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob", "carl")
			f.group(old, "eng", "anna", "bob", "carl")
		})
		f.adoptUser(old, scope, "anna")
		f.adoptUser(old, scope, "carl")
		f.user(scope, "dora")
		f.adoptGroup(old, scope, "eng")
		f.edit(scope, "eng", replaced("carl", "dora"))
		f.equal("all members", f.allMembers("acme", "eng"), list("bob*", "carl", "dora"))
		f.edit(scope, "eng", matching(func(scim.Member) bool { return true }))
		f.equal("all members after removing all", f.allMembers("acme", "eng"), list("bob*"))
	}},
	{"a detached member is invisible wherever a directory reads", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "inner", "anna")
			f.group(old, "outer", "inner", "bob")
		})
		f.adoptGroup(old, scope, "outer")
		f.adoptUser(old, scope, "anna")
		f.equal("members", f.members(scope, "outer"), list())
		for _, id := range []string{"bob", "inner"} {
			got, err := f.store.Candidates(f.Context(), scope, store.Group, equals("members", id), 10)
			f.must(err)
			f.equal("groups of "+id, got, list())
		}
		got := f.userGroups(scope, "anna")
		f.equal("anna's groups: one is detached, and the other one is above it", got, list())
		for name, read := range map[string]func() error{
			"user": func() error {
				_, err := f.get(store.User, scope, store.Selector{ID: "bob"})
				return err
			},
			"userName": func() error {
				_, err := f.store.Get(f.Context(), scope, store.User, store.Selector{Name: "name-bob"}, false)
				return err
			},
			"group": func() error {
				_, err := f.get(store.Group, scope, store.Selector{ID: "inner"})
				return err
			},
		} {
			f.refuses(name, read(), fault.NotFound)
		}
		users, err := f.store.List(f.Context(), scope, store.User, "", 10, math.MaxInt32)
		f.must(err)
		f.equal("the users", idsOf(users), list("anna"))
		groups, err := f.store.List(f.Context(), scope, store.Group, "", 10, math.MaxInt32)
		f.must(err)
		f.equal("the groups", idsOf(groups), list("outer"))
	}},
	{"adopted users and groups are carried in groups that were not adopted", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "inner", "anna")
			f.group(old, "outer", "inner", "anna", "bob")
		})
		f.adoptUser(old, scope, "anna")
		f.adoptGroup(old, scope, "inner", added("anna")...)
		f.equal("carried", f.carried(scope), list("outer/anna", "outer/inner"))
	}},
	{"carried memberships are listed by group and member, by keyset", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "a", "anna", "bob")
			f.group(old, "b", "anna", "bob")
		})
		f.adoptGroup(old, scope, "a")
		f.adoptGroup(old, scope, "b")
		var walked []string
		for group, member := "", ""; ; {
			page, err := f.store.CarriedMembers(f.Context(), scope, group, member, 1)
			f.must(err)
			if len(page) == 0 {
				break
			}
			group, member = page[0].GroupID, page[0].Member.Value
			walked = append(walked, group+"/"+member)
		}
		f.equal("walked", walked, list("a/anna", "a/bob", "b/anna", "b/bob"))
	}},
	{"removing carried memberships records each, and increases the versions of the groups", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob", "carl")
			f.group(old, "club")
			f.group(old, "eng", "anna", "bob", "club")
			f.group(old, "left", "anna", "carl")
		})
		f.adoptUser(old, scope, "anna")
		f.adoptGroup(old, scope, "eng", added("anna")...)
		all, err := f.store.CarriedMembers(f.Context(), scope, "", "", 100)
		f.must(err)
		at := f.cursor()
		w, err := f.store.RemoveCarried(f.Context(), scope, all, cause(7))
		f.must(err)
		f.wrote(w, 0, time.Time{})
		f.equal("the records", f.since(at), list("group eng@3: removed user bob", "group eng@4: removed group club", "group left@2: removed user anna"))
		f.equal("carried", f.carried(scope), list())
		f.equal("the adopted group", f.allMembers("acme", "eng"), list("anna"))
		f.equal("the group that stayed behind", f.allMembers("acme", "left"), list("carl"))
		f.equal("its version and time", fmt.Sprint(f.readGroup(scope, "eng").Version, f.readGroup(scope, "eng").UpdateTime),
			fmt.Sprint(4, cause(7).Time))
	}},
	{"memberships that were confirmed or removed since they were listed are not changed", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "eng", "anna", "bob")
		})
		f.adoptUser(old, scope, "anna")
		f.adoptUser(old, scope, "bob")
		f.adoptGroup(old, scope, "eng")
		all, err := f.store.CarriedMembers(f.Context(), scope, "", "", 100)
		f.must(err)
		f.edit(scope, "eng", append(added("anna"), removed("bob")...))
		f.writesNothing(func() {
			w, err := f.store.RemoveCarried(f.Context(), scope, all, cause(7))
			f.must(err)
			f.equal("the cursor", w.Cursor.String(), "")
		})
		f.equal("the members", f.allMembers("acme", "eng"), list("anna"))
	}},
	{"no directory ends another's adoption", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "eng", "anna", "bob")
			f.group(old, "left", "anna")
		})
		f.adoptUser(old, scope, "anna")
		f.adoptGroup(old, scope, "eng")
		other := f.directory("d3")
		f.equal("what another sees", f.carried(other), list())
		all, err := f.store.CarriedMembers(f.Context(), scope, "", "", 100)
		f.must(err)
		f.equal("how many", len(all), 3)
		f.writesNothing(func() {
			_, err := f.store.RemoveCarried(f.Context(), other, all, cause(7))
			f.must(err)
		})
		f.equal("carried", f.carried(scope), list("eng/anna", "eng/bob", "left/anna"))
	}},
	{"an adoption can itself be adopted", func(f *fixture) {
		old, second := f.replacement(func(old store.Scope) {
			f.users(old, "anna", "bob")
			f.group(old, "eng", "anna", "bob")
		})
		f.adoptUser(old, second, "anna")
		f.adoptGroup(old, second, "eng", added("anna")...)
		f.directory("d2", closed, replacing("d1"))
		third := f.directory("d3", replacing("d2"))
		f.adoptGroup(second, third, "eng")
		f.adoptUser(second, third, "anna")
		f.adoptUser(old, third, "bob")
		f.equal("all members", f.allMembers("acme", "eng"), list("anna*", "bob*"))
		f.equal("what it sees", f.members(third, "eng"), list("anna", "bob"))
	}},
	{"a user that is deleted after its adoption leaves the groups that were not adopted", func(f *fixture) {
		old, scope := f.replacement(func(old store.Scope) {
			f.users(old, "anna")
			f.group(old, "left", "anna")
		})
		f.adoptUser(old, scope, "anna")
		_, err := f.store.Delete(f.Context(), scope, store.User, "anna", nil, cause(8))
		f.must(err)
		f.equal("members", f.allMembers("acme", "left"), list())
	}},
}
