package server

import (
	"context"
	"encoding/base64"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/internal/page"
)

func (s *Server) GetUser(ctx context.Context, r *identityv1.GetUserRequest) (*identityv1.GetUserResponse, error) {
	return s.core.GetUser(ctx, r.GetOrganizationId(), strings.ToLower(r.GetUserId()))
}

func (s *Server) GetGroup(ctx context.Context, r *identityv1.GetGroupRequest) (*identityv1.GetGroupResponse, error) {
	g, err := s.core.GetGroup(ctx, r.GetOrganizationId(), strings.ToLower(r.GetGroupId()))
	if err != nil {
		return nil, err
	}
	return &identityv1.GetGroupResponse{
		Group: groupProto(g.Facts), CreateTime: timestamppb.New(g.CreateTime), UpdateTime: timestamppb.New(g.UpdateTime),
		DirectUsers: core.UserCount(g.Direct), AllUsers: core.UserCount(g.All),
	}, nil
}

// maxGroupsAnswer is how many bytes of groups ListUserGroups returns before it ends early, with at least one group.
const maxGroupsAnswer = 3 << 20

func (s *Server) ListUserGroups(ctx context.Context, r *identityv1.ListUserGroupsRequest) (*identityv1.ListUserGroupsResponse, error) {
	user, only := strings.ToLower(r.GetUserId()), lowered(r.GetGroupIds())
	list := append([]string{"userGroups", r.GetOrganizationId(), user}, only...)
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	groups, next, err := s.core.UserGroups(ctx, r.GetOrganizationId(), user, only, after[0], page.Size(r.GetPageSize()))
	if err != nil {
		return nil, err
	}
	response := &identityv1.ListUserGroupsResponse{}
	bytes, last := 0, ""
	for _, g := range groups {
		one := &identityv1.UserGroup{Group: groupProto(g.Group), Through: g.Through, Carried: g.Carried}
		if bytes += sizeWithin(proto.Size(one)); bytes > maxGroupsAnswer && last != "" {
			next = last
			break
		}
		response.Groups, last = append(response.Groups, one), g.Group.ID
	}
	if next != "" {
		response.NextPageToken = page.Token([]string{next}, list...)
	}
	return response, nil
}

func (s *Server) ListNestedGroups(ctx context.Context, r *identityv1.ListNestedGroupsRequest) (*identityv1.ListNestedGroupsResponse, error) {
	group := strings.ToLower(r.GetGroupId())
	list := []string{"nestedGroups", r.GetOrganizationId(), group, r.GetNesting().String()}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	groups, next, err := s.core.NestedGroups(ctx, r.GetOrganizationId(), group, r.GetNesting() == identityv1.Nesting_NESTING_CONTAINERS,
		after[0], page.Size(r.GetPageSize()))
	if err != nil {
		return nil, err
	}
	response := &identityv1.ListNestedGroupsResponse{}
	for _, g := range groups {
		response.Groups = append(response.Groups, groupProto(g))
	}
	if next != "" {
		response.NextPageToken = page.Token([]string{next}, list...)
	}
	return response, nil
}

func (s *Server) ListRoleValues(ctx context.Context, r *identityv1.ListRoleValuesRequest) (*identityv1.ListRoleValuesResponse, error) {
	list := []string{"roleValues", r.GetOrganizationId(), r.GetQuery()}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	last, _ := base64.RawStdEncoding.DecodeString(after[0]) // as in searchPlace
	size := page.Within(r.GetPageSize(), usualResults, mostResults)
	values, err := s.core.RoleValues(ctx, r.GetOrganizationId(), r.GetQuery(), string(last), size+1)
	if err != nil {
		return nil, err
	}
	values, more := page.Cut(values, size)
	response := &identityv1.ListRoleValuesResponse{Values: values}
	if more {
		response.NextPageToken = page.Token([]string{base64.RawStdEncoding.EncodeToString([]byte(values[size-1].GetValue()))}, list...)
	}
	return response, nil
}
