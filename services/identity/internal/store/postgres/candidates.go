package postgres

import (
	"context"
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// candidates runs a look-up that ends with a condition on a column. Its first two arguments are $1 and $2, the limit is $3,
// and the bounds are the last ones.
func (s *Store) candidates(ctx context.Context, lookup, column string, c scim.Condition, limit int, first, second any) ([]string, error) {
	args := []any{first, second, limit, c.Low}
	condition := column + ` >= $4`
	switch {
	case len(c.Values) > 0:
		condition = column + ` = ANY ($4::text[])`
		args[3] = c.Values
	case c.Low == c.High:
		condition = column + ` = $4`
	case c.High != "":
		condition += ` AND ` + column + ` <= $5`
		args = append(args, c.High)
	}
	return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], lookup+condition+` LIMIT $3`, args...)
}

// Candidates implements store.Store.
func (s *Store) Candidates(ctx context.Context, scope store.Scope, t store.Type, c scim.Condition, limit int) ([]string, error) {
	table := tables[t]
	org, directory := scope.OrganizationID, scope.DirectoryID
	switch {
	case c.Attribute == "id":
		return s.candidates(ctx, table.candidates, `id`, c, limit, org, directory)
	case c.Attribute == table.name:
		return s.candidates(ctx, table.candidates, table.nameColumn, c, limit, org, directory)
	case c.Attribute == "externalId":
		return s.candidates(ctx, table.candidates+`external_id <> '' AND `, `external_id`, c, limit, org, directory)
	case t == store.User:
		return s.userCandidates(ctx, scope, c, limit)
	case c.Attribute == "members":
		return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], `SELECT m.group_id FROM members m
			WHERE m.organization_id = $1 AND m.member_id = $4 AND `+isVisible+` LIMIT $3`, org, directory, limit, c.Low)
	}
	return nil, fmt.Errorf("a %s has no index on %q", t, c.Attribute)
}

// userCandidates looks up what users alone have.
func (s *Store) userCandidates(ctx context.Context, scope store.Scope, c scim.Condition, limit int) ([]string, error) {
	switch c.Attribute {
	case "active":
		return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], tables[store.User].candidates+`NOT active LIMIT $3`,
			scope.OrganizationID, scope.DirectoryID, limit)
	case "groups":
		return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], `WITH RECURSIVE inside (id) AS (
				SELECT $2::text COLLATE "C"
				UNION
				SELECT m.member_id FROM inside CROSS JOIN LATERAL (SELECT member_id FROM members
					WHERE organization_id = $1 AND group_id = inside.id AND member_group `+eachByItself+`) m)
			SELECT m.member_id FROM inside CROSS JOIN LATERAL (SELECT member_id FROM members
				WHERE organization_id = $1 AND group_id = inside.id AND NOT member_group `+eachByItself+`) m LIMIT $3`,
			scope.OrganizationID, c.Low, limit)
	}
	return s.candidates(ctx, `SELECT user_id FROM search_values WHERE organization_id = $1 AND attribute = $2 AND `, `value`, c, limit,
		scope.OrganizationID, c.Attribute)
}
