package directory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/scope"
)

// readAccess are the scopes of most credentials here.
var readAccess = []commonv1.Scope{commonv1.Scope_SCOPE_READ_ACCESS}

func (b *bundle) tryCredential(r *directoryv1.CreateServiceCredentialRequest) (*directoryv1.CreateServiceCredentialResponse, error) {
	if r.GetServiceCredential().GetDisplayName() == "" {
		r.ServiceCredential.DisplayName = "billing"
	}
	if r.GetServiceCredential().GetScopes() == nil {
		r.ServiceCredential.Scopes = readAccess
	}
	return b.credentials.CreateServiceCredential(b.operator(), r)
}

func (b *bundle) credential(r *directoryv1.CreateServiceCredentialRequest) *directoryv1.CreateServiceCredentialResponse {
	b.Helper()
	made, err := b.tryCredential(r)
	must(b, err)
	return made
}

func (b *bundle) revokeCredential(id string) (*directoryv1.ServiceCredential, error) {
	r, err := b.credentials.RevokeServiceCredential(b.operator(), &directoryv1.RevokeServiceCredentialRequest{Id: id})
	return r.GetServiceCredential(), err
}

func TestACredentialOpensItsScopeAndIsListedWithoutItsSecret(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	b.organization("other")
	for _, given := range []*directoryv1.ServiceCredential{
		{OrganizationIds: []string{"other", "acme"}, NeverExpires: true},
		{OrganizationIds: []string{"acme"}, Scopes: []commonv1.Scope{commonv1.Scope_SCOPE_GRANT_ACCESS, commonv1.Scope_SCOPE_READ_ACCESS}, ExpireTime: timestamppb.New(b.clock.Now().Add(time.Hour))},
		{AllOrganizations: true, NeverExpires: true},
	} {
		made := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: given})
		want := &directoryv1.ServiceCredential{
			Id: made.GetServiceCredential().GetId(), DisplayName: "billing", OrganizationIds: given.GetOrganizationIds(),
			AllOrganizations: given.GetAllOrganizations(), Scopes: given.GetScopes(),
			CreateTime: timestamppb.New(b.clock.Now().Truncate(time.Microsecond)), NeverExpires: true, ExpiryState: directoryv1.ExpiryState_EXPIRY_STATE_NONE,
		}
		if given.GetExpireTime() != nil {
			want.ExpireTime = timestamppb.New(given.GetExpireTime().AsTime().Truncate(time.Microsecond))
			want.NeverExpires, want.ExpiryState = false, directoryv1.ExpiryState_EXPIRY_STATE_WITHIN_7_DAYS
		}
		resolved, err := b.resolve(made.GetSecret())
		must(t, err)
		list, err := b.credentials.ListServiceCredentials(b.operator(), &directoryv1.ListServiceCredentialsRequest{PageSize: 1})
		must(t, err)
		for what, got := range map[string]*directoryv1.ServiceCredential{
			"created": made.GetServiceCredential(), "listed": list.GetServiceCredentials()[0],
		} {
			if !proto.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", what, got, want)
			}
		}
		opened := &commonv1.Principal{
			Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: want.GetId(), OrganizationIds: given.GetOrganizationIds(),
			AllOrganizations: given.GetAllOrganizations(), Scopes: uint32(scope.Of(given.GetScopes()...)),
		}
		if !proto.Equal(resolved.GetApi().GetPrincipal(), opened) {
			t.Errorf("it opens %v, want %v", resolved, opened)
		}
		if !strings.HasPrefix(made.GetSecret(), "usc_") || strings.Contains(list.String(), made.GetSecret()) {
			t.Errorf("the secret has another form, or is shown a second time")
		}
	}
}

func TestAddressRangesAreInTheirCanonicalFormAndInTheLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{
		AllOrganizations: true, AddressRanges: []string{"10.1.2.3/8", "::ffff:192.0.2.7", "2001:DB8::/32"},
	}})
	want := []string{"10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"}
	equal(t, "as created", made.GetServiceCredential().GetAddressRanges(), want)
	equal(t, "as listed", b.listedCredential().GetAddressRanges(), want)
	resolved, err := b.resolve(made.GetSecret())
	must(t, err)
	equal(t, "in the lease", resolved.GetApi().GetAddressRanges(), want)
}

func TestInvalidCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	var many []string
	for range 51 {
		many = append(many, ids.New())
	}
	for _, c := range []struct {
		name, field string
		request     *directoryv1.CreateServiceCredentialRequest
	}{
		{"no scope", "service_credential.organization_ids", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{}}},
		{"both scopes", "service_credential.organization_ids", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{"acme"}, AllOrganizations: true}}},
		{"an organization twice", "service_credential.organization_ids", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{"acme", "acme"}}}},
		{"an organization without an id", "service_credential.organization_ids[1]", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{"acme", ""}}}},
		{"an organization that does not exist", "service_credential.organization_ids[1]", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{"acme", "nowhere"}}}},
		{"too many organizations", "service_credential.organization_ids", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: many}}},
		{"a scope twice", "service_credential.scopes", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, Scopes: []commonv1.Scope{1, 1}}}},
		{"no such scope", "service_credential.scopes[0]", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, Scopes: []commonv1.Scope{99}}}},
		{"the scope zero", "service_credential.scopes[0]", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, Scopes: []commonv1.Scope{0}}}},
		{"no scope at all", "service_credential.scopes", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, Scopes: []commonv1.Scope{}}}},
		{"an address that is none", "service_credential.address_ranges[1]", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, AddressRanges: []string{"10.0.0.0/8", "10.0.0.0-10.0.0.9"}}}},
		{"an empty address", "service_credential.address_ranges[0]", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, AddressRanges: []string{""}}}},
		{"too many addresses", "service_credential.address_ranges", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, AddressRanges: many[:21]}}},
		{"an end and no end", "service_credential.never_expires", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, NeverExpires: true, ExpireTime: timestamppb.New(b.clock.Now().Add(time.Hour))}}},
		{"too long a name", "service_credential.display_name", &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, DisplayName: strings.Repeat("ü", 201)}}},
	} {
		_, err := b.tryCredential(c.request)
		f := refused(t, c.name, err, fault.InvalidRequest)
		if len(f.Fields) != 1 || f.Fields[0].Path != c.field {
			t.Errorf("%s: the error names %v", c.name, f.Fields)
		}
	}
	_, err := b.credentials.CreateServiceCredential(b.operator(), &directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true}})
	refused(t, "no name", err, fault.InvalidRequest)
	b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, DisplayName: strings.Repeat("ü", 200)}})
}

func TestARevokedOrExpiredCredentialIsLikeAnUnknownOne(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *directory.Config) { c.Lease = 4 * time.Second })
	revoked := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true}})
	expired := b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true, ExpireTime: timestamppb.New(b.clock.Now().Add(time.Second))}})
	lease, err := b.resolve(expired.GetSecret())
	must(t, err)
	if left := lease.GetLeaseExpireTime().AsTime().Sub(b.clock.Now()); left > time.Second {
		t.Errorf("the lease is for %s, longer than the credential", left)
	}
	first, err := b.revokeCredential(strings.ToUpper(revoked.GetServiceCredential().GetId()))
	must(t, err)
	b.clock.advance(time.Second)
	again, err := b.revokeCredential(revoked.GetServiceCredential().GetId())
	must(t, err)
	equal(t, "when it was revoked", again.GetRevokeTime().AsTime(), first.GetRevokeTime().AsTime())
	var said []string
	for _, secret := range []string{"never given out", revoked.GetSecret(), expired.GetSecret()} {
		_, err := b.resolve(secret)
		said = append(said, refused(t, "resolving", err, fault.NotFound).Error())
	}
	equal(t, "what was said", said, []string{said[0], said[0], said[0]})
	_, err = b.revokeCredential(ids.New())
	refused(t, "revoking none", err, fault.NotFound)
}

func TestCredentialsAreListedInPagesNewestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want []string
	for range 5 {
		want = append(want, b.credential(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{AllOrganizations: true}}).GetServiceCredential().GetId())
	}
	slices.Reverse(want)
	var got []string
	for token := ""; ; {
		r, err := b.credentials.ListServiceCredentials(b.operator(), &directoryv1.ListServiceCredentialsRequest{PageSize: 2, PageToken: token})
		must(t, err)
		for _, c := range r.GetServiceCredentials() {
			got = append(got, c.GetId())
		}
		if token = r.GetNextPageToken(); token == "" {
			break
		}
	}
	equal(t, "the credentials", got, want)
	_, err := b.credentials.ListServiceCredentials(b.operator(), &directoryv1.ListServiceCredentialsRequest{PageToken: "x"})
	refused(t, "a token of no list", err, fault.PageToken)
}
