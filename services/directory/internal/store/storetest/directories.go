package storetest

import (
	"context"
	"fmt"
	"sync"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var directoryCases = []testCase{
	{"a directory is read as it was created, with its first key", func(f *fixture) {
		f.organization("acme")
		want, key := newDirectory("acme", "d1")
		want.Strict, want.UniqueGroupNames, want.AdoptByName, want.ReplacesID = true, true, true, "d0"
		want, err := f.create(want, key)
		f.must(err)
		f.equal("its revision", want.Revision, 1)
		want.Federated = true
		got, err := f.store.Directory(f.Context(), "acme", "d1")
		f.must(err)
		f.equal("what is stored", got, want)
		keys, err := f.store.Keys(f.Context(), "acme", "d1", 10)
		f.must(err)
		f.equal("its keys", keys, []store.Key{key})
		_, err = f.store.Directory(f.Context(), "acme", "d2")
		f.refuses("reading another", err, fault.NotFound)
	}},
	{"what can be replaced was deleted, and none has replaced it", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.directory("live")
		for _, id := range []string{"d1", "d2", "replaced"} {
			f.directory(id)
			f.deleteDirectory(id)
		}
		heir, key := newDirectory("acme", "heir")
		heir.ReplacesID = "replaced"
		_, err := f.create(heir, key)
		f.must(err)
		f.must(f.update("acme", func(tx store.Tx) error {
			for id, want := range map[string]int{"": 2, "d1": 1, "d2": 1, "live": 0, "replaced": 0, "nobody": 0} {
				got, err := tx.Replaceable(f.Context(), id, 5)
				f.must(err)
				f.equal("how many of "+id, len(got), want)
			}
			got, err := tx.Replaceable(f.Context(), "", 1)
			f.equal("how many at most", len(got), 1)
			return err
		}))
		f.must(f.update("other", func(tx store.Tx) error {
			got, err := tx.Replaceable(f.Context(), "d1", 5)
			f.equal("another organization's", len(got), 0)
			return err
		}))
	}},
	{"directories are listed by id after one, deleted ones when asked", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		for _, id := range []string{"d3", "d1", "d4", "d2"} {
			f.directory(id)
		}
		f.directoryOf("other", "d0")
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
	}},
	{"a directory is written with the next revision", func(f *fixture) {
		f.organization("acme")
		want := f.directory("d1")
		other := f.directory("d2")
		for _, change := range []func(d *store.Directory){
			func(d *store.Directory) { d.DisplayName, d.Strict = "New", true },
			func(d *store.Directory) {
				d.UniqueGroupNames, d.AdoptByName, d.Strict, d.UpdateTime = true, true, false, at(8)
			},
			func(d *store.Directory) { d.DeleteTime = at(9) },
		} {
			got := f.change("d1", change)
			change(&want)
			want.Revision = max(want.Revision, other.Revision) + 1
			f.equal("the answer", got, want)
			got, err := f.store.Directory(f.Context(), "acme", "d1")
			f.must(err)
			f.equal("what is stored", got, want)
		}
		got, err := f.store.Directory(f.Context(), "acme", "d2")
		f.must(err)
		f.equal("the other one", got, other)
	}},
	{"who follows meets each directory in its newest state, by revision", func(f *fixture) {
		f.organization("acme")
		for _, id := range []string{"d1", "d2", "d3"} {
			f.directory(id)
		}
		f.equal("all", f.following(0), "[acme/d1 acme/d2 acme/d3]")
		newest := f.newest()
		f.deleteDirectory("d1")
		f.change("d2", func(d *store.Directory) { d.Strict = true })
		f.equal("what is new", f.following(newest), "[acme/d1 acme/d2]")
		f.equal("all then", f.following(0), "[acme/d3 acme/d1 acme/d2]")
		page, err := f.store.DirectoriesAfter(f.Context(), 0, 2)
		f.must(err)
		f.equal("how many of a page", len(page), 2)
	}},
	{"concurrent changes have a revision each, and none shows late", func(f *fixture) {
		const writers, each = 6, 10
		f.organization("o0")
		f.organization("o1")
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
					if _, err := f.create(newDirectory(fmt.Sprintf("o%d", w%2), fmt.Sprintf("d%d-%d", w, i))); err != nil {
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
		_, err := f.store.Directory(ctx, "other", "d1")
		f.refuses("reading the directory", err, fault.NotFound)
		keys, err := f.store.Keys(ctx, "other", "d1", 10)
		f.must(err)
		f.equal("keys", len(keys), 0)
		f.must(f.update("other", func(tx store.Tx) error {
			_, err := tx.Directory(ctx, "d1")
			f.refuses("reading the directory in a transaction", err, fault.NotFound)
			_, err = tx.Key(ctx, "d1", "first")
			f.refuses("reading the key", err, fault.NotFound)
			key := newKey("acme", "d1", "first")
			key.RevokeTime = at(9)
			f.must(tx.PutKey(ctx, key))
			f.must(tx.MarkDeleted(ctx, at(9)))
			for _, remove := range []func(context.Context, int) (int, error){tx.EraseKeys, tx.EraseDirectories} {
				n, err := remove(ctx, 10)
				f.must(err)
				f.equal("removed", n, 0)
			}
			digests, err := tx.Digests(ctx, "d1")
			f.equal("digests", len(digests), 0)
			return err
		}))
		got, err := f.store.Directory(ctx, "acme", "d1")
		f.must(err)
		f.equal("the directory", got, want)
		keys, err = f.store.Keys(ctx, "acme", "d1", 10)
		f.must(err)
		f.equal("its keys", keys, []store.Key{newKey("acme", "d1", "first")})
	}},
}
