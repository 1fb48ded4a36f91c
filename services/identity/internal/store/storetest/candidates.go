package storetest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

func equals(attribute, value string) scim.Condition {
	return scim.Condition{Attribute: attribute, Low: value, High: value}
}

// equalsOne is the condition that the value is one of some values, which are in order.
func equalsOne(attribute string, values ...string) scim.Condition {
	return scim.Condition{Attribute: attribute, Low: values[0], High: values[len(values)-1], Values: values}
}

// The conditions of each kind. A user anna in the group eng meets all of them.
var (
	userConditions = []scim.Condition{
		equals("id", "anna"), equals("userName", "name-anna"), equals("externalId", "ext"), equals("active", "false"),
		equals("emails", "anna@example.com"), equals("displayName", "the anna"), equals("groups", "eng"), {Attribute: "userName"},
		equalsOne("id", "anna", "bob"), equalsOne("emails", "anna@example.com", "x"),
		{Attribute: "id", Low: "a", High: "b"}, {Attribute: "externalId", Low: "e"}, {Attribute: "emails", High: "z"},
	}
	groupConditions = []scim.Condition{
		equals("id", "eng"), equals("displayName", "group eng"), equals("externalId", "ext"), equals("members", "anna"),
		equalsOne("displayName", "eng", "group eng"), {Attribute: "displayName"}, {Attribute: "id", High: "f"}, {Attribute: "externalId", Low: "e", High: "f"},
	}
)

