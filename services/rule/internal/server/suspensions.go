package server

import (
	"context"
	"strings"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func suspensionProto(organizationID string, p store.Suspension) *rulev1.Suspension {
	return &rulev1.Suspension{
		OrganizationId: organizationID, UserId: p.UserID, Reason: p.Reason, SuspendedBy: p.SuspendedBy, CreateTime: timeProto(p.CreateTime),
	}
}

func (s *Server) SuspendAccess(ctx context.Context, r *rulev1.SuspendAccessRequest) (*rulev1.SuspendAccessResponse, error) {
	principal := rpc.PrincipalOf(ctx)
	p, last, err := s.core.SuspendAccess(ctx, r.GetOrganizationId(), strings.ToLower(r.GetUserId()), r.GetReason(), principal.GetSubject(),
		operator(principal))
	if err != nil {
		return nil, err
	}
	response := &rulev1.SuspendAccessResponse{Suspension: suspensionProto(r.GetOrganizationId(), p)}
	if last {
		response.Warning = "The user was the organization's last effective Organization Admin: now nobody in the organization is one."
	}
	return response, nil
}

func (s *Server) CheckAdminRemains(ctx context.Context, r *rulev1.CheckAdminRemainsRequest) (*rulev1.CheckAdminRemainsResponse, error) {
	if err := s.core.CheckAdminRemains(ctx, r.GetOrganizationId(), strings.ToLower(r.GetUserId())); err != nil {
		return nil, err
	}
	return &rulev1.CheckAdminRemainsResponse{}, nil
}

func (s *Server) ResumeAccess(ctx context.Context, r *rulev1.ResumeAccessRequest) (*rulev1.ResumeAccessResponse, error) {
	if err := s.core.ResumeAccess(ctx, r.GetOrganizationId(), strings.ToLower(r.GetUserId())); err != nil {
		return nil, err
	}
	return &rulev1.ResumeAccessResponse{}, nil
}

func (s *Server) ListSuspensions(ctx context.Context, r *rulev1.ListSuspensionsRequest) (*rulev1.ListSuspensionsResponse, error) {
	list := []string{"ListSuspensions", r.GetOrganizationId()}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := s.core.Suspensions(ctx, r.GetOrganizationId(), after[0], size+1)
	if err != nil {
		return nil, err
	}
	found, more := page.Cut(found, size)
	response := &rulev1.ListSuspensionsResponse{
		Suspensions: each(found, func(p store.Suspension) *rulev1.Suspension { return suspensionProto(r.GetOrganizationId(), p) }),
	}
	if more {
		response.NextPageToken = page.Token([]string{found[len(found)-1].UserID}, list...)
	}
	return response, nil
}
