package server

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
)

func (s *Server) CountMatchingUsers(ctx context.Context, r *identityv1.CountMatchingUsersRequest) (*identityv1.CountMatchingUsersResponse, error) {
	var t store.Tally
	var err error
	looked := 0
	switch match := r.GetMatch().(type) {
	case *identityv1.CountMatchingUsersRequest_Groups:
		t, err = s.core.CountInGroups(ctx, r.GetOrganizationId(), lowered(match.Groups.GetIds()))
	case *identityv1.CountMatchingUsersRequest_RoleValue:
		t, err = s.core.CountWithRole(ctx, r.GetOrganizationId(), match.RoleValue)
	case *identityv1.CountMatchingUsersRequest_Filter:
		t, looked, err = s.core.CountFiltered(ctx, r.GetOrganizationId(), match.Filter)
	default:
		err = fault.Invalid("match", "must be given")
	}
	if err != nil {
		return nil, err
	}
	return &identityv1.CountMatchingUsersResponse{
		Users: core.UserCount(t), LookedAt: int32(looked), ExampleIds: t.Examples,
	}, nil
}

func (s *Server) CountResources(ctx context.Context, r *identityv1.CountResourcesRequest) (*identityv1.CountResourcesResponse, error) {
	counts, err := s.core.CountResources(ctx, r.GetOrganizationIds())
	if err != nil {
		return nil, err
	}
	return &identityv1.CountResourcesResponse{Counts: counts}, nil
}
