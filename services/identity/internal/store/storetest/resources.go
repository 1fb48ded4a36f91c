package storetest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// RunResources checks what holds for the resources of a type, whatever the type is. name is the attribute that is its name.
func RunResources(t *testing.T, of store.Type, name string, open func(t *testing.T) (store.Store, Inside)) {
	t.Run(string(of), func(t *testing.T) {
		t.Parallel()
		run(t, resourceCases(of, name), open)
	})
}

// newResource is a resource of any type that was not stored yet.
func newResource(of store.Type, scope store.Scope, id string) store.Resource {
	switch of {
	case store.User:
		return newUser(scope, id)
	case store.Group:
		return newGroup(scope, id)
	}
	return store.Resource{
		Scope: scope, Type: of, ID: id, Name: "Name " + id, NameFolded: "name " + id, Document: []byte(`{"name":"Name ` + id + `"}`),
	}
}

// resource stores a resource and gives it as it is read.
func (f *fixture) resource(of store.Type, scope store.Scope, id string, change ...func(*store.Resource)) store.Resource {
	f.Helper()
	r := newResource(of, scope, id)
	for _, c := range change {
		c(&r)
	}
	_, err := f.store.Create(f.Context(), r, nil, cause(0))
	f.must(err)
	return f.read(of, scope, id)
}

func (f *fixture) get(of store.Type, scope store.Scope, by store.Lookup) (store.Resource, error) {
	return f.store.Get(f.Context(), scope, of, by, false)
}

// read reads one that is there.
func (f *fixture) read(of store.Type, scope store.Scope, id string) store.Resource {
	f.Helper()
	r, err := f.get(of, scope, store.Lookup{ID: id})
	f.must(err)
	return r
}

func (f *fixture) count(of store.Type, scope store.Scope) int64 {
	f.Helper()
	n, err := f.store.Count(f.Context(), scope, of)
	f.must(err)
	return n
}

func idsOf(all []store.Resource) []string {
	ids := []string{}
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids
}

// summary is what a resource has of a summary.
func summary(r store.Resource, detached bool) store.Facts {
	return store.Facts{Detached: detached, Resource: store.Resource{
		Scope: r.Scope, Type: r.Type, ID: r.ID, Name: r.Name, ExternalID: r.ExternalID, Active: r.Active, Version: r.Version, UpdateTime: r.UpdateTime,
	}}
}

func resourceCases(of store.Type, name string) []testCase {
	return slices.Concat(writeCases(of), listCases(of), findCases(of, name))
}

