package core

import (
	"context"
	"strings"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
)

// DescribeTypes describes the resource types of an open or closed directory (RFC 7644 §4): all of them, or the one with the
// id.
func (c *Core) DescribeTypes(ctx context.Context, call Call, id string) ([]*identityv1.Description, error) {
	types, err := c.resourceTypes(ctx, call)
	if err != nil {
		return nil, err
	}
	return describe(types, call.BaseURL, func(t *scim.ResourceType) (string, bool) { return t.ID, id == "" || t.ID == id })
}

// DescribeSchemas describes the schemas of an open or closed directory (RFC 7644 §4): all of them, or the one with the id.
func (c *Core) DescribeSchemas(ctx context.Context, call Call, id string) ([]*identityv1.Description, error) {
	types, err := c.resourceTypes(ctx, call)
	if err != nil {
		return nil, err
	}
	return describe(scim.SchemasOf(types), call.BaseURL, func(s *scim.Schema) (string, bool) {
		return s.ID, id == "" || strings.EqualFold(s.ID, id) // URNs compare without regard to case
	})
}

// resourceTypes returns the types of an open or closed directory, users first. It waits briefly for a new directory.
func (c *Core) resourceTypes(ctx context.Context, call Call) ([]*scim.ResourceType, error) {
	if _, err := c.directory(ctx, call.Scope); err != nil && !fault.Is(err, fault.Deleted) {
		return nil, err
	}
	t, err := c.typesOf(ctx, call.Scope)
	return []*scim.ResourceType{t[store.User], t[store.Group]}, err
}

func describe[T interface {
	Render(baseURL string) ([]byte, error)
}](all []T, baseURL string, wanted func(T) (id string, ok bool)) ([]*identityv1.Description, error) {
	var found []*identityv1.Description
	for _, one := range all {
		id, ok := wanted(one)
		if !ok {
			continue
		}
		document, err := one.Render(baseURL)
		if err != nil {
			return nil, err
		}
		found = append(found, &identityv1.Description{Id: id, Document: document})
	}
	if len(found) == 0 {
		return nil, fault.New(fault.NotFound, "there is no such description")
	}
	return found, nil
}
