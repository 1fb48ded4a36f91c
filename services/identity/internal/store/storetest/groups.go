package storetest

import (
	"fmt"
	"math"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var groupCases = []testCase{
	{"a missing group is not found, and its members cannot be edited", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		g := f.group(other, "eng")
		g.Scope = scope
		f.writesNothing(func() {
			_, err := f.store.Update(f.Context(), g, nil, cause(1))
			f.refuses("updating", err, fault.NotFound)
			_, err = f.store.Update(f.Context(), membersOf(g, 0), nil, cause(1))
			f.refuses("editing", err, fault.NotFound)
		})
	}},
	{"groups of the same name are listed by id, in both directions", func(f *fixture) {
		scope := f.directory("d1")
		for id, name := range map[string]string{"a": "same", "b": "zoo", "c": "same", "d": "all", "e": "same"} {
			f.resource(store.Group, scope, id, func(g *store.Resource) { g.NameFolded = name })
		}
		for order, want := range map[store.Order]string{
			{ByName: true}: list("d", "a", "c", "e", "b"), {ByName: true, Descending: true}: list("b", "e", "c", "a", "d"),
		} {
			got, err := f.store.Page(f.Context(), scope, store.Group, order, 0, 10, math.MaxInt32)
			f.must(err)
			f.equal(fmt.Sprintf("%+v", order), idsOf(got), want)
		}
	}},
	{"two groups may have the same displayName, unless the directory wants it unique", func(f *fixture) {
		free, unique, other := f.directory("d1"), f.directory("d2", uniqueNames), f.directory("d3", uniqueNames)
		named := func(scope store.Scope, id string) store.Resource {
			g := newGroup(scope, id)
			g.Name, g.NameFolded = "Eng-"+id, "eng"
			return g
		}
		for _, g := range []store.Resource{named(free, "a"), named(free, "b"), named(unique, "c"), named(other, "d")} {
			_, err := f.store.Create(f.Context(), g, nil, cause(0))
			f.must(err)
		}
		second := f.group(unique, "second")
		f.writesNothing(func() {
			_, err := f.store.Create(f.Context(), named(unique, "e"), nil, cause(1))
			f.refusesAttribute("creating", err, "displayName")
			second.NameFolded = "eng"
			_, err = f.store.Update(f.Context(), second, nil, cause(1))
			f.refusesAttribute("renaming", err, "displayName")
		})
		kept := f.readGroup(unique, "c")
		_, err := f.store.Update(f.Context(), kept, nil, cause(1))
		f.must(err)
	}},
	{"a lost compare-and-set writes nothing: no document, no member, no change record", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		stale := f.group(scope, "eng", "bob")
		_, err := f.store.Update(f.Context(), stale, nil, cause(1))
		f.must(err)
		before := f.readGroup(scope, "eng")
		f.writesNothing(func() {
			_, err := f.store.Update(f.Context(), stale, added("anna"), cause(2))
			f.changedSince("updating the document", err)
			_, err = f.store.Update(f.Context(), membersOf(stale, 1), added("anna"), cause(2))
			f.changedSince("editing members by version", err)
			_, err = f.store.Delete(f.Context(), scope, store.Group, "eng", []int64{1}, cause(2))
			f.changedSince("deleting", err)
		})
		f.equal("the group", f.readGroup(scope, "eng"), before)
		f.equal("its members", f.members(scope, "eng"), list("bob"))
	}},
	{"edits alone need no version, and leave the document as it is", func(f *fixture) {
		scope := f.directory("d1")
		f.user(scope, "anna")
		stale := f.group(scope, "eng")
		renamed := stale
		renamed.Name = "renamed"
		_, err := f.store.Update(f.Context(), renamed, nil, cause(1))
		f.must(err)
		w, err := f.store.Update(f.Context(), membersOf(stale, 0), added("anna"), cause(2))
		f.must(err)
		g := f.readGroup(scope, "eng")
		f.equal("version and name", fmt.Sprintln(w.Version, g.Version, g.Name), "3 3 renamed\n")
	}},
	{"a write that fails on a member does not change the document", func(f *fixture) {
		scope := f.directory("d1")
		f.user(scope, "anna")
		g := f.group(scope, "eng")
		before := f.readGroup(scope, "eng")
		g.Name = "renamed"
		f.writesNothing(func() {
			_, err := f.store.Update(f.Context(), g, added("anna", "nobody"), cause(1))
			f.refuses("updating", err, fault.InvalidValue)
			_, err = f.store.Create(f.Context(), newGroup(scope, "ops"), added("anna", "nobody"), cause(1))
			f.refuses("creating", err, fault.InvalidValue)
		})
		f.equal("the group", f.readGroup(scope, "eng"), before)
		f.equal("its members", f.members(scope, "eng"), list())
		_, err := f.get(store.Group, scope, store.Selector{ID: "ops"})
		f.refuses("the group that was not created", err, fault.NotFound)
	}},
	{"deleting a group removes its members, and removes it from other groups", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "inner", "anna", "bob")
		f.group(scope, "outer", "inner", "bob")
		w, err := f.store.Delete(f.Context(), scope, store.Group, "inner", []int64{1}, cause(2))
		f.must(err)
		f.wrote(w, 2, time.Time{})
		f.equal("the outer group", f.allMembers("acme", "outer"), list("bob"))
		f.equal("its version", f.readGroup(scope, "outer").Version, 2)
		f.equal("members of the deleted one", f.allMembers("acme", "inner"), list())
		_, err = f.store.Delete(f.Context(), scope, store.Group, "inner", nil, cause(2))
		f.refuses("deleting again", err, fault.NotFound)
	}},
}
