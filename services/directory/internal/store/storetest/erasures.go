package storetest

import (
	"fmt"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// erasing returns an organization whose erasure began at a time.
func erasing(id string, when int) store.Organization {
	o := newOrganization(id, true)
	o.EraseTime = at(when)
	return o
}

func (f *fixture) put(o store.Organization) {
	f.Helper()
	f.must(f.update(o.ID, func(tx store.Tx) error { return tx.PutOrganization(f.Context(), o) }))
}

var erasureCases = []testCase{
	{"organizations that are being erased are listed and counted, the oldest first", func(f *fixture) {
		for _, id := range []string{"o1", "o2", "o3", "o4"} {
			f.organization(id)
		}
		f.put(erasing("o3", 8))
		f.put(erasing("o1", 9))
		f.put(erasing("o2", 9))
		got, err := f.store.Erasures(f.Context())
		f.must(err)
		f.equal("the erasures", got, []store.Organization{erasing("o3", 8), erasing("o1", 9), erasing("o2", 9)})
		f.must(f.update("o4", func(tx store.Tx) error {
			n, err := tx.CountErasures(f.Context())
			f.equal("how many there are", n, 3)
			return err
		}))
	}},
	{"marking directories leaves those that were deleted before", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.directory("d2")
		f.deleteDirectory("d2")
		f.must(f.update("acme", func(tx store.Tx) error { return tx.MarkDeleted(f.Context(), at(9)) }))
		for id, want := range map[string]int{"d1": 9, "d2": 5} {
			d, err := f.store.Directory(f.Context(), "acme", id)
			f.must(err)
			f.equal("when "+id+" was deleted", d.DeleteTime, at(want))
			f.equal("when "+id+" was updated", d.UpdateTime, at(want))
		}
	}},
	{"rows are removed some at a time", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.directory("d1")
		f.directory("d2")
		f.createKey(newKey("acme", "d1", "second"))
		f.directoryOf("other", "d1")
		var removed []int
		f.must(f.update("acme", func(tx store.Tx) error {
			for range 3 {
				keys, err := tx.EraseKeys(f.Context(), 2)
				f.must(err)
				removed = append(removed, keys)
			}
			for range 3 {
				directories, err := tx.EraseDirectories(f.Context(), 1)
				f.must(err)
				removed = append(removed, directories)
			}
			return nil
		}))
		f.equal("what each step removed", fmt.Sprint(removed), "[2 1 0 1 1 0]")
		f.equal("the feed", f.following(0), "[other/d1]")
		_, _, err := f.store.Resolve(f.Context(), newKey("other", "d1", "first").Digest)
		f.must(err)
	}},
	{"only one that is cleared is freed", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.put(erasing("acme", 9))
		free := func() {
			f.Helper()
			for range 2 {
				f.must(f.store.FreeErased(f.Context(), "acme"))
				f.must(f.store.FreeErased(f.Context(), "other"))
			}
		}
		free()
		cleared, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		cleared.ClearTime = at(20)
		f.put(cleared)
		free()
		_, err = f.store.Organization(f.Context(), "acme")
		f.refuses("reading it", err, fault.NotFound)
		f.organization("acme")
		got, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("the new one", got, newOrganization("acme", true))
		_, err = f.store.Organization(f.Context(), "other")
		f.must(err)
	}},
}
