package server

import (
	"context"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

func roleProto(r store.Role) *rulev1.Role {
	scope := rulev1.RoleScope_ROLE_SCOPE_TENANT
	if r.Scope == store.ScopeOrganization {
		scope = rulev1.RoleScope_ROLE_SCOPE_ORGANIZATION
	}
	return &rulev1.Role{Id: r.ID, DisplayName: r.DisplayName, Scope: scope, Rank: r.Rank}
}

func (s *Server) CreateRole(ctx context.Context, r *rulev1.CreateRoleRequest) (*rulev1.CreateRoleResponse, error) {
	given, scope := r.GetRole(), store.ScopeTenant
	if given.GetScope() == rulev1.RoleScope_ROLE_SCOPE_ORGANIZATION {
		scope = store.ScopeOrganization
	}
	role, err := s.core.CreateRole(ctx, store.Role{
		ID: given.GetId(), DisplayName: given.GetDisplayName(), Scope: scope, Rank: given.GetRank(),
	}, requestid.Of(rpc.PrincipalOf(ctx), r))
	if err != nil {
		return nil, err
	}
	return &rulev1.CreateRoleResponse{Role: roleProto(role)}, nil
}

func (s *Server) GetRole(ctx context.Context, r *rulev1.GetRoleRequest) (*rulev1.GetRoleResponse, error) {
	role, err := s.core.Role(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	return &rulev1.GetRoleResponse{Role: roleProto(role)}, nil
}

func (s *Server) ListRoles(ctx context.Context, _ *rulev1.ListRolesRequest) (*rulev1.ListRolesResponse, error) {
	all, err := s.core.Roles(ctx)
	if err != nil {
		return nil, err
	}
	return &rulev1.ListRolesResponse{Roles: each(all, roleProto)}, nil
}

func (s *Server) DeleteRole(ctx context.Context, r *rulev1.DeleteRoleRequest) (*rulev1.DeleteRoleResponse, error) {
	if err := s.core.DeleteRole(ctx, r.GetId()); err != nil {
		return nil, err
	}
	return &rulev1.DeleteRoleResponse{}, nil
}
