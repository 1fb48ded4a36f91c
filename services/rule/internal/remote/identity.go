// Package remote calls the services that the rule service depends on, with the types of its core.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/core"
)

// Identity is a client of the identity service. Most reads use the principal of their context. Facts and the feed, which only services
// read, use the rule service itself.
type Identity struct {
	facts  identityv1.FactsServiceClient
	feed   identityv1.FeedServiceClient
	read   identityv1.ReadServiceClient
	people identityv1.PeopleServiceClient
	match  identityv1.MatchServiceClient
}

var _ core.Identity = (*Identity)(nil)

// NewIdentity returns a client on conn.
func NewIdentity(conn grpc.ClientConnInterface) *Identity {
	return &Identity{
		facts: identityv1.NewFactsServiceClient(conn), feed: identityv1.NewFeedServiceClient(conn), read: identityv1.NewReadServiceClient(conn),
		people: identityv1.NewPeopleServiceClient(conn), match: identityv1.NewMatchServiceClient(conn),
	}
}

// asSystem makes the rule service the principal of a call.
func asSystem(ctx context.Context) context.Context {
	return rpc.WithPrincipal(ctx, &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM})
}

// failed returns a call's error as a fault.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return rpc.Fault(err)
}

func (i *Identity) Users(ctx context.Context, organizationID string, ids []string, criteria core.Criteria) (map[string]core.User, error) {
	return i.userFacts(ctx, &identityv1.StreamUserFactsRequest{
		OrganizationId: organizationID, Ids: ids, RoleValues: criteria.RoleValues, Filters: criteria.Filters,
	})
}

func (i *Identity) Statuses(ctx context.Context, organizationID string, ids []string) (map[string]core.User, error) {
	return i.userFacts(ctx, &identityv1.StreamUserFactsRequest{OrganizationId: organizationID, Ids: ids, StatusOnly: true})
}

// maxFacts is how many bytes of facts one batch may have.
const maxFacts = 16 << 20

func (i *Identity) userFacts(ctx context.Context, r *identityv1.StreamUserFactsRequest) (map[string]core.User, error) {
	ctx, cancel := context.WithCancel(asSystem(ctx)) // ends a stream that is not read to its end
	defer cancel()
	stream, err := i.facts.StreamUserFacts(ctx, r)
	if err != nil {
		return nil, failed(err)
	}
	users := make(map[string]core.User, len(r.GetIds()))
	for size := 0; ; {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return users, nil
		}
		if err != nil {
			return nil, failed(err)
		}
		if size += proto.Size(response); size > maxFacts {
			return nil, fault.New(fault.Limit, "the facts about these users are more than %d bytes", maxFacts)
		}
		for _, u := range response.GetUsers() {
			if users[u.GetId()], err = userFromProto(u, r); err != nil {
				return nil, err
			}
		}
	}
}

func userFromProto(u *identityv1.UserFacts, r *identityv1.StreamUserFactsRequest) (core.User, error) {
	user := core.User{
		Active: u.GetActive(), Detached: u.GetDetached(), DirectoryID: u.GetDirectoryId(), Revision: u.GetRevision(),
		UpdateTime: u.GetUpdateTime().AsTime(), GroupIDs: u.GetGroupIds(), Unknown: u.GetBeyondLimit(),
	}
	var errs [2]error
	user.RoleValues, errs[0] = named(r.GetRoleValues(), u.GetRoleValues())
	user.Matched, errs[1] = named(r.GetFilters(), u.GetMatchedFilters())
	return user, errors.Join(errs[:]...)
}

// named returns the texts at the given positions of a request's list.
func named(texts []string, positions []int32) ([]string, error) {
	all := make([]string, len(positions))
	for n, at := range positions {
		if at < 0 || int(at) >= len(texts) {
			return nil, fmt.Errorf("identity names the %dth of %d", at, len(texts))
		}
		all[n] = texts[at]
	}
	return all, nil
}

func (i *Identity) CheckFilter(ctx context.Context, organizationID, filter string) error {
	_, err := i.read.CheckUserFilter(ctx, &identityv1.CheckUserFilterRequest{OrganizationId: organizationID, Filter: filter})
	return failed(err)
}

func (i *Identity) CountUsers(ctx context.Context, organizationID string) (int64, error) {
	response, err := i.read.CountResources(asSystem(ctx), &identityv1.CountResourcesRequest{OrganizationIds: []string{organizationID}})
	if err != nil {
		return 0, failed(err)
	}
	for _, c := range response.GetCounts() {
		if c.GetOrganizationId() == organizationID {
			return c.GetUsers(), nil
		}
	}
	return 0, nil
}

