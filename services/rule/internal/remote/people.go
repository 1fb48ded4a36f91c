package remote

import (
	"context"

	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/core"
)

// maxPaths is how many bytes the ways to a user's groups may have.
const maxPaths = 16 << 20

// pageOfGroups is the largest page_size of ListUserGroups.
const pageOfGroups = 1000

func (i *Identity) UserGroups(ctx context.Context, organizationID, userID string, groupIDs []string) (map[string]core.UserGroup, error) {
	r := &identityv1.ListUserGroupsRequest{OrganizationId: organizationID, UserId: userID, GroupIds: groupIDs, PageSize: pageOfGroups}
	groups := make(map[string]core.UserGroup, len(groupIDs))
	for size := 0; ; {
		response, err := i.people.ListUserGroups(asSystem(ctx), r)
		if err != nil {
			return nil, failed(err)
		}
		if size += proto.Size(response); size > maxPaths {
			return nil, fault.New(fault.Limit, "the ways from the user to its groups are more than %d bytes", maxPaths)
		}
		for _, g := range response.GetGroups() {
			in := core.UserGroup{DisplayName: g.GetGroup().GetDisplayName()}
			for _, step := range g.GetThrough() {
				in.Through = append(in.Through, core.Group{ID: step.GetGroupId(), DisplayName: step.GetDisplayName()})
			}
			groups[g.GetGroup().GetId()] = in
		}
		if r.PageToken = response.GetNextPageToken(); r.GetPageToken() == "" {
			return groups, nil
		}
	}
}

func (i *Identity) CountMatching(ctx context.Context, organizationID string, q core.MatchQuery) (core.MatchCount, error) {
	r := &identityv1.CountMatchingUsersRequest{OrganizationId: organizationID}
	switch {
	case q.Filter != "":
		r.Match = &identityv1.CountMatchingUsersRequest_Filter{Filter: q.Filter}
	case q.RoleValue != "":
		r.Match = &identityv1.CountMatchingUsersRequest_RoleValue{RoleValue: q.RoleValue}
	default:
		r.Match = &identityv1.CountMatchingUsersRequest_Groups{Groups: &identityv1.GroupIds{Ids: q.GroupIDs}}
	}
	response, err := i.match.CountMatchingUsers(asSystem(ctx), r)
	return core.MatchCount{
		Users: int(response.GetUsers().GetCount()), AtLeast: response.GetUsers().GetAtLeast(), LookedAt: int(response.GetLookedAt()),
		ExampleIDs: response.GetExampleIds(),
	}, failed(err)
}
