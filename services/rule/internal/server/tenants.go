package server

import (
	"context"

	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/update"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func tenantProto(t store.Tenant) *rulev1.Tenant {
	tenant := &rulev1.Tenant{
		Id: t.ID, OrganizationId: t.OrganizationID, DisplayName: proto.String(t.DisplayName),
		CreateTime: timeProto(t.CreateTime), UpdateTime: timeProto(t.UpdateTime),
	}
	tenant.Etag = update.Etag(tenant)
	return tenant
}

func (s *Server) CreateTenant(ctx context.Context, r *rulev1.CreateTenantRequest) (*rulev1.CreateTenantResponse, error) {
	if r.GetTenant().GetId() == "" {
		return nil, fault.Invalid("tenant.id", "must be given")
	}
	t, err := s.core.CreateTenant(ctx, r.GetOrganizationId(), r.GetTenant().GetId(), r.GetTenant().GetDisplayName(),
		requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	return &rulev1.CreateTenantResponse{Tenant: tenantProto(t)}, nil
}

func (s *Server) GetTenant(ctx context.Context, r *rulev1.GetTenantRequest) (*rulev1.GetTenantResponse, error) {
	t, err := s.core.Tenant(ctx, r.GetOrganizationId(), r.GetId())
	if err != nil {
		return nil, err
	}
	return &rulev1.GetTenantResponse{Tenant: tenantProto(t)}, nil
}

func (s *Server) ListTenants(ctx context.Context, r *rulev1.ListTenantsRequest) (*rulev1.ListTenantsResponse, error) {
	list := []string{"ListTenants", r.GetOrganizationId()}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := s.core.Tenants(ctx, r.GetOrganizationId(), after[0], size+1)
	if err != nil {
		return nil, err
	}
	found, more := page.Cut(found, size)
	response := &rulev1.ListTenantsResponse{Tenants: each(found, tenantProto)}
	if more {
		response.NextPageToken = page.Token([]string{found[len(found)-1].ID}, list...)
	}
	return response, nil
}

func (s *Server) UpdateTenant(ctx context.Context, r *rulev1.UpdateTenantRequest) (*rulev1.UpdateTenantResponse, error) {
	fields, err := update.Of("tenant", r.GetTenant(), r.GetUpdateMask())
	if err != nil {
		return nil, err
	}
	var displayName *string
	if fields["display_name"] {
		displayName = r.GetTenant().DisplayName
	}
	t, err := s.core.UpdateTenant(ctx, r.GetOrganizationId(), r.GetId(), displayName, func(before store.Tenant) error {
		return update.Matches(r.GetTenant().GetEtag(), tenantProto(before))
	})
	if err != nil {
		return nil, err
	}
	return &rulev1.UpdateTenantResponse{Tenant: tenantProto(t)}, nil
}

func (s *Server) DeleteTenant(ctx context.Context, r *rulev1.DeleteTenantRequest) (*rulev1.DeleteTenantResponse, error) {
	if err := s.core.DeleteTenant(ctx, r.GetOrganizationId(), r.GetId()); err != nil {
		return nil, err
	}
	return &rulev1.DeleteTenantResponse{}, nil
}
