package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	searchUsersByName   = statements.Load("search_users_by_name", "organization_id", "value", "id", "high", "limit")
	searchUsersByNameIn = statements.Load("search_users_by_name_in", "organization_id", "directory_id", "value", "id", "high", "limit")
	searchUsersByValue  = statements.Load("search_users_by_value", "organization_id", "attribute", "low", "value", "id", "high", "limit")
	searchGroups        = statements.Load("search_groups", "organization_id", "value", "id", "high", "limit")
)

// searched are the attributes of the search values that the other parts of a search look at.
var searched = map[store.Part]string{store.ByDisplayName: "displayName", store.ByEmail: "emails"}

func (s *Store) SearchUsers(ctx context.Context, organizationID string, q store.Search, limit int) ([]store.Found, error) {
	switch {
	case q.Part != store.ByUserName:
		return sqlitedb.ReadAll(ctx, s.db, rows.FoundUser, searchUsersByValue, organizationID, searched[q.Part], q.Low, q.Value, q.ID, q.High, limit)
	case q.DirectoryID != "":
		return sqlitedb.ReadAll(ctx, s.db, rows.FoundUser, searchUsersByNameIn, organizationID, q.DirectoryID, q.Value, q.ID, q.High, limit)
	}
	return sqlitedb.ReadAll(ctx, s.db, rows.FoundUser, searchUsersByName, organizationID, q.Value, q.ID, q.High, limit)
}

func (s *Store) SearchGroups(ctx context.Context, organizationID string, q store.Search, limit int) ([]store.Found, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.FoundGroup, searchGroups, organizationID, q.Value, q.ID, q.High, limit)
}
