package server

import (
	"context"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func (s *Server) LookupUser(ctx context.Context, r *identityv1.LookupUserRequest) (*identityv1.LookupUserResponse, error) {
	user, err := s.core.FindUser(ctx, r.GetOrganizationId(), store.Selector{
		ID: strings.ToLower(r.GetId()), Name: r.GetUserName(), ExternalID: r.GetExternalId(), Email: r.GetEmail(),
	})
	if err != nil {
		return nil, err
	}
	return &identityv1.LookupUserResponse{User: user}, nil
}

func (s *Server) CheckUserFilter(ctx context.Context, r *identityv1.CheckUserFilterRequest) (*identityv1.CheckUserFilterResponse, error) {
	if err := s.core.CheckUserFilter(ctx, r.GetOrganizationId(), r.GetFilter()); err != nil {
		return nil, err
	}
	return &identityv1.CheckUserFilterResponse{}, nil
}

func (s *Server) BatchGetUsers(ctx context.Context, r *identityv1.BatchGetUsersRequest) (*identityv1.BatchGetUsersResponse, error) {
	response := &identityv1.BatchGetUsersResponse{}
	size := 0
	rest, err := s.core.ReadUsers(ctx, r.GetOrganizationId(), lowered(r.GetIds()), func(user *identityv1.User) bool {
		if size += sizeWithin(proto.Size(user)); size > maxUsersAnswer && len(response.GetUsers()) > 0 {
			return false
		}
		response.Users = append(response.Users, user)
		return true
	})
	if err != nil {
		return nil, err
	}
	response.RemainingIds = rest
	return response, nil
}

// maxUsersAnswer is how many bytes of users BatchGetUsers returns before it ends early, with at least one user. The ids of the
// remaining users come on top.
const maxUsersAnswer = 3 << 20

// sizeWithin is how many bytes a protobuf message or text takes as a field of another one, if the field's number is below
// 16.
func sizeWithin(size int) int { return protowire.SizeTag(1) + protowire.SizeBytes(size) }

func (s *Server) ListUserIds(ctx context.Context, r *identityv1.ListUserIdsRequest) (*identityv1.ListUserIdsResponse, error) {
	list := []string{"userIds", r.GetOrganizationId()}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	ids, err := s.core.UserIDs(ctx, r.GetOrganizationId(), after[0], size+1)
	if err != nil {
		return nil, err
	}
	ids, more := page.Cut(ids, size)
	response := &identityv1.ListUserIdsResponse{Ids: ids}
	if more {
		response.NextPageToken = page.Token([]string{ids[size-1]}, list...)
	}
	return response, nil
}

func (s *Server) FindGroups(ctx context.Context, r *identityv1.FindGroupsRequest) (*identityv1.FindGroupsResponse, error) {
	list := []string{"groups", r.GetOrganizationId(), r.GetDisplayName()}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	groups, err := s.core.FindGroups(ctx, r.GetOrganizationId(), r.GetDisplayName(), after[0], size+1)
	if err != nil {
		return nil, err
	}
	groups, more := page.Cut(groups, size)
	response := &identityv1.FindGroupsResponse{}
	for _, g := range groups {
		response.Groups = append(response.Groups, groupProto(g))
	}
	if more {
		response.NextPageToken = page.Token([]string{groups[size-1].ID}, list...)
	}
	return response, nil
}

func (s *Server) BatchGetGroups(ctx context.Context, r *identityv1.BatchGetGroupsRequest) (*identityv1.BatchGetGroupsResponse, error) {
	groups, err := s.core.GroupFacts(ctx, r.GetOrganizationId(), lowered(r.GetIds()))
	if err != nil {
		return nil, err
	}
	response := &identityv1.BatchGetGroupsResponse{}
	for _, g := range groups {
		response.Groups = append(response.Groups, groupProto(g))
	}
	return response, nil
}

func (s *Server) ListMembers(ctx context.Context, r *identityv1.ListMembersRequest) (*identityv1.ListMembersResponse, error) {
	list := []string{"members", r.GetOrganizationId(), r.GetGroupId()}
	after, err := page.After(r.GetPageToken(), 1, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	members, err := s.core.DirectMembers(ctx, r.GetOrganizationId(), strings.ToLower(r.GetGroupId()), after[0], size+1)
	if err != nil {
		return nil, err
	}
	members, more := page.Cut(members, size)
	response := &identityv1.ListMembersResponse{}
	for _, m := range members {
		response.Members = append(response.Members, memberProto(m))
	}
	if more {
		response.NextPageToken = page.Token([]string{members[size-1].Value}, list...)
	}
	if r.GetNames() {
		err = s.core.NameMembers(ctx, r.GetOrganizationId(), response.GetMembers())
	}
	return response, err
}

func (s *Server) ListCarriedMembers(ctx context.Context, r *identityv1.ListCarriedMembersRequest) (*identityv1.ListCarriedMembersResponse, error) {
	list := []string{"carriedMembers", r.GetOrganizationId(), r.GetDirectoryId()}
	after, err := page.After(r.GetPageToken(), 2, list...)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	members, err := s.core.CarriedMembers(ctx, directoryScope(r), after[0], after[1], size+1)
	if err != nil {
		return nil, err
	}
	members, more := page.Cut(members, size)
	response := &identityv1.ListCarriedMembersResponse{}
	for _, m := range members {
		response.Members = append(response.Members, &identityv1.CarriedMember{GroupId: m.GroupID, Member: memberProto(m.Member)})
	}
	if more {
		response.NextPageToken = page.Token([]string{members[size-1].GroupID, members[size-1].Member.Value}, list...)
	}
	return response, nil
}

func (s *Server) ListUnadopted(ctx context.Context, r *identityv1.ListUnadoptedRequest) (*identityv1.ListUnadoptedResponse, error) {
	list := []string{"unadopted", r.GetOrganizationId(), r.GetDirectoryId()}
	after, err := page.After(r.GetPageToken(), 3, list...)
	if err != nil {
		return nil, err
	}
	resources, more, err := s.core.Unadopted(ctx, directoryScope(r), core.Place{
		Type: store.Type(after[0]), DirectoryID: after[1], ID: after[2],
	}, page.Size(r.GetPageSize()))
	if err != nil {
		return nil, err
	}
	response := &identityv1.ListUnadoptedResponse{}
	for _, u := range resources {
		response.Resources = append(response.Resources, &identityv1.UnadoptedResource{
			Id: u.ID, ResourceType: resourceType(u.Type), DirectoryId: u.DirectoryID, Name: u.Name, ExternalId: u.ExternalID,
		})
	}
	if more {
		last := resources[len(resources)-1]
		response.NextPageToken = page.Token([]string{string(last.Type), last.DirectoryID, last.ID}, list...)
	}
	return response, nil
}

func (s *Server) FinishAdoption(ctx context.Context, r *identityv1.FinishAdoptionRequest) (*identityv1.FinishAdoptionResponse, error) {
	removed, cursor, err := s.core.FinishAdoption(ctx, core.Call{
		Scope: directoryScope(r), MessageID: rpc.MessageIDOf(ctx), Traceparent: traceparent(ctx),
	})
	if err != nil {
		return nil, err
	}
	return &identityv1.FinishAdoptionResponse{RemovedCount: removed, ChangeCursor: cursor.String()}, nil
}

func directoryScope(r interface {
	GetOrganizationId() string
	GetDirectoryId() string
},
) store.Scope {
	return store.Scope{OrganizationID: r.GetOrganizationId(), DirectoryID: strings.ToLower(r.GetDirectoryId())}
}

func groupProto(g store.Facts) *identityv1.Group {
	return &identityv1.Group{
		Id: g.ID, OrganizationId: g.OrganizationID, DirectoryId: g.DirectoryID, DisplayName: g.Name,
		ExternalId: g.ExternalID, Detached: g.Detached, Revision: g.Version,
	}
}

func memberProto(m store.Member) *identityv1.Member {
	return &identityv1.Member{Id: m.Value, Type: resourceType(store.Type(m.Type)), Carried: m.Carried}
}

// lowered returns UUIDs as they are stored, in lower case: clients may send any case.
func lowered(ids []string) []string {
	all := make([]string, 0, len(ids))
	for _, id := range ids {
		all = append(all, strings.ToLower(id))
	}
	return all
}
