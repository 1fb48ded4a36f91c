package storetest

import (
	"fmt"
	"math"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var groupCases = []testCase{
	{"a group is read as it was created", func(f *fixture) {
		scope := f.directory("d1")
		want := newGroup(scope, "eng")
		want.ExternalID = "ext"
		w, err := f.store.CreateGroup(f.Context(), want, nil, cause(3))
		f.must(err)
		want.Version, want.CreateTime, want.UpdateTime = 1, cause(3).Time, cause(3).Time
		f.equal("the group", f.readGroup(scope, "eng"), want)
		f.wrote(w, 1, cause(3).Time)
	}},
	{"a group that is not there is not found", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		g := f.group(other, "eng")
		_, err := f.store.Group(f.Context(), scope, "eng")
		f.refuses("reading", err, fault.NotFound)
		g.Scope = scope
		f.writesNothing(func() {
			_, err = f.store.UpdateGroup(f.Context(), g, true, nil, nil, cause(1))
			f.refuses("updating", err, fault.NotFound)
			_, err = f.store.UpdateGroup(f.Context(), g, false, nil, nil, cause(1))
			f.refuses("editing", err, fault.NotFound)
			_, err = f.store.DeleteGroup(f.Context(), scope, "eng", nil, cause(1))
			f.refuses("deleting", err, fault.NotFound)
		})
	}},
	{"a displayName may be given twice, unless the directory wants it unique", func(f *fixture) {
		free, unique, other := f.directory("d1"), f.directory("d2", uniqueNames), f.directory("d3", uniqueNames)
		named := func(scope store.Scope, id string) store.Group {
			g := newGroup(scope, id)
			g.DisplayName, g.DisplayNameFolded = "Eng-"+id, "eng"
			return g
		}
		for _, g := range []store.Group{named(free, "a"), named(free, "b"), named(unique, "c"), named(other, "d")} {
			_, err := f.store.CreateGroup(f.Context(), g, nil, cause(0))
			f.must(err)
		}
		second := f.group(unique, "second")
		f.writesNothing(func() {
			_, err := f.store.CreateGroup(f.Context(), named(unique, "e"), nil, cause(1))
			f.refusesAttribute("creating", err, "displayName")
			second.DisplayNameFolded = "eng"
			_, err = f.store.UpdateGroup(f.Context(), second, true, nil, nil, cause(1))
			f.refusesAttribute("renaming", err, "displayName")
		})
		kept := f.readGroup(unique, "c")
		_, err := f.store.UpdateGroup(f.Context(), kept, true, nil, nil, cause(1))
		f.must(err)
	}},
	{"groups are listed by id, by keyset and by offset", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		for i := range 5 {
			f.group(scope, fmt.Sprint("g", 4-i))
		}
		f.group(other, "g1b")
		got, err := f.store.Groups(f.Context(), scope, "g1", 2, math.MaxInt32)
		f.must(err)
		f.equal("after g1", groupIDs(got), list("g2", "g3"))
		got, err = f.store.GroupPage(f.Context(), scope, store.Order{}, 3, 10, math.MaxInt32)
		f.must(err)
		f.equal("skipping 3", groupIDs(got), list("g3", "g4"))
		count, err := f.store.CountGroups(f.Context(), scope)
		f.must(err)
		f.equal("how many", count, 5)
	}},
	{"an update of the document writes and counts the version up", func(f *fixture) {
		scope := f.directory("d1")
		g := f.group(scope, "eng")
		g.DisplayName, g.DisplayNameFolded, g.ExternalID, g.Document = "X", "x", "e", []byte(`{"displayName":"X"}`)
		w, err := f.store.UpdateGroup(f.Context(), g, true, nil, nil, cause(5))
		f.must(err)
		f.wrote(w, 2, cause(5).Time)
		g.Version, g.UpdateTime = 2, cause(5).Time
		f.equal("the group", f.readGroup(scope, "eng"), g)
	}},
	{"a lost compare-and-set writes nothing: no document, no member, no change record", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		stale := f.group(scope, "eng", "bob")
		_, err := f.store.UpdateGroup(f.Context(), stale, true, nil, nil, cause(1))
		f.must(err)
		before := f.readGroup(scope, "eng")
		f.writesNothing(func() {
			_, err := f.store.UpdateGroup(f.Context(), stale, true, nil, added("anna"), cause(2))
			f.changedSince("updating the document", err)
			_, err = f.store.UpdateGroup(f.Context(), stale, false, []int64{1}, added("anna"), cause(2))
			f.changedSince("editing members by version", err)
			_, err = f.store.DeleteGroup(f.Context(), scope, "eng", []int64{1}, cause(2))
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
		renamed.DisplayName = "renamed"
		_, err := f.store.UpdateGroup(f.Context(), renamed, true, nil, nil, cause(1))
		f.must(err)
		w, err := f.store.UpdateGroup(f.Context(), stale, false, nil, added("anna"), cause(2))
		f.must(err)
		g := f.readGroup(scope, "eng")
		f.equal("version and name", fmt.Sprintln(w.Version, g.Version, g.DisplayName), "3 3 renamed\n")
	}},
	{"a write that fails on a member keeps nothing of the document", func(f *fixture) {
		scope := f.directory("d1")
		f.user(scope, "anna")
		g := f.group(scope, "eng")
		before := f.readGroup(scope, "eng")
		g.DisplayName = "renamed"
		f.writesNothing(func() {
			_, err := f.store.UpdateGroup(f.Context(), g, true, nil, added("anna", "nobody"), cause(1))
			f.refuses("updating", err, fault.InvalidValue)
			_, err = f.store.CreateGroup(f.Context(), newGroup(scope, "ops"), added("anna", "nobody"), cause(1))
			f.refuses("creating", err, fault.InvalidValue)
		})
		f.equal("the group", f.readGroup(scope, "eng"), before)
		f.equal("its members", f.members(scope, "eng"), list())
		_, err := f.store.Group(f.Context(), scope, "ops")
		f.refuses("the group that was not created", err, fault.NotFound)
	}},
	{"deleting a group ends its memberships and it in others", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "inner", "anna", "bob")
		f.group(scope, "outer", "inner", "bob")
		w, err := f.store.DeleteGroup(f.Context(), scope, "inner", []int64{1}, cause(2))
		f.must(err)
		f.wrote(w, 2, time.Time{})
		f.equal("the outer group", f.allMembers("acme", "outer"), list("bob"))
		f.equal("its version", f.readGroup(scope, "outer").Version, 2)
		f.equal("members of the deleted one", f.allMembers("acme", "inner"), list())
		_, err = f.store.DeleteGroup(f.Context(), scope, "inner", nil, cause(2))
		f.refuses("deleting again", err, fault.NotFound)
	}},
}
