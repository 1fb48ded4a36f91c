package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

// erase begins the erasure of an organization that two services have to confirm.
func (f *fixture) erase(id string) store.Organization {
	f.Helper()
	o, _, err := f.store.EraseOrganization(f.Context(), id, []string{"identity", "rule"}, at(9))
	f.must(err)
	return o
}

// clear has an erased organization cleared in steps of one row, and gives the number of steps.
func (f *fixture) clear(id string) (steps int, digests [][32]byte) {
	f.Helper()
	for steps = 1; steps < 100; steps++ {
		cleared, digests, err := f.store.ClearErased(f.Context(), id, 1, at(20))
		f.must(err)
		if cleared {
			return steps, digests
		}
	}
	f.Fatalf("%s is not cleared after %d steps", id, steps)
	return 0, nil
}

func (f *fixture) confirm(id string) {
	f.Helper()
	for _, service := range []string{"rule", "identity"} {
		f.must(f.store.ConfirmErasure(f.Context(), id, service))
	}
}

var erasureCases = []testCase{
	{"erasing deletes the directories and gives the digests of all keys", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.directory("d1")
		f.directory("d2")
		f.deleteDirectory("d2")
		_, err := f.create("other", "theirs", store.Replace{})
		f.must(err)
		newest := f.newest()
		o, digests, err := f.store.EraseOrganization(f.Context(), "acme", []string{"identity", "rule"}, at(9))
		f.must(err)
		want := newOrganization("acme", true)
		want.EraseTime, want.Waiting = at(9), "identity rule"
		f.equal("the answer", o, want)
		o, err = f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("what is stored", o, want)
		f.equal("the keys", len(digests), 2)
		f.equal("the feed", f.following(newest), "[acme/d1 acme/d2]")
		d, err := f.store.Directory(f.Context(), "acme", "d1")
		f.must(err)
		f.equal("the directory's deletion", d.DeleteTime, at(9))
		d, err = f.store.Directory(f.Context(), "acme", "d2")
		f.must(err)
		f.equal("the deletion of the one that was deleted", d.DeleteTime, at(5))
		all, err := f.store.Erasures(f.Context())
		f.must(err)
		f.equal("the erasures", all, []store.Erasure{{OrganizationID: "acme", Revision: f.newest(), EraseTime: at(9), Waiting: "identity rule"}})
	}},
	{"erasing again changes nothing, and gives the digests again", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		first := f.erase("acme")
		newest := f.newest()
		o, digests, err := f.store.EraseOrganization(f.Context(), "acme", []string{"failedevents"}, at(11))
		f.must(err)
		f.equal("the answer", o, first)
		f.equal("the keys", len(digests), 1)
		f.equal("the feed", f.following(newest), "[]")
		_, _, err = f.store.EraseOrganization(f.Context(), "nowhere", nil, at(11))
		f.refuses("erasing one that is not there", err, fault.NotFound)
	}},
	{"one that is being erased is not changed", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.erase("acme")
		_, err := f.store.UpdateOrganization(f.Context(), "acme", store.OrganizationChange{DisplayName: pointer("New")}, at(10))
		f.refuses("updating it", err, fault.Erasing)
		_, err = f.create("acme", "d2", store.Replace{None: true})
		f.refuses("creating a directory", err, fault.Erasing)
		f.refuses("creating a key", f.store.CreateKey(f.Context(), newKey("acme", "d1", "second")), fault.Deleted)
		f.refuses("creating it", f.store.CreateOrganization(f.Context(), newOrganization("acme", true)), fault.AlreadyExists)
		err = f.store.CreateCredential(f.Context(), newCredential("c1", "acme"))
		f.refuses("creating a credential for it", err, fault.InvalidRequest)
		f.namesField(err, "organization_ids[0]")
	}},
	{"it is not cleared before all have confirmed, nor freed before it is cleared", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.erase("acme")
		f.must(f.store.ConfirmErasure(f.Context(), "acme", "rule"))
		f.must(f.store.ConfirmErasure(f.Context(), "acme", "rule"))
		o, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("who has to confirm", o.Waiting, "identity")
		cleared, _, err := f.store.ClearErased(f.Context(), "acme", 100, at(20))
		f.must(err)
		f.equal("cleared", cleared, false)
		f.must(f.store.FreeErased(f.Context(), "acme"))
		_, err = f.store.Directory(f.Context(), "acme", "d1")
		f.must(err)
		f.organization("other")
		f.refuses("confirming for one that is not being erased", f.store.ConfirmErasure(f.Context(), "other", "rule"), fault.NotFound)
		f.refuses("confirming for one that is not there", f.store.ConfirmErasure(f.Context(), "nowhere", "rule"), fault.NotFound)
		f.must(f.store.FreeErased(f.Context(), "other"))
		cleared, _, err = f.store.ClearErased(f.Context(), "other", 100, at(20))
		f.must(err)
		f.equal("another one cleared", cleared, false)
		_, err = f.store.Organization(f.Context(), "other")
		f.must(err)
	}},
	{"clearing removes some rows at a time, and leaves other organizations alone", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.directory("d1")
		f.directory("d2")
		f.must(f.store.CreateKey(f.Context(), newKey("acme", "d1", "second")))
		_, err := f.create("other", "d1", store.Replace{})
		f.must(err)
		for _, c := range []store.Credential{
			newCredential("alone", "acme"), newCredential("both", "acme", "other"), newCredential("theirs", "other"), newCredential("all"),
		} {
			f.must(f.store.CreateCredential(f.Context(), c))
		}
		f.erase("acme")
		f.confirm("acme")
		steps, digests := f.clear("acme")
		f.equal("steps: three keys, two directories, the rest", steps, 6)
		f.equal("credentials that had it", len(digests), 2)
		left, err := f.store.Credentials(f.Context(), "", 10)
		f.must(err)
		f.equal("the credentials", left, []store.Credential{newCredential("theirs", "other"), newCredential("both", "other"), newCredential("all")})
		f.equal("the feed", f.following(0), "[other/d1]")
		_, _, err = f.store.Resolve(f.Context(), newKey("other", "d1", "first").Digest)
		f.must(err)
		o, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("its name", o.DisplayName, "acme")
		all, err := f.store.Erasures(f.Context())
		f.must(err)
		f.equal("when it was cleared", all[0].ClearTime, at(20))
		cleared, _, err := f.store.ClearErased(f.Context(), "acme", 1, at(30))
		f.must(err)
		f.equal("cleared again", cleared, true)
		all, err = f.store.Erasures(f.Context())
		f.must(err)
		f.equal("when it was cleared first", all[0].ClearTime, at(20))
	}},
	{"the id is free in the end", func(f *fixture) {
		f.organization("acme")
		f.directory("d1")
		f.erase("acme")
		f.confirm("acme")
		f.clear("acme")
		f.must(f.store.FreeErased(f.Context(), "acme"))
		f.must(f.store.FreeErased(f.Context(), "acme"))
		_, err := f.store.Organization(f.Context(), "acme")
		f.refuses("reading it", err, fault.NotFound)
		f.organization("acme")
		o, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("the new one", o, newOrganization("acme", true))
		all, err := f.store.Directories(f.Context(), "acme", "", 10, true)
		f.must(err)
		f.equal("its directories", len(all), 0)
		erasures, err := f.store.Erasures(f.Context())
		f.must(err)
		f.equal("the erasures", len(erasures), 0)
	}},
	{"a directory that is created while it is being erased is deleted or refused", func(f *fixture) {
		for round := range 10 {
			id := fmt.Sprintf("acme-%d", round)
			f.organization(id)
			var racing sync.WaitGroup
			for n := range 4 {
				racing.Go(func() {
					if _, err := f.create(id, fmt.Sprintf("d%d", n), store.Replace{None: true}); err != nil {
						f.refuses("creating", err, fault.Erasing)
					}
				})
			}
			racing.Go(func() { f.erase(id) })
			racing.Wait()
			all, err := f.store.Directories(f.Context(), id, "", 10, false)
			f.must(err)
			f.equal("directories that are not deleted", len(all), 0)
			erasures, err := f.store.Erasures(f.Context())
			f.must(err)
			directories, err := f.store.DirectoriesAfter(f.Context(), erasures[round].Revision, 100)
			f.must(err)
			for _, d := range directories {
				if d.OrganizationID == id {
					f.Errorf("%s/%s comes after the erasure", id, d.ID)
				}
			}
		}
	}},
	{"there is a limit of erasures", func(f *fixture) {
		for n := range store.MaxErasures {
			id := fmt.Sprintf("o%d", n)
			f.organization(id)
			_, _, err := f.store.EraseOrganization(f.Context(), id, nil, at(9).Add(time.Duration(n)*time.Microsecond))
			f.must(err)
		}
		f.organization("acme")
		f.directory("d1")
		_, _, err := f.store.EraseOrganization(f.Context(), "acme", nil, at(10))
		f.refuses("one more", err, fault.Limit)
		d, err := f.store.Directory(f.Context(), "acme", "d1")
		f.must(err)
		f.equal("the directory is deleted", d.Deleted(), false)
		all, err := f.store.Erasures(f.Context())
		f.must(err)
		f.equal("erasures", len(all), store.MaxErasures)
		f.equal("the first", all[0].OrganizationID, "o0")
		cleared, _, err := f.store.ClearErased(f.Context(), "o0", 1, at(20))
		f.must(err)
		f.equal("one without services or directories is cleared", cleared, true)
		f.must(f.store.FreeErased(f.Context(), "o0"))
		f.erase("acme")
	}},
}
