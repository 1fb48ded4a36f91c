package storetest

import (
	"fmt"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// chain creates groups named prefix0 and so on. Each one is a member of the next one.
func (f *fixture) chain(scope store.Scope, prefix string, length int) {
	f.Helper()
	f.group(scope, prefix+"0")
	for i := 1; i < length; i++ {
		f.group(scope, fmt.Sprint(prefix, i), fmt.Sprint(prefix, i-1))
	}
}

// refusesNesting checks that adding members to a group is refused with this text, in each way to write a membership, and that
// nothing is written.
func (f *fixture) refusesNesting(scope store.Scope, groupID, text string, members ...string) {
	f.Helper()
	f.writesNothing(func() {
		for name, edits := range map[string][]store.MemberEdit{
			"adding": added(members...), "replacing": replaced(append(f.members(scope, groupID), members...)...),
			"removing and adding": append(removed(members...), added(members...)...),
		} {
			_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: groupID}, edits, cause(1))
			f.refusesWith(name, err, text)
		}
	})
}

// refusesWith checks for fault.InvalidValue with a text that contains this.
func (f *fixture) refusesWith(what string, err error, text string) {
	f.Helper()
	f.refuses(what, err, fault.InvalidValue)
	if err != nil && !strings.Contains(err.Error(), text) {
		f.Errorf("%s: %q does not contain %q", what, err, text)
	}
}

const (
	tooDeep  = `would be in a chain of more than 32 groups`
	tooMany  = `would be in more than 1000 groups`
	tooLarge = `group "out0" can't be added: to check the limits of nesting, Usher would have to read more than 10000 memberships of groups in groups`
)

