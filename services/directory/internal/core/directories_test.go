package core_test

import (
	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
)

var directoryCases = []testCase{
	{"a directory is stored as it was answered, with its first key", func(f *fixture) {
		f.organization("acme")
		want, key, secret, err := f.core.CreateDirectory(f.Context(), store.Directory{
			OrganizationID: "acme", DisplayName: "d1", Strict: true, UniqueGroupNames: true,
		}, store.Creator{}, core.Replace{}, "", requestid.Request{})
		f.must(err)
		f.equal("its revision and whether it is federated", []any{want.Revision, want.Federated}, []any{1, true})
		got, err := f.core.Directory(f.Context(), "acme", want.ID)
		f.must(err)
		f.equal("what is stored", got, want)
		keys, err := f.core.Keys(f.Context(), "acme", want.ID)
		f.must(err)
		f.equal("its keys", keys, []store.Key{key})
		resolved, err := f.core.ResolveKey(f.Context(), secret.Digest())
		f.must(err)
		f.equal("what the secret opens", resolved.Directory, want)
	}},
	{"an organization that is not there or not federated gets none", func(f *fixture) {
		_, err := f.core.CreateOrganization(f.Context(), store.Organization{ID: "acme"}, requestid.Request{})
		f.must(err)
		_, err = f.create("acme", "d1", core.Replace{})
		f.refuses("creating", err, fault.NotFederated)
		_, err = f.create("nobody", "d1", core.Replace{})
		f.refuses("creating for nobody", err, fault.NotFound)
		f.equal("directories", f.following(0), "[]")
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
			d, err := f.create("acme", "after "+step.name, core.Replace{})
			f.must(err)
			f.equal(step.name, d.ReplacesID, f.ids[step.want])
		}
	}},
	{"with several to replace, the default is none, and either can be named", func(f *fixture) {
		f.organization("acme")
		for _, name := range []string{"d1", "d2", "d3"} {
			f.directory(name)
			f.deleteDirectory(name)
		}
		for _, c := range []struct {
			name    string
			replace core.Replace
			want    string
		}{
			{"a", core.Replace{}, ""},
			{"b", core.Replace{ID: f.ids["d2"]}, "d2"},
			{"c", core.Replace{None: true}, ""},
			{"d", core.Replace{}, ""},
			{"e", core.Replace{ID: f.ids["d1"]}, "d1"},
			{"f", core.Replace{None: true}, ""},
			{"g", core.Replace{}, "d3"},
		} {
			d, err := f.create("acme", c.name, c.replace)
			f.must(err)
			f.equal("what "+c.name+" replaces", d.ReplacesID, f.ids[c.want])
			stored, err := f.core.Directory(f.Context(), "acme", d.ID)
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
		_, err := f.create("acme", "heir", core.Replace{ID: f.ids["replaced"]})
		f.must(err)
		theirs, err := f.create("other", "theirs", core.Replace{})
		f.must(err)
		_, err = f.core.DeleteDirectory(f.Context(), "other", theirs.ID)
		f.must(err)
		newest := f.newest()
		for _, id := range []string{f.ids["live"], f.ids["replaced"], theirs.ID, "nobody"} {
			_, err := f.create("acme", "new", core.Replace{ID: id})
			f.refuses("replacing "+id, err, fault.NotReplaceable)
		}
		f.equal("new directories", f.following(newest), "[]")
	}},
	{"of several that are created at once, one replaces", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.deleteDirectory("d1")
		created := make(chan store.Directory)
		for range 6 {
			go func() {
				d, err := f.create("acme", "new", core.Replace{})
				if err != nil {
					f.Error(err)
				}
				created <- d
			}()
		}
		replaced := 0
		for range 6 {
			if d := <-created; d.ReplacesID != "" {
				replaced++
			}
		}
		f.equal("how many replace it", replaced, 1)
	}},
	{"directories of an organization that is not there are not listed", func(f *fixture) {
		_, err := f.core.Directories(f.Context(), "nobody", "", 10, true)
		f.refuses("listing nobody's", err, fault.NotFound)
	}},
	{"an update changes what is named, once", func(f *fixture) {
		f.organization("acme")
		want := f.directory("d1")
		f.now.Store(8)
		for _, c := range []struct {
			change  core.DirectoryChange
			apply   func()
			changes bool
		}{
			{core.DirectoryChange{DisplayName: new("New")}, func() { want.DisplayName = "New" }, true},
			{core.DirectoryChange{Strict: new(true)}, func() { want.Strict = true }, true},
			{core.DirectoryChange{UniqueGroupNames: new(true), Strict: new(true)}, func() { want.UniqueGroupNames = true }, true},
			{core.DirectoryChange{DisplayName: new("New"), UniqueGroupNames: new(true)}, func() {}, false},
			{core.DirectoryChange{}, func() {}, false},
		} {
			got, err := f.core.UpdateDirectory(f.Context(), "acme", f.ids["d1"], c.change, func(store.Directory) error { return nil })
			f.must(err)
			if c.apply(); c.changes {
				want.Revision++
				want.UpdateTime = at(8)
			}
			f.equal("the answer", got, want)
			f.equal("what is stored", f.read("d1"), want)
		}
	}},
	{"a deleted directory is kept, can't be changed, and is deleted once", func(f *fixture) {
		f.organization("acme")
		want := f.directory("d1")
		f.now.Store(5)
		got := f.deleteDirectory("d1")
		want.DeleteTime, want.UpdateTime = at(5), at(5)
		want.Revision++
		f.equal("the answer", got, want)
		f.now.Store(9)
		_, err := f.core.UpdateDirectory(f.Context(), "acme", f.ids["d1"], core.DirectoryChange{DisplayName: new("New")}, func(store.Directory) error { return nil })
		f.refuses("updating", err, fault.Deleted)
		_, err = f.createKey("d1", 0)
		f.refuses("creating a key", err, fault.Deleted)
		f.equal("the answer to deleting again", f.deleteDirectory("d1"), want)
		f.equal("what is stored", f.read("d1"), want)
	}},
	{"nothing of another organization is read or changed", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		want := f.directory("d1")
		before, err := f.core.Keys(f.Context(), "acme", want.ID)
		f.must(err)
		for _, id := range []string{"other", "nobody", "not\x00storable"} {
			for name, try := range map[string]func() error{
				"Directory": func() error { _, err := f.core.Directory(f.Context(), id, want.ID); return err },
				"UpdateDirectory": func() error {
					_, err := f.core.UpdateDirectory(f.Context(), id, want.ID, core.DirectoryChange{Strict: new(true)}, func(store.Directory) error { return nil })
					return err
				},
				"DeleteDirectory": func() error { _, err := f.core.DeleteDirectory(f.Context(), id, want.ID); return err },
				"CreateKey": func() error {
					_, _, err := f.core.CreateKey(f.Context(), store.Key{OrganizationID: id, DirectoryID: want.ID}, requestid.Request{})
					return err
				},
				"Keys":      func() error { _, err := f.core.Keys(f.Context(), id, want.ID); return err },
				"RevokeKey": func() error { _, err := f.core.RevokeKey(f.Context(), id, want.ID, before[0].ID); return err },
			} {
				f.refuses(name, try(), fault.NotFound)
			}
		}
		f.equal("the directory", f.read("d1"), want)
		keys, err := f.core.Keys(f.Context(), "acme", want.ID)
		f.must(err)
		f.equal("its keys", keys, before)
	}},
}
