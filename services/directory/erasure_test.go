package directory_test

import (
	"context"
	"sync"
	"testing"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// is reports whether a call failed with this reason.
func is(err error, reason fault.Reason) bool { return err != nil && rpc.Fault(err).Reason == reason }

// eraser is a service that erases.
func (b *bundle) eraser(service commonv1.Caller) directoryv1.ErasureServiceClient {
	return directoryv1.NewErasureServiceClient(b.channel.As(service))
}

func (b *bundle) erase(id string) *directoryv1.Organization {
	b.Helper()
	r, err := b.organizations.EraseOrganization(b.operator(), &directoryv1.EraseOrganizationRequest{OrganizationId: id})
	must(b, err)
	return r.GetOrganization()
}

// erasures lists the erasures that a service gets, by organization.
func (b *bundle) erasures(service commonv1.Caller) map[string]*directoryv1.Erasure {
	b.Helper()
	r, err := b.eraser(service).ListErasures(b.Context(), &directoryv1.ListErasuresRequest{})
	must(b, err)
	if r.GetEpoch() == "" {
		b.Error("the list of erasures has no epoch")
	}
	all := map[string]*directoryv1.Erasure{}
	for _, e := range r.GetErasures() {
		all[e.GetOrganizationId()] = e
	}
	return all
}

var allErasers = []commonv1.Caller{commonv1.Caller_CALLER_IDENTITY, commonv1.Caller_CALLER_RULE, commonv1.Caller_CALLER_FAILEDEVENTS}

// runs runs the service until the test ends.
func (b *bundle) runs() {
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = b.service.Run(ctx) })
	b.Cleanup(func() { cancel(); running.Wait() })
}

// organizationUntil reads an organization until ok.
func (b *bundle) organizationUntil(what string, right func(o *directoryv1.Organization, err error) bool) {
	b.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		r, err := b.organizations.GetOrganization(b.operator(), &directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
		if right(r.GetOrganization(), err) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.Fatalf("%s: it is still %v (error %v)", what, r.GetOrganization(), err)
		}
	}
}

func TestAnErasedOrganizationIsGoneOnceEveryServiceHasConfirmed(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *directory.Config) { c.Poll = time.Millisecond })
	b.organization("acme")
	b.organization("other")
	made := b.directory()
	alone, err := b.credentials.CreateServiceCredential(b.operator(), &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{DisplayName: "alone", OrganizationIds: []string{"acme"}, Scopes: readAccess}})
	must(t, err)
	both, err := b.credentials.CreateServiceCredential(b.operator(), &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{DisplayName: "both", OrganizationIds: []string{"acme", "other"}, Scopes: readAccess}})
	must(t, err)
	b.runs()

	o := b.erase("acme")
	if o.GetEraseTime() == nil {
		t.Error("the answer does not say when it is being erased")
	}
	equal(t, "who has still to erase it", o.GetErasingServices(), "[identity rule failedevents directory]")
	_, err = b.resolve(made.GetSecret())
	refused(t, "its key", err, fault.NotFound)
	equal(t, "whether it is pending while leases may be used", b.erasures(allErasers[0])["acme"].GetPending(), true)
	again := b.erase("acme")
	equal(t, "erasing it again", again.GetEraseTime().AsTime(), o.GetEraseTime().AsTime())

	b.clock.advance(6 * time.Second)
	b.clock.advance(-4 * time.Second) // another process, with a clock that is behind
	equal(t, "whether it is listed all the same", b.erasures(allErasers[0])["acme"].GetPending(), true)
	b.clock.advance(4 * time.Second)
	for i, service := range allErasers {
		e := b.erasures(service)["acme"]
		if e == nil || e.GetPending() || e.GetConfirmed() || e.GetRevision() == 0 {
			t.Fatalf("%s is told %v", service, e)
		}
		for range 2 {
			_, err := b.eraser(service).ConfirmErasure(b.Context(), &directoryv1.ConfirmErasureRequest{OrganizationId: "acme"})
			must(t, err)
		}
		if i < len(allErasers)-1 && !b.erasures(service)["acme"].GetConfirmed() {
			t.Errorf("%s is not told that it has confirmed", service)
		}
	}
	b.organizationUntil("once all have confirmed", func(o *directoryv1.Organization, err error) bool {
		_, gone := b.resolve(alone.GetSecret()) // the last credential that goes
		return err == nil && len(o.GetErasingServices()) == 1 && is(gone, fault.NotFound)
	})
	_, err = b.directories.GetDirectory(b.operator(), &directoryv1.GetDirectoryRequest{OrganizationId: "acme", Id: made.GetDirectory().GetId()})
	refused(t, "its directory", err, fault.NotFound)
	// The credentials have opened it until now, and may be used until their key leases expire.
	_, err = b.organizations.CreateOrganization(b.operator(), &directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: "acme"}})
	refused(t, "creating it at once", err, fault.AlreadyExists)
	b.clock.advance(6 * time.Second)
	b.organizationUntil("once their leases have run out", func(_ *directoryv1.Organization, err error) bool { return is(err, fault.NotFound) })

	b.organization("acme")
	_, err = b.resolve(alone.GetSecret())
	refused(t, "the credential of it alone", err, fault.NotFound)
	opened, err := b.resolve(both.GetSecret())
	must(t, err)
	equal(t, "what the other credential opens", opened.GetApi().GetPrincipal().GetOrganizationIds(), "[other]")
	equal(t, "erasures in the end", len(b.erasures(allErasers[0])), 0)
	_, err = b.eraser(allErasers[0]).ConfirmErasure(b.Context(), &directoryv1.ConfirmErasureRequest{OrganizationId: "acme"})
	refused(t, "confirming once more", err, fault.NotFound)
}

func TestAnErasedOrganizationIsNotChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	b.erase("acme")
	_, err := b.tryCreate(&directoryv1.CreateDirectoryRequest{})
	refused(t, "creating a directory", err, fault.Erasing)
	_, err = b.organizations.UpdateOrganization(b.operator(), &directoryv1.UpdateOrganizationRequest{
		OrganizationId: "acme", Organization: &directoryv1.Organization{DisplayName: new("New")},
	})
	refused(t, "updating it", err, fault.Erasing)
	_, err = b.credentials.CreateServiceCredential(b.operator(), &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{DisplayName: "alone", OrganizationIds: []string{"acme"}, Scopes: readAccess}})
	f := refused(t, "a credential for it", err, fault.InvalidRequest)
	equal(t, "the field", f.Fields[0].Path, "service_credential.organization_ids[0]")
	_, err = b.organizations.EraseOrganization(b.operator(), &directoryv1.EraseOrganizationRequest{OrganizationId: "nowhere"})
	refused(t, "erasing one that is not there", err, fault.NotFound)
	r, err := b.organizations.ListOrganizations(b.operator(), &directoryv1.ListOrganizationsRequest{})
	must(t, err)
	equal(t, "who has to erase it, in a list", r.GetOrganizations()[0].GetErasingServices(), "[identity rule failedevents directory]")
}
