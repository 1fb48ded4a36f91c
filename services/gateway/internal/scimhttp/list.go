package scimhttp

import (
	"context"
	"regexp"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scim"
)

// oneComparison is a filter such as an IdP uses to look up a user.
var oneComparison = regexp.MustCompile(`(?i)^\s*\S+\s+eq\s+"(?:[^"\\]|\\.)*"\s*$`)

// heavy reports whether a list may use the processor for a long time: it is sorted, has more than a usual page, or its filter is more than
// one comparison.
func heavy(q *identityv1.ListQuery) bool {
	return q.GetSortBy() != "" || q.GetCount() > scim.DefaultPageSize || q.GetFilter() != "" && !oneComparison.MatchString(q.GetFilter())
}

// list answers with a page of one kind of resources or, at the root, of all kinds.
func (h *Handler) list(ctx context.Context, m *message, o operation) (*response, error) {
	if heavy(o.query) {
		if err := m.turn.Grow(ctx); err != nil {
			return nil, err
		}
	}
	answer, err := h.d.Resources.ListResources(ctx, &identityv1.ListResourcesRequest{Target: m.target(o.kind), Query: o.query, Projection: o.projection})
	if err != nil {
		return nil, err
	}
	found := answer.GetResult()
	page := listPage{total: found.TotalResults, next: found.GetNextCursor()}
	if o.query.Cursor == nil {
		page.start = max(found.GetStartIndex(), 1)
	}
	for _, resource := range found.GetResources() {
		if resource.GetLarge() { // a group, and the last one of the page
			page.large, err = h.open(ctx, m, groups, resource.GetId(), o.projection)
			if err != nil && rpc.Fault(err).Reason != fault.NotFound { // it was deleted meanwhile
				return nil, err
			}
			break
		}
		page.documents = append(page.documents, resource.GetDocument())
	}
	return page.response(), nil
}
