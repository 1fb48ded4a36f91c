package server

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/core"
	"github.com/usher-scim/usher/services/internal/fault"
)

// methods are those that core has for one resource type.
type methods struct {
	get     func(ctx context.Context, c core.Call, id string) (core.Resource, error)
	read    func(ctx context.Context, c core.Call, id string, begin func(core.Resource) error, part func([]byte) error) error
	list    func(ctx context.Context, c core.Call, q core.Query) (core.Page, error)
	remove  func(ctx context.Context, c core.Call, id string, versions []int64) (core.Outcome, error)
	create  func(ctx context.Context, c core.Call, body []byte) (core.Resource, core.Outcome, error)
	replace func(ctx context.Context, c core.Call, id string, body []byte, versions []int64) (core.Resource, core.Outcome, error)
	patch   func(ctx context.Context, c core.Call, id string, body []byte, versions []int64, render bool) (core.Resource, core.Outcome, error)
}

// byType gives the methods of each resource type by its SCIM name.
func byType(c *core.Core) map[string]methods {
	return map[string]methods{
		"User": {
			get: c.User, list: c.Users, remove: c.DeleteUser,
			create: c.CreateUser, replace: c.ReplaceUser, patch: c.PatchUser,
			read: func(ctx context.Context, call core.Call, id string, begin func(core.Resource) error, part func([]byte) error) error {
				user, err := c.User(ctx, call, id)
				if err != nil {
					return err
				}
				document := user.Document
				user.Document = nil
				if err := begin(user); err != nil {
					return err
				}
				return part(document)
			},
		},
		"Group": {
			get: c.Group, read: c.ReadGroup, list: c.Groups, remove: c.DeleteGroup,
			create: c.CreateGroup, replace: c.ReplaceGroup, patch: c.PatchGroup,
		},
	}
}

// of finds the methods of a resource type.
func (s *Server) of(resourceType string) (methods, error) {
	m, ok := s.types[resourceType]
	if !ok {
		return m, fault.Invalid("target.resource_type", "must be User or Group, not %q", resourceType)
	}
	return m, nil
}
