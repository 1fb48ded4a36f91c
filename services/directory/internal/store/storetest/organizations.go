package storetest

import (
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

var organizationCases = []testCase{
	{"an organization is read as it was created", func(f *fixture) {
		want := newOrganization("acme", true)
		f.must(f.store.CreateOrganization(f.Context(), want))
		got, err := f.store.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("the organization", got, want)
		_, err = f.store.Organization(f.Context(), "other")
		f.refuses("reading another", err, fault.NotFound)
	}},
	{"an id that is taken is refused, and changes nothing", func(f *fixture) {
		f.organization("acme")
		f.refuses("creating", f.store.CreateOrganization(f.Context(), newOrganization("acme", false)), fault.AlreadyExists)
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
	{"an update changes what is named and keeps the rest", func(f *fixture) {
		f.organization("acme")
		want := newOrganization("acme", true)
		for _, c := range []struct {
			change store.OrganizationChange
			apply  func()
		}{
			{store.OrganizationChange{DisplayName: pointer("New")}, func() { want.DisplayName, want.UpdateTime = "New", at(7) }},
			{store.OrganizationChange{}, func() {}},
			{store.OrganizationChange{DisplayName: pointer("New")}, func() {}},
			{store.OrganizationChange{Federated: pointer(false)}, func() { want.Federated, want.UpdateTime = false, at(7) }},
		} {
			got, err := f.store.UpdateOrganization(f.Context(), "acme", c.change, at(7))
			f.must(err)
			c.apply()
			f.equal("the answer", got, want)
			got, err = f.store.Organization(f.Context(), "acme")
			f.must(err)
			f.equal("what is stored", got, want)
		}
		_, err := f.store.UpdateOrganization(f.Context(), "other", store.OrganizationChange{DisplayName: pointer("New")}, at(7))
		f.refuses("updating another", err, fault.NotFound)
	}},
	{"a change of federated gives each directory a new revision, and nothing else does", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.directory("d1")
		_, err := f.create("other", "theirs", store.Replace{})
		f.must(err)
		f.directory("d2")
		f.deleteDirectory("d2")
		newest := f.newest()
		_, err = f.store.UpdateOrganization(f.Context(), "acme", store.OrganizationChange{DisplayName: pointer("New"), Federated: pointer(true)}, at(7))
		f.must(err)
		f.equal("after a new name", f.following(newest), "[]")
		_, err = f.store.UpdateOrganization(f.Context(), "acme", store.OrganizationChange{Federated: pointer(false)}, at(7))
		f.must(err)
		f.equal("after a change of federated", f.following(newest), "[acme/d1 acme/d2]")
		d, err := f.store.Directory(f.Context(), "acme", "d1")
		f.must(err)
		f.equal("the directory's organization is federated", d.Federated, false)
	}},
}
