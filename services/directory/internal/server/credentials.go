package server

import (
	"context"
	"fmt"
	"strings"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/iprange"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scope"
)

func (s *Server) CreateServiceCredential(ctx context.Context, r *directoryv1.CreateServiceCredentialRequest) (*directoryv1.CreateServiceCredentialResponse, error) {
	given := r.GetServiceCredential()
	if (len(given.GetOrganizationIds()) > 0) == given.GetAllOrganizations() {
		return nil, fault.Invalid("service_credential.organization_ids", "must name organizations, unless all_organizations is set, and only then none")
	}
	if given.GetNeverExpires() && given.GetExpireTime() != nil {
		return nil, fault.Invalid("service_credential.never_expires", "must be false, because expire_time is set")
	}
	expires, err := expiry("service_credential", given.GetExpireTime())
	if err != nil {
		return nil, err
	}
	ranges, err := addressRanges(given.GetAddressRanges())
	if err != nil {
		return nil, err
	}
	c, secret, err := s.core.CreateCredential(ctx, store.Credential{
		DisplayName: given.GetDisplayName(), OrganizationIDs: given.GetOrganizationIds(), All: given.GetAllOrganizations(),
		Scopes: scope.Of(given.GetScopes()...), AddressRanges: ranges, ExpireTime: expires,
	}, given.GetNeverExpires(), requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	return &directoryv1.CreateServiceCredentialResponse{
		ServiceCredential: s.credentialProto(c), Secret: secret.Reveal(), SecretOmitted: secret == "",
	}, nil
}

// addressRanges returns the canonical form of ranges.
func addressRanges(given []string) ([]string, error) {
	var ranges []string
	for i, text := range given {
		prefix, err := iprange.Parse(text)
		if err != nil {
			return nil, fault.Invalid(fmt.Sprintf("service_credential.address_ranges[%d]", i), "%v", err)
		}
		ranges = append(ranges, prefix.String())
	}
	return ranges, nil
}

func (s *Server) ListServiceCredentials(ctx context.Context, r *directoryv1.ListServiceCredentialsRequest) (*directoryv1.ListServiceCredentialsResponse, error) {
	const list = "service credentials"
	before, err := page.After(r.GetPageToken(), 1, list)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	all, err := s.core.Credentials(ctx, before[0], size+1)
	if err != nil {
		return nil, err
	}
	all, more := page.Cut(all, size)
	response := &directoryv1.ListServiceCredentialsResponse{}
	for _, c := range all {
		response.ServiceCredentials = append(response.ServiceCredentials, s.credentialProto(c))
	}
	if more {
		response.NextPageToken = page.Token([]string{all[size-1].ID}, list)
	}
	return response, nil
}

func (s *Server) RevokeServiceCredential(ctx context.Context, r *directoryv1.RevokeServiceCredentialRequest) (*directoryv1.RevokeServiceCredentialResponse, error) {
	c, err := s.core.RevokeCredential(ctx, strings.ToLower(r.GetId()))
	if err != nil {
		return nil, err
	}
	return &directoryv1.RevokeServiceCredentialResponse{ServiceCredential: s.credentialProto(c)}, nil
}

func (s *Server) credentialProto(c store.Credential) *directoryv1.ServiceCredential {
	return &directoryv1.ServiceCredential{
		Id: c.ID, DisplayName: c.DisplayName, OrganizationIds: c.OrganizationIDs, AllOrganizations: c.All, Scopes: c.Scopes.List(),
		AddressRanges: c.AddressRanges,
		CreateTime:    timeProto(c.CreateTime), ExpireTime: timeProto(c.ExpireTime), RevokeTime: timeProto(c.RevokeTime),
		NeverExpires: c.ExpireTime.IsZero(), ExpiryState: expiryState(c.ExpireTime, c.RevokeTime, s.core.Now()),
		ReplacedById: c.ReplacedByID, LastUseTime: timeProto(c.LastUse.Time), LastUseAddress: c.LastUse.Address,
	}
}
