package core_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
)

var erasers = []string{"identity", "rule"}

func (f *fixture) erase(id string, services ...string) store.Organization {
	f.Helper()
	o, err := f.core.EraseOrganization(f.Context(), id, services)
	f.must(err)
	return o
}

func (f *fixture) confirm(id string, services ...string) {
	f.Helper()
	for _, service := range services {
		f.must(f.core.ConfirmErasure(f.Context(), id, service))
	}
}

// finish does one round of Run.
func (f *fixture) finish() {
	f.Helper()
	f.must(f.core.FinishErasures(f.Context(), slog.New(slog.DiscardHandler)))
}

var erasureCases = []testCase{
	{"erasing deletes the directories", func(f *fixture) {
		want := f.organization("acme")
		f.organization("other")
		f.directory("d1")
		f.directory("d2")
		f.now.Store(5)
		f.deleteDirectory("d2")
		_, err := f.create("other", "theirs", core.Replace{})
		f.must(err)
		newest := f.newest()
		f.now.Store(9)
		o := f.erase("acme", erasers...)
		want.EraseTime, want.EraseRevision, want.Waiting = at(9), f.newest(), "identity rule"
		f.equal("the answer", o, want)
		o, err = f.core.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("what is stored", o, want)
		f.equal("the feed", f.following(newest), "[acme/d1 acme/d2]")
		f.equal("the directory's deletion", f.read("d1").DeleteTime, at(9))
		f.equal("the deletion of the one that was deleted", f.read("d2").DeleteTime, at(5))
		all, err := f.core.Erasures(f.Context())
		f.must(err)
		f.equal("the erasures", all, []store.Organization{want})
	}},
	{"erasing again changes nothing", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.now.Store(9)
		first := f.erase("acme", erasers...)
		newest := f.newest()
		f.now.Store(11)
		f.equal("the answer", f.erase("acme", "failedevents"), first)
		f.equal("the feed", f.following(newest), "[]")
		_, err := f.core.EraseOrganization(f.Context(), "nowhere", nil)
		f.refuses("erasing one that is not there", err, fault.NotFound)
	}},
	{"one that is being erased is not changed", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.erase("acme", erasers...)
		_, err := f.core.UpdateOrganization(f.Context(), "acme", core.OrganizationChange{DisplayName: new("New")}, func(store.Organization) error { return nil })
		f.refuses("updating it", err, fault.Erasing)
		_, err = f.create("acme", "d2", core.Replace{None: true})
		f.refuses("creating a directory", err, fault.Erasing)
		_, err = f.createKey("d1", 0)
		f.refuses("creating a key", err, fault.Deleted)
		_, err = f.core.CreateOrganization(f.Context(), store.Organization{ID: "acme"}, requestid.Request{})
		f.refuses("creating it", err, fault.AlreadyExists)
		_, err = f.createCredential(0, "acme")
		f.refuses("creating a credential for it", err, fault.InvalidRequest)
		f.namesField(err, "service_credential.organization_ids[0]")
	}},
	{"it is not cleared before all have confirmed", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.erase("acme", erasers...)
		f.confirm("acme", "rule", "rule")
		o, err := f.core.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("who has to confirm", o.Waiting, "identity")
		f.finish()
		f.read("d1")
		f.confirm("acme", "identity")
		f.finish()
		_, err = f.core.Directory(f.Context(), "acme", f.ids["d1"])
		f.refuses("reading the directory", err, fault.NotFound)
		f.organization("other")
		f.refuses("confirming for one that is not being erased", f.core.ConfirmErasure(f.Context(), "other", "rule"), fault.NotFound)
		f.refuses("confirming for one that is not there", f.core.ConfirmErasure(f.Context(), "nowhere", "rule"), fault.NotFound)
	}},
	{"clearing removes all but the organization's row, and leaves other organizations alone", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.directory("d1")
		_, err := f.create("other", "theirs", core.Replace{})
		f.must(err)
		var credentials []store.Credential
		for _, scope := range [][]string{{"acme"}, {"acme", "other"}, {"other"}, nil} {
			c, err := f.createCredential(0, scope...)
			f.must(err)
			credentials = append(credentials, c)
		}
		f.erase("acme")
		f.now.Store(20)
		f.finish()
		left, err := f.core.Credentials(f.Context(), "", 10)
		f.must(err)
		credentials[1].OrganizationIDs = []string{"other"}
		f.equal("the credentials", left, []store.Credential{credentials[3], credentials[2], credentials[1]})
		_, err = f.core.ResolveKey(f.Context(), credentials[0].Digest)
		f.refuses("using the one of it alone", err, fault.NotFound)
		f.equal("the feed", f.following(0), "[other/theirs]")
		o, err := f.core.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("its name, and when it was cleared", []any{o.DisplayName, o.ClearTime}, []any{"acme", at(20)})
	}},
	{"the id is free in the end", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.erase("acme")
		f.finish()
		f.finish()
		_, err := f.core.CreateOrganization(f.Context(), store.Organization{ID: "acme"}, requestid.Request{})
		f.refuses("creating it while it may still be opened", err, fault.AlreadyExists)
		f.now.Store(24 * 60 * 60)
		f.finish()
		_, err = f.core.Organization(f.Context(), "acme")
		f.refuses("reading it", err, fault.NotFound)
		want := f.organization("acme")
		f.finish()
		got, err := f.core.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("the new one", got, want)
		all, err := f.core.Directories(f.Context(), "acme", "", 10, true)
		f.must(err)
		f.equal("its directories", len(all), 0)
	}},
	{"a directory that is created while it is being erased is deleted or refused", func(f *fixture) {
		for round := range 10 {
			id := fmt.Sprintf("acme-%d", round)
			f.organization(id)
			var racing sync.WaitGroup
			for n := range 4 {
				racing.Go(func() {
					if _, err := f.create(id, fmt.Sprintf("d%d", n), core.Replace{None: true}); err != nil {
						f.refuses("creating", err, fault.Erasing)
					}
				})
			}
			racing.Go(func() {
				if _, err := f.core.EraseOrganization(f.Context(), id, erasers); err != nil {
					f.Error(err)
				}
			})
			racing.Wait()
			all, err := f.core.Directories(f.Context(), id, "", 10, false)
			f.must(err)
			f.equal("directories that are not deleted", len(all), 0)
			o, err := f.core.Organization(f.Context(), id)
			f.must(err)
			directories, err := f.core.DirectoriesAfter(f.Context(), o.EraseRevision, 100)
			f.must(err)
			for _, d := range directories {
				if d.OrganizationID == id {
					f.Errorf("%s/%s comes after the erasure", id, d.ID)
				}
			}
		}
	}},
	{"there is a limit of erasures", func(f *fixture) {
		const most = 1000
		for n := range most {
			id := fmt.Sprintf("o%d", n)
			f.organization(id)
			f.now.Store(int64(n))
			f.erase(id)
		}
		f.organization("acme")
		f.directory("d1")
		_, err := f.core.EraseOrganization(f.Context(), "acme", nil)
		f.refuses("one more", err, fault.Limit)
		f.equal("the directory is deleted", f.read("d1").Deleted(), false)
		all, err := f.core.Erasures(f.Context())
		f.must(err)
		f.equal("erasures", len(all), most)
		f.equal("the first", all[0].ID, "o0")
		all[0].ClearTime = at(most)
		f.must(f.store.Update(f.Context(), "o0", func(ctx context.Context, tx store.Tx) error { return tx.PutOrganization(ctx, all[0]) }))
		f.must(f.store.FreeErased(f.Context(), "o0"))
		f.erase("acme")
	}},
}
