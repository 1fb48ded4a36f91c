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
