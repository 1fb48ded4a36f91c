package storetest

import (
	"fmt"
	"math"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

func listCases(of store.Type) []testCase {
	return []testCase{
		{"all resources are listed by id, by keyset and by offset", func(f *fixture) {
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
		{"all resources are listed in the orders that an index has", func(f *fixture) {
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
		{"a page ends once its documents have the maximum number of bytes", func(f *fixture) {
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
		{"resources are read by id in order, and only of the directory", func(f *fixture) {
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

// pages reads a list page by page with a limit of bytes, and checks that each page exceeds it by at most one document.
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