var limitCases = []testCase{
	{"a chain has 32 groups at most, wherever it grows", func(f *fixture) {
		scope := f.directory("d1")
		f.user(scope, "anna")
		f.chain(scope, "c", 31)
		f.group(scope, "leaf")
		f.group(scope, "root")
		f.edit(scope, "c0", added("leaf", "anna")) // 32
		f.refusesNesting(scope, "root", `group "leaf" `+tooDeep, "c30")
		f.refusesNesting(scope, "leaf", `group "root" `+tooDeep, "root")
		f.edit(scope, "c0", removed("leaf"))
		f.edit(scope, "root", added("c30")) // 32
		f.refusesNesting(scope, "c0", `group "leaf" `+tooDeep, "leaf")
		_, err := f.store.Create(f.Context(), newGroup(scope, "new"), added("root"), cause(1))
		f.refusesWith("creating a group around them", err, tooDeep)
		facts := f.facts("acme", "anna")
		f.equal("how many groups a user is in", len(facts[0].GroupIDs), 32)
	}},
	{"chains may be joined to 32 groups", func(f *fixture) {
		scope := f.directory("d1")
		f.chain(scope, "low", 16)
		f.chain(scope, "high", 16)
		f.chain(scope, "higher", 17)
		f.refusesNesting(scope, "higher0", `group "low0" `+tooDeep, "low15")
		f.edit(scope, "high0", added("low15"))
	}},
	{"concurrent adds can't exceed the length of a chain together", func(f *fixture) {
		scope := f.directory("d1")
		for _, prefix := range []string{"low", "middle", "high"} {
			f.chain(scope, prefix, 16)
		}
		o := &outcomes{f: f}
		f.together(2, func(i int) {
			groupID, member := "middle0", "low15"
			if i == 1 {
				groupID, member = "high0", "middle15"
			}
			_, err := f.store.Update(f.Context(), store.Resource{Type: store.Group, Scope: scope, ID: groupID}, added(member), cause(1))
			o.count(err, fault.InvalidValue)
		})
		o.oneOf(2)
	}},
	{"a group is in 1,000 groups at most", func(f *fixture) {
		scope := f.directory("d1")
		f.user(scope, "anna")
		f.group(scope, "leaf", "anna")
		f.group(scope, "inner", "leaf")
		f.group(scope, "more")
		var nested []store.Edge
		for i := range 998 {
			nested = append(nested, store.Edge{Member: "inner", Group: fmt.Sprintf("g%03d", i)})
		}
		f.must(f.inside.Plant("acme", nested))
		f.group(scope, "last", "inner") // the leaf is in inner, in 998 others and in this one
		f.refusesNesting(scope, "more", `group "leaf" `+tooMany, "inner")
		f.refusesNesting(scope, "more", `group "leaf" `+tooMany, "leaf")
		f.group(scope, "other")
		f.edit(scope, "more", added("other")) // a group elsewhere does not count
		page, err := f.store.Facts(f.Context(), "acme", []string{"anna"}, ample())
		f.must(err)
		f.equal("the limit", store.NewAround(page.Edges).Beyond("anna"), "")
		f.must(f.inside.Plant("acme", []store.Edge{{Member: "leaf", Group: "more"}}))
		page, err = f.store.Facts(f.Context(), "acme", []string{"anna"}, ample())
		f.must(err)
		f.equal("the limit", store.NewAround(page.Edges).Beyond("anna"), `group "leaf" is in more than 1000 groups, directly or through others`)
		f.equal("how many groups", len(store.NewAround(page.Edges).Groups("anna")), 1002)
	}},
	{"a write reads 10,000 memberships of groups at most", func(f *fixture) {
		const side = 100
		scope := f.directory("d1")
		var nested []store.Edge
		for i := range side {
			for j := range side {
				nested = append(nested, store.Edge{Member: fmt.Sprint("in", i), Group: fmt.Sprint("out", j)})
			}
		}
		f.must(f.inside.Plant("acme", nested))
		for _, id := range []string{"in5", "in7", "out0", "top", "other"} {
			f.group(scope, id)
		}
		f.user(scope, "anna")
		f.edit(scope, "top", added("out0"))
		f.edit(scope, "top", removed("out0"))
		f.must(f.inside.Plant("acme", []store.Edge{{Member: "in7", Group: "other"}}))
		f.refusesNesting(scope, "top", tooLarge, "out0")
		f.edit(scope, "out0", added("anna")) // a user costs nothing
		f.edit(scope, "other", removed("in7"))
		f.edit(scope, "top", added("out0"))
		f.edit(scope, "out0", added("in5", "anna")) // nor does an existing member
	}},
	{"nesting that is stored beyond the limits can be read and reduced", func(f *fixture) {
		const deep = 40
		scope := f.directory("d1")
		f.users(scope, "anna", "bob")
		var nested []store.Edge
		for i := range deep {
			f.group(scope, fmt.Sprintf("c%02d", i))
			if i > 0 {
				nested = append(nested, store.Edge{Member: fmt.Sprintf("c%02d", i-1), Group: fmt.Sprintf("c%02d", i)})
			}
		}
		f.must(f.inside.Plant("acme", nested))
		f.edit(scope, "c00", added("anna"))
		f.edit(scope, "c08", added("bob"))
		f.equal("how many groups", len(f.userGroups(scope, "anna")), deep)
		page, err := f.store.Facts(f.Context(), "acme", []string{"anna", "bob"}, ample())
		f.must(err)
		around := store.NewAround(page.Edges)
		f.equal("how many groups", len(around.Groups("anna")), deep)
		f.equal("the limit", around.Beyond("anna"), `group "c00" is in a chain of more than 32 groups`)
		f.equal("whose chain has 32", around.Beyond("bob"), "")
		f.group(scope, "new")
		f.refusesNesting(scope, "c00", tooDeep, "new")
		f.edit(scope, "c01", added("c00")) // it is a member already
		f.edit(scope, "c09", removed("c08"))
		f.edit(scope, "c00", added("new"))
	}},
	{"an adoption keeps nesting beyond the limits", func(f *fixture) {
		var nested []store.Edge
		old, scope := f.replacement(func(old store.Scope) {
			for i := range 40 {
				f.group(old, fmt.Sprint("c", i))
				if i > 0 {
					nested = append(nested, store.Edge{Member: fmt.Sprint("c", i-1), Group: fmt.Sprint("c", i)})
				}
			}
			f.must(f.inside.Plant("acme", nested))
		})
		f.group(scope, "new")
		f.adoptGroup(old, scope, "c20")
		f.adoptGroup(old, scope, "c21", added("c20")...)
		f.equal("the members", f.allMembers("acme", "c21"), list("c20"))
		g := f.readGroup(old, "c5")
		g.Scope = scope
		_, err := f.store.Adopt(f.Context(), "d1", g, added("new"), cause(5))
		f.refusesWith("adopting with a new member that is a group", err, tooDeep)
	}},
	{"a group can leave a cycle of planted memberships", func(f *fixture) {
		scope := f.directory("d1")
		for _, id := range []string{"a", "b", "new"} {
			f.group(scope, id)
		}
		f.must(f.inside.Plant("acme", []store.Edge{{Member: "a", Group: "b"}, {Member: "b", Group: "a"}}))
		f.edit(scope, "a", added("new"))
		f.refusesNesting(scope, "new", `group "a" contains this group`, "a")
		f.edit(scope, "a", removed("b"))
		f.equal("members", f.members(scope, "b"), list("a"))
	}},
	{"groups are added one by one in one write", func(f *fixture) {
		scope := f.directory("d1")
		f.group(scope, "all")
		var edits []store.MemberEdit
		for i := range 200 {
			id := fmt.Sprintf("g%03d", i)
			f.group(scope, id)
			edits = append(edits, added(id)...)
		}
		f.edit(scope, "all", edits)
		f.equal("how many members", len(f.members(scope, "all")), 200)
	}},
}
