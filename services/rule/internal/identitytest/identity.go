// Package identitytest is a fake identity service in memory for the rule service's tests. It has users, groups, memberships
// and the change feed of the contract, and methods to change them and to cause failures.
package identitytest

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/wait"
)

// Identity is the fake service. Every change writes its record before it returns, like the real service.
type Identity struct {
	identityv1.UnimplementedFactsServiceServer
	identityv1.UnimplementedFeedServiceServer
	identityv1.UnimplementedReadServiceServer
	identityv1.UnimplementedPeopleServiceServer
	identityv1.UnimplementedMatchServiceServer

	mu       sync.Mutex
	epoch    int
	sequence int64
	lowWater int64
	records  []*identityv1.Change
	users    map[string]*identityv1.User
	groups   map[string]*identityv1.Group
	members  map[string]map[string]bool // by group
	parents  map[string]map[string]bool // by member
	signal   wait.Signal
	before   func(rpc string) error
	ghost    *identityv1.User
	quiet    bool
	closed   map[string]bool   // directories
	beyond   map[string]string // a sentence about the exceeded limit, by user
	failing  func(ctx context.Context, r *identityv1.StreamUserFactsRequest) error
	limit    func(rpc string, size int) error
	delayed  bool

	usersRead int
}

// New creates an identity service without users.
func New() *Identity {
	return &Identity{
		users: map[string]*identityv1.User{}, groups: map[string]*identityv1.Group{},
		members: map[string]map[string]bool{}, parents: map[string]map[string]bool{}, closed: map[string]bool{}, beyond: map[string]string{},
	}
}

// Register registers the services on r.
func (i *Identity) Register(r grpc.ServiceRegistrar) {
	identityv1.RegisterFactsServiceServer(r, i)
	identityv1.RegisterFeedServiceServer(r, i)
	identityv1.RegisterReadServiceServer(r, i)
	identityv1.RegisterPeopleServiceServer(r, i)
	identityv1.RegisterMatchServiceServer(r, i)
}

// Before sets a function that is called before every RPC with its name. Its error becomes the response. fn may change the
// data.
func (i *Identity) Before(fn func(rpc string) error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.before = fn
}

// Facts sets a function that is called before facts about users are streamed, in addition to Before. Its error becomes the
// response.
func (i *Identity) Facts(fn func(ctx context.Context, r *identityv1.StreamUserFactsRequest) error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failing = fn
}

// Limit sets a function that is called before the response with a page or a batch of some size, in addition to Before. Its
// error becomes the response.
func (i *Identity) Limit(fn func(rpc string, size int) error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.limit = fn
}

// SetBeyond makes a user's facts exceed a limit, which text describes; an empty text ends this.
func (i *Identity) SetBeyond(id, text string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.beyond[id] = text
}

// Delay stops the feed, as an open transaction does, or continues it.
func (i *Identity) Delay(delayed bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delayed = delayed
	i.signal.Notify()
}

// UsersRead is how many users were requested in reads of facts.
func (i *Identity) UsersRead() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.usersRead
}

func (i *Identity) enter(rpc string) error {
	i.mu.Lock()
	before := i.before
	i.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(rpc)
}

// sized is enter for an RPC that returns a page or a batch.
func (i *Identity) sized(rpc string, size int) error {
	i.mu.Lock()
	limit := i.limit
	i.mu.Unlock()
	if limit != nil {
		if err := limit(rpc, size); err != nil {
			return err
		}
	}
	return i.enter(rpc)
}

// # Changes of the data. Each returns the feed's cursor after the change.

// AddUser creates an active user.
func (i *Identity) AddUser(organizationID, directoryID string) (id string) {
	return i.AddUserAs(organizationID, directoryID, func(*identityv1.User) {})
}

// AddUserAs creates an active user with other attributes.
func (i *Identity) AddUserAs(organizationID, directoryID string, set func(u *identityv1.User)) (id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id = ids.New()
	i.users[id] = &identityv1.User{Id: id, OrganizationId: organizationID, DirectoryId: directoryID, Active: true}
	set(i.users[id])
	i.userChanged(id, identityv1.ChangeKind_CHANGE_KIND_CREATED)
	return id
}

