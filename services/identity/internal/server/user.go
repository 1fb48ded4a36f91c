package server

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

// CreateUser implements the RPC.
func (s *Server) CreateUser(ctx context.Context, r *identityv1.CreateUserRequest) (*identityv1.CreateUserResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, outcome, err := s.core.CreateUser(ctx, c, r.GetDocument())
	if err != nil {
		return nil, err
	}
	return &identityv1.CreateUserResponse{Resource: resourceMessage(resource), Result: resultMessage(outcome)}, nil
}

// GetUser implements the RPC.
func (s *Server) GetUser(ctx context.Context, r *identityv1.GetUserRequest) (*identityv1.GetUserResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, err := s.core.User(ctx, c, r.GetId())
	if err != nil {
		return nil, err
	}
	return &identityv1.GetUserResponse{Resource: resourceMessage(resource)}, nil
}

// ReplaceUser implements the RPC.
func (s *Server) ReplaceUser(ctx context.Context, r *identityv1.ReplaceUserRequest) (*identityv1.ReplaceUserResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, outcome, err := s.core.ReplaceUser(ctx, c, r.GetId(), r.GetDocument(), r.GetIfMatch())
	if err != nil {
		return nil, err
	}
	return &identityv1.ReplaceUserResponse{Resource: resourceMessage(resource), Result: resultMessage(outcome)}, nil
}

// PatchUser implements the RPC.
func (s *Server) PatchUser(ctx context.Context, r *identityv1.PatchUserRequest) (*identityv1.PatchUserResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	resource, outcome, err := s.core.PatchUser(ctx, c, r.GetId(), r.GetDocument(), r.GetIfMatch(), !r.GetOmitResource())
	if err != nil {
		return nil, err
	}
	return &identityv1.PatchUserResponse{Resource: resourceMessage(resource), Result: resultMessage(outcome)}, nil
}

// DeleteUser implements the RPC.
func (s *Server) DeleteUser(ctx context.Context, r *identityv1.DeleteUserRequest) (*identityv1.DeleteUserResponse, error) {
	c, err := call(ctx, r.GetTarget(), nil)
	if err != nil {
		return nil, err
	}
	outcome, err := s.core.DeleteUser(ctx, c, r.GetId(), r.GetIfMatch())
	if err != nil {
		return nil, err
	}
	return &identityv1.DeleteUserResponse{Result: resultMessage(outcome)}, nil
}

// ListUsers implements the RPC.
func (s *Server) ListUsers(ctx context.Context, r *identityv1.ListUsersRequest) (*identityv1.ListUsersResponse, error) {
	c, err := call(ctx, r.GetTarget(), r.GetProjection())
	if err != nil {
		return nil, err
	}
	found, err := s.core.Users(ctx, c, query(r.GetQuery()))
	if err != nil {
		return nil, err
	}
	return &identityv1.ListUsersResponse{Result: listMessage(found)}, nil
}
