// Package storetest is the suite that every engine of the directory store passes. It is cut by subject, a file each.
package storetest

import (
	"crypto/sha256"
	"errors"
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

// Run checks the engine whose empty stores open gives.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for subject, cases := range map[string][]testCase{
		"organizations": organizationCases, "directories": directoryCases, "keys": keyCases,
		"credentials": credentialCases, "signing keys": signingKeyCases, "erasures": erasureCases,
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

// fixture is one store under test, with short ways to fill it. Ids are the names of things.
type fixture struct {
	*testing.T
	store store.Store
}

// at is the n-th second of the tests' time.
func at(n int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC).Add(time.Duration(n) * time.Second)
}

func newOrganization(id string, federated bool) store.Organization {
	return store.Organization{ID: id, DisplayName: "The " + id, Federated: federated, CreateTime: at(0), UpdateTime: at(0)}
}

func (f *fixture) organization(id string) {
	f.Helper()
	f.must(f.store.CreateOrganization(f.Context(), newOrganization(id, true)))
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

func (f *fixture) create(organizationID, id string, replace store.Replace) (store.Directory, error) {
	f.Helper()
	d, key := newDirectory(organizationID, id)
	return f.store.CreateDirectory(f.Context(), d, key, replace)
}

// directory creates one of acme that replaces none.
func (f *fixture) directory(id string) store.Directory {
	f.Helper()
	d, err := f.create("acme", id, store.Replace{None: true})
	f.must(err)
	return d
}

func (f *fixture) deleteDirectory(id string) store.Directory {
	f.Helper()
	d, _, err := f.store.DeleteDirectory(f.Context(), "acme", id, at(5))
	f.must(err)
	return d
}

// following are the directories after a revision, as "organization/id".
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

// newest is the highest revision.
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

// namesField fails unless an error is about one field.
func (f *fixture) namesField(err error, path string) {
	f.Helper()
	var e *fault.Error
	if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Path != path {
		f.Errorf("%v does not name the field %s", err, path)
	}
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		f.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func pointer[T any](v T) *T { return &v }