// SetUser changes a user's facts.
func (i *Identity) SetUser(id string, change func(u *identityv1.User)) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i.users[id])
	return i.userChanged(id, identityv1.ChangeKind_CHANGE_KIND_UPDATED)
}

// SetActive activates or deactivates a user.
func (i *Identity) SetActive(id string, active bool) string {
	return i.SetUser(id, func(u *identityv1.User) { u.Active = active })
}

// SetRoles gives a user other role values.
func (i *Identity) SetRoles(id string, values ...string) string {
	return i.SetUser(id, func(u *identityv1.User) { u.RoleValues = values })
}

// DeleteUser deletes a user. Its groups lose it without a record of their own.
func (i *Identity) DeleteUser(id string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	u := i.users[id]
	for group := range maps.Clone(i.parents[id]) {
		i.link(group, id, false)
	}
	delete(i.users, id)
	return i.record(&identityv1.Change{OrganizationId: u.GetOrganizationId(), DirectoryId: u.GetDirectoryId(), ResourceId: id,
		ResourceType: identityv1.ResourceType_RESOURCE_TYPE_USER, Kind: identityv1.ChangeKind_CHANGE_KIND_DELETED})
}

// AddGroup creates a group with members.
func (i *Identity) AddGroup(organizationID, directoryID, name string, members ...string) (id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id = ids.New()
	i.groups[id] = &identityv1.Group{Id: id, OrganizationId: organizationID, DirectoryId: directoryID, DisplayName: name}
	i.groupChanged(id, identityv1.ChangeKind_CHANGE_KIND_CREATED)
	for _, member := range members {
		i.join(id, member)
	}
	return id
}

// RenameGroup gives a group another displayName.
func (i *Identity) RenameGroup(id, name string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.groups[id].DisplayName = name
	return i.groupChanged(id, identityv1.ChangeKind_CHANGE_KIND_UPDATED)
}

// DeleteGroup deletes a group: its members leave it. The groups that it is in lose it without a record of their own.
func (i *Identity) DeleteGroup(id string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	g := i.groups[id]
	for _, member := range slices.Sorted(maps.Keys(i.members[id])) {
		i.leave(id, member)
	}
	for parent := range maps.Clone(i.parents[id]) {
		i.link(parent, id, false)
	}
	delete(i.groups, id)
	return i.record(&identityv1.Change{OrganizationId: g.GetOrganizationId(), DirectoryId: g.GetDirectoryId(), ResourceId: id,
		ResourceType: identityv1.ResourceType_RESOURCE_TYPE_GROUP, Kind: identityv1.ChangeKind_CHANGE_KIND_DELETED})
}

// AddMember adds a user or group to a group.
func (i *Identity) AddMember(group, member string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.join(group, member)
}

// RemoveMember removes a user or group from a group.
func (i *Identity) RemoveMember(group, member string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.leave(group, member)
}

// Detach deletes a directory: its users and groups become detached. There is one record, about the directory.
func (i *Identity) Detach(organizationID, directoryID string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed[directoryID] = true
	return i.record(&identityv1.Change{OrganizationId: organizationID, DirectoryId: directoryID, ResourceId: directoryID,
		Kind: identityv1.ChangeKind_CHANGE_KIND_DIRECTORY_CLOSED})
}

// Adopt moves a detached user or group to another directory.
func (i *Identity) Adopt(id, directoryID string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	if u, ok := i.users[id]; ok {
		u.DirectoryId = directoryID
		return i.userChanged(id, identityv1.ChangeKind_CHANGE_KIND_CREATED)
	}
	g := i.groups[id]
	g.DirectoryId = directoryID
	return i.groupChanged(id, identityv1.ChangeKind_CHANGE_KIND_CREATED)
}

// Ghost returns a deleted user once more in facts, as a read that began before the deletion.
func (i *Identity) Ghost(u *identityv1.User) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ghost = u
}

