package storetest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var userCases = []testCase{
	{"a user is read as it was created", func(f *fixture) {
		scope := f.directory("d1")
		want := newUser(scope, "anna")
		want.ExternalID, want.Active = "Ext-1", false
		w, err := f.store.CreateUser(f.Context(), want, cause(3))
		f.must(err)
		want.Version, want.CreateTime, want.UpdateTime = 1, cause(3).Time, cause(3).Time
		f.equal("the user", f.readUser(scope, "anna"), want)
		f.wrote(w, 1, cause(3).Time)
		for name, find := range map[string]func() (store.User, error){
			"by userName":   func() (store.User, error) { return f.store.UserByUserName(f.Context(), scope, "name-anna") },
			"by externalId": func() (store.User, error) { return f.store.UserByExternalID(f.Context(), scope, "Ext-1") },
			"by externalId, with groups": func() (store.User, error) {
				return f.store.UserWithGroups(f.Context(), scope, store.Lookup{ExternalID: "Ext-1"})
			},
		} {
			got, err := find()
			f.must(err)
			f.equal(name, got, want)
		}
	}},
	{"a user that is not there is not found", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		f.user(other, "anna", func(u *store.User) { u.ExternalID = "ext" })
		f.user(scope, "bob")
		for name, find := range map[string]func() (store.User, error){
			"by id":                   func() (store.User, error) { return f.store.User(f.Context(), scope, "anna") },
			"by userName":             func() (store.User, error) { return f.store.UserByUserName(f.Context(), scope, "name-anna") },
			"by externalId":           func() (store.User, error) { return f.store.UserByExternalID(f.Context(), scope, "ext") },
			"by no externalId":        func() (store.User, error) { return f.store.UserByExternalID(f.Context(), scope, "") },
			"by an id that can't be":  func() (store.User, error) { return f.store.User(f.Context(), other, "anna\x00") },
			"by a name that can't be": func() (store.User, error) { return f.store.UserByUserName(f.Context(), other, "name-anna\x00") },
			"by another's casing":     func() (store.User, error) { return f.store.UserByExternalID(f.Context(), other, "EXT") },
			"with groups": func() (store.User, error) {
				return f.store.UserWithGroups(f.Context(), scope, store.Lookup{ID: "anna"})
			},
			"with groups, by userName": func() (store.User, error) {
				return f.store.UserWithGroups(f.Context(), scope, store.Lookup{UserNameFolded: "name-anna"})
			},
			"with groups, by a name that can't be": func() (store.User, error) {
				return f.store.UserWithGroups(f.Context(), other, store.Lookup{UserNameFolded: "name-anna\x00"})
			},
			"with groups, by externalId": func() (store.User, error) {
				return f.store.UserWithGroups(f.Context(), scope, store.Lookup{ExternalID: "ext"})
			},
		} {
			_, err := find()
			f.refuses(name, err, fault.NotFound)
		}
		_, err := f.store.DeleteUser(f.Context(), scope, "anna", nil, cause(1))
		f.refuses("deleting another directory's", err, fault.NotFound)
	}},
	{"userName is unique in a directory, casefolded, and free in another", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		f.user(scope, "anna")
		again := newUser(scope, "second")
		again.UserName, again.UserNameFolded = "NAME-ANNA", "name-anna"
		f.writesNothing(func() {
			_, err := f.store.CreateUser(f.Context(), again, cause(1))
			f.refusesAttribute("creating", err, "userName")
		})
		bob := f.user(scope, "bob")
		bob.UserNameFolded = "name-anna"
		f.writesNothing(func() {
			_, err := f.store.UpdateUser(f.Context(), bob, cause(1))
			f.refusesAttribute("renaming", err, "userName")
		})
		again.Scope = other
		_, err := f.store.CreateUser(f.Context(), again, cause(1))
		f.must(err)
	}},
	{"externalId is unique in a directory, case-exactly, and free in another", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		external := func(id string) func(*store.User) { return func(u *store.User) { u.ExternalID = id } }
		f.user(scope, "anna", external("ext"))
		bob := f.user(scope, "bob", external("EXT"))
		f.user(other, "carl", external("ext"))
		second := newUser(scope, "second")
		second.ExternalID = "ext"
		f.writesNothing(func() {
			_, err := f.store.CreateUser(f.Context(), second, cause(1))
			f.refusesAttribute("creating", err, "externalId")
			bob.ExternalID = "ext"
			_, err = f.store.UpdateUser(f.Context(), bob, cause(1))
			f.refusesAttribute("changing", err, "externalId")
		})
	}},
	{"any number of users have no externalId", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob", "carl")
	}},
	{"an update writes, counts the version up and keeps the creation", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna")
		u.UserName, u.UserNameFolded, u.ExternalID, u.DisplayName = "B", "b", "e", "x"
		u.Active, u.Document = false, []byte(`{"userName":"B"}`)
		w, err := f.store.UpdateUser(f.Context(), u, cause(5))
		f.must(err)
		f.wrote(w, 2, cause(5).Time)
		u.Version, u.UpdateTime = 2, cause(5).Time
		f.equal("the user", f.readUser(scope, "anna"), u)
	}},
	{"a lost compare-and-set writes nothing, not even its change record", func(f *fixture) {
		scope := f.directory("d1")
		stale := f.user(scope, "anna")
		_, err := f.store.UpdateUser(f.Context(), stale, cause(1))
		f.must(err)
		before := f.readUser(scope, "anna")
		stale.Document = []byte(`{"userName":"lost"}`)
		stale.Search = []store.SearchValue{{Attribute: "emails", Value: "lost@example.com"}}
		f.writesNothing(func() {
			_, err := f.store.UpdateUser(f.Context(), stale, cause(2))
			f.changedSince("updating", err)
			_, err = f.store.DeleteUser(f.Context(), scope, "anna", []int64{1, 7}, cause(2))
			f.changedSince("deleting", err)
		})
		f.equal("the user", f.readUser(scope, "anna"), before)
		found, err := f.store.FindUsers(f.Context(), "acme", store.Lookup{EmailFolded: "lost@example.com"}, 10)
		f.must(err)
		f.equal("found by the lost address", found, list())
	}},
	{"an update of a deleted user finds that it changed", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna")
		_, err := f.store.DeleteUser(f.Context(), scope, "anna", nil, cause(1))
		f.must(err)
		f.writesNothing(func() {
			_, err := f.store.UpdateUser(f.Context(), u, cause(1))
			f.changedSince("updating", err)
		})
	}},
	{"a delete takes any of the versions it names", func(f *fixture) {
		scope := f.directory("d1")
		f.user(scope, "anna")
		w, err := f.store.DeleteUser(f.Context(), scope, "anna", []int64{9, 1}, cause(1))
		f.must(err)
		f.wrote(w, 2, time.Time{})
		_, err = f.store.User(f.Context(), scope, "anna")
		f.refuses("reading", err, fault.NotFound)
		_, err = f.store.DeleteUser(f.Context(), scope, "anna", nil, cause(1))
		f.refuses("deleting again", err, fault.NotFound)
		f.user(scope, "second", func(u *store.User) { u.UserName, u.UserNameFolded = "Name-anna", "name-anna" })
	}},
	{"deleting a user takes it out of its groups, which get a new version", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "eng", "anna", "bob")
		untouched := f.group(scope, "ops", "bob")
		_, err := f.store.DeleteUser(f.Context(), scope, "anna", nil, cause(9))
		f.must(err)
		f.equal("the members", f.members(scope, "eng"), list("bob"))
		f.equal("all members", f.allMembers("acme", "eng"), list("bob"))
		g := f.readGroup(scope, "eng")
		f.equal("its version and time", fmt.Sprint(g.Version, g.UpdateTime), fmt.Sprint(2, cause(9).Time))
		f.equal("the other group", f.readGroup(scope, "ops"), untouched)
	}},
	{"users are listed by id, by keyset and by offset", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		for i := range 7 {
			f.user(scope, fmt.Sprint("u", 6-i))
		}
		f.user(other, "u1b")
		for _, c := range []struct {
			after string
			limit int
			want  string
		}{
			{"", 3, list("u0", "u1", "u2")},
			{"u2", 3, list("u3", "u4", "u5")},
			{"u5", 3, list("u6")},
			{"u1a", 1, list("u2")},
			{"u6", 3, list()},
		} {
			got, err := f.store.Users(f.Context(), scope, c.after, c.limit, math.MaxInt32)
			f.must(err)
			f.equal("after "+c.after, userIDs(got), c.want)
		}
		for _, c := range []struct {
			skip, limit int64
			want        string
		}{
			{0, 2, list("u0", "u1")}, {2, 2, list("u2", "u3")}, {6, 2, list("u6")}, {7, 2, list()}, {1 << 60, 2, list()},
		} {
			got, err := f.store.UserPage(f.Context(), scope, store.Order{}, c.skip, c.limit, math.MaxInt32)
			f.must(err)
			f.equal(fmt.Sprint("skipping ", c.skip), userIDs(got), c.want)
		}
		count, err := f.store.CountUsers(f.Context(), scope)
		f.must(err)
		f.equal("how many", count, 7)
	}},
	{"users and groups are listed in the orders that an index has", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		for _, s := range []store.Scope{scope, other} {
			for n, name := range []string{"b", "a\u00e9", "z", "ab", "a_", "\U0001f600", "\ue000"} {
				id := fmt.Sprint(s.DirectoryID, "-", n)
				f.user(s, id, func(u *store.User) { u.UserNameFolded = name })
				g := newGroup(s, id)
				g.DisplayNameFolded = map[bool]string{true: name, false: "same"}[n%2 == 0]
				_, err := f.store.CreateGroup(f.Context(), g, nil, cause(0))
				f.must(err)
			}
		}
		for _, c := range []struct {
			order         store.Order
			users, groups string
		}{
			{store.Order{}, list("d1-0", "d1-1", "d1-2", "d1-3", "d1-4", "d1-5", "d1-6"), list("d1-0", "d1-1", "d1-2", "d1-3", "d1-4", "d1-5", "d1-6")},
			{store.Order{ByName: true}, list("d1-4", "d1-3", "d1-1", "d1-0", "d1-2", "d1-6", "d1-5"), list("d1-4", "d1-0", "d1-1", "d1-3", "d1-5", "d1-2", "d1-6")},
		} {
			for _, descending := range []bool{false, true} {
				c.order.Descending = descending
				users, err := f.store.UserPage(f.Context(), scope, c.order, 0, 10, math.MaxInt32)
				f.must(err)
				groups, err := f.store.GroupPage(f.Context(), scope, c.order, 0, 10, math.MaxInt32)
				f.must(err)
				page, err := f.store.UserPage(f.Context(), scope, c.order, 2, 3, math.MaxInt32)
				f.must(err)
				f.equal(fmt.Sprintf("a page, %+v", c.order), userIDs(page), userIDs(users)[2:5])
				some, err := f.store.GroupPage(f.Context(), scope, c.order, 2, 3, math.MaxInt32)
				f.must(err)
				f.equal(fmt.Sprintf("a page of groups, %+v", c.order), groupIDs(some), groupIDs(groups)[2:5])
				if descending {
					slices.Reverse(users)
					slices.Reverse(groups)
				}
				f.equal(fmt.Sprintf("users, %+v", c.order), userIDs(users), c.users)
				f.equal(fmt.Sprintf("groups, %+v", c.order), groupIDs(groups), c.groups)
			}
		}
	}},
	{"times are kept to the microsecond", func(f *fixture) {
		scope := f.directory("d1")
		at := time.Date(2026, 5, 6, 7, 8, 9, 123_456_000, time.UTC)
		_, err := f.store.CreateUser(f.Context(), newUser(scope, "anna"), store.Cause{Time: at})
		f.must(err)
		if got := f.readUser(scope, "anna").CreateTime; !got.Equal(at) {
			f.Errorf("created at %s, want %s", got, at)
		}
	}},
}
