// Package remote calls the services that the rule service depends on, in the words of its core.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/core"
)

// Identity is the identity service. Reads are made for the principal of their context; the feed, which only services
// follow, always for the rule service itself.
type Identity struct {
	feed identityv1.FeedServiceClient
	read identityv1.ReadServiceClient
}

var _ core.Identity = (*Identity)(nil)

// NewIdentity calls identity on conn.
func NewIdentity(conn grpc.ClientConnInterface) *Identity {
	return &Identity{feed: identityv1.NewFeedServiceClient(conn), read: identityv1.NewReadServiceClient(conn)}
}

// asSystem makes a call the rule service's own, whoever asked for what led to it.
func asSystem(ctx context.Context) context.Context {
	return rpc.WithPrincipal(ctx, &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM})
}

// failed is a call's error as a fault.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return rpc.Fault(err)
}

// Users implements core.Identity.
func (i *Identity) Users(ctx context.Context, organizationID string, ids, filters []string) (map[string]core.User, error) {
	response, err := i.read.BatchGetUsers(ctx, &identityv1.BatchGetUsersRequest{OrganizationId: organizationID, Ids: ids, Filters: filters})
	if err != nil {
		return nil, failed(err)
	}
	if len(response.GetMatchedUsers()) != len(filters) {
		return nil, fmt.Errorf("identity says of %d filters who matches them, not of %d", len(response.GetMatchedUsers()), len(filters))
	}
	matched := map[string][]string{}
	for n, filter := range filters {
		for _, id := range response.GetMatchedUsers()[n].GetUserIds() {
			matched[id] = append(matched[id], filter)
		}
	}
	users := make(map[string]core.User, len(response.GetUsers()))
	for _, u := range response.GetUsers() {
		users[u.GetId()] = core.User{
			Active: u.GetActive(), Detached: u.GetDetached(), GroupIDs: u.GetGroupIds(), RoleValues: u.GetRoleValues(),
			Matched: matched[u.GetId()], Revision: u.GetRevision(), UpdateTime: u.GetUpdateTime().AsTime(),
		}
	}
	return users, nil
}

// CheckFilter implements core.Identity.
func (i *Identity) CheckFilter(ctx context.Context, organizationID, filter string) error {
	_, err := i.read.CheckUserFilter(ctx, &identityv1.CheckUserFilterRequest{OrganizationId: organizationID, Filter: filter})
	return failed(err)
}

// UserIDs implements core.Identity.
func (i *Identity) UserIDs(ctx context.Context, organizationID, pageToken string, limit int) ([]string, string, error) {
	response, err := i.read.ListUserIds(ctx, &identityv1.ListUserIdsRequest{
		OrganizationId: organizationID, PageSize: int32(limit), PageToken: pageToken, //nolint:gosec // at most 1,000
	})
	return response.GetIds(), response.GetNextPageToken(), failed(err)
}

// Groups implements core.Identity.
func (i *Identity) Groups(ctx context.Context, organizationID string, ids []string) (map[string]core.Group, error) {
	response, err := i.read.BatchGetGroups(ctx, &identityv1.BatchGetGroupsRequest{OrganizationId: organizationID, Ids: ids})
	if err != nil {
		return nil, failed(err)
	}
	groups := make(map[string]core.Group, len(response.GetGroups()))
	for _, g := range response.GetGroups() {
		groups[g.GetId()] = groupOf(g)
	}
	return groups, nil
}

func groupOf(g *identityv1.Group) core.Group {
	return core.Group{ID: g.GetId(), DirectoryID: g.GetDirectoryId(), DisplayName: g.GetDisplayName()}
}

// OldestGroups implements core.Identity. Groups come by id, which is by age, so the first of a directory is its oldest.
func (i *Identity) OldestGroups(ctx context.Context, organizationID, displayName string) ([]core.Group, error) {
	var oldest []core.Group
	met := map[string]bool{}
	for token := ""; ; {
		response, err := i.read.FindGroups(ctx, &identityv1.FindGroupsRequest{
			OrganizationId: organizationID, DisplayName: displayName, PageSize: 1000, PageToken: token,
		})
		if err != nil {
			return nil, failed(err)
		}
		for _, g := range response.GetGroups() {
			if !met[g.GetDirectoryId()] {
				met[g.GetDirectoryId()] = true
				oldest = append(oldest, groupOf(g))
			}
		}
		if token = response.GetNextPageToken(); token == "" {
			return oldest, nil
		}
	}
}