// Quietly runs fn without records of its changes, as if the records were lost.
func (i *Identity) Quietly(fn func()) {
	i.setQuiet(true)
	defer i.setQuiet(false)
	fn()
}

func (i *Identity) setQuiet(quiet bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.quiet = quiet
}

// Trim removes all records, so that earlier cursors expire.
func (i *Identity) Trim() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.records, i.lowWater = nil, i.sequence
}

// Restore starts a new epoch, as a restored database does. Its streams end.
func (i *Identity) Restore() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.epoch++
	i.signal.Notify()
}

// Cursor is the feed's end.
func (i *Identity) Cursor() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.cursor(i.sequence)
}

// User returns a user's facts, or nil for a missing user.
func (i *Identity) User(id string) *identityv1.User {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.user(id)
}

func (i *Identity) join(group, member string) string {
	i.link(group, member, true)
	return i.memberChanged(group, member, identityv1.ChangeKind_CHANGE_KIND_MEMBER_ADDED)
}

func (i *Identity) leave(group, member string) string {
	i.link(group, member, false)
	return i.memberChanged(group, member, identityv1.ChangeKind_CHANGE_KIND_MEMBER_REMOVED)
}

func (i *Identity) link(group, member string, in bool) {
	for _, side := range []struct {
		of   map[string]map[string]bool
		a, b string
	}{{i.members, group, member}, {i.parents, member, group}} {
		if side.of[side.a] == nil {
			side.of[side.a] = map[string]bool{}
		}
		if in {
			side.of[side.a][side.b] = true
		} else {
			delete(side.of[side.a], side.b)
		}
	}
}

func (i *Identity) userChanged(id string, kind identityv1.ChangeKind) string {
	u := i.users[id]
	u.Revision++
	u.UpdateTime = timestamppb.New(time.UnixMicro(i.sequence))
	return i.record(&identityv1.Change{OrganizationId: u.GetOrganizationId(), DirectoryId: u.GetDirectoryId(), ResourceId: id,
		ResourceType: identityv1.ResourceType_RESOURCE_TYPE_USER, Kind: kind})
}

func (i *Identity) groupChanged(id string, kind identityv1.ChangeKind) string {
	g := i.groups[id]
	return i.record(&identityv1.Change{OrganizationId: g.GetOrganizationId(), DirectoryId: g.GetDirectoryId(), ResourceId: id,
		ResourceType: identityv1.ResourceType_RESOURCE_TYPE_GROUP, Kind: kind})
}

func (i *Identity) memberChanged(group, member string, kind identityv1.ChangeKind) string {
	g := i.groups[group]
	return i.record(&identityv1.Change{OrganizationId: g.GetOrganizationId(), DirectoryId: g.GetDirectoryId(), ResourceId: group,
		ResourceType: identityv1.ResourceType_RESOURCE_TYPE_GROUP, Kind: kind, MemberId: member, MemberType: i.typeOf(member)})
}

func (i *Identity) typeOf(id string) identityv1.ResourceType {
	if _, group := i.groups[id]; group {
		return identityv1.ResourceType_RESOURCE_TYPE_GROUP
	}
	return identityv1.ResourceType_RESOURCE_TYPE_USER
}

func (i *Identity) record(c *identityv1.Change) string {
	i.sequence++
	if i.quiet {
		return i.cursor(i.sequence)
	}
	c.Revision, c.MessageId, c.ChangeTime = i.sequence, MessageID(i.sequence), timestamppb.Now()
	c.Traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-" + strconv.FormatInt(1<<60+i.sequence, 16) + "-01"
	i.records = append(i.records, c)
	i.signal.Notify()
	return i.cursor(i.sequence)
}

// MessageID is the message ID of the nth record.
func MessageID(n int64) string { return "message-" + strconv.FormatInt(n, 10) }

func (i *Identity) cursor(sequence int64) string {
	return feed.Cursor{Epoch: "e" + strconv.Itoa(i.epoch), Sequence: sequence}.String()
}

