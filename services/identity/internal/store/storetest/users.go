package storetest

import (
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

var userCases = []testCase{
	{"a user is found by each of its names, with groups or without", func(f *fixture) {
		scope := f.directory("d1")
		want := f.user(scope, "anna", func(u *store.Resource) { u.ExternalID, u.Active = "Ext-1", false })
		withGroups := want
		withGroups.Groups = []scim.GroupRef{}
		for _, by := range []store.Selector{{ID: "anna"}, {Name: "name-anna"}, {ExternalID: "Ext-1"}} {
			got, err := f.get(store.User, scope, by)
			f.must(err)
			f.equal(fmt.Sprintf("%+v", by), got, want)
			got, err = f.store.Get(f.Context(), scope, store.User, by, true)
			f.must(err)
			f.equal(fmt.Sprintf("%+v, with groups", by), got, withGroups)
		}
	}},
	{"a missing user is not found", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		f.user(other, "anna", func(u *store.Resource) { u.ExternalID = "ext" })
		f.user(scope, "bob")
		for _, groups := range []bool{false, true} {
			for _, c := range []struct {
				scope store.Scope
				by    store.Selector
			}{
				{scope, store.Selector{ID: "anna"}}, {scope, store.Selector{Name: "name-anna"}}, {scope, store.Selector{ExternalID: "ext"}}, {scope, store.Selector{}},
				{other, store.Selector{ID: "anna\x00"}}, {other, store.Selector{Name: "name-anna\x00"}}, {other, store.Selector{ExternalID: "EXT"}},
			} {
				_, err := f.store.Get(f.Context(), c.scope, store.User, c.by, groups)
				f.refuses(fmt.Sprintf("%+v, with groups: %v", c, groups), err, fault.NotFound)
			}
		}
	}},
	{"userName is unique in a directory, casefolded, and free in another", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		f.user(scope, "anna")
		again := newUser(scope, "second")
		again.Name, again.NameFolded = "NAME-ANNA", "name-anna"
		f.writesNothing(func() {
			_, err := f.store.Create(f.Context(), again, nil, cause(1))
			f.refusesAttribute("creating", err, "userName")
		})
		bob := f.user(scope, "bob")
		bob.NameFolded = "name-anna"
		f.writesNothing(func() {
			_, err := f.store.Update(f.Context(), bob, nil, cause(1))
			f.refusesAttribute("renaming", err, "userName")
		})
		again.Scope = other
		_, err := f.store.Create(f.Context(), again, nil, cause(1))
		f.must(err)
	}},
	{"externalId is unique in a directory, case-exactly, and free in another", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		external := func(id string) func(*store.Resource) { return func(u *store.Resource) { u.ExternalID = id } }
		f.user(scope, "anna", external("ext"))
		bob := f.user(scope, "bob", external("EXT"))
		f.user(other, "carl", external("ext"))
		second := newUser(scope, "second")
		second.ExternalID = "ext"
		f.writesNothing(func() {
			_, err := f.store.Create(f.Context(), second, nil, cause(1))
			f.refusesAttribute("creating", err, "externalId")
			bob.ExternalID = "ext"
			_, err = f.store.Update(f.Context(), bob, nil, cause(1))
			f.refusesAttribute("changing", err, "externalId")
		})
	}},
	{"any number of users have no externalId", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob", "carl")
	}},
	{"a lost compare-and-set writes nothing, not even its change record", func(f *fixture) {
		scope := f.directory("d1")
		stale := f.user(scope, "anna")
		_, err := f.store.Update(f.Context(), stale, nil, cause(1))
		f.must(err)
		before := f.readUser(scope, "anna")
		stale.Document = []byte(`{"userName":"lost"}`)
		stale.Search = []scim.SearchValue{{Attribute: "emails", Value: "lost@example.com"}}
		f.writesNothing(func() {
			_, err := f.store.Update(f.Context(), stale, nil, cause(2))
			f.changedSince("updating", err)
			_, err = f.store.Delete(f.Context(), scope, store.User, "anna", []int64{1, 7}, cause(2))
			f.changedSince("deleting", err)
		})
		f.equal("the user", f.readUser(scope, "anna"), before)
		found, err := f.store.Find(f.Context(), "acme", store.User, store.Selector{Email: "lost@example.com"}, "", 10)
		f.must(err)
		f.equal("found by the lost address", found, list())
	}},
	{"an update of a deleted user finds that it changed", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna")
		_, err := f.store.Delete(f.Context(), scope, store.User, "anna", nil, cause(1))
		f.must(err)
		f.writesNothing(func() {
			_, err := f.store.Update(f.Context(), u, nil, cause(1))
			f.changedSince("updating", err)
		})
	}},
	{"deleting a user takes it out of its groups, which get a new version", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "eng", "anna", "bob")
		untouched := f.group(scope, "ops", "bob")
		_, err := f.store.Delete(f.Context(), scope, store.User, "anna", nil, cause(9))
		f.must(err)
		f.equal("the members", f.members(scope, "eng"), list("bob"))
		f.equal("all members", f.allMembers("acme", "eng"), list("bob"))
		g := f.readGroup(scope, "eng")
		f.equal("its version and time", fmt.Sprint(g.Version, g.UpdateTime), fmt.Sprint(2, cause(9).Time))
		f.equal("the other group", f.readGroup(scope, "ops"), untouched)
	}},
}
