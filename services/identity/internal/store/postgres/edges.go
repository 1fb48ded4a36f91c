package postgres

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// walk reads memberships m of organization $1 whose column from is one of seed, a query of ids, or a group that was found so,
// in column to. Each user or group is met once, however many ways lead to it, and its memberships are read as it is met, so that
// nothing is read far beyond the limit.
func walk(seed, from, to, condition, limit string) string {
	edges := `CROSS JOIN LATERAL (SELECT member_id, group_id FROM members
		WHERE organization_id = $1 AND ` + from + ` = inside.id` + condition + ` ` + eachByItself + `) m`
	return `WITH RECURSIVE inside (id) AS (
			` + seed + `
			UNION
			SELECT m.` + to + ` FROM inside ` + edges + `)
		SELECT m.member_id, m.group_id FROM inside ` + edges + ` LIMIT ` + limit
}

// eachNamed is a query of the ids $2.
const eachNamed = `SELECT unnest($2::text[]) COLLATE "C"`

// above reads the memberships of a seed and of all the groups that these lead to.
func above(seed, limit string) string { return walk(seed, "member_id", "group_id", "", limit) }

// edgeReader implements store.EdgeReader.
type edgeReader struct {
	q              sqldb.Reader
	organizationID string
}

// Above implements store.EdgeReader.
func (e edgeReader) Above(ctx context.Context, members []string, limit int) ([]store.Edge, error) {
	return sqldb.ReadAll(ctx, e.q, rows.Edge, above(eachNamed, `$3`), e.organizationID, members, limit)
}

// Below implements store.EdgeReader.
func (e edgeReader) Below(ctx context.Context, groups []string, limit int) ([]store.Edge, error) {
	return sqldb.ReadAll(ctx, e.q, rows.Edge, walk(eachNamed, "group_id", "member_id", " AND member_group", `$3`), e.organizationID, groups, limit)
}