// Members implements core.Identity.
func (i *Identity) Members(ctx context.Context, organizationID, groupID, pageToken string, limit int) (core.Members, error) {
	response, err := i.read.ListMembers(ctx, &identityv1.ListMembersRequest{
		OrganizationId: organizationID, GroupId: groupID, PageSize: int32(limit), PageToken: pageToken, //nolint:gosec // at most 1,000
	})
	if err != nil {
		return core.Members{}, failed(err)
	}
	members := core.Members{Next: response.GetNextPageToken()}
	for _, m := range response.GetMembers() {
		if m.GetType() == identityv1.ResourceType_RESOURCE_TYPE_GROUP {
			members.GroupIDs = append(members.GroupIDs, m.GetId())
		} else {
			members.UserIDs = append(members.UserIDs, m.GetId())
		}
	}
	return members, nil
}

// Cursor implements core.Identity.
func (i *Identity) Cursor(ctx context.Context) (string, error) {
	response, err := i.feed.GetCursor(asSystem(ctx), &identityv1.GetCursorRequest{})
	return response.GetCursor(), failed(err)
}

// Newest implements core.Identity.
func (i *Identity) Newest(ctx context.Context) (string, error) {
	response, err := i.feed.GetCursor(asSystem(ctx), &identityv1.GetCursorRequest{})
	return response.GetNewestCursor(), failed(err)
}

// Changes implements core.Identity.
func (i *Identity) Changes(ctx context.Context, organizationID, after string, limit int) (core.ChangePage, error) {
	response, err := i.feed.ListChanges(asSystem(ctx), &identityv1.ListChangesRequest{
		OrganizationId: organizationID, AfterCursor: after, PageSize: int32(limit), //nolint:gosec // at most 1,000
	})
	if err != nil {
		return core.ChangePage{}, failed(err)
	}
	page := core.ChangePage{Next: response.GetNextCursor(), More: response.GetMore(), Records: make([]core.Record, len(response.GetChanges()))}
	for n, change := range response.GetChanges() {
		page.Records[n] = recordOf(change)
	}
	return page, nil
}

// recordOf says whom a change concerns: the user that changed, or the member that came or left, or else the group.
func recordOf(c *identityv1.Change) core.Record {
	r := core.Record{Cursor: c.GetCursor(), MessageID: c.GetMessageId(), Traceparent: c.GetTraceparent(), Time: c.GetTime().AsTime()}
	group := identityv1.ResourceType_RESOURCE_TYPE_GROUP
	member := c.GetKind() == identityv1.ChangeKind_CHANGE_KIND_MEMBER_ADDED || c.GetKind() == identityv1.ChangeKind_CHANGE_KIND_MEMBER_REMOVED
	switch {
	case member && c.GetMemberType() == group:
		r.NestedID = c.GetMemberId()
	case member:
		r.UserID = c.GetMemberId()
	case c.GetResourceType() == group:
		r.GroupID = c.GetResourceId()
	default:
		r.UserID = c.GetResourceId()
	}
	return r
}

// Activity implements core.Identity.
func (i *Identity) Activity(ctx context.Context, after string, on func(organizationIDs []string, cursor string) error) error {
	ctx, cancel := context.WithCancel(asSystem(ctx))
	defer cancel()
	stream, err := i.feed.WatchActivity(ctx, &identityv1.WatchActivityRequest{AfterCursor: after})
	if err != nil {
		return failed(err)
	}
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return errors.New("identity ended the stream of activity")
		}
		if err != nil {
			return failed(err)
		}
		if err := on(response.GetOrganizationIds(), response.GetCursor()); err != nil {
			return err
		}
	}
}