func writeCases(of store.Type) []testCase {
	return []testCase{
		{"one is read as it was created", func(f *fixture) {
			scope := f.directory("d1")
			want := newResource(of, scope, "a")
			want.ExternalID, want.Active = "Ext-1", false
			w, err := f.store.Create(f.Context(), want, nil, cause(3))
			f.must(err)
			want.Version, want.CreateTime, want.UpdateTime = 1, cause(3).Time, cause(3).Time
			f.equal("the resource", f.read(of, scope, "a"), want)
			f.wrote(w, 1, cause(3).Time)
		}},
		{"one that is not there is not found", func(f *fixture) {
			scope, other := f.directory("d1"), f.directory("d2")
			r := f.resource(of, other, "a")
			for what, get := range map[string]func() (store.Resource, error){
				"by id":                  func() (store.Resource, error) { return f.get(of, scope, store.Lookup{ID: "a"}) },
				"by an id that can't be": func() (store.Resource, error) { return f.get(of, other, store.Lookup{ID: "a\x00"}) },
				"by nothing":             func() (store.Resource, error) { return f.get(of, other, store.Lookup{}) },
			} {
				_, err := get()
				f.refuses(what, err, fault.NotFound)
			}
			r.Scope = scope
			f.writesNothing(func() {
				if _, err := f.store.Update(f.Context(), r, nil, cause(1)); !fault.Is(err, fault.NotFound) {
					f.changedSince("updating", err)
				}
				_, err := f.store.Delete(f.Context(), scope, of, "a", nil, cause(1))
				f.refuses("deleting", err, fault.NotFound)
			})
		}},
		{"an update writes, counts the version up and keeps the creation", func(f *fixture) {
			scope := f.directory("d1")
			r := f.resource(of, scope, "a")
			r.Name, r.NameFolded, r.ExternalID, r.Document = "B", "b", "e", []byte(`{"name":"B"}`)
			if of == store.User {
				r.DisplayName, r.Active = "x", false
			}
			w, err := f.store.Update(f.Context(), r, nil, cause(5))
			f.must(err)
			f.wrote(w, 2, cause(5).Time)
			r.Version, r.UpdateTime = 2, cause(5).Time
			f.equal("the resource", f.read(of, scope, "a"), r)
		}},
		{"a lost compare-and-set writes nothing, not even its change record", func(f *fixture) {
			scope := f.directory("d1")
			stale := f.resource(of, scope, "a")
			_, err := f.store.Update(f.Context(), stale, nil, cause(1))
			f.must(err)
			before := f.read(of, scope, "a")
			stale.Document = []byte(`{"name":"lost"}`)
			f.writesNothing(func() {
				_, err := f.store.Update(f.Context(), stale, nil, cause(2))
				f.changedSince("updating", err)
				_, err = f.store.Delete(f.Context(), scope, of, "a", []int64{1, 7}, cause(2))
				f.changedSince("deleting", err)
			})
			f.equal("the resource", f.read(of, scope, "a"), before)
		}},
		{"a delete takes any of the versions it names", func(f *fixture) {
			scope := f.directory("d1")
			r := f.resource(of, scope, "a")
			w, err := f.store.Delete(f.Context(), scope, of, "a", []int64{9, 1}, cause(1))
			f.must(err)
			f.wrote(w, 2, time.Time{})
			_, err = f.get(of, scope, store.Lookup{ID: "a"})
			f.refuses("reading", err, fault.NotFound)
			_, err = f.store.Delete(f.Context(), scope, of, "a", nil, cause(1))
			f.refuses("deleting again", err, fault.NotFound)
			f.resource(of, scope, "second", func(again *store.Resource) { again.Name, again.NameFolded = r.Name, r.NameFolded })
			f.equal("how many", f.count(of, scope), 1)
		}},
		{"times are kept to the microsecond", func(f *fixture) {
			scope := f.directory("d1")
			at := time.Date(2026, 5, 6, 7, 8, 9, 123_456_000, time.UTC)
			_, err := f.store.Create(f.Context(), newResource(of, scope, "a"), nil, store.Cause{Time: at})
			f.must(err)
			if got := f.read(of, scope, "a").CreateTime; !got.Equal(at) {
				f.Errorf("created at %s, want %s", got, at)
			}
		}},
		{"an adopted one keeps its id and creation, and has the next version", func(f *fixture) {
			old, scope := f.replacement(func(old store.Scope) { f.resource(of, old, "a") })
			r := f.read(of, old, "a")
			r.Scope, r.Name, r.NameFolded, r.Document = scope, "New", "new", []byte(`{"name":"New"}`)
			at := f.cursor()
			w, err := f.store.Adopt(f.Context(), "d1", r, nil, cause(5))
			f.must(err)
			f.wrote(w, 2, cause(5).Time)
			r.Version, r.UpdateTime = 2, cause(5).Time
			f.equal("the resource", f.read(of, scope, "a"), r)
			f.equal("the records", f.since(at), list(strings.ToLower(string(of))+" a@2: created"))
			_, err = f.get(of, old, store.Lookup{ID: "a"})
			f.refuses("reading it where it was", err, fault.NotFound)
			f.equal("how many", f.count(of, scope), 1)
		}},
		{"one can be adopted once, from where it is, as it was read", func(f *fixture) {
			old, scope := f.replacement(func(old store.Scope) {
				f.resource(of, old, "a")
				f.resource(of, old, "b")
			})
			a, b := f.read(of, old, "a"), f.read(of, old, "b")
			a.Scope, b.Scope = scope, scope
			_, err := f.store.Adopt(f.Context(), "d1", a, nil, cause(5))
			f.must(err)
			b.Version++
			f.writesNothing(func() {
				_, err := f.store.Adopt(f.Context(), "d1", a, nil, cause(6))
				f.changedSince("adopting again", err)
				_, err = f.store.Adopt(f.Context(), "d1", b, nil, cause(6))
				f.changedSince("adopting another version", err)
				b.Version--
				_, err = f.store.Adopt(f.Context(), "elsewhere", b, nil, cause(6))
				f.changedSince("adopting from elsewhere", err)
			})
		}},
	}
}