// candidates are the candidates of all conditions.
func candidates(ctx context.Context, s store.Store, scope store.Scope, of store.Type, conditions []scim.Condition) (all []string, err error) {
	for _, c := range conditions {
		found, err := s.Candidates(ctx, scope, of, c, 10)
		if err != nil {
			return nil, fmt.Errorf("%+v: %w", c, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// found are the candidates that are resources of a directory.
func (f *fixture) found(scope store.Scope, of store.Type, c scim.Condition) []string {
	f.Helper()
	ids, err := f.store.Candidates(f.Context(), scope, of, c, 1000)
	f.must(err)
	all, err := f.store.ByID(f.Context(), scope, of, ids, math.MaxInt32)
	f.must(err)
	return idsOf(all)
}

var candidateCases = []testCase{
	{"users are found by an index", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		for _, s := range []store.Scope{scope, other} {
			for n := range 6 {
				// In the other directory, only the ids differ.
				id := fmt.Sprint(map[string]string{"d1": "u", "d2": "v"}[s.DirectoryID], n)
				f.user(s, id, func(u *store.Resource) {
					u.NameFolded = fmt.Sprint("name", n)
					u.Active = n%2 == 0
					if n < 4 {
						u.ExternalID = fmt.Sprint("Ext", n)
					}
					u.Search = []scim.SearchValue{
						{Attribute: "emails", Value: fmt.Sprint("m", n/2)}, {Attribute: "emails", Value: fmt.Sprint("n", n/3)},
						{Attribute: "roles", Value: "r"},
					}
				})
			}
		}
		f.group(scope, "inner", "u1", "u2")
		f.group(scope, "outer", "u2", "u5", "inner")
		for _, c := range []struct {
			condition scim.Condition
			want      string
		}{
			{equalsOne("emails", "m0", "n1"), list("u0", "u1", "u3", "u4", "u5")},
			{equalsOne("emails", `"`, "m2"), list("u4", "u5")},
			{equals("active", "false"), list("u1", "u3", "u5")},
			{equals("emails", "m1"), list("u2", "u3")},
			{equals("emails", "r"), list()},
			{equals("roles", "r"), list("u0", "u1", "u2", "u3", "u4", "u5")},
			{scim.Condition{Attribute: "emails", Low: "m2", High: "n0"}, list("u0", "u1", "u2", "u4", "u5")},
			{scim.Condition{Attribute: "emails", Low: "n1"}, list("u3", "u4", "u5")},
			{scim.Condition{Attribute: "emails", High: "m0"}, list("u0", "u1")},
			{equals("phoneNumbers", "1"), list()},
			{equals("groups", "inner"), list("u1", "u2")},
			{equals("groups", "outer"), list("u1", "u2", "u5")},
			{equals("groups", "nowhere"), list()},
		} {
			f.equal(fmt.Sprintf("%+v", c.condition), f.found(scope, store.User, c.condition), c.want)
		}
		some, err := f.store.Candidates(f.Context(), scope, store.User, equals("roles", "r"), 3)
		f.must(err)
		f.equal("no more than asked for", len(some), 3)
	}},
	{"groups are found by an index", func(f *fixture) {
		scope, other := f.directory("d1"), f.directory("d2")
		for _, s := range []store.Scope{scope, other} {
			f.user(s, "anna of "+s.DirectoryID)
			for n := range 4 {
				g := newGroup(s, fmt.Sprint(map[string]string{"d1": "g", "d2": "h"}[s.DirectoryID], n))
				g.NameFolded = fmt.Sprint("name", n/2)
				if n > 0 {
					g.ExternalID = fmt.Sprint("ext", n/2)
				}
				_, err := f.store.Create(f.Context(), g, added("anna of "+s.DirectoryID), cause(0))
				f.must(err)
			}
		}
		f.group(scope, "outer", "g1")
		for _, c := range []struct {
			condition scim.Condition
			want      string
		}{
			{equals("displayName", "name1"), list("g2", "g3")},
			{scim.Condition{Attribute: "displayName", Low: "name"}, list("g0", "g1", "g2", "g3")},
			{scim.Condition{Attribute: "displayName", High: "name0"}, list("g0", "g1", "outer")},
			{equalsOne("displayName", "name1", "other"), list("g2", "g3")},
			{equalsOne("externalId", "ext0", "ext1"), list("g1", "g2", "g3")},
			{equals("externalId", "ext0"), list("g1")},
			{scim.Condition{Attribute: "externalId", High: "ext1"}, list("g1", "g2", "g3")},
			{equals("members", "anna of d1"), list("g0", "g1", "g2", "g3")},
			{equals("members", "anna of d2"), list()},
			{equals("members", "g1"), list("outer")},
			{equals("members", "nobody"), list()},
		} {
			f.equal(fmt.Sprintf("%+v", c.condition), f.found(scope, store.Group, c.condition), c.want)
		}
		for _, id := range []string{"anna of d1", "anna of d2"} {
			in, err := f.store.Candidates(f.Context(), scope, store.Group, equals("members", id), 2)
			f.must(err)
			f.equal("no more than asked for, and nothing of a member that cannot be seen", len(in), map[string]int{"anna of d1": 2, "anna of d2": 0}[id])
		}
	}},
	{"an index follows what is written", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna", func(u *store.Resource) { u.Search = []scim.SearchValue{{Attribute: "emails", Value: "a"}} })
		u.Active, u.ExternalID, u.Search = false, "ext", []scim.SearchValue{{Attribute: "emails", Value: "b"}}
		_, err := f.store.Update(f.Context(), u, nil, cause(1))
		f.must(err)
		for _, c := range []scim.Condition{equals("active", "false"), equals("externalId", "ext"), equals("emails", "b")} {
			f.equal(fmt.Sprintf("%+v", c), f.found(scope, store.User, c), list("anna"))
		}
		f.equal("by an address that it had", f.found(scope, store.User, equals("emails", "a")), list())
		_, err = f.store.Delete(f.Context(), scope, store.User, "anna", nil, cause(2))
		f.must(err)
		all, err := candidates(f.Context(), f.store, scope, store.User, slices.Concat(userConditions, []scim.Condition{equals("emails", "b")}))
		f.must(err)
		f.equal("of one that is gone", all, list())
	}},
}
