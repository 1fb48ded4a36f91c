package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
)

// edgeReader implements store.EdgeReader. Each user or group is met once, however many ways lead to it, and its memberships are read
// as it is met, so that nothing is read far beyond the limit. See list for CROSS JOIN.
type edgeReader struct {
	q              queryer
	organizationID string
}

// Above implements store.EdgeReader.
func (e edgeReader) Above(ctx context.Context, members []string, limit int) ([]store.Edge, error) {
	return read(ctx, e.q, rows.Edge, `WITH RECURSIVE inside (id) AS (
			SELECT value FROM json_each(?2)
			UNION
			SELECT m.group_id FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.member_id = inside.id)
		SELECT m.member_id, m.group_id FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.member_id = inside.id LIMIT ?3`,
		e.organizationID, list(members), limit)
}

// Below implements store.EdgeReader.
func (e edgeReader) Below(ctx context.Context, groups []string, limit int) ([]store.Edge, error) {
	return read(ctx, e.q, rows.Edge, `WITH RECURSIVE inside (id) AS (
			SELECT value FROM json_each(?2)
			UNION
			SELECT m.member_id FROM inside CROSS JOIN members m INDEXED BY members_nested
				ON m.organization_id = ?1 AND m.group_id = inside.id AND m.member_group = 1)
		SELECT m.member_id, m.group_id FROM inside CROSS JOIN members m INDEXED BY members_nested
			ON m.organization_id = ?1 AND m.group_id = inside.id AND m.member_group = 1 LIMIT ?3`,
		e.organizationID, list(groups), limit)
}
