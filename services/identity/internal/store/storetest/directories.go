package storetest

import (
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var directoryCases = []testCase{
	{"an empty store has followed nothing", func(f *fixture) {
		at, err := f.store.Followed(f.Context())
		f.must(err)
		f.equal("the place", at, store.Place{})
	}},
	{"a directory is read as it was applied", func(f *fixture) {
		want := store.Directory{OrganizationID: "acme", ID: "d2", Strict: true, UniqueGroupNames: true, AdoptByName: true, ReplacesID: "d1"}
		f.must(f.store.ApplyDirectory(f.Context(), want, store.Place{Epoch: "e1", Revision: 7}, cause(0)))
		got, err := f.store.Directory(f.Context(), store.Scope{OrganizationID: "acme", DirectoryID: "d2"})
		f.must(err)
		f.equal("the directory", got, want)
		at, err := f.store.Followed(f.Context())
		f.must(err)
		f.equal("the place", at, store.Place{Epoch: "e1", Revision: 7})
	}},
	{"a directory that was not applied is not found", func(f *fixture) {
		f.directory("d1")
		_, err := f.store.Directory(f.Context(), store.Scope{OrganizationID: "acme", DirectoryID: "d2"})
		f.refuses("reading", err, fault.NotFound)
		_, err = f.store.Directory(f.Context(), store.Scope{OrganizationID: "other", DirectoryID: "d1"})
		f.refuses("reading it of another organization", err, fault.NotFound)
	}},
	{"changes of a directory are applied", func(f *fixture) {
		scope := f.directory("d1")
		f.directory("d1", uniqueNames, func(d *store.Directory) { d.Strict = true })
		got, err := f.store.Directory(f.Context(), scope)
		f.must(err)
		f.equal("the directory", got, store.Directory{OrganizationID: "acme", ID: "d1", Strict: true, UniqueGroupNames: true})
	}},
	{"an older revision undoes nothing", func(f *fixture) {
		scope := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}
		f.must(f.store.ApplyDirectory(f.Context(), store.Directory{OrganizationID: "acme", ID: "d1", Strict: true}, store.Place{Revision: 5}, cause(0)))
		for _, revision := range []int64{3, 5} {
			f.must(f.store.ApplyDirectory(f.Context(), store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Revision: revision}, cause(0)))
		}
		got, err := f.store.Directory(f.Context(), scope)
		f.must(err)
		f.equal("strict", got.Strict, true)
		at, err := f.store.Followed(f.Context())
		f.must(err)
		f.equal("the revision", at.Revision, 5)
	}},
	{"another epoch begins at any revision", func(f *fixture) {
		scope := store.Scope{OrganizationID: "acme", DirectoryID: "d1"}
		f.must(f.store.ApplyDirectory(f.Context(), store.Directory{OrganizationID: "acme", ID: "d1"}, store.Place{Epoch: "e1", Revision: 5}, cause(0)))
		f.must(f.store.ApplyDirectory(f.Context(), store.Directory{OrganizationID: "acme", ID: "d1", Strict: true}, store.Place{Epoch: "e2", Revision: 3}, cause(0)))
		got, err := f.store.Directory(f.Context(), scope)
		f.must(err)
		f.equal("strict", got.Strict, true)
		at, err := f.store.Followed(f.Context())
		f.must(err)
		f.equal("the place", at, store.Place{Epoch: "e2", Revision: 3})
	}},
	{"a closed directory stays closed", func(f *fixture) {
		scope := f.directory("d1", closed)
		f.directory("d1")
		got, err := f.store.Directory(f.Context(), scope)
		f.must(err)
		f.equal("closed", got.Closed, true)
	}},
	{"a closed directory refuses every write", func(f *fixture) {
		scope := f.directory("d1")
		u := f.user(scope, "anna")
		g := f.group(scope, "eng", "anna")
		f.directory("d1", closed)
		f.writesNothing(func() { f.everyWrite(scope, u, g, fault.Deleted) })
	}},
	{"an unknown directory refuses every write as not ready", func(f *fixture) {
		scope := f.directory("d1")
		u, g := f.user(scope, "anna"), f.group(scope, "eng")
		unknown := store.Scope{OrganizationID: "acme", DirectoryID: "d2"}
		u.Scope, g.Scope = unknown, unknown
		f.writesNothing(func() { f.everyWrite(unknown, u, g, fault.NotReady) })
	}},
	{"ancestors are what a directory replaces, nearest first", func(f *fixture) {
		f.directory("d1", closed)
		f.directory("d2", closed, replacing("d1"))
		f.directory("d3", closed, replacing("d2"))
		f.directory("other", closed)
		for _, c := range []struct {
			directory string
			change    []func(*store.Directory)
			want      string
		}{
			{"d4", []func(*store.Directory){replacing("d3")}, list("d3", "d2", "d1")},
			{"d5", nil, list()},
			{"d6", []func(*store.Directory){replacing("unheard")}, list()},
		} {
			got, err := f.store.Ancestors(f.Context(), f.directory(c.directory, c.change...))
			f.must(err)
			f.equal("ancestors of "+c.directory, got, c.want)
		}
		got, err := f.store.Ancestors(f.Context(), store.Scope{OrganizationID: "acme", DirectoryID: "unheard"})
		f.must(err)
		f.equal("ancestors of an unknown directory", got, list())
	}},
	{"an open directory is no ancestor, and hides none", func(f *fixture) {
		f.directory("d1", closed)
		f.directory("d2", replacing("d1"))
		got, err := f.store.Ancestors(f.Context(), f.directory("d3", replacing("d2")))
		f.must(err)
		f.equal("ancestors", got, list("d1"))
	}},
	{"ancestors are of one organization", func(f *fixture) {
		f.directoryOf("other", "d1", closed)
		got, err := f.store.Ancestors(f.Context(), f.directory("d2", replacing("d1")))
		f.must(err)
		f.equal("ancestors", got, list())
	}},
	{"at most a hundred ancestors are read", func(f *fixture) {
		for i := range 120 {
			f.directory(fmt.Sprint("d", i), closed, replacing(fmt.Sprint("d", i-1)))
		}
		got, err := f.store.Ancestors(f.Context(), f.directory("last", replacing("d119")))
		f.must(err)
		f.equal("how many", len(got), 100)
		f.equal("the nearest", got[0], "d119")
	}},
	{"a cycle of replacements ends the search", func(f *fixture) {
		f.directory("d1", closed, replacing("d2"))
		f.directory("d2", closed, replacing("d1"))
		got, err := f.store.Ancestors(f.Context(), store.Scope{OrganizationID: "acme", DirectoryID: "d1"})
		f.must(err)
		if len(got) > 100 {
			f.Errorf("got %d ancestors", len(got))
		}
	}},
}

