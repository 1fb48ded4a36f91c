package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
)

// total reads what the triggers of the migration keep.
func (s *Store) total(ctx context.Context, scope store.Scope, groups bool) (total int64, err error) {
	err = s.db.QueryRow(ctx, `SELECT coalesce(max(total), 0) FROM totals WHERE organization_id = ? AND directory_id = ? AND resource_group = ?`,
		scope.OrganizationID, scope.DirectoryID, groups).Scan(&total)
	return total, err
}

// CountUsers implements store.Store.
func (s *Store) CountUsers(ctx context.Context, scope store.Scope) (int64, error) {
	return s.total(ctx, scope, false)
}

// CountGroups implements store.Store.
func (s *Store) CountGroups(ctx context.Context, scope store.Scope) (int64, error) {
	return s.total(ctx, scope, true)
}
