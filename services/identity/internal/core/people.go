package core

import (
	"context"
	"maps"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Bounds of one count of users.
const (
	mostCounted     = 10_000 // a count is exact up to this
	mostRoleCounted = 1000   // a count in a list of role values is exact up to this
)

// A count of members first reads about as many memberships as are shown. Only if users were counted several times, it reads more.
var briefly, thoroughly = store.TallyBounds{Groups: mostCounted, Memberships: mostCounted + 2000},
	store.TallyBounds{Groups: mostCounted, Memberships: 10 * mostCounted}

// GetUser reads a user of any directory, with its document, without its groups.
func (c *Core) GetUser(ctx context.Context, organizationID, id string) (*identityv1.GetUserResponse, error) {
	u, err := c.store.GetAny(ctx, organizationID, store.User, id)
	if err != nil {
		return nil, err
	}
	d, err := c.newDocuments(nil)
	if err != nil {
		return nil, err
	}
	user, err := d.facts(ctx, u, store.NewAround(nil))
	if err != nil {
		return nil, err
	}
	t, err := c.typesOf(ctx, u.Scope)
	if err != nil {
		return nil, err
	}
	// The document has no location: only the gateway knows its own address.
	o := opened{}
	document, err := t[store.User].RenderUser(nil, u.Document, o.envelope(u.Resource), nil, scim.Projection{})
	if err != nil {
		return nil, err
	}
	return &identityv1.GetUserResponse{User: user, CreateTime: timestamppb.New(u.CreateTime), Document: string(document)}, nil
}

// SizedGroup is a group, and how many users are in it.
type SizedGroup struct {
	store.Facts
	Direct, All store.Tally
}

// GetGroup reads a group of any directory.
func (c *Core) GetGroup(ctx context.Context, organizationID, id string) (g SizedGroup, err error) {
	if g.Facts, err = c.store.GetAny(ctx, organizationID, store.Group, id); err != nil {
		return g, err
	}
	if g.Direct, err = c.tallyMembers(ctx, organizationID, []string{id}, false); err != nil {
		return g, err
	}
	if g.Direct.More && g.Direct.Users == mostCounted {
		g.All = g.Direct // the count would end at the same number
		return g, nil
	}
	g.All, err = c.tallyMembers(ctx, organizationID, []string{id}, true)
	return g, err
}

// tallyMembers counts the different users in groups, up to mostCounted.
func (c *Core) tallyMembers(ctx context.Context, organizationID string, groupIDs []string, deep bool) (t store.Tally, err error) {
	for _, most := range []store.TallyBounds{briefly, thoroughly} {
		if t, err = c.store.TallyMembers(ctx, organizationID, groupIDs, deep, most); err != nil || !t.More || t.Users > mostCounted {
			break
		}
	}
	return upTo(t, mostCounted), err
}

// upTo ends a count at a number.
func upTo(t store.Tally, most int) store.Tally {
	if t.Users > most {
		t.Users, t.More = most, true
	}
	return t
}

// GroupOfUser is a group that a user is in.
type GroupOfUser struct {
	Group   store.Facts
	Through []*identityv1.GroupStep
	Carried bool
}

// UserGroups lists the groups that a user is in, directly or through others, by id, after an id, at most limit. If only is not empty, it
// lists only groups among them. next is the id of the last one, or empty after the end. fault.Limit: the user and the groups above it
// have more memberships than one call reads.
func (c *Core) UserGroups(ctx context.Context, organizationID, userID string, only []string, after string, limit int) (all []GroupOfUser, next string, err error) {
	edges, err := c.store.Above(ctx, organizationID, userID, c.config.FactsLimit+1)
	if err != nil {
		return nil, "", err
	}
	if len(edges) > c.config.FactsLimit {
		return nil, "", fault.New(fault.Limit, "user %q and the groups above it have more than %d memberships, which is the limit of one call", userID, c.config.FactsLimit)
	}
	around := store.NewAround(edges)
	in := around.Groups(userID)
	if len(only) > 0 {
		wanted := distinct(only)
		in = slices.DeleteFunc(in, func(id string) bool { _, ok := slices.BinarySearch(wanted, id); return !ok })
	}
	from, found := slices.BinarySearch(in, after)
	if found {
		from++
	}
	if in = in[from:]; len(in) > limit {
		in, next = in[:limit], in[limit-1]
	}
	all, err = c.explain(ctx, organizationID, userID, around, in)
	return all, next, err
}

// explain says how a user is in groups. It leaves out groups that were deleted meanwhile.
func (c *Core) explain(ctx context.Context, organizationID, userID string, around *store.Around, in []string) ([]GroupOfUser, error) {
	if len(in) == 0 {
		return nil, nil
	}
	paths, last := around.Paths(userID), make([]store.Edge, len(in))
	through := make([][]string, len(in))
	for i, id := range in {
		through[i] = paths(id)
		last[i] = store.Edge{Member: userID, Group: id}
		if n := len(through[i]); n > 0 {
			last[i].Member = through[i][n-1]
		}
	}
	groups, err := c.groupsByID(ctx, organizationID, slices.Concat(in, slices.Concat(through...)))
	if err != nil {
		return nil, err
	}
	found, err := c.store.CarriedEdges(ctx, organizationID, last)
	if err != nil {
		return nil, err
	}
	carried := make(map[store.Edge]bool, len(found))
	for _, e := range found {
		carried[e] = true
	}
	all := make([]GroupOfUser, 0, len(in))
	for i, id := range in {
		g, ok := groups[id]
		if !ok {
			continue
		}
		one := GroupOfUser{Group: g, Carried: carried[last[i]]}
		for _, step := range through[i] {
			one.Through = append(one.Through, &identityv1.GroupStep{GroupId: step, DisplayName: groups[step].Name})
		}
		all = append(all, one)
	}
	return all, nil
}

// groupsByID reads summaries of any number of groups.
func (c *Core) groupsByID(ctx context.Context, organizationID string, ids []string) (map[string]store.Facts, error) {
	const most = 1000
	all := map[string]store.Facts{}
	for some := range slices.Chunk(distinct(ids), most) {
		found, err := c.store.Summaries(ctx, organizationID, store.Group, some)
		if err != nil {
			return nil, err
		}
		for _, g := range found {
			all[g.ID] = g
		}
	}
	return all, nil
}

// NestedGroups lists the groups beside a group: see store.Nested. next is the id of the last one, or empty after the end.
func (c *Core) NestedGroups(ctx context.Context, organizationID, groupID string, containers bool, after string, limit int) (groups []store.Facts, next string, err error) {
	ids, err := c.store.Nested(ctx, organizationID, groupID, containers, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(ids) > limit {
		ids, next = ids[:limit], ids[limit-1]
	}
	found, err := c.groupsByID(ctx, organizationID, ids)
	if err != nil {
		return nil, "", err
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		groups = append(groups, found[id])
	}
	return groups, next, nil
}

// RoleValues lists the different role values that begin with a text, after one, at most limit, with the number of users of each up to
// mostRoleCounted.
func (c *Core) RoleValues(ctx context.Context, organizationID, prefix, after string, limit int) ([]*identityv1.RoleValue, error) {
	found, err := c.store.RoleValues(ctx, organizationID, prefix, afterAll(prefix), after, limit, mostRoleCounted+1)
	if err != nil {
		return nil, err
	}
	all := make([]*identityv1.RoleValue, 0, len(found))
	for _, v := range found {
		all = append(all, &identityv1.RoleValue{Value: v.Value, Users: UserCount(upTo(store.Tally{Users: v.Users}, mostRoleCounted))})
	}
	return all, nil
}

// UserCount converts a count.
func UserCount(t store.Tally) *identityv1.UserCount {
	return &identityv1.UserCount{Count: int32(t.Users), AtLeast: t.More} //nolint:gosec // see mostCounted
}

// NameMembers fills the names and states of members that exist.
func (c *Core) NameMembers(ctx context.Context, organizationID string, members []*identityv1.Member) error {
	byType := map[identityv1.ResourceType][]string{}
	for _, m := range members {
		byType[m.GetType()] = append(byType[m.GetType()], m.GetId())
	}
	users, err := c.store.Names(ctx, organizationID, byType[identityv1.ResourceType_RESOURCE_TYPE_USER])
	if err != nil {
		return err
	}
	groups, err := c.groupsByID(ctx, organizationID, byType[identityv1.ResourceType_RESOURCE_TYPE_GROUP])
	if err != nil {
		return err
	}
	named := make(map[string]store.Resource, len(members))
	for _, u := range users {
		named[u.ID] = u
	}
	for id, g := range groups {
		named[id] = g.Resource
	}
	for _, m := range members {
		r, ok := named[m.GetId()]
		if !ok {
			continue
		}
		m.Name = r.Name
		if r.Type == store.User {
			m.Inactive = !r.Active
			if r.DisplayName != r.Name { // a user without one is stored with its userName
				m.DisplayName = r.DisplayName
			}
		}
	}
	return nil
}
