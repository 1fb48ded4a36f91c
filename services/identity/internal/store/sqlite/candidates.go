package sqlite

import (
	"context"
	"fmt"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
)

// between is that a column lies where a condition says. Its bounds are the last arguments.
func between(column string, c scim.Condition) (condition string, bounds []any) {
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
func (s *Store) candidates(ctx context.Context, lookup, column string, c scim.Condition, limit int, args ...any) ([]string, error) {
	condition, bounds := between(column, c)
	return read(ctx, s.db, value[string], lookup+condition+` LIMIT ?`, append(append(args, bounds...), limit)...)
}

// Candidates implements store.Store.
func (s *Store) Candidates(ctx context.Context, scope store.Scope, t store.Type, c scim.Condition, limit int) ([]string, error) {
	table := tables[t]
	org, directory := scope.OrganizationID, scope.DirectoryID
	switch {
	case c.Attribute == "id":
		return s.candidates(ctx, table.candidates, `id`, c, limit, org, directory)
	case c.Attribute == table.name && t == store.Group:
		// Names are indexed in the organization, since many groups may have one.
		return s.candidates(ctx, `SELECT id FROM groups WHERE organization_id = ? AND `, table.nameColumn, c, limit, org)
	case c.Attribute == table.name:
		return s.candidates(ctx, table.candidates, table.nameColumn, c, limit, org, directory)
	case c.Attribute == "externalId":
		return s.candidates(ctx, table.candidates+`external_id <> '' AND `, `external_id`, c, limit, org, directory)
	case t == store.User:
		return s.userCandidates(ctx, scope, c, limit)
	case c.Attribute == "members":
		return read(ctx, s.db, value[string], `SELECT group_id FROM members WHERE organization_id = ?1 AND member_id = ?3
				AND (EXISTS (SELECT 1 FROM users WHERE organization_id = ?1 AND id = ?3 AND directory_id = ?2)
					OR EXISTS (SELECT 1 FROM groups WHERE organization_id = ?1 AND id = ?3 AND directory_id = ?2)) LIMIT ?4`,
			org, directory, c.Low, limit)
	}
	return nil, fmt.Errorf("a %s has no index on %q", t, c.Attribute)
}

// userCandidates looks up what users alone have.
func (s *Store) userCandidates(ctx context.Context, scope store.Scope, c scim.Condition, limit int) ([]string, error) {
	switch c.Attribute {
	case "active":
		return read(ctx, s.db, value[string], `SELECT id FROM users INDEXED BY users_inactive
			WHERE organization_id = ? AND directory_id = ? AND active = 0 LIMIT ?`, scope.OrganizationID, scope.DirectoryID, limit)
	case "groups":
		// See list for CROSS JOIN.
		return read(ctx, s.db, value[string], `WITH RECURSIVE inside (id) AS (
				SELECT ?2
				UNION
				SELECT m.member_id FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.group_id = inside.id AND m.member_group = 1)
			SELECT m.member_id FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.group_id = inside.id AND m.member_group = 0
			LIMIT ?3`, scope.OrganizationID, c.Low, limit)
	}
	return s.candidates(ctx, `SELECT user_id FROM search_values WHERE organization_id = ? AND attribute = ? AND `, `value`, c, limit,
		scope.OrganizationID, c.Attribute)
}
