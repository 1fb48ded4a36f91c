package storetest

import (
	"fmt"
	"sync"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var directoryCases = []testCase{
	{"a directory is read as it was created, with its first key", func(f *fixture) {
		f.organization("acme")
		want, key := newDirectory("acme", "d1")
		want.Strict, want.UniqueGroupNames = true, true
		got, err := f.store.CreateDirectory(f.Context(), want, key, store.Replace{})
		f.must(err)
		want.Federated, want.Revision = true, 1
		f.equal("the answer", got, want)
		got, err = f.store.Directory(f.Context(), "acme", "d1")
		f.must(err)
		f.equal("what is stored", got, want)
		keys, err := f.store.Keys(f.Context(), "acme", "d1", 10)
		f.must(err)
		f.equal("its keys", keys, []store.Key{key})
	}},
	{"an organization that is not there or not federated gets none", func(f *fixture) {
		f.must(f.store.CreateOrganization(f.Context(), newOrganization("acme", false)))
		_, err := f.create("acme", "d1", store.Replace{})
		f.refuses("creating", err, fault.NotFederated)
		_, err = f.create("nobody", "d1", store.Replace{})
		f.refuses("creating for nobody", err, fault.NotFound)
		f.equal("directories", f.following(0), "[]")
		_, _, err = f.store.Resolve(f.Context(), newKey("acme", "d1", "first").Digest)
		f.refuses("its key", err, fault.NotFound)
	}},
	{"by default the only deleted directory that none has replaced is replaced", func(f *fixture) {
		f.organization("acme")
		f.directory("live")
		for _, step := range []struct{ name, remove, want string }{
			{"while none is deleted", "", ""},
			{"when one was deleted", "d1", "d1"},
			{"when that one was replaced", "", ""},
			{"when another was deleted", "d2", "d2"},
		} {
			if step.remove != "" {
				f.directory(step.remove)
				f.deleteDirectory(step.remove)
			}
			d, err := f.create("acme", "after-"+step.name, store.Replace{})
			f.must(err)
			f.equal(step.name, d.ReplacesID, step.want)
		}
	}},
	{"with several to replace, the default is none, and either can be named", func(f *fixture) {
		f.organization("acme")
		for _, id := range []string{"d1", "d2", "d3"} {
			f.directory(id)
			f.deleteDirectory(id)
		}
		for _, c := range []struct {
			id      string
			replace store.Replace
			want    string
		}{
			{"a", store.Replace{}, ""},
			{"b", store.Replace{ID: "d2"}, "d2"},
			{"c", store.Replace{None: true}, ""},
			{"d", store.Replace{}, ""},
			{"e", store.Replace{ID: "d1"}, "d1"},
			{"f", store.Replace{None: true}, ""},
			{"g", store.Replace{}, "d3"},
		} {
			d, err := f.create("acme", c.id, c.replace)
			f.must(err)
			f.equal("what "+c.id+" replaces", d.ReplacesID, c.want)
			stored, err := f.store.Directory(f.Context(), "acme", c.id)
			f.must(err)
			f.equal("what is stored", stored, d)
		}
	}},
	{"what can't be replaced is refused, and nothing is created", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.directory("live")
		f.directory("replaced")
		f.deleteDirectory("replaced")
		_, err := f.create("acme", "heir", store.Replace{ID: "replaced"})
		f.must(err)
		_, err = f.create("other", "theirs", store.Replace{})
		f.must(err)
		_, _, err = f.store.DeleteDirectory(f.Context(), "other", "theirs", at(5))
		f.must(err)
		newest := f.newest()
		for _, id := range []string{"live", "replaced", "theirs", "nobody"} {
			_, err := f.create("acme", "new", store.Replace{ID: id})
			f.refuses("replacing "+id, err, fault.NotReplaceable)
		}
		f.equal("new directories", f.following(newest), "[]")
	}},
	{"directories are listed by id after one, deleted ones when asked", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		for _, id := range []string{"d3", "d1", "d4", "d2"} {
			f.directory(id)
		}
		_, err := f.create("other", "d0", store.Replace{})
		f.must(err)
		f.deleteDirectory("d2")
		for _, c := range []struct {
			after   string
			limit   int
			deleted bool
			want    string
		}{
			{"", 10, false, "[d1 d3 d4]"}, {"", 2, false, "[d1 d3]"}, {"d1", 10, false, "[d3 d4]"},
			{"", 10, true, "[d1 d2 d3 d4]"}, {"d1", 1, true, "[d2]"}, {"d4", 1, true, "[]"},
		} {
			all, err := f.store.Directories(f.Context(), "acme", c.after, c.limit, c.deleted)
			f.must(err)
			ids := []string{}
			for _, d := range all {
				ids = append(ids, d.ID)
			}
			f.equal(fmt.Sprintf("%+v", c), ids, c.want)
		}
		_, err = f.store.Directories(f.Context(), "nobody", "", 10, true)
		f.refuses("listing nobody's", err, fault.NotFound)
	}},
	{"an update changes what is named, once", func(f *fixture) {
		f.organization("acme")
		want := f.directory("d1")
		for _, c := range []struct {
			change  store.DirectoryChange
			apply   func()
			changes bool
		}{
			{store.DirectoryChange{DisplayName: pointer("New")}, func() { want.DisplayName = "New" }, true},
			{store.DirectoryChange{Strict: pointer(true)}, func() { want.Strict = true }, true},
			{store.DirectoryChange{UniqueGroupNames: pointer(true), Strict: pointer(true)}, func() { want.UniqueGroupNames = true }, true},
			{store.DirectoryChange{DisplayName: pointer("New"), UniqueGroupNames: pointer(true)}, func() {}, false},
			{store.DirectoryChange{}, func() {}, false},
		} {
			got, err := f.store.UpdateDirectory(f.Context(), "acme", "d1", c.change, at(8))
			f.must(err)
			if c.apply(); c.changes {
				want.Revision++
				want.UpdateTime = at(8)
			}
			f.equal("the answer", got, want)
			got, err = f.store.Directory(f.Context(), "acme", "d1")
			f.must(err)
			f.equal("what is stored", got, want)
		}
	}},
	{"a deleted directory is kept, can't be changed, and is deleted once", func(f *fixture) {
		f.organization("acme")
		want := f.directory("d1")
		f.must(f.store.CreateKey(f.Context(), newKey("acme", "d1", "second")))
		got, digests, err := f.store.DeleteDirectory(f.Context(), "acme", "d1", at(5))
		f.must(err)
		want.DeleteTime, want.UpdateTime = at(5), at(5)
		want.Revision++
		f.equal("the answer", got, want)
		f.equal("how many digests", len(digests), 2)
		_, err = f.store.UpdateDirectory(f.Context(), "acme", "d1", store.DirectoryChange{DisplayName: pointer("New")}, at(6))
		f.refuses("updating", err, fault.Deleted)
		f.refuses("creating a key", f.store.CreateKey(f.Context(), newKey("acme", "d1", "third")), fault.Deleted)
		got, digests, err = f.store.DeleteDirectory(f.Context(), "acme", "d1", at(9))
		f.must(err)
		f.equal("the answer to deleting again", got, want)
		f.equal("how many digests then", len(digests), 2)
		got, err = f.store.Directory(f.Context(), "acme", "d1")
		f.must(err)
		f.equal("what is stored", got, want)
	}},
	{"who follows meets each directory in its newest state, by revision", func(f *fixture) {
		f.organization("acme")
		for _, id := range []string{"d1", "d2", "d3"} {
			f.directory(id)
		}
		f.equal("all", f.following(0), "[acme/d1 acme/d2 acme/d3]")
		newest := f.newest()
		f.deleteDirectory("d1")
		_, err := f.store.UpdateDirectory(f.Context(), "acme", "d2", store.DirectoryChange{Strict: pointer(true)}, at(6))
		f.must(err)
		f.equal("what is new", f.following(newest), "[acme/d1 acme/d2]")
		f.equal("all then", f.following(0), "[acme/d3 acme/d1 acme/d2]")
		page, err := f.store.DirectoriesAfter(f.Context(), 0, 2)
		f.must(err)
		f.equal("how many of a page", len(page), 2)
	}},
	{"concurrent changes have a revision each, and none shows late", func(f *fixture) {
		const writers, each = 6, 10
		f.organization("acme")
		var wg sync.WaitGroup
		done := make(chan struct{})
		met := map[int64]string{}
		wg.Go(func() {
			for last, ended := int64(0), false; ; {
				select {
				case <-done:
					ended = true
				default:
				}
				all, err := f.store.DirectoriesAfter(f.Context(), last, 3)
				if err != nil {
					f.Error(err)
					return
				}
				for _, d := range all {
					met[d.Revision], last = d.ID, d.Revision
				}
				if ended && len(all) == 0 {
					return
				}
			}
		})
		var writing sync.WaitGroup
		for w := range writers {
			writing.Go(func() {
				for i := range each {
					if _, err := f.create("acme", fmt.Sprintf("d%d-%d", w, i), store.Replace{None: true}); err != nil {
						f.Error(err)
					}
				}
			})
		}
		writing.Wait()
		close(done)
		wg.Wait()
		f.equal("how many were met", len(met), writers*each)
	}},
	{"nothing of another organization is read or changed", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		want := f.directory("d1")
		ctx := f.Context()
		for name, try := range map[string]func() error{
			"Directory": func() error { _, err := f.store.Directory(ctx, "other", "d1"); return err },
			"UpdateDirectory": func() error {
				_, err := f.store.UpdateDirectory(ctx, "other", "d1", store.DirectoryChange{Strict: pointer(true)}, at(9))
				return err
			},
			"DeleteDirectory": func() error { _, _, err := f.store.DeleteDirectory(ctx, "other", "d1", at(9)); return err },
			"CreateKey":       func() error { return f.store.CreateKey(ctx, newKey("other", "d1", "k")) },
			"Keys":            func() error { _, err := f.store.Keys(ctx, "other", "d1", 10); return err },
			"RevokeKey":       func() error { _, err := f.store.RevokeKey(ctx, "other", "d1", "first", at(9)); return err },
		} {
			f.refuses(name, try(), fault.NotFound)
		}
		got, err := f.store.Directory(ctx, "acme", "d1")
		f.must(err)
		f.equal("the directory", got, want)
		keys, err := f.store.Keys(ctx, "acme", "d1", 10)
		f.must(err)
		f.equal("its keys", keys, []store.Key{newKey("acme", "d1", "first")})
	}},
}
