package identitytest

import (
	"context"
	"maps"
	"slices"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// How far the contract counts.
const (
	mostCounted  = 10_000
	mostLookedAt = 1000
	mostExamples = 10
)

func (i *Identity) CountResources(_ context.Context, r *identityv1.CountResourcesRequest) (*identityv1.CountResourcesResponse, error) {
	if err := i.enter("CountResources"); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	response := &identityv1.CountResourcesResponse{}
	for _, id := range r.GetOrganizationIds() {
		c := &identityv1.ResourceCounts{OrganizationId: id}
		for _, u := range i.users {
			if u.GetOrganizationId() == id {
				c.Users++
			}
		}
		for _, g := range i.groups {
			if g.GetOrganizationId() == id {
				c.Groups++
			}
		}
		response.Counts = append(response.Counts, c)
	}
	return response, nil
}

// ListUserGroups lists all groups that the request names, or all groups of the user, in one page.
func (i *Identity) ListUserGroups(_ context.Context, r *identityv1.ListUserGroupsRequest) (*identityv1.ListUserGroupsResponse, error) {
	if err := i.sized("ListUserGroups", len(r.GetGroupIds())); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	response := &identityv1.ListUserGroupsResponse{}
	if i.users[r.GetUserId()].GetOrganizationId() != r.GetOrganizationId() {
		return response, nil
	}
	// Breadth first, so each group is reached by a shortest way.
	through := map[string][]string{}
	ends := []string{r.GetUserId()}
	for len(ends) > 0 {
		member := ends[0]
		ends = ends[1:]
		for _, group := range slices.Sorted(maps.Keys(i.parents[member])) {
			if _, met := through[group]; met {
				continue
			}
			way := slices.Clone(through[member])
			if member != r.GetUserId() {
				way = append(way, member)
			}
			through[group] = way
			ends = append(ends, group)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(through)) {
		if len(r.GetGroupIds()) > 0 && !slices.Contains(r.GetGroupIds(), id) {
			continue
		}
		g := &identityv1.UserGroup{Group: i.copyOf(i.groups[id])}
		for _, step := range through[id] {
			g.Through = append(g.Through, &identityv1.GroupStep{GroupId: step, DisplayName: i.groups[step].GetDisplayName()})
		}
		response.Groups = append(response.Groups, g)
	}
	return response, nil
}

func (i *Identity) CountMatchingUsers(_ context.Context, r *identityv1.CountMatchingUsersRequest) (*identityv1.CountMatchingUsersResponse, error) {
	if err := i.enter("CountMatchingUsers"); err != nil {
		return nil, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	matches, err := i.matcher(r)
	if err != nil {
		return nil, err
	}
	response := &identityv1.CountMatchingUsersResponse{Users: &identityv1.UserCount{}}
	for _, id := range slices.Sorted(maps.Keys(i.users)) {
		u := i.user(id)
		if u.GetOrganizationId() != r.GetOrganizationId() {
			continue
		}
		if r.GetFilter() != "" {
			if response.GetLookedAt() == mostLookedAt {
				response.Users.AtLeast = true
				break
			}
			response.LookedAt++
		}
		ok, err := matches(u)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if response.GetUsers().GetCount() == mostCounted {
			response.Users.AtLeast = true
			break
		}
		response.Users.Count++
		if len(response.GetExampleIds()) < mostExamples {
			response.ExampleIds = append(response.ExampleIds, id)
		}
	}
	return response, nil
}

// matcher returns what decides whether a user matches.
func (i *Identity) matcher(r *identityv1.CountMatchingUsersRequest) (func(u *identityv1.User) (bool, error), error) {
	switch r.GetMatch().(type) {
	case *identityv1.CountMatchingUsersRequest_Groups:
		return func(u *identityv1.User) (bool, error) {
			return slices.ContainsFunc(u.GetGroupIds(), func(id string) bool { return slices.Contains(r.GetGroups().GetIds(), id) }), nil
		}, nil
	case *identityv1.CountMatchingUsersRequest_RoleValue:
		return func(u *identityv1.User) (bool, error) {
			return slices.Contains(u.GetRoleValues(), r.GetRoleValue()), nil
		}, nil
	}
	filter, err := scim.ParseFilter(r.GetFilter(), scim.Limits{})
	if err == nil {
		err = scim.UserType().CheckFilter(filter)
	}
	if err != nil {
		return nil, fault.New(fault.InvalidFilter, "%v", err)
	}
	return func(u *identityv1.User) (bool, error) { return i.matches(u, filter) }, nil
}
