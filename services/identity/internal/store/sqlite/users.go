package sqlite

import (
	"context"
	"encoding/json"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// uniqueUser refuses a userName or externalId that another user of the directory has.
func uniqueUser(ctx context.Context, tx *sqldb.Tx, _ store.Directory, u store.Resource) error {
	taken, err := read(ctx, tx, value[string], `SELECT 'userName' FROM users
			WHERE organization_id = ?1 AND directory_id = ?2 AND user_name_folded = ?3 AND id <> ?5
		UNION ALL SELECT 'externalId' FROM users
			WHERE organization_id = ?1 AND directory_id = ?2 AND external_id = ?4 AND ?4 <> '' AND external_id <> '' AND id <> ?5`,
		u.OrganizationID, u.DirectoryID, u.NameFolded, u.ExternalID, u.ID)
	if err == nil && len(taken) > 0 {
		err = store.Taken(store.User, taken[0])
	}
	return err
}

func insertUser(ctx context.Context, tx *sqldb.Tx, u store.Resource, at *sqldb.MicroTime) error {
	if _, err := tx.Exec(ctx, `INSERT INTO users (organization_id, directory_id, id, user_name, user_name_folded, external_id,
		display_name, active, version, document, create_time, update_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`,
		u.OrganizationID, u.DirectoryID, u.ID, u.Name, u.NameFolded, u.ExternalID,
		u.DisplayName, u.Active, u.Document, at, at); err != nil {
		return err
	}
	return insertSearch(ctx, tx, u)
}

// updateUser writes a user that is in the directory from. store.ErrChanged: not in this version.
func updateUser(ctx context.Context, tx *sqldb.Tx, from string, u store.Resource, at *sqldb.MicroTime) error {
	changed, err := tx.Exec(ctx, `UPDATE users SET directory_id = ?, user_name = ?, user_name_folded = ?, external_id = ?,
		display_name = ?, active = ?, version = version + 1, document = ?, update_time = ?
		WHERE organization_id = ? AND id = ? AND directory_id = ? AND version = ?`,
		u.DirectoryID, u.Name, u.NameFolded, u.ExternalID, u.DisplayName, u.Active, u.Document,
		at, u.OrganizationID, u.ID, from, u.Version)
	if err != nil {
		return err
	}
	if changed == 0 {
		return store.ErrChanged
	}
	if _, err := tx.Exec(ctx, `DELETE FROM search_values WHERE organization_id = ? AND user_id = ?`, u.OrganizationID, u.ID); err != nil {
		return err
	}
	return insertSearch(ctx, tx, u)
}

func insertSearch(ctx context.Context, tx *sqldb.Tx, u store.Resource) error {
	for _, v := range u.Search {
		if _, err := tx.Exec(ctx, `INSERT INTO search_values (organization_id, attribute, value, user_id) VALUES (?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, u.OrganizationID, v.Attribute, v.Value, u.ID); err != nil {
			return err
		}
	}
	return nil
}

// UserGroups implements store.Store. It reads each membership around the users once, however many of them it concerns. What is above a
// group that the directory can't see does not count.
func (s *Store) UserGroups(ctx context.Context, scope store.Scope, userIDs []string) (map[string][]scim.GroupRef, error) {
	edges, err := read(ctx, s.db, func(e *edge) []any { return []any{&e.Member, &e.Group, &e.name} },
		`WITH RECURSIVE inside (id) AS (SELECT value FROM json_each(?3)`+groupsAbove+`)
		SELECT m.member_id, g.id, g.display_name`+fromInside, scope.OrganizationID, scope.DirectoryID, list(userIDs))
	if err != nil {
		return nil, err
	}
	return groupsAround(userIDs, edges), nil
}

// edge is a membership in a group of that name.
type edge struct {
	store.Edge
	name string
}

// See list for CROSS JOIN.
const (
	groupsAbove = `
			UNION
			SELECT m.group_id FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.member_id = inside.id`
	fromInside = ` FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.member_id = inside.id
		CROSS JOIN groups g ON g.organization_id = ?1 AND g.id = m.group_id AND g.directory_id = ?2`
	// edgesAround is one column more of a user r: the edges around it, as JSON. Most users have none: a statement of its own would cost
	// more than what it reads.
	edgesAround = `,
		(WITH RECURSIVE inside (id) AS (SELECT r.id` + groupsAbove + `)
			SELECT json_group_array(json_array(m.member_id, g.id, g.display_name))` + fromInside + `)`
)

// readWithEdges reads a user and, into edges, those around it.
func readWithEdges(edges *string) func(*store.Resource) []any {
	return func(r *store.Resource) []any { return append(tables[store.User].read(r), edges) }
}

// groupsOf gives the groups of the user whose edges these are.
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

// groupsAround gives the groups of each user, those that it is in by others included. Who is in none is left out.
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
			// It may be reached on several ways; it is direct if one of them is.
			in = append(in, scim.GroupRef{ID: id, Display: names[id], Direct: direct[store.Edge{Member: user, Group: id}]})
		}
		if in != nil {
			groups[user] = in
		}
	}
	return groups
}