func (i *Identity) place(cursor string) (int64, error) {
	c, err := feed.Parse(cursor)
	if err != nil {
		return 0, err
	}
	if err := c.CheckEpoch("e" + strconv.Itoa(i.epoch)); err != nil {
		return 0, err
	}
	if c.Sequence < i.lowWater {
		return 0, feed.Expired("trimmed")
	}
	return c.Sequence, nil
}

func (i *Identity) user(id string) *identityv1.User {
	u, ok := i.users[id]
	if !ok {
		return nil
	}
	in := map[string]bool{}
	var climb func(member string)
	climb = func(member string) {
		for group := range i.parents[member] {
			if !in[group] {
				in[group] = true
				climb(group)
			}
		}
	}
	climb(id)
	return &identityv1.User{Id: id, OrganizationId: u.GetOrganizationId(), DirectoryId: u.GetDirectoryId(), Active: u.GetActive(),
		Detached: i.closed[u.GetDirectoryId()], GroupIds: slices.Sorted(maps.Keys(in)), RoleValues: slices.Clone(u.GetRoleValues()), Revision: u.GetRevision(),
		DisplayName: u.GetDisplayName(), UpdateTime: u.GetUpdateTime()}
}

// matches reports whether a user matches a filter, which can use displayName and roles.
func (i *Identity) matches(u *identityv1.User, filter *scim.Filter) (bool, error) {
	document, err := json.Marshal(map[string]any{"userName": u.GetId(), "displayName": u.GetDisplayName(), "roles": u.GetRoleValues()})
	if err != nil {
		return false, err
	}
	made, err := scim.UserType().New(document, scim.Options{})
	if err != nil {
		return false, err
	}
	return filter.Match(scim.UserType(), made.Document, scim.Envelope{}), nil
}

// # The RPCs

func (i *Identity) GetCursor(context.Context, *identityv1.GetCursorRequest) (*identityv1.GetCursorResponse, error) {
	if err := i.enter("GetCursor"); err != nil {
		return nil, err
	}
	return &identityv1.GetCursorResponse{Cursor: i.Cursor(), NewestCursor: i.Cursor()}, nil
}

func (i *Identity) ListChanges(_ context.Context, r *identityv1.ListChangesRequest) (*identityv1.ListChangesResponse, error) {
	if err := i.sized("ListChanges", int(r.GetPageSize())); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	after, err := i.place(r.GetAfterCursor())
	if err != nil {
		return nil, err
	}
	size := int(r.GetPageSize())
	if size == 0 {
		size = 500
	}
	response := &identityv1.ListChangesResponse{NextCursor: i.cursor(i.sequence), AsOfTime: timestamppb.Now()}
	for _, c := range i.records {
		if c.GetOrganizationId() != r.GetOrganizationId() || c.GetRevision() <= after {
			continue
		}
		if len(response.Changes) == size {
			response.AsOfTime, response.More, response.NextCursor = nil, true, response.Changes[len(response.Changes)-1].GetCursor()
			break
		}
		response.Changes = append(response.Changes, &identityv1.Change{Cursor: i.cursor(c.GetRevision()), OrganizationId: c.GetOrganizationId(),
			DirectoryId: c.GetDirectoryId(), ResourceType: c.GetResourceType(), ResourceId: c.GetResourceId(), Revision: c.GetRevision(),
			Kind: c.GetKind(), MemberId: c.GetMemberId(), MemberType: c.GetMemberType(), MessageId: c.GetMessageId(),
			Traceparent: c.GetTraceparent(), ChangeTime: c.GetChangeTime()})
	}
	return response, nil
}

