package server

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

// CreateGroup implements the RPC.
func (s *Server) CreateGroup(ctx context.Context, r *identityv1.CreateGroupRequest) (*identityv1.CreateGroupResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, outcome, err := s.core.CreateGroup(ctx, c, r.GetDocument())
	if err != nil {
		return nil, err
	}
	return &identityv1.CreateGroupResponse{Resource: resourceMessage(resource), Result: resultMessage(outcome)}, nil
}

// GetGroup implements the RPC.
func (s *Server) GetGroup(ctx context.Context, r *identityv1.GetGroupRequest) (*identityv1.GetGroupResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, err := s.core.Group(ctx, c, r.GetId())
	if err != nil {
		return nil, err
	}
	return &identityv1.GetGroupResponse{Resource: resourceMessage(resource)}, nil
}

// ReplaceGroup implements the RPC.
func (s *Server) ReplaceGroup(ctx context.Context, r *identityv1.ReplaceGroupRequest) (*identityv1.ReplaceGroupResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, outcome, err := s.core.ReplaceGroup(ctx, c, r.GetId(), r.GetDocument(), r.GetIfMatch())
	if err != nil {
		return nil, err
	}
	return &identityv1.ReplaceGroupResponse{Resource: resourceMessage(resource), Result: resultMessage(outcome)}, nil
}

// PatchGroup implements the RPC.
func (s *Server) PatchGroup(ctx context.Context, r *identityv1.PatchGroupRequest) (*identityv1.PatchGroupResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, outcome, err := s.core.PatchGroup(ctx, c, r.GetId(), r.GetDocument(), r.GetIfMatch(), !r.GetOmitResource())
	if err != nil {
		return nil, err
	}
	return &identityv1.PatchGroupResponse{Resource: resourceMessage(resource), Result: resultMessage(outcome)}, nil
}

// DeleteGroup implements the RPC.
func (s *Server) DeleteGroup(ctx context.Context, r *identityv1.DeleteGroupRequest) (*identityv1.DeleteGroupResponse, error) {
	c, err := call(ctx, r.GetTarget(), nil)
	if err != nil {
		return nil, err
	}
	outcome, err := s.core.DeleteGroup(ctx, c, r.GetId(), r.GetIfMatch())
	if err != nil {
		return nil, err
	}
	return &identityv1.DeleteGroupResponse{Result: resultMessage(outcome)}, nil
}

// ListGroups implements the RPC.
func (s *Server) ListGroups(ctx context.Context, r *identityv1.ListGroupsRequest) (*identityv1.ListGroupsResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	found, err := s.core.Groups(ctx, c, query(r.GetQuery()))
	if err != nil {
		return nil, err
	}
	return &identityv1.ListGroupsResponse{Result: listMessage(found)}, nil
}
