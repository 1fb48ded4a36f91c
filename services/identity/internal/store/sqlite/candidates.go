package sqlite

import (
	"context"
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// between is that a column lies where a condition says. Its bounds are the last arguments.
func between(column string, c store.Condition) (condition string, bounds []any) {
	switch {
	case len(c.Values) > 0:
		return column + ` IN (SELECT value FROM json_each(?))`, []any{list(c.Values)}
	case c.Low == c.High:
		return column + ` = ?`, []any{c.Low}
	case c.High == "":
		return column + ` >= ?`, []any{c.Low}
	}
	return column + ` BETWEEN ? AND ?`, []any{c.Low, c.High}
}

// candidates runs a look-up that ends with a condition on a column.
func (s *Store) candidates(ctx context.Context, lookup, column string, c store.Condition, limit int, args ...any) ([]string, error) {
	condition, bounds := between(column, c)
	rows, err := s.db.Query(ctx, lookup+condition+` LIMIT ?`, append(append(args, bounds...), limit)...)
	return sqldb.Collect(rows, err, scanString)
}

// UserCandidates implements store.Store.
func (s *Store) UserCandidates(ctx context.Context, scope store.Scope, c store.Condition, limit int) ([]string, error) {
	const users = `SELECT id FROM users WHERE organization_id = ? AND directory_id = ? AND `
	org, directory := scope.OrganizationID, scope.DirectoryID
	switch c.Attribute {
	case "id":
		return s.candidates(ctx, users, `id`, c, limit, org, directory)
	case "userName":
		return s.candidates(ctx, users, `user_name_folded`, c, limit, org, directory)
	case "externalId":
		return s.candidates(ctx, users+`external_id <> '' AND `, `external_id`, c, limit, org, directory)
	case "active":
		rows, err := s.db.Query(ctx, `SELECT id FROM users INDEXED BY users_inactive
			WHERE organization_id = ? AND directory_id = ? AND active = 0 LIMIT ?`, org, directory, limit)
		return sqldb.Collect(rows, err, scanString)
	case "groups":
		// See list for CROSS JOIN.
		rows, err := s.db.Query(ctx, `WITH RECURSIVE inside (id) AS (
				SELECT ?2
				UNION
				SELECT m.member_id FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.group_id = inside.id AND m.member_group = 1)
			SELECT m.member_id FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.group_id = inside.id AND m.member_group = 0
			LIMIT ?3`, org, c.Low, limit)
		return sqldb.Collect(rows, err, scanString)
	}
	return s.candidates(ctx, `SELECT user_id FROM search_values WHERE organization_id = ? AND attribute = ? AND `, `value`, c, limit,
		org, c.Attribute)
}

// UsersByID implements store.Store.
func (s *Store) UsersByID(ctx context.Context, scope store.Scope, ids []string, bytes int) ([]store.User, error) {
	rows, err := s.db.Query(ctx, `SELECT `+userColumns+` FROM json_each(?3) wanted
		CROSS JOIN users u ON u.organization_id = ?1 AND u.id = wanted.value AND u.directory_id = ?2`, // in the order of the ids: see UserPage
		scope.OrganizationID, scope.DirectoryID, list(ids))
	return sqldb.CollectUntil(rows, err, scanUser, full[store.User](bytes))
}

// GroupCandidates implements store.Store.
func (s *Store) GroupCandidates(ctx context.Context, scope store.Scope, c store.Condition, limit int) ([]string, error) {
	org, directory := scope.OrganizationID, scope.DirectoryID
	const groups = `SELECT id FROM groups WHERE organization_id = ? AND directory_id = ? AND `
	switch c.Attribute {
	case "id":
		return s.candidates(ctx, groups, `id`, c, limit, org, directory)
	case "displayName":
		return s.candidates(ctx, `SELECT id FROM groups WHERE organization_id = ? AND `, `display_name_folded`, c, limit, org)
	case "externalId":
		return s.candidates(ctx, groups+`external_id <> '' AND `, `external_id`, c, limit, org, directory)
	case "members":
		rows, err := s.db.Query(ctx, `SELECT group_id FROM members WHERE organization_id = ?1 AND member_id = ?3
				AND (EXISTS (SELECT 1 FROM users WHERE organization_id = ?1 AND id = ?3 AND directory_id = ?2)
					OR EXISTS (SELECT 1 FROM groups WHERE organization_id = ?1 AND id = ?3 AND directory_id = ?2)) LIMIT ?4`,
			org, directory, c.Low, limit)
		return sqldb.Collect(rows, err, scanString)
	}
	return nil, fmt.Errorf("groups have no index on %q", c.Attribute)
}

// GroupsByID implements store.Store.
func (s *Store) GroupsByID(ctx context.Context, scope store.Scope, ids []string, bytes int) ([]store.Group, error) {
	rows, err := s.db.Query(ctx, `SELECT `+groupColumns+` FROM json_each(?3) wanted
		CROSS JOIN groups g ON g.organization_id = ?1 AND g.id = wanted.value AND g.directory_id = ?2`, // in the order of the ids: see UserPage
		scope.OrganizationID, scope.DirectoryID, list(ids))
	return sqldb.CollectUntil(rows, err, scanGroup, full[store.Group](bytes))
}
