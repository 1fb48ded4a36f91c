package storetest

import (
	"errors"
	"strconv"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// errUndo rolls a transaction back.
var errUndo = errors.New("undo")

// atOnce runs fn eight times concurrently.
func (f *fixture) atOnce(fn func(n int) error) {
	f.Helper()
	done := make(chan error)
	for n := range 8 {
		go func() { done <- fn(n) }()
	}
	for range 8 {
		f.must(<-done)
	}
}

var transactionCases = []testCase{
	{"an error takes back what was written, and is returned", func(f *fixture) {
		f.organization("acme")
		d, key := newDirectory("acme", "d1")
		err := f.update("acme", func(tx store.Tx) error {
			_, err := tx.CreateDirectory(f.Context(), d)
			f.must(err)
			f.must(tx.CreateKey(f.Context(), key))
			return errUndo
		})
		f.equal("the error", errors.Is(err, errUndo), true)
		f.equal("the directories", f.following(0), "[]")
		err = f.updateAll(func(tx store.AllTx) error {
			f.must(tx.CreateCredential(f.Context(), newCredential("c1")))
			return errUndo
		})
		f.equal("the other error", errors.Is(err, errUndo), true)
		_, err = f.store.ResolveCredential(f.Context(), newCredential("c1").Digest)
		f.refuses("the credential", err, fault.NotFound)
		f.directory("d1")
	}},
	{"nothing is found in an Update of what is not there", func(f *fixture) {
		for _, id := range []string{"nobody", "not\x00storable"} {
			for name, read := range map[string]func(tx store.Tx) error{
				"the organization": func(tx store.Tx) error { _, err := tx.Organization(f.Context()); return err },
				"a directory":      func(tx store.Tx) error { _, err := tx.Directory(f.Context(), "d1"); return err },
				"a key":            func(tx store.Tx) error { _, err := tx.Key(f.Context(), "d1", "first"); return err },
			} {
				f.refuses("reading "+name, f.update(id, read), fault.NotFound)
			}
		}
	}},
	{"an Update has its organization to itself", func(f *fixture) {
		f.organization("acme")
		f.put(store.Organization{ID: "acme", DisplayName: "0"})
		f.atOnce(func(int) error {
			return f.update("acme", func(tx store.Tx) error {
				o, err := tx.Organization(f.Context())
				if err != nil {
					return err
				}
				n, err := strconv.Atoi(o.DisplayName)
				if err != nil {
					return err
				}
				o.DisplayName = strconv.Itoa(n + 1)
				return tx.PutOrganization(f.Context(), o)
			})
		})
		o, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("how many were counted", o.DisplayName, "8")
	}},
	{"no two UpdateAll run at once", func(f *fixture) {
		for range 5 { // from the second round on, connections are open
			f.must(f.updateAll(func(tx store.AllTx) error { return tx.DeleteSigningKeys(f.Context(), at(20)) }))
			f.atOnce(func(n int) error {
				return f.updateAll(func(tx store.AllTx) error {
					all, err := tx.SigningKeys(f.Context())
					if err != nil || len(all) > 0 {
						return err
					}
					return tx.AddSigningKey(f.Context(), newSigningKey(strconv.Itoa(n), 0, 20))
				})
			})
			all, err := f.store.SigningKeys(f.Context())
			f.must(err)
			f.equal("how many were added", len(all), 1)
		}
	}},
	{"an organization that UpdateAll has read stays as it is", func(f *fixture) {
		f.organization("acme")
		updating := make(chan error, 1)
		f.must(f.updateAll(func(tx store.AllTx) error {
			for n := range 20 {
				all, err := tx.Organizations(f.Context(), []string{"acme"})
				if err != nil {
					return err
				}
				f.equal("the organization", all[0], newOrganization("acme", true))
				if n == 0 {
					go func() {
						updating <- f.update("acme", func(tx store.Tx) error { return tx.PutOrganization(f.Context(), erasing("acme", 9)) })
					}()
				}
			}
			f.equal("whether an Update ended meanwhile", len(updating), 0)
			return nil
		}))
		f.must(<-updating)
		o, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("the organization in the end", o, erasing("acme", 9))
	}},
}