func listCases(of store.Type) []testCase {
	return []testCase{
		{"all are listed by id, by keyset and by offset", func(f *fixture) {
			scope, other := f.directory("d1"), f.directory("d2")
			for i := range 7 {
				f.resource(of, scope, fmt.Sprint("u", 6-i))
			}
			f.resource(of, other, "u1b")
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
				got, err := f.store.List(f.Context(), scope, of, c.after, c.limit, math.MaxInt32)
				f.must(err)
				f.equal("after "+c.after, idsOf(got), c.want)
			}
			for _, c := range []struct {
				skip, limit int64
				want        string
			}{
				{0, 2, list("u0", "u1")}, {2, 2, list("u2", "u3")}, {6, 2, list("u6")}, {7, 2, list()}, {1 << 60, 2, list()},
			} {
				got, err := f.store.Page(f.Context(), scope, of, store.Order{}, c.skip, c.limit, math.MaxInt32)
				f.must(err)
				f.equal(fmt.Sprint("skipping ", c.skip), idsOf(got), c.want)
			}
			f.equal("how many", f.count(of, scope), 7)
		}},
		{"all are listed in the orders that an index has", func(f *fixture) {
			scope, other := f.directory("d1"), f.directory("d2")
			for _, s := range []store.Scope{scope, other} {
				for n, name := range []string{"b", "a\u00e9", "z", "ab", "a_", "\U0001f600", "\ue000"} {
					f.resource(of, s, fmt.Sprint(s.DirectoryID, "-", n), func(r *store.Resource) { r.NameFolded = name })
				}
			}
			for order, want := range map[store.Order]string{
				{}:             list("d1-0", "d1-1", "d1-2", "d1-3", "d1-4", "d1-5", "d1-6"),
				{ByName: true}: list("d1-4", "d1-3", "d1-1", "d1-0", "d1-2", "d1-6", "d1-5"),
			} {
				for _, order.Descending = range []bool{false, true} {
					all, err := f.store.Page(f.Context(), scope, of, order, 0, 10, math.MaxInt32)
					f.must(err)
					page, err := f.store.Page(f.Context(), scope, of, order, 2, 3, math.MaxInt32)
					f.must(err)
					f.equal(fmt.Sprintf("a page, %+v", order), idsOf(page), idsOf(all)[2:5])
					if order.Descending {
						slices.Reverse(all)
					}
					f.equal(fmt.Sprintf("all, %+v", order), idsOf(all), want)
				}
			}
		}},
		{"a page ends once its documents have as many bytes as it may", func(f *fixture) {
			scope := f.directory("d1")
			var ids []string
			for i := range 12 {
				ids = append(ids, fmt.Sprintf("r%02d", i))
				f.resource(of, scope, ids[i], func(r *store.Resource) {
					r.NameFolded, r.Document = fmt.Sprintf("%02d", (i*5)%12), make([]byte, 100+300*(i%4))
				})
			}
			rest := func(met []store.Resource) []string {
				return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(idsOf(met), id) })
			}
			for _, bytes := range []int{1, 700, 1500, math.MaxInt32} {
				f.equal(fmt.Sprint("after one another, ", bytes), f.pages("list", bytes, func(met []store.Resource) ([]store.Resource, error) {
					after := ""
					if len(met) > 0 {
						after = met[len(met)-1].ID
					}
					return f.store.List(f.Context(), scope, of, after, 100, bytes)
				}), ids)
				f.equal(fmt.Sprint("by id, ", bytes), f.pages("by id", bytes, func(met []store.Resource) ([]store.Resource, error) {
					return f.store.ByID(f.Context(), scope, of, rest(met), bytes)
				}), ids)
				for _, order := range []store.Order{{}, {Descending: true}, {ByName: true}, {ByName: true, Descending: true}} {
					all, err := f.store.Page(f.Context(), scope, of, order, 0, 100, math.MaxInt32)
					f.must(err)
					f.equal("how many", len(all), len(ids))
					f.equal(fmt.Sprintf("%+v, %d", order, bytes), f.pages("page", bytes, func(met []store.Resource) ([]store.Resource, error) {
						return f.store.Page(f.Context(), scope, of, order, int64(len(met)), 100, bytes)
					}), idsOf(all))
				}
			}
		}},
		{"what is read by id is in order, and of its directory", func(f *fixture) {
			scope, other := f.directory("d1"), f.directory("d2")
			for _, id := range []string{"b", "a", "c"} {
				f.resource(of, scope, id)
			}
			f.resource(of, other, "d")
			all, err := f.store.ByID(f.Context(), scope, of, []string{"c", "a", "d", "nobody", "a"}, math.MaxInt32)
			f.must(err)
			f.equal("the resources", idsOf(all), list("a", "c"))
			f.equal("one of them", all[0], f.read(of, scope, "a"))
		}},
	}
}

