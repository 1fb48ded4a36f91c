package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	listEdgesAbove = statements.Load("list_edges_above", "organization_id", "ids", "limit")
	listEdgesBelow = statements.Load("list_edges_below", "organization_id", "ids", "limit")
)

// edgeReader reads edges outwards. It visits each user or group once, however many paths lead to it, and reads its memberships at
// that time, so it reads little beyond the limit. See jsonSet for CROSS JOIN.
type edgeReader struct {
	q              sqlitedb.Reader
	organizationID string
}

func (e edgeReader) Above(ctx context.Context, members []string, limit int) ([]store.Edge, error) {
	return sqlitedb.ReadAll(ctx, e.q, rows.Edge, listEdgesAbove, e.organizationID, jsonSet(members), limit)
}

func (e edgeReader) Below(ctx context.Context, groups []string, limit int) ([]store.Edge, error) {
	return sqlitedb.ReadAll(ctx, e.q, rows.Edge, listEdgesBelow, e.organizationID, jsonSet(groups), limit)
}
