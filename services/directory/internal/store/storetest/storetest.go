// Package storetest is the test suite that every engine of the directory store passes. It has one file for each subject.
package storetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// testCase is one behaviour, shown on an empty store.
type testCase struct {
	name string
	test func(f *fixture)
}

// Run tests an engine. open returns an empty store.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for subject, cases := range map[string][]testCase{
		"organizations": organizationCases, "directories": directoryCases, "keys": keyCases,
		"credentials": credentialCases, "signing keys": signingKeyCases, "erasures": erasureCases, "transactions": transactionCases, "requests": requestCases,
		"sessions": sessionCases, "portal links": portalLinkCases, "blocked subjects": blockedSubjectCases, "uses": useCases,
	} {
		t.Run(subject, func(t *testing.T) {
			t.Parallel()
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.test(&fixture{T: t, store: open(t)})
				})
			}
		})
	}
}

// fixture is one store under test, with helpers to fill it. Names are also ids.
type fixture struct {
	*testing.T
	store store.Store
}

// at returns the n-th second of the tests' time.
func at(n int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC).Add(time.Duration(n) * time.Second)
}

func newOrganization(id string, federated bool) store.Organization {
	return store.Organization{ID: id, DisplayName: "The " + id, Federated: federated, CreateTime: at(0), UpdateTime: at(0)}
}

func (f *fixture) organization(id string) {
	f.Helper()
	f.equal("whether "+id+" was created", f.createOrganization(newOrganization(id, true)), true)
}

func (f *fixture) createOrganization(o store.Organization) (created bool) {
	f.Helper()
	f.must(f.updateAll(func(tx store.AllTx) (err error) {
		created, err = tx.CreateOrganization(f.Context(), o)
		return err
	}))
	return created
}

// update runs fn in an Update of an organization.
func (f *fixture) update(organizationID string, fn func(tx store.Tx) error) error {
	return f.store.Update(f.Context(), organizationID, func(_ context.Context, tx store.Tx) error { return fn(tx) })
}

func (f *fixture) updateAll(fn func(tx store.AllTx) error) error {
	return f.store.UpdateAll(f.Context(), func(_ context.Context, tx store.AllTx) error { return fn(tx) })
}

func newKey(organizationID, directoryID, id string) store.Key {
	return store.Key{
		OrganizationID: organizationID, DirectoryID: directoryID, ID: id, DisplayName: "Key " + id,
		Digest: sha256.Sum256([]byte(organizationID + directoryID + id)), CreateTime: at(1),
	}
}

func newDirectory(organizationID, id string) (store.Directory, store.Key) {
	return store.Directory{OrganizationID: organizationID, ID: id, DisplayName: "Directory " + id, CreateTime: at(1), UpdateTime: at(1)},
		newKey(organizationID, id, "first")
}

// create adds a directory with its first key.
func (f *fixture) create(d store.Directory, key store.Key) (store.Directory, error) {
	f.Helper()
	return d, f.update(d.OrganizationID, func(tx store.Tx) (err error) {
		if d.Revision, err = tx.CreateDirectory(f.Context(), d); err != nil {
			return err
		}
		return tx.CreateKey(f.Context(), key)
	})
}

func (f *fixture) directoryOf(organizationID, id string) store.Directory {
	f.Helper()
	d, err := f.create(newDirectory(organizationID, id))
	f.must(err)
	d.Federated = true
	return d
}

// directory creates a directory of acme.
func (f *fixture) directory(id string) store.Directory {
	f.Helper()
	return f.directoryOf("acme", id)
}

// change writes a changed directory of acme.
func (f *fixture) change(id string, how func(d *store.Directory)) (d store.Directory) {
	f.Helper()
	f.must(f.update("acme", func(tx store.Tx) (err error) {
		if d, err = tx.Directory(f.Context(), id); err != nil {
			return err
		}
		how(&d)
		d.Revision, err = tx.PutDirectory(f.Context(), d)
		return err
	}))
	return d
}

func (f *fixture) deleteDirectory(id string) store.Directory {
	f.Helper()
	return f.change(id, func(d *store.Directory) { d.DeleteTime, d.UpdateTime = at(5), at(5) })
}

func (f *fixture) createKey(k store.Key) {
	f.Helper()
	f.must(f.update(k.OrganizationID, func(tx store.Tx) error { return tx.CreateKey(f.Context(), k) }))
}

func (f *fixture) createCredential(c store.Credential) {
	f.Helper()
	f.must(f.updateAll(func(tx store.AllTx) error { return tx.CreateCredential(f.Context(), c) }))
}

// following lists the directories after a revision, as "organization/id".
func (f *fixture) following(revision int64) []string {
	f.Helper()
	all, err := f.store.DirectoriesAfter(f.Context(), revision, 100)
	f.must(err)
	words := []string{}
	for i, d := range all {
		if i > 0 && d.Revision <= all[i-1].Revision {
			f.Errorf("revision %d comes after %d", d.Revision, all[i-1].Revision)
		}
		words = append(words, d.OrganizationID+"/"+d.ID)
	}
	return words
}

// newest returns the highest revision.
func (f *fixture) newest() (revision int64) {
	f.Helper()
	all, err := f.store.DirectoriesAfter(f.Context(), 0, 1000)
	f.must(err)
	for _, d := range all {
		revision = d.Revision
	}
	return revision
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) refuses(what string, err error, want fault.Reason) {
	f.Helper()
	if !fault.Is(err, want) {
		f.Errorf("%s: got error %v, want %s", what, err, fault.ReasonName(want))
	}
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		f.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}