// pages reads what a listing gives page by page, each of so many bytes, and checks that none has more than one document too many.
func (f *fixture) pages(what string, bytes int, read func(met []store.Resource) ([]store.Resource, error)) []string {
	f.Helper()
	var all []store.Resource
	for {
		page, err := read(all)
		f.must(err)
		all = append(all, page...)
		if !store.Full(page, bytes) {
			return idsOf(all)
		}
		if store.Full(page[:len(page)-1], bytes) {
			f.Errorf("%s: a page of %d bytes goes on beyond them, to %d documents", what, bytes, len(page))
		}
	}
}

func findCases(of store.Type, name string) []testCase {
	return []testCase{
		{"candidates are found by id, name and externalId", func(f *fixture) {
			scope, other := f.directory("d1"), f.directory("d2")
			for _, s := range []store.Scope{scope, other} {
				for n := range 6 {
					// In the other directory all is the same but the ids.
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
		{"those of an organization are walked by id, detached ones too", func(f *fixture) {
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
				all, err := f.store.Find(f.Context(), "acme", of, store.Lookup{All: true}, c.after, c.limit)
				f.must(err)
				f.equal("all after "+c.after, idsOfFacts(all), c.want)
			}
			all, err := f.store.Find(f.Context(), "acme", of, store.Lookup{All: true}, "", 2)
			f.must(err)
			f.equal("summaries", all, []store.Facts{summary(f.read(of, scope, "a"), false), summary(f.read(of, old, "b"), true)})
		}},
		{"one is found in any directory by one of its names", func(f *fixture) {
			scope, other := f.directory("d1"), f.directory("d2")
			named := func(folded, externalID string) func(*store.Resource) {
				return func(r *store.Resource) { r.NameFolded, r.ExternalID = folded, externalID }
			}
			f.resource(of, scope, "a", named("name", "ext"))
			f.resource(of, other, "b", named("name", ""))
			f.resource(of, other, "c", named("other", "ext"))
			for _, c := range []struct {
				by    store.Lookup
				after string
				limit int
				want  string
			}{
				{store.Lookup{Name: "name"}, "", 10, list("a", "b")},
				{store.Lookup{Name: "name"}, "", 1, list("a")},
				{store.Lookup{Name: "name"}, "a", 10, list("b")},
				{store.Lookup{Name: "nobody"}, "", 10, list()},
				{store.Lookup{ExternalID: "ext"}, "", 10, list("a", "c")},
				{store.Lookup{ExternalID: "EXT"}, "", 10, list()},
				{store.Lookup{ID: "c"}, "", 10, list("c")},
				{store.Lookup{ID: "nobody"}, "", 10, list()},
				{store.Lookup{}, "", 10, list()},
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
		{"one that comes back is found by externalId, else by name, nearest first", func(f *fixture) {
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

func idsOfFacts(all []store.Facts) []string {
	ids := []string{}
	for _, f := range all {
		ids = append(ids, f.ID)
	}
	return ids
}
