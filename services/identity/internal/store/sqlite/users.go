package sqlite

import (
	"context"
	"encoding/json"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	findTaken  = statements.Load("find_taken", "organization_id", "directory_id", "user_name_folded", "external_id", "id")
	insertUser = statements.Load("insert_user", "organization_id", "directory_id", "id", "user_name", "user_name_folded",
		"external_id", "display_name", "active", "document", "time")
	updateUser = statements.Load("update_user", "directory_id", "user_name", "user_name_folded", "external_id", "display_name",
		"active", "document", "time", "organization_id", "id", "from", "version")
	deleteSearchValues = statements.Load("delete_search_values", "organization_id", "user_id")
	insertSearchValue  = statements.Load("insert_search_value", "organization_id", "attribute", "value", "user_id")
	listGroupsAround   = statements.Load("list_groups_around", "organization_id", "directory_id", "user_ids")
)

// uniqueUser refuses a userName or externalId that another user of the directory has.
func uniqueUser(ctx context.Context, tx *sqlitedb.Tx, _ store.Directory, u store.Resource) error {
	taken, err := sqlitedb.ReadAll(ctx, tx, dbtype.Value[string], findTaken,
		u.OrganizationID, u.DirectoryID, u.NameFolded, u.ExternalID, u.ID)
	if err == nil && len(taken) > 0 {
		err = store.Taken(store.User, taken[0])
	}
	return err
}

func createUser(ctx context.Context, tx *sqlitedb.Tx, u store.Resource, at *dbtype.MicroTime) error {
	if _, err := tx.Exec(ctx, insertUser, u.OrganizationID, u.DirectoryID, u.ID, u.Name, u.NameFolded, u.ExternalID,
		u.DisplayName, u.Active, u.Document, at); err != nil {
		return err
	}
	return insertSearch(ctx, tx, u)
}

// changeUser writes a user that is in the directory from. store.ErrChanged: the user has another version.
func changeUser(ctx context.Context, tx *sqlitedb.Tx, from string, u store.Resource, at *dbtype.MicroTime) error {
	changed, err := tx.Exec(ctx, updateUser, u.DirectoryID, u.Name, u.NameFolded, u.ExternalID, u.DisplayName, u.Active, u.Document,
		at, u.OrganizationID, u.ID, from, u.Version)
	if err != nil {
		return err
	}
	if changed == 0 {
		return store.ErrChanged
	}
	if _, err := tx.Exec(ctx, deleteSearchValues, u.OrganizationID, u.ID); err != nil {
		return err
	}
	return insertSearch(ctx, tx, u)
}

func insertSearch(ctx context.Context, tx *sqlitedb.Tx, u store.Resource) error {
	for _, v := range u.Search {
		if _, err := tx.Exec(ctx, insertSearchValue, u.OrganizationID, v.Attribute, v.Value, u.ID); err != nil {
			return err
		}
	}
	return nil
}

// UserGroups reads each membership around the users once, however many users it concerns. It ignores the groups above a group that the
// directory cannot see.
func (s *Store) UserGroups(ctx context.Context, scope store.Scope, userIDs []string) (map[string][]scim.GroupRef, error) {
	edges, err := sqlitedb.ReadAll(ctx, s.db, func(e *edge) []any { return []any{&e.Member, &e.Group, &e.name} },
		listGroupsAround, scope.OrganizationID, scope.DirectoryID, jsonSet(userIDs))
	if err != nil {
		return nil, err
	}
	return groupsAround(userIDs, edges), nil
}

// edge is a membership, with the name of the group.
type edge struct {
	store.Edge
	name string
}

// readWithEdges reads a user, and the edges around it into edges.
func readWithEdges(edges *string) func(*store.Resource) []any {
	return func(r *store.Resource) []any { return append(tables[store.User].read(r), edges) }
}

// groupsOf returns the groups of a user from the edges around it.
func groupsOf(userID, edges string) ([]scim.GroupRef, error) {
	var found [][3]string
	if err := json.Unmarshal([]byte(edges), &found); err != nil {
		return nil, err
	}
	around := make([]edge, len(found))
	for i, e := range found {
		around[i] = edge{store.Edge{Member: e[0], Group: e[1]}, e[2]}
	}
	return append([]scim.GroupRef{}, groupsAround([]string{userID}, around)[userID]...), nil
}

// groupsAround returns the groups of each user, also those that it is in through other groups. It leaves out users that are
// in none.
func groupsAround(userIDs []string, edges []edge) map[string][]scim.GroupRef {
	groups := map[string][]scim.GroupRef{}
	if len(edges) == 0 {
		return groups
	}
	names, direct, all := map[string]string{}, map[store.Edge]bool{}, make([]store.Edge, 0, len(edges))
	for _, e := range edges {
		names[e.Group], direct[e.Edge], all = e.name, true, append(all, e.Edge)
	}
	around := store.NewAround(all)
	for _, user := range userIDs {
		var in []scim.GroupRef
		for _, id := range around.Groups(user) {
			// A group may be reached on several paths; it is direct if one of them is direct.
			in = append(in, scim.GroupRef{ID: id, Display: names[id], Direct: direct[store.Edge{Member: user, Group: id}]})
		}
		if in != nil {
			groups[user] = in
		}
	}
	return groups
}
