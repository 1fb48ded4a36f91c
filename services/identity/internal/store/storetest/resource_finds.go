package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

func findCases(of store.Type, name string) []testCase {
	return []testCase{
		{"candidates are found by id, name and externalId", func(f *fixture) {
			scope, other := f.directory("d1"), f.directory("d2")
			for _, s := range []store.Scope{scope, other} {
				for n := range 6 {
					// In the other directory, only the ids differ.
					f.resource(of, s, fmt.Sprint(map[string]string{"d1": "u", "d2": "v"}[s.DirectoryID], n), func(r *store.Resource) {
						if r.NameFolded = fmt.Sprint("name", n); n < 4 {
							r.ExternalID = fmt.Sprint("Ext", n)
						}
					})
				}
			}
			for _, c := range []struct {
				condition scim.Condition
				want      string
			}{
				{equals("id", "u3"), list("u3")},
				{equals("id", "v3"), list()},
				{scim.Condition{Attribute: "id", Low: "u4"}, list("u4", "u5")},
				{scim.Condition{Attribute: "id", Low: "u1", High: "u2"}, list("u1", "u2")},
				{scim.Condition{Attribute: "id", High: "u1"}, list("u0", "u1")},
				{equals(name, "name2"), list("u2")},
				{equals(name, "NAME2"), list()},
				{scim.Condition{Attribute: name, Low: "name4"}, list("u4", "u5")},
				{scim.Condition{Attribute: name, Low: "name", High: "name1"}, list("u0", "u1")},
				{scim.Condition{Attribute: name, Low: "name2", High: "name1"}, list()},
				{equals("externalId", "Ext1"), list("u1")},
				{equals("externalId", "ext1"), list()},
				{scim.Condition{Attribute: "externalId", Low: "Ext2"}, list("u2", "u3")},
				{scim.Condition{Attribute: "externalId", High: "Ext0"}, list("u0")},
				{equalsOne("id", "u1", "u4", "v2"), list("u1", "u4")},
				{equalsOne(name, "name1", "name3", "x"), list("u1", "u3")},
				{equalsOne("externalId", "Ext0", "Ext3", "ext1"), list("u0", "u3")},
			} {
				f.equal(fmt.Sprintf("%+v", c.condition), f.found(scope, of, c.condition), c.want)
			}
			some, err := f.store.Candidates(f.Context(), scope, of, scim.Condition{Attribute: "id", Low: "u"}, 3)
			f.must(err)
			f.equal("no more than asked for", len(some), 3)
		}},
		{"an organization's resources are listed by id, detached ones too", func(f *fixture) {
			old, scope := f.replacement(func(old store.Scope) {
				f.resource(of, old, "b")
				f.resource(of, old, "d")
			})
			f.resource(of, scope, "a")
			f.resource(of, scope, "c")
			for _, c := range []struct {
				after string
				limit int
				want  string
			}{{"", 3, list("a", "b", "c")}, {"c", 3, list("d")}, {"d", 3, list()}} {
				got, err := f.store.IDs(f.Context(), "acme", of, c.after, c.limit)
				f.must(err)
				f.equal("ids after "+c.after, got, c.want)
				all, err := f.store.Find(f.Context(), "acme", of, store.Selector{All: true}, c.after, c.limit)
				f.must(err)
				f.equal("all after "+c.after, idsOfFacts(all), c.want)
			}
			all, err := f.store.Find(f.Context(), "acme", of, store.Selector{All: true}, "", 2)
			f.must(err)
			f.equal("summaries", all, []store.Facts{summary(f.read(of, scope, "a"), false), summary(f.read(of, old, "b"), true)})
		}},
		{"a resource is found in any directory by one criterion", func(f *fixture) {
			scope, other := f.directory("d1"), f.directory("d2")
			named := func(folded, externalID string) func(*store.Resource) {
				return func(r *store.Resource) { r.NameFolded, r.ExternalID = folded, externalID }
			}
			f.resource(of, scope, "a", named("name", "ext"))
			f.resource(of, other, "b", named("name", ""))
			f.resource(of, other, "c", named("other", "ext"))
			for _, c := range []struct {
				by    store.Selector
				after string
				limit int
				want  string
			}{
				{store.Selector{Name: "name"}, "", 10, list("a", "b")},
				{store.Selector{Name: "name"}, "", 1, list("a")},
				{store.Selector{Name: "name"}, "a", 10, list("b")},
				{store.Selector{Name: "nobody"}, "", 10, list()},
				{store.Selector{ExternalID: "ext"}, "", 10, list("a", "c")},
				{store.Selector{ExternalID: "EXT"}, "", 10, list()},
				{store.Selector{ID: "c"}, "", 10, list("c")},
				{store.Selector{ID: "nobody"}, "", 10, list()},
				{store.Selector{}, "", 10, list()},
			} {
				got, err := f.store.Find(f.Context(), "acme", of, c.by, c.after, c.limit)
				f.must(err)
				f.equal(fmt.Sprintf("%+v", c.by), idsOfFacts(got), c.want)
			}
		}},
		{"summaries are read by id, of any directory, each once", func(f *fixture) {
			old, scope := f.replacement(func(old store.Scope) { f.resource(of, old, "b") })
			f.resource(of, scope, "a", func(r *store.Resource) { r.ExternalID = "ext" })
			got, err := f.store.Summaries(f.Context(), "acme", of, []string{"b", "nobody", "a", "a"})
			f.must(err)
			slices.SortFunc(got, func(a, b store.Facts) int { return strings.Compare(a.ID, b.ID) })
			f.equal("summaries", got, []store.Facts{summary(f.read(of, scope, "a"), false), summary(f.read(of, old, "b"), true)})
			none, err := f.store.Summaries(f.Context(), "acme", of, nil)
			f.must(err)
			f.equal("of nobody", len(none), 0)
		}},
		{"a detached resource is found by externalId, otherwise by name, nearest directory first", func(f *fixture) {
			far, near := f.directory("far"), f.directory("near")
			named := func(folded, externalID string) func(*store.Resource) {
				return func(r *store.Resource) { r.NameFolded, r.ExternalID = folded, externalID }
			}
			f.resource(of, far, "anna-far", named("anna", "a"))
			want := f.resource(of, near, "anna-near", named("anna", "b"))
			f.resource(of, near, "bob", named("bob", ""))
			f.directory("far", closed)
			f.directory("near", closed)
			find := func(externalID, folded string, directories ...string) (store.Resource, error) {
				r := store.Resource{Scope: store.Scope{OrganizationID: "acme"}, Type: of, ExternalID: externalID, NameFolded: folded}
				return f.store.Detached(f.Context(), r, directories)
			}
			for _, c := range []struct{ externalID, folded, want string }{
				{"a", "bob", "anna-far"}, {"b", "anna", "anna-near"}, {"", "anna", "anna-near"}, {"unknown", "bob", "bob"},
			} {
				got, err := find(c.externalID, c.folded, "near", "far")
				f.must(err)
				f.equal(fmt.Sprintf("which is %+v", c), got.ID, c.want)
			}
			got, err := find("b", "", "near")
			f.must(err)
			f.equal("the resource", got, want)
			for _, c := range [][2]string{{"", ""}, {"", "Anna"}, {"A", ""}, {"b\x00", ""}} {
				_, err := find(c[0], c[1], "near", "far")
				f.refuses(fmt.Sprintf("finding %q", c), err, fault.NotFound)
			}
			_, err = find("b", "", "far")
			f.refuses("finding in another directory", err, fault.NotFound)
			_, err = find("", "anna")
			f.refuses("finding in none", err, fault.NotFound)
		}},
	}
}
