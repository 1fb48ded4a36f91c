package postgres

import (
	"context"
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// candidates runs a look-up that ends with a condition on a column. Its first two arguments are $1 and $2, the limit is $3,
// and the bounds are the last ones.
func (s *Store) candidates(ctx context.Context, lookup, column string, c store.Condition, limit int, first, second any) ([]string, error) {
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

// UserCandidates implements store.Store.
func (s *Store) UserCandidates(ctx context.Context, scope store.Scope, c store.Condition, limit int) ([]string, error) {
	const users = `SELECT id FROM users WHERE organization_id = $1 AND directory_id = $2 AND `
	org, directory := scope.OrganizationID, scope.DirectoryID
	switch c.Attribute {
	case "id":
		return s.candidates(ctx, users, `id`, c, limit, org, directory)
	case "userName":
		return s.candidates(ctx, users, `user_name_folded`, c, limit, org, directory)
	case "externalId":
		return s.candidates(ctx, users+`external_id <> '' AND `, `external_id`, c, limit, org, directory)
	case "active":
		return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], users+`NOT active LIMIT $3`, org, directory, limit)
	case "groups":
		return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], `WITH RECURSIVE inside (id) AS (
				SELECT $2::text COLLATE "C"
				UNION
				SELECT m.member_id FROM inside CROSS JOIN LATERAL (SELECT member_id FROM members
					WHERE organization_id = $1 AND group_id = inside.id AND member_group `+eachByItself+`) m)
			SELECT m.member_id FROM inside CROSS JOIN LATERAL (SELECT member_id FROM members
				WHERE organization_id = $1 AND group_id = inside.id AND NOT member_group `+eachByItself+`) m LIMIT $3`,
			org, c.Low, limit)
	}
	return s.candidates(ctx, `SELECT user_id FROM search_values WHERE organization_id = $1 AND attribute = $2 AND `, `value`, c, limit,
		org, c.Attribute)
}

// UsersByID implements store.Store.
func (s *Store) UsersByID(ctx context.Context, scope store.Scope, ids []string, bytes int) ([]store.User, error) {
	return sqldb.ReadAll(ctx, s.db, userFields, within(userColumns, `u`, `SELECT u.* FROM `+eachID+`
		JOIN users u ON u.organization_id = n.organization_id AND u.id = n.id WHERE u.directory_id = $3`, ` ORDER BY u.id`, `$4`),
		scope.OrganizationID, ids, scope.DirectoryID, bytes)
}

// GroupCandidates implements store.Store.
func (s *Store) GroupCandidates(ctx context.Context, scope store.Scope, c store.Condition, limit int) ([]string, error) {
	const groups = `SELECT id FROM groups WHERE organization_id = $1 AND directory_id = $2 AND `
	org, directory := scope.OrganizationID, scope.DirectoryID
	switch c.Attribute {
	case "id":
		return s.candidates(ctx, groups, `id`, c, limit, org, directory)
	case "displayName":
		return s.candidates(ctx, groups, `display_name_folded`, c, limit, org, directory)
	case "externalId":
		return s.candidates(ctx, groups+`external_id <> '' AND `, `external_id`, c, limit, org, directory)
	case "members":
		return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], `SELECT m.group_id FROM members m
			WHERE m.organization_id = $1 AND m.member_id = $4 AND `+isVisible+` LIMIT $3`, org, directory, limit, c.Low)
	}
	return nil, fmt.Errorf("groups have no index on %q", c.Attribute)
}

// GroupsByID implements store.Store.
func (s *Store) GroupsByID(ctx context.Context, scope store.Scope, ids []string, bytes int) ([]store.Group, error) {
	return sqldb.ReadAll(ctx, s.db, groupFields, within(groupColumns, `g`, `SELECT g.* FROM `+eachID+`
		JOIN groups g ON g.organization_id = n.organization_id AND g.id = n.id WHERE g.directory_id = $3`, ` ORDER BY g.id`, `$4`),
		scope.OrganizationID, ids, scope.DirectoryID, bytes)
}