func (i *Identity) UserIDs(ctx context.Context, organizationID, pageToken string, limit int) (core.UserPage, error) {
	response, err := i.read.ListUserIds(ctx, &identityv1.ListUserIdsRequest{
		OrganizationId: organizationID, PageSize: int32(limit), PageToken: pageToken, //nolint:gosec // at most 1,000
	})
	return core.UserPage{IDs: response.GetIds(), Next: response.GetNextPageToken()}, failed(err)
}

func (i *Identity) Groups(ctx context.Context, organizationID string, ids []string) (map[string]core.Group, error) {
	response, err := i.read.BatchGetGroups(ctx, &identityv1.BatchGetGroupsRequest{OrganizationId: organizationID, Ids: ids})
	if err != nil {
		return nil, failed(err)
	}
	groups := make(map[string]core.Group, len(response.GetGroups()))
	for _, g := range response.GetGroups() {
		groups[g.GetId()] = groupFromProto(g)
	}
	return groups, nil
}

func groupFromProto(g *identityv1.Group) core.Group {
	return core.Group{ID: g.GetId(), DirectoryID: g.GetDirectoryId(), DisplayName: g.GetDisplayName()}
}

func (i *Identity) GroupsNamed(ctx context.Context, organizationID, displayName, pageToken string, limit int) (core.GroupPage, error) {
	response, err := i.read.FindGroups(ctx, &identityv1.FindGroupsRequest{
		OrganizationId: organizationID, DisplayName: displayName, PageSize: int32(limit), PageToken: pageToken, //nolint:gosec // at most 1,000
	})
	if err != nil {
		return core.GroupPage{}, failed(err)
	}
	page := core.GroupPage{Next: response.GetNextPageToken()}
	for _, g := range response.GetGroups() {
		page.Groups = append(page.Groups, groupFromProto(g))
	}
	return page, nil
}

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

func (i *Identity) Cursor(ctx context.Context) (string, error) {
	response, err := i.feed.GetCursor(asSystem(ctx), &identityv1.GetCursorRequest{})
	return response.GetCursor(), failed(err)
}

func (i *Identity) Newest(ctx context.Context) (string, error) {
	response, err := i.feed.GetCursor(asSystem(ctx), &identityv1.GetCursorRequest{})
	return response.GetNewestCursor(), failed(err)
}

func (i *Identity) Changes(ctx context.Context, organizationID, after string, limit int) (core.ChangePage, error) {
	response, err := i.feed.ListChanges(asSystem(ctx), &identityv1.ListChangesRequest{
		OrganizationId: organizationID, AfterCursor: after, PageSize: int32(limit), //nolint:gosec // at most 1,000
	})
	if err != nil {
		return core.ChangePage{}, failed(err)
	}
	page := core.ChangePage{
		Next: response.GetNextCursor(), More: response.GetMore(), AsOf: timeFromProto(response.GetAsOfTime()),
		Records: make([]core.Record, len(response.GetChanges())),
	}
	for n, change := range response.GetChanges() {
		page.Records[n] = recordFromProto(change)
	}
	return page, nil
}

// timeFromProto returns the zero time for nil.
func timeFromProto(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// recordFromProto sets the id that a change concerns: of the user that changed, of the member that joined or left, else of the group,
// or of the directory that was deleted.
func recordFromProto(c *identityv1.Change) core.Record {
	r := core.Record{Cursor: c.GetCursor(), MessageID: c.GetMessageId(), Traceparent: c.GetTraceparent(), Time: c.GetChangeTime().AsTime()}
	group := identityv1.ResourceType_RESOURCE_TYPE_GROUP
	member := c.GetKind() == identityv1.ChangeKind_CHANGE_KIND_MEMBER_ADDED || c.GetKind() == identityv1.ChangeKind_CHANGE_KIND_MEMBER_REMOVED
	switch {
	case c.GetKind() == identityv1.ChangeKind_CHANGE_KIND_DIRECTORY_CLOSED:
		r.ClosedID = c.GetResourceId()
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

func (i *Identity) Activity(ctx context.Context, after string, on func(core.Activity) error) error {
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
		a := core.Activity{OrganizationIDs: response.GetOrganizationIds(), Cursor: response.GetCursor(), AsOf: timeFromProto(response.GetAsOfTime())}
		if err := on(a); err != nil {
			return err
		}
	}
}
