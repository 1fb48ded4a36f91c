package storetest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// RunResources checks what is true for the resources of any type. name is the attribute that is the type's name.
func RunResources(t *testing.T, of store.Type, name string, open func(t *testing.T) (store.Store, Inside)) {
	t.Run(string(of), func(t *testing.T) {
		t.Parallel()
		run(t, resourceCases(of, name), open)
	})
}

// newResource is a resource of any type that is not stored yet.
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

// resource stores a resource and returns it as it is read.
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

func (f *fixture) get(of store.Type, scope store.Scope, by store.Selector) (store.Resource, error) {
	return f.store.Get(f.Context(), scope, of, by, false)
}

// read reads an existing resource.
func (f *fixture) read(of store.Type, scope store.Scope, id string) store.Resource {
	f.Helper()
	r, err := f.get(of, scope, store.Selector{ID: id})
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

// summary is the summary of a resource.
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
		{"a resource is read as it was created", func(f *fixture) {
			scope := f.directory("d1")
			want := newResource(of, scope, "a")
			want.ExternalID, want.Active = "Ext-1", false
			w, err := f.store.Create(f.Context(), want, nil, cause(3))
			f.must(err)
			want.Version, want.CreateTime, want.UpdateTime = 1, cause(3).Time, cause(3).Time
			f.equal("the resource", f.read(of, scope, "a"), want)
			f.wrote(w, 1, cause(3).Time)
		}},
		{"a missing one is not found", func(f *fixture) {
			scope, other := f.directory("d1"), f.directory("d2")
			r := f.resource(of, other, "a")
			for what, get := range map[string]func() (store.Resource, error){
				"by id":                  func() (store.Resource, error) { return f.get(of, scope, store.Selector{ID: "a"}) },
				"by an id that can't be": func() (store.Resource, error) { return f.get(of, other, store.Selector{ID: "a\x00"}) },
				"by nothing":             func() (store.Resource, error) { return f.get(of, other, store.Selector{}) },
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
		{"a delete accepts any of the versions that it names", func(f *fixture) {
			scope := f.directory("d1")
			r := f.resource(of, scope, "a")
			w, err := f.store.Delete(f.Context(), scope, of, "a", []int64{9, 1}, cause(1))
			f.must(err)
			f.wrote(w, 2, time.Time{})
			_, err = f.get(of, scope, store.Selector{ID: "a"})
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
		{"an adopted resource keeps its id and creation time, and gets the next version", func(f *fixture) {
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
			_, err = f.get(of, old, store.Selector{ID: "a"})
			f.refuses("reading it where it was", err, fault.NotFound)
			f.equal("how many", f.count(of, scope), 1)
		}},
		{"a resource can be adopted once, from its directory, in the version that was read", func(f *fixture) {
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

func idsOfFacts(all []store.Facts) []string {
	ids := []string{}
	for _, f := range all {
		ids = append(ids, f.ID)
	}
	return ids
}
