package scimhttp

import (
	"context"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func (h *Handler) list(ctx context.Context, m *message, o operation) (*response, error) {
	if o.kind == "" {
		return h.across(ctx, m, o.parameters)
	}
	return h.listOf(ctx, m, o.kind, o.query, o.projection)
}

func (h *Handler) listOf(ctx context.Context, m *message, k kind, q *identityv1.ListQuery, p *identityv1.Projection) (*response, error) {
	found, err := h.find(ctx, m, k, q, p)
	if err != nil {
		return nil, err
	}
	page := listPage{total: found.TotalResults, next: found.GetNextCursor()}
	if q.Cursor == nil {
		page.start = max(found.GetStartIndex(), 1)
	}
	if err := h.fill(ctx, m, &page, k, found, p); err != nil {
		return nil, err
	}
	return page.response(), nil
}

// find asks identity for a page of one kind.
func (h *Handler) find(ctx context.Context, m *message, k kind, q *identityv1.ListQuery, p *identityv1.Projection) (*identityv1.ListResult, error) {
	answer, err := h.d.Resources.ListResources(ctx, &identityv1.ListResourcesRequest{Target: m.target(k), Query: q, Projection: p})
	return answer.GetResult(), err
}

// fill adds what was found to a page. A large group is the last of what is found.
func (h *Handler) fill(ctx context.Context, m *message, page *listPage, k kind, found *identityv1.ListResult, p *identityv1.Projection) (err error) {
	for _, resource := range found.GetResources() {
		if resource.GetLarge() {
			page.large, err = h.open(ctx, m, k, resource.GetId(), p)
			if err != nil && rpc.Fault(err).Reason == fault.NotFound {
				return nil // it was deleted meanwhile
			}
			return err
		}
		page.documents = append(page.documents, resource.GetDocument())
	}
	return nil
}
