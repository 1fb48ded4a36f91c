package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

// lookup is UserCandidates or GroupCandidates.
type lookup func(ctx context.Context, scope store.Scope, c store.Condition, limit int) ([]string, error)

func equals(attribute, value string) store.Condition {
	return store.Condition{Attribute: attribute, Low: value, High: value}
}

// equalsOne is met by one of some values, which are in order.
func equalsOne(attribute string, values ...string) store.Condition {
	return store.Condition{Attribute: attribute, Low: values[0], High: values[len(values)-1], Values: values}
}

// The conditions of each kind, all of which a user anna in the group eng meets.
var (
	userConditions = []store.Condition{
		equals("id", "anna"), equals("userName", "name-anna"), equals("externalId", "ext"), equals("active", "false"),
		equals("emails", "anna@example.com"), equals("displayName", "the anna"), equals("groups", "eng"), {Attribute: "userName"},
		equalsOne("id", "anna", "bob"), equalsOne("emails", "anna@example.com", "x"),
		{Attribute: "id", Low: "a", High: "b"}, {Attribute: "externalId", Low: "e"}, {Attribute: "emails", High: "z"},
	}
	groupConditions = []store.Condition{
		equals("id", "eng"), equals("displayName", "group eng"), equals("externalId", "ext"), equals("members", "anna"),
		equalsOne("displayName", "eng", "group eng"), {Attribute: "displayName"}, {Attribute: "id", High: "f"}, {Attribute: "externalId", Low: "e", High: "f"},
	}
)