// everyWrite tries each method that writes to a scope.
func (f *fixture) everyWrite(scope store.Scope, u store.Resource, g store.Resource, want fault.Reason) {
	f.Helper()
	ctx := f.Context()
	for name, write := range map[string]func() error{
		"CreateUser": func() error {
			_, err := f.store.Create(ctx, newUser(scope, "new"), nil, cause(1))
			return err
		},
		"UpdateUser": func() error {
			_, err := f.store.Update(ctx, u, nil, cause(1))
			return err
		},
		"AdoptUser": func() error {
			_, err := f.store.Adopt(ctx, scope.DirectoryID, u, nil, cause(1))
			return err
		},
		"DeleteUser": func() error {
			_, err := f.store.Delete(ctx, scope, store.User, u.ID, nil, cause(1))
			return err
		},
		"CreateGroup": func() error {
			_, err := f.store.Create(ctx, newGroup(scope, "new"), nil, cause(1))
			return err
		},
		"UpdateGroup": func() error {
			_, err := f.store.Update(ctx, g, nil, cause(1))
			return err
		},
		"UpdateGroup of members": func() error {
			_, err := f.store.Update(ctx, membersOf(g, 0), removed(u.ID), cause(1))
			return err
		},
		"AdoptGroup": func() error {
			_, err := f.store.Adopt(ctx, scope.DirectoryID, g, nil, cause(1))
			return err
		},
		"DeleteGroup": func() error {
			_, err := f.store.Delete(ctx, scope, store.Group, g.ID, nil, cause(1))
			return err
		},
		"RemoveCarried": func() error {
			_, err := f.store.RemoveCarried(ctx, scope, []store.CarriedMember{{GroupID: g.ID, Member: member(u.ID)}}, cause(1))
			return err
		},
	} {
		f.refuses(name, write(), want)
	}
}
