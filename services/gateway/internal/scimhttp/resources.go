package scimhttp

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

// kind is a kind of resource.
type kind int

const (
	users kind = iota + 1
	groups
)

// name is the kind's name as SCIM has it.
func (k kind) name() string {
	if k == groups {
		return "Group"
	}
	return "User"
}

// endpoint is where resources of the kind are, below the Base URL.
func (k kind) endpoint() string { return "/" + k.name() + "s" }

// write is a change to one resource, for any of the writing RPCs.
type write struct {
	target     *identityv1.Target
	id         string
	document   []byte
	ifMatch    []int64
	projection *identityv1.Projection
	omit       bool
}

// resources is identity's service for one kind. Users and groups have services of their own with the same messages under
// other names.
type resources interface {
	create(ctx context.Context, w write) (*identityv1.Resource, *identityv1.WriteResult, error)
	get(ctx context.Context, target *identityv1.Target, id string, p *identityv1.Projection) (*identityv1.Resource, error)
	replace(ctx context.Context, w write) (*identityv1.Resource, *identityv1.WriteResult, error)
	patch(ctx context.Context, w write) (*identityv1.Resource, *identityv1.WriteResult, error)
	remove(ctx context.Context, w write) (*identityv1.WriteResult, error)
	list(ctx context.Context, target *identityv1.Target, q *identityv1.ListQuery, p *identityv1.Projection) (*identityv1.ListResult, error)
}

type userResources struct{ client identityv1.UserServiceClient }

func (u userResources) create(ctx context.Context, w write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	r, err := u.client.CreateUser(ctx, &identityv1.CreateUserRequest{
		Target: w.target, Document: w.document, Projection: w.projection,
	})
	return r.GetResource(), r.GetResult(), err
}

func (u userResources) get(ctx context.Context, target *identityv1.Target, id string, p *identityv1.Projection) (*identityv1.Resource, error) {
	r, err := u.client.GetUser(ctx, &identityv1.GetUserRequest{Target: target, Id: id, Projection: p})
	return r.GetResource(), err
}

func (u userResources) replace(ctx context.Context, w write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	r, err := u.client.ReplaceUser(ctx, &identityv1.ReplaceUserRequest{
		Target: w.target, Id: w.id, Document: w.document, IfMatch: w.ifMatch, Projection: w.projection,
	})
	return r.GetResource(), r.GetResult(), err
}

func (u userResources) patch(ctx context.Context, w write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	r, err := u.client.PatchUser(ctx, &identityv1.PatchUserRequest{
		Target: w.target, Id: w.id, Document: w.document, IfMatch: w.ifMatch, Projection: w.projection, OmitResource: w.omit,
	})
	return r.GetResource(), r.GetResult(), err
}

func (u userResources) remove(ctx context.Context, w write) (*identityv1.WriteResult, error) {
	r, err := u.client.DeleteUser(ctx, &identityv1.DeleteUserRequest{Target: w.target, Id: w.id, IfMatch: w.ifMatch})
	return r.GetResult(), err
}

func (u userResources) list(ctx context.Context, target *identityv1.Target, q *identityv1.ListQuery, p *identityv1.Projection) (*identityv1.ListResult, error) {
	r, err := u.client.ListUsers(ctx, &identityv1.ListUsersRequest{Target: target, Query: q, Projection: p})
	return r.GetResult(), err
}

type groupResources struct{ client identityv1.GroupServiceClient }

func (g groupResources) create(ctx context.Context, w write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	r, err := g.client.CreateGroup(ctx, &identityv1.CreateGroupRequest{
		Target: w.target, Document: w.document, Projection: w.projection,
	})
	return r.GetResource(), r.GetResult(), err
}

func (g groupResources) get(ctx context.Context, target *identityv1.Target, id string, p *identityv1.Projection) (*identityv1.Resource, error) {
	r, err := g.client.GetGroup(ctx, &identityv1.GetGroupRequest{Target: target, Id: id, Projection: p})
	return r.GetResource(), err
}

func (g groupResources) replace(ctx context.Context, w write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	r, err := g.client.ReplaceGroup(ctx, &identityv1.ReplaceGroupRequest{
		Target: w.target, Id: w.id, Document: w.document, IfMatch: w.ifMatch, Projection: w.projection,
	})
	return r.GetResource(), r.GetResult(), err
}

func (g groupResources) patch(ctx context.Context, w write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	r, err := g.client.PatchGroup(ctx, &identityv1.PatchGroupRequest{
		Target: w.target, Id: w.id, Document: w.document, IfMatch: w.ifMatch, Projection: w.projection, OmitResource: w.omit,
	})
	return r.GetResource(), r.GetResult(), err
}

func (g groupResources) remove(ctx context.Context, w write) (*identityv1.WriteResult, error) {
	r, err := g.client.DeleteGroup(ctx, &identityv1.DeleteGroupRequest{Target: w.target, Id: w.id, IfMatch: w.ifMatch})
	return r.GetResult(), err
}

func (g groupResources) list(ctx context.Context, target *identityv1.Target, q *identityv1.ListQuery, p *identityv1.Projection) (*identityv1.ListResult, error) {
	r, err := g.client.ListGroups(ctx, &identityv1.ListGroupsRequest{Target: target, Query: q, Projection: p})
	return r.GetResult(), err
}