func (i *Identity) WatchActivity(r *identityv1.WatchActivityRequest, stream grpc.ServerStreamingServer[identityv1.WatchActivityResponse]) error {
	after := r.GetAfterCursor()
	bookmark := time.NewTicker(20 * time.Millisecond)
	defer bookmark.Stop()
	for {
		if err := i.enter("WatchActivity"); err != nil {
			return err
		}
		wake := i.signal.Wait()
		organizations, next, asOf, err := i.activity(after)
		if err != nil {
			return err
		}
		if err := stream.Send(&identityv1.WatchActivityResponse{OrganizationIds: organizations, Cursor: next, AsOfTime: asOf}); err != nil {
			return err
		}
		after = next
		select {
		case <-wake:
		case <-bookmark.C:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (i *Identity) activity(after string) (organizations []string, next string, asOf *timestamppb.Timestamp, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	at, err := i.place(after)
	if err != nil {
		return nil, "", nil, err
	}
	if i.delayed {
		return nil, i.cursor(at), nil, nil
	}
	for _, c := range i.records {
		if c.GetRevision() > at && !slices.Contains(organizations, c.GetOrganizationId()) {
			organizations = append(organizations, c.GetOrganizationId())
		}
	}
	return organizations, i.cursor(i.sequence), timestamppb.Now(), nil
}

func (i *Identity) CheckUserFilter(_ context.Context, r *identityv1.CheckUserFilterRequest) (*identityv1.CheckUserFilterResponse, error) {
	if err := i.enter("CheckUserFilter"); err != nil {
		return nil, err
	}
	filter, err := scim.ParseFilter(r.GetFilter(), scim.Limits{})
	if err == nil {
		err = scim.UserType().CheckFilter(filter)
	}
	if err != nil {
		return nil, fault.New(fault.InvalidFilter, "%v", err)
	}
	return &identityv1.CheckUserFilterResponse{}, nil
}

// StreamUserFacts sends one response for each user.
func (i *Identity) StreamUserFacts(r *identityv1.StreamUserFactsRequest, stream grpc.ServerStreamingServer[identityv1.StreamUserFactsResponse]) error {
	rpc := "StreamUserFacts"
	if r.GetStatusOnly() {
		rpc = "StreamUserFacts, status only"
	}
	if err := i.enter(rpc); err != nil {
		return err
	}
	i.mu.Lock()
	failing := i.failing
	i.mu.Unlock()
	if failing != nil {
		if err := failing(stream.Context(), r); err != nil {
			return err
		}
	}
	users, err := i.userFacts(r)
	if err != nil {
		return err
	}
	for _, u := range users {
		if err := stream.Send(&identityv1.StreamUserFactsResponse{Users: []*identityv1.UserFacts{u}}); err != nil {
			return err
		}
	}
	return nil
}

func (i *Identity) userFacts(r *identityv1.StreamUserFactsRequest) (users []*identityv1.UserFacts, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !r.GetStatusOnly() {
		i.usersRead += len(r.GetIds())
	}
	filters := make([]*scim.Filter, len(r.GetFilters()))
	for n, text := range r.GetFilters() {
		if filters[n], err = scim.ParseFilter(text, scim.Limits{}); err != nil {
			return nil, fault.New(fault.InvalidFilter, "%v", err)
		}
	}
	read := map[string]*identityv1.User{}
	for _, id := range r.GetIds() {
		if u := i.user(id); u != nil && u.GetOrganizationId() == r.GetOrganizationId() {
			read[id] = u
		}
	}
	if i.ghost != nil {
		read[i.ghost.GetId()], i.ghost = i.ghost, nil
	}
	for _, id := range slices.Sorted(maps.Keys(read)) {
		u := read[id]
		f := &identityv1.UserFacts{Id: id, DirectoryId: u.GetDirectoryId(), Active: u.GetActive(), Detached: u.GetDetached(),
			Revision: u.GetRevision(), UpdateTime: u.GetUpdateTime()}
		users = append(users, f)
		if r.GetStatusOnly() || !u.GetActive() || u.GetDetached() {
			continue
		}
		if f.BeyondLimit = i.beyond[id]; f.GetBeyondLimit() != "" {
			continue
		}
		f.GroupIds = u.GetGroupIds()
		for n, value := range r.GetRoleValues() {
			if slices.Contains(u.GetRoleValues(), value) {
				f.RoleValues = append(f.RoleValues, int32(n))
			}
		}
		for n, filter := range filters {
			matches, err := i.matches(u, filter)
			if err != nil {
				return nil, err
			}
			if matches {
				f.MatchedFilters = append(f.MatchedFilters, int32(n))
			}
		}
	}
	return users, nil
}

func (i *Identity) ListUserIds(_ context.Context, r *identityv1.ListUserIdsRequest) (*identityv1.ListUserIdsResponse, error) {
	if err := i.sized("ListUserIds", int(r.GetPageSize())); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []string
	for id, u := range i.users {
		if u.GetOrganizationId() == r.GetOrganizationId() {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	found, next, err := paged(all, r.GetPageSize(), r.GetPageToken(), func(id string) string { return id }, "users", r.GetOrganizationId())
	return &identityv1.ListUserIdsResponse{Ids: found, NextPageToken: next}, err
}

func (i *Identity) FindGroups(_ context.Context, r *identityv1.FindGroupsRequest) (*identityv1.FindGroupsResponse, error) {
	if err := i.sized("FindGroups", int(r.GetPageSize())); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []*identityv1.Group
	for _, g := range i.groups {
		if g.GetOrganizationId() == r.GetOrganizationId() && scim.Casefold(g.GetDisplayName()) == scim.Casefold(r.GetDisplayName()) {
			all = append(all, i.copyOf(g))
		}
	}
	slices.SortFunc(all, func(a, b *identityv1.Group) int { return cmp.Compare(a.GetId(), b.GetId()) })
	found, next, err := paged(all, r.GetPageSize(), r.GetPageToken(), (*identityv1.Group).GetId, "groups", r.GetOrganizationId())
	return &identityv1.FindGroupsResponse{Groups: found, NextPageToken: next}, err
}

func (i *Identity) BatchGetGroups(_ context.Context, r *identityv1.BatchGetGroupsRequest) (*identityv1.BatchGetGroupsResponse, error) {
	if err := i.sized("BatchGetGroups", len(r.GetIds())); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	response := &identityv1.BatchGetGroupsResponse{}
	for _, id := range r.GetIds() {
		if g, ok := i.groups[id]; ok && g.GetOrganizationId() == r.GetOrganizationId() {
			response.Groups = append(response.Groups, i.copyOf(g))
		}
	}
	return response, nil
}

func (i *Identity) ListMembers(_ context.Context, r *identityv1.ListMembersRequest) (*identityv1.ListMembersResponse, error) {
	if err := i.sized("ListMembers", int(r.GetPageSize())); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []string
	if i.groups[r.GetGroupId()].GetOrganizationId() == r.GetOrganizationId() {
		all = slices.Sorted(maps.Keys(i.members[r.GetGroupId()]))
	}
	found, next, err := paged(all, r.GetPageSize(), r.GetPageToken(), func(id string) string { return id }, "members", r.GetGroupId())
	response := &identityv1.ListMembersResponse{NextPageToken: next}
	for _, id := range found {
		response.Members = append(response.Members, &identityv1.Member{Id: id, Type: i.typeOf(id)})
	}
	return response, err
}

func (i *Identity) copyOf(g *identityv1.Group) *identityv1.Group {
	return &identityv1.Group{Id: g.GetId(), OrganizationId: g.GetOrganizationId(), DirectoryId: g.GetDirectoryId(),
		DisplayName: g.GetDisplayName(), Detached: i.closed[g.GetDirectoryId()]}
}

func paged[T any](all []T, size int32, token string, key func(T) string, list ...string) ([]T, string, error) {
	after, err := page.After(token, 1, list...)
	if err != nil {
		return nil, "", err
	}
	all = slices.DeleteFunc(all, func(item T) bool { return key(item) <= after[0] })
	found, more := page.Cut(all, page.Size(size))
	if !more {
		return found, "", nil
	}
	return found, page.Token([]string{key(found[len(found)-1])}, list...), nil
}

// Unavailable is an error for functions given to Before.
func Unavailable() error { return fault.New(fault.Unavailable, "not now").Retry(time.Millisecond) }

// Failing is another such error: of a call that took too long, exceeded a limit, or met unreadable data.
func Failing(reason fault.Reason) error { return fault.New(reason, "it cannot be done") }