// candidates are those of all conditions.
func candidates(ctx context.Context, look lookup, scope store.Scope, conditions []store.Condition) (all []string, err error) {
	for _, c := range conditions {
		found, err := look(ctx, scope, c, 10)
		if err != nil {
			return nil, fmt.Errorf("%+v: %w", c, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// found are the users, or groups, of a directory that are candidates.
func (f *fixture) found(scope store.Scope, groups bool, c store.Condition) []string {
	f.Helper()
	look := f.store.UserCandidates
	if groups {
		look = f.store.GroupCandidates
	}
	ids, err := look(f.Context(), scope, c, 1000)
	f.must(err)
	if groups {
		all, err := f.store.GroupsByID(f.Context(), scope, ids, math.MaxInt32)
		f.must(err)
		return groupIDs(all)
	}
	all, err := f.store.UsersByID(f.Context(), scope, ids, math.MaxInt32)
	f.must(err)
	return userIDs(all)
}

var candidateCases = []testCase{
	{"users are found by what an index holds", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		for _, s := range []store.Scope{scope, other} {
			for n := range 6 {
				// In the other directory all is the same but the ids.
				id := fmt.Sprint(map[string]string{"d1": "u", "d2": "v"}[s.DirectoryID], n)
				f.user(s, id, func(u *store.User) {
					u.UserNameFolded = fmt.Sprint("name", n)
					u.Active = n%2 == 0
					if n < 4 {
						u.ExternalID = fmt.Sprint("Ext", n)
					}
					u.Search = []store.SearchValue{
						{Attribute: "emails", Value: fmt.Sprint("m", n/2)}, {Attribute: "emails", Value: fmt.Sprint("n", n/3)},
						{Attribute: "roles", Value: "r"},
					}
				})
			}
		}
		f.group(scope, "inner", "u1", "u2")
		f.group(scope, "outer", "u2", "u5", "inner")
		for _, c := range []struct {
			condition store.Condition
			want      string
		}{
			{equals("id", "u3"), list("u3")},
			{equals("id", "v3"), list()},
			{store.Condition{Attribute: "id", Low: "u4"}, list("u4", "u5")},
			{store.Condition{Attribute: "id", Low: "u1", High: "u2"}, list("u1", "u2")},
			{store.Condition{Attribute: "id", High: "u1"}, list("u0", "u1")},
			{equals("userName", "name2"), list("u2")},
			{equals("userName", "NAME2"), list()},
			{store.Condition{Attribute: "userName", Low: "name4"}, list("u4", "u5")},
			{store.Condition{Attribute: "userName", Low: "name", High: "name1"}, list("u0", "u1")},
			{store.Condition{Attribute: "userName", Low: "name2", High: "name1"}, list()},
			{equals("externalId", "Ext1"), list("u1")},
			{equals("externalId", "ext1"), list()},
			{store.Condition{Attribute: "externalId", Low: "Ext2"}, list("u2", "u3")},
			{store.Condition{Attribute: "externalId", High: "Ext0"}, list("u0")},
			{equalsOne("id", "u1", "u4", "v2"), list("u1", "u4")},
			{equalsOne("userName", "name1", "name3", "x"), list("u1", "u3")},
			{equalsOne("externalId", "Ext0", "Ext3", "ext1"), list("u0", "u3")},
			{equalsOne("emails", "m0", "n1"), list("u0", "u1", "u3", "u4", "u5")},
			{equalsOne("emails", `"`, "m2"), list("u4", "u5")},
			{equals("active", "false"), list("u1", "u3", "u5")},
			{equals("emails", "m1"), list("u2", "u3")},
			{equals("emails", "r"), list()},
			{equals("roles", "r"), list("u0", "u1", "u2", "u3", "u4", "u5")},
			{store.Condition{Attribute: "emails", Low: "m2", High: "n0"}, list("u0", "u1", "u2", "u4", "u5")},
			{store.Condition{Attribute: "emails", Low: "n1"}, list("u3", "u4", "u5")},
			{store.Condition{Attribute: "emails", High: "m0"}, list("u0", "u1")},
			{equals("phoneNumbers", "1"), list()},
			{equals("groups", "inner"), list("u1", "u2")},
			{equals("groups", "outer"), list("u1", "u2", "u5")},
			{equals("groups", "nowhere"), list()},
		} {
			f.equal(fmt.Sprintf("%+v", c.condition), f.found(scope, false, c.condition), c.want)
		}
		some, err := f.store.UserCandidates(f.Context(), scope, equals("roles", "r"), 3)
		f.must(err)
		f.equal("no more than asked for", len(some), 3)
	}},
	{"groups are found by what an index holds", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		for _, s := range []store.Scope{scope, other} {
			f.user(s, "anna of "+s.DirectoryID)
			for n := range 4 {
				g := newGroup(s, fmt.Sprint(map[string]string{"d1": "g", "d2": "h"}[s.DirectoryID], n))
				g.DisplayNameFolded = fmt.Sprint("name", n/2)
				if n > 0 {
					g.ExternalID = fmt.Sprint("ext", n/2)
				}
				_, err := f.store.CreateGroup(f.Context(), g, added("anna of "+s.DirectoryID), cause(0))
				f.must(err)
			}
		}
		f.group(scope, "outer", "g1")
		for _, c := range []struct {
			condition store.Condition
			want      string
		}{
			{equals("id", "g1"), list("g1")},
			{equals("id", "h1"), list()},
			{store.Condition{Attribute: "id", Low: "g2", High: "g9"}, list("g2", "g3")},
			{equals("displayName", "name1"), list("g2", "g3")},
			{store.Condition{Attribute: "displayName", Low: "name"}, list("g0", "g1", "g2", "g3")},
			{store.Condition{Attribute: "displayName", High: "name0"}, list("g0", "g1", "outer")},
			{equalsOne("id", "g0", "g3", "h1"), list("g0", "g3")},
			{equalsOne("displayName", "name1", "other"), list("g2", "g3")},
			{equalsOne("externalId", "ext0", "ext1"), list("g1", "g2", "g3")},
			{equals("externalId", "ext0"), list("g1")},
			{store.Condition{Attribute: "externalId", High: "ext1"}, list("g1", "g2", "g3")},
			{equals("members", "anna of d1"), list("g0", "g1", "g2", "g3")},
			{equals("members", "anna of d2"), list()},
			{equals("members", "g1"), list("outer")},
			{equals("members", "nobody"), list()},
		} {
			f.equal(fmt.Sprintf("%+v", c.condition), f.found(scope, true, c.condition), c.want)
		}
		for _, id := range []string{"anna of d1", "anna of d2"} {
			in, err := f.store.GroupCandidates(f.Context(), scope, equals("members", id), 2)
			f.must(err)
			f.equal("no more than asked for, and nothing of a member that cannot be seen", len(in), map[string]int{"anna of d1": 2, "anna of d2": 0}[id])
		}
	}},
	{"what is read by id is in order, and of its directory", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		f.users(scope, "b", "a", "c")
		f.users(other, "d")
		f.group(scope, "y")
		f.group(scope, "x")
		f.group(other, "z")
		users, err := f.store.UsersByID(f.Context(), scope, []string{"c", "a", "d", "nobody", "a"}, math.MaxInt32)
		f.must(err)
		f.equal("users", userIDs(users), list("a", "c"))
		f.equal("a user", users[0], f.readUser(scope, "a"))
		groups, err := f.store.GroupsByID(f.Context(), scope, []string{"z", "y", "x", "x"}, math.MaxInt32)
		f.must(err)
		f.equal("groups", groupIDs(groups), list("x", "y"))
		f.equal("a group", groups[1], f.readGroup(scope, "y"))
	}},
	{"what is looked up follows what is written", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna", func(u *store.User) { u.Search = []store.SearchValue{{Attribute: "emails", Value: "a"}} })
		u.Active, u.ExternalID, u.Search = false, "ext", []store.SearchValue{{Attribute: "emails", Value: "b"}}
		_, err := f.store.UpdateUser(f.Context(), u, cause(1))
		f.must(err)
		for _, c := range []store.Condition{equals("active", "false"), equals("externalId", "ext"), equals("emails", "b")} {
			f.equal(fmt.Sprintf("%+v", c), f.found(scope, false, c), list("anna"))
		}
		f.equal("by an address that it had", f.found(scope, false, equals("emails", "a")), list())
		_, err = f.store.DeleteUser(f.Context(), scope, "anna", nil, cause(2))
		f.must(err)
		all, err := candidates(f.Context(), f.store.UserCandidates, scope, slices.Concat(userConditions, []store.Condition{equals("emails", "b")}))
		f.must(err)
		f.equal("of one that is gone", all, list())
	}},
}
