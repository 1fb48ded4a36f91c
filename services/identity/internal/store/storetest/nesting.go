package storetest

import (
	"fmt"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// userGroups are the groups of one user, read in each way.
func (f *fixture) userGroups(scope store.Scope, id string) []scim.GroupRef {
	f.Helper()
	all, err := f.store.UserGroups(f.Context(), scope, []string{id, id, "nobody"})
	f.must(err)
	u := f.readUser(scope, id)
	for _, by := range []store.Selector{{ID: id}, {Name: u.NameFolded}} {
		got, err := f.store.Get(f.Context(), scope, store.User, by, true)
		f.must(err)
		if got.Groups == nil {
			f.Errorf("the groups of %+v were not read", by)
		}
		f.equal("its groups, read with it", got.Groups, all[id])
		got.Groups = nil
		f.equal("the user, read with its groups", got, u)
	}
	return all[id]
}

var nestingCases = []testCase{
	{"a user's groups are the direct groups and the groups above them", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		f.group(scope, "c", "anna")
		f.group(scope, "b", "c")
		f.group(scope, "a", "b", "anna")
		f.group(scope, "other", "bob")
		got := f.userGroups(scope, "anna")
		f.equal("groups", got, []scim.GroupRef{
			{ID: "a", Display: "Group a", Direct: true}, {ID: "b", Display: "Group b"}, {ID: "c", Display: "Group c", Direct: true},
		})
	}},
	{"the groups of many users are read at once", func(f *fixture) {
		scope := f.directory("d1")
		f.users(scope, "anna", "bob", "carl", "dora")
		f.group(scope, "inner", "anna", "bob")
		f.group(scope, "outer", "inner", "carl")
		got, err := f.store.UserGroups(f.Context(), scope, []string{"dora", "carl", "anna", "inner"})
		f.must(err)
		outer := scim.GroupRef{ID: "outer", Display: "Group outer"}
		direct := outer
		direct.Direct = true
		f.equal("groups", got, map[string][]scim.GroupRef{
			"anna": {{ID: "inner", Display: "Group inner", Direct: true}, outer}, "carl": {direct}, "inner": {direct},
		})
		got, err = f.store.UserGroups(f.Context(), scope, nil)
		f.must(err)
		f.equal("groups of nobody", got, "map[]")
	}},
	{"a group that is reached on two paths counts once", func(f *fixture) {
		scope := f.directory("d1")
		f.user(scope, "anna")
		f.group(scope, "left", "anna")
		f.group(scope, "right", "anna")
		f.group(scope, "top", "left", "right")
		got := f.userGroups(scope, "anna")
		f.equal("groups", got, []scim.GroupRef{
			{ID: "left", Display: "Group left", Direct: true}, {ID: "right", Display: "Group right", Direct: true},
			{ID: "top", Display: "Group top"},
		})
		f.equal("facts", f.facts("acme", "anna")[0].GroupIDs, list("left", "right", "top"))
	}},
	{"a group can't contain itself, directly or through others", func(f *fixture) {
		scope := f.directory("d1")
		f.group(scope, "c")
		f.group(scope, "b", "c")
		f.group(scope, "a", "b")
		f.writesNothing(func() {
			for _, id := range []string{"a", "b", "c"} {
				_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: "c"}, added(id), cause(1))
				f.refuses("adding "+id+" to c", err, fault.InvalidValue)
			}
			_, err := f.store.Create(f.Context(), newGroup(scope, "new"), added("new"), cause(1))
			f.refuses("creating a group in itself", err, fault.InvalidValue)
		})
	}},
	{"the error names the first of several groups that contain the group", func(f *fixture) {
		scope := f.directory("d1")
		for _, id := range []string{"d", "e", "c"} {
			f.group(scope, id)
		}
		f.group(scope, "b", "c", "d")
		f.group(scope, "a", "b", "d")
		f.writesNothing(func() {
			_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: "c"}, added("e", "b", "d", "a"), cause(1))
			f.refuses("adding", err, fault.InvalidValue)
			f.equal("names it", strings.Contains(err.Error(), `group "b"`), true)
		})
		f.edit(scope, "c", added("e", "d"))
		f.equal("members", f.members(scope, "c"), list("d", "e"))
	}},
	{"two edits of one write can't create a cycle", func(f *fixture) {
		scope := f.directory("d1")
		f.group(scope, "b")
		f.group(scope, "a", "b")
		_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: "b"}, append(removed("a"), added("a")...), cause(1))
		f.refuses("adding", err, fault.InvalidValue)
	}},
	{"the reverse of a membership can be added once the membership is removed", func(f *fixture) {
		scope := f.directory("d1")
		f.group(scope, "b")
		f.group(scope, "a", "b")
		f.edit(scope, "a", removed("b"))
		f.edit(scope, "b", added("a"))
		f.equal("members of b", f.members(scope, "b"), list("a"))
	}},
	{"concurrent adds can't create a cycle", func(f *fixture) {
		const groups = 6
		scope := f.directory("d1")
		for i := range groups {
			f.group(scope, fmt.Sprint("g", i))
		}
		refused := make([]bool, groups)
		f.together(groups, func(i int) {
			_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: fmt.Sprint("g", i)},
				added(fmt.Sprint("g", (i+1)%groups)), cause(1))
			if refused[i] = fault.Is(err, fault.InvalidValue); err != nil && !refused[i] {
				f.Error(err)
			}
		})
		count := 0
		for _, r := range refused {
			if r {
				count++
			}
		}
		f.equal("how many were refused", count, 1)
	}},
}
