package core_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/directory/internal/store/postgres"
	"github.com/usher-scim/usher/services/directory/internal/store/sqlite"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testCase is one behaviour, shown on an empty store.
type testCase struct {
	name string
	test func(f *fixture)
}

// Decisions are made on locked rows, so the tests run on both engines.
func TestCore(t *testing.T) {
	t.Parallel()
	for engine, open := range map[string]func(t *testing.T) (store.Store, error){
		"SQLite": func(t *testing.T) (store.Store, error) {
			return sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "directory.db"), noop.NewTracerProvider())
		},
		"PostgreSQL": func(t *testing.T) (store.Store, error) {
			return postgres.Open(t.Context(), pgdb.Server{URL: kit.Postgres(t, "directory", postgres.Migrate)})
		},
	} {
		for subject, cases := range map[string][]testCase{
			"organizations": organizationCases, "directories": directoryCases, "keys": keyCases,
			"credentials": credentialCases, "signing keys": signingKeyCases, "erasures": erasureCases, "sessions": sessionCases,
		} {
			for _, c := range cases {
				t.Run(engine+"/"+subject+"/"+c.name, func(t *testing.T) {
					t.Parallel()
					s, err := open(t)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() {
						if err := s.Close(); err != nil {
							t.Error(err)
						}
					})
					c.test(newFixture(t, s))
				})
			}
		}
	}
}

// fixture is a core on one store, with helpers to fill it. A directory is identified by its name.
type fixture struct {
	*testing.T
	store store.Store
	core  *core.Core
	now   atomic.Int64
	ids   map[string]string // of directories, by name
}

func newFixture(t *testing.T, s store.Store) *fixture {
	f := &fixture{T: t, store: s, ids: map[string]string{"nobody": "nobody"}}
	f.core = f.another()
	return f
}

// another returns a core of another process.
func (f *fixture) another() *core.Core {
	return core.New(f.store, core.Config{
		Lease: time.Second, Now: func() time.Time { return at(int(f.now.Load())) },
		Invalidate: func(context.Context, ...[sha256.Size]byte) bool { return true },
	})
}

// at returns the n-th second of the tests' time.
func at(n int) time.Time {
	return time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC).Add(time.Duration(n) * time.Second)
}

func (f *fixture) organization(id string) store.Organization {
	f.Helper()
	o, err := f.core.CreateOrganization(f.Context(), store.Organization{ID: id, DisplayName: "The " + id, Federated: true}, requestid.Request{})
	f.must(err)
	return o
}

func (f *fixture) create(organizationID, name string, replace core.Replace) (store.Directory, error) {
	f.Helper()
	d, _, _, err := f.core.CreateDirectory(f.Context(), store.Directory{OrganizationID: organizationID, DisplayName: name}, store.Creator{}, replace, "", requestid.Request{})
	return d, err
}

// directory creates a directory of acme that replaces none.
func (f *fixture) directory(name string) store.Directory {
	f.Helper()
	d, err := f.create("acme", name, core.Replace{None: true})
	f.must(err)
	f.ids[name] = d.ID
	return d
}

// read returns a directory of acme as it is stored.
func (f *fixture) read(name string) store.Directory {
	f.Helper()
	d, err := f.core.Directory(f.Context(), "acme", f.ids[name])
	f.must(err)
	return d
}

func (f *fixture) deleteDirectory(name string) store.Directory {
	f.Helper()
	d, err := f.core.DeleteDirectory(f.Context(), "acme", f.ids[name])
	f.must(err)
	return d
}

func (f *fixture) createKey(directory string, expires int) (store.Key, error) {
	f.Helper()
	k := store.Key{OrganizationID: "acme", DirectoryID: f.ids[directory]}
	if expires > 0 {
		k.ExpireTime = at(expires)
	}
	k, _, err := f.core.CreateKey(f.Context(), k, requestid.Request{})
	return k, err
}

func (f *fixture) createCredential(expires int, organizations ...string) (store.Credential, error) {
	f.Helper()
	c := store.Credential{OrganizationIDs: organizations, All: organizations == nil}
	if expires > 0 {
		c.ExpireTime = at(expires)
	}
	c, _, err := f.core.CreateCredential(f.Context(), c, expires == 0, requestid.Request{})
	return c, err
}

// following lists the directories after a revision, as "organization/name".
func (f *fixture) following(revision int64) []string {
	f.Helper()
	all, err := f.core.DirectoriesAfter(f.Context(), revision, 100)
	f.must(err)
	words := []string{}
	for _, d := range all {
		words = append(words, d.OrganizationID+"/"+d.DisplayName)
	}
	return words
}

// newest returns the highest revision.
func (f *fixture) newest() (revision int64) {
	f.Helper()
	all, err := f.core.DirectoriesAfter(f.Context(), 0, 1000)
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
