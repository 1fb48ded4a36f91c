package core_test

import (
	"github.com/usher-scim/usher/services/directory/internal/core"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
)

var organizationCases = []testCase{
	{"an id that is taken is refused, and changes nothing", func(f *fixture) {
		want := f.organization("acme")
		_, err := f.core.CreateOrganization(f.Context(), store.Organization{ID: "acme"}, requestid.Request{})
		f.refuses("creating", err, fault.AlreadyExists)
		got, err := f.core.Organization(f.Context(), "acme")
		f.must(err)
		f.equal("the organization", got, want)
	}},
	{"an update changes what is named and keeps the rest", func(f *fixture) {
		want := f.organization("acme")
		f.now.Store(7)
		for _, c := range []struct {
			change core.OrganizationChange
			apply  func()
		}{
			{core.OrganizationChange{DisplayName: new("New")}, func() { want.DisplayName, want.UpdateTime = "New", at(7) }},
			{core.OrganizationChange{}, func() {}},
			{core.OrganizationChange{DisplayName: new("New")}, func() {}},
			{core.OrganizationChange{Federated: new(false)}, func() { want.Federated = false }},
		} {
			got, err := f.core.UpdateOrganization(f.Context(), "acme", c.change, func(store.Organization) error { return nil })
			f.must(err)
			c.apply()
			f.equal("the answer", got, want)
			got, err = f.core.Organization(f.Context(), "acme")
			f.must(err)
			f.equal("what is stored", got, want)
		}
		_, err := f.core.UpdateOrganization(f.Context(), "other", core.OrganizationChange{DisplayName: new("New")}, func(store.Organization) error { return nil })
		f.refuses("updating another", err, fault.NotFound)
	}},
	{"a change of federated gives each directory a new revision, and nothing else does", func(f *fixture) {
		f.organization("acme")
		f.organization("other")
		f.directory("d1")
		_, err := f.create("other", "theirs", core.Replace{})
		f.must(err)
		f.directory("d2")
		f.deleteDirectory("d2")
		newest := f.newest()
		_, err = f.core.UpdateOrganization(f.Context(), "acme", core.OrganizationChange{DisplayName: new("New"), Federated: new(true)}, func(store.Organization) error { return nil })
		f.must(err)
		f.equal("after a new name", f.following(newest), "[]")
		_, err = f.core.UpdateOrganization(f.Context(), "acme", core.OrganizationChange{Federated: new(false)}, func(store.Organization) error { return nil })
		f.must(err)
		f.equal("after a change of federated", f.following(newest), "[acme/d1 acme/d2]")
		f.equal("the directory's organization is federated", f.read("d1").Federated, false)
	}},
}
