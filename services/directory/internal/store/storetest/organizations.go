package storetest

import (
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var organizationCases = []testCase{
	{"an organization is read as it was created", func(f *fixture) {
		f.organization("acme")
		got, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("the organization", got, newOrganization("acme", true))
		for _, id := range []string{"other", "not\x00storable"} {
			_, err = f.store.Organization(f.Context(), id)
			f.refuses("reading another", err, fault.NotFound)
		}
	}},
	{"an id that is taken creates nothing", func(f *fixture) {
		f.organization("acme")
		f.equal("whether it was created", f.createOrganization(newOrganization("acme", false)), false)
		got, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("the organization", got, newOrganization("acme", true))
	}},
	{"organizations are listed by id after one", func(f *fixture) {
		for _, id := range []string{"c", "a", "d", "b"} {
			f.organization(id)
		}
		for _, c := range []struct {
			after string
			limit int
			want  string
		}{{"", 2, "[a b]"}, {"b", 2, "[c d]"}, {"c", 5, "[d]"}, {"d", 5, "[]"}} {
			all, err := f.store.Organizations(f.Context(), c.after, c.limit)
			f.must(err)
			ids := []string{}
			for _, o := range all {
				ids = append(ids, o.ID)
			}
			f.equal("after "+c.after, ids, c.want)
		}
	}},
	{"an organization is written whole, and no other one", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		want := store.Organization{
			ID: "acme", DisplayName: "New", CreateTime: at(0), UpdateTime: at(7), EraseTime: at(8), EraseRevision: 9,
			Waiting: "identity rule", ClearTime: at(10),
		}
		f.must(f.update("acme", func(tx store.Tx) error {
			f.must(tx.PutOrganization(f.Context(), want))
			got, err := tx.Organization(f.Context())
			f.equal("what the transaction reads", got, want)
			return err
		}))
		got, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("what is stored", got, want)
		got, err = f.store.Organization(f.Context(), "other")
		f.must(err)
		f.equal("the other one", got, newOrganization("other", true))
	}},
	{"a revision for each directory of an organization is higher than all before", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.directory("d1")
		f.directoryOf("other", "theirs")
		f.directory("d2")
		f.deleteDirectory("d2")
		newest := f.newest()
		revise := func(organizationID string) (revised int64) {
			f.Helper()
			f.must(f.update(organizationID, func(tx store.Tx) (err error) {
				revised, err = tx.Revise(f.Context())
				return err
			}))
			return revised
		}
		f.equal("the newest", revise("acme"), newest+2)
		f.equal("what is new", f.following(newest), "[acme/d1 acme/d2]")
		f.equal("the newest of the other one", revise("other"), newest+3)
		f.organization("empty")
		f.equal("the newest of none", revise("empty"), 0)
		f.equal("the next one's", f.directory("d3").Revision, newest+4)
	}},
}
