package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const userColumns = `u.organization_id, u.directory_id, u.id, u.user_name, u.user_name_folded, u.external_id, u.display_name,
	u.active, u.version, u.document, u.create_time, u.update_time`

func userFields(u *store.User) []any {
	return []any{
		&u.OrganizationID, &u.DirectoryID, &u.ID, &u.UserName, &u.UserNameFolded, &u.ExternalID, &u.DisplayName,
		&u.Active, &u.Version, &u.Document, sqldb.Time(&u.CreateTime), sqldb.Time(&u.UpdateTime),
	}
}

func scanUser(scan func(...any) error) (u store.User, err error) { return u, scan(userFields(&u)...) }

// A user is named within its directory by its id or in one of these ways (?3).
const (
	isID                       = `u.id = ?3`
	ofUserName, isUserName     = "of that userName", `u.user_name_folded = ?3`
	ofExternalID, isExternalID = "of that externalId", `u.external_id = ?3 AND u.external_id <> ''`
)

// oneUser reads the only user of a directory, open or not, that a condition on ?3 meets.
func oneUser(ctx context.Context, q queryer, scope store.Scope, what, condition, value string) (store.User, error) {
	u, err := scanUser(q.QueryRow(ctx, `SELECT `+userColumns+` FROM users u
		WHERE u.organization_id = ?1 AND u.directory_id = ?2 AND `+condition, scope.OrganizationID, scope.DirectoryID, value).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing("user", what)
	}
	return u, err
}

// User implements store.Store.
func (s *Store) User(ctx context.Context, scope store.Scope, id string) (store.User, error) {
	return oneUser(ctx, s.db, scope, id, isID, id)
}

// UserByUserName implements store.Store.
func (s *Store) UserByUserName(ctx context.Context, scope store.Scope, folded string) (store.User, error) {
	return oneUser(ctx, s.db, scope, ofUserName, isUserName, folded)
}

// UserByExternalID implements store.Store.
func (s *Store) UserByExternalID(ctx context.Context, scope store.Scope, externalID string) (store.User, error) {
	return oneUser(ctx, s.db, scope, ofExternalID, isExternalID, externalID)
}

// Users implements store.Store.
func (s *Store) Users(ctx context.Context, scope store.Scope, after string, limit, bytes int) ([]store.User, error) {
	rows, err := s.db.Query(ctx, `SELECT `+userColumns+` FROM users u
		WHERE u.organization_id = ? AND u.directory_id = ? AND u.id > ? ORDER BY u.id LIMIT ?`,
		scope.OrganizationID, scope.DirectoryID, after, limit)
	return sqldb.CollectUntil(rows, err, scanUser, full[store.User](bytes))
}

// UserPage implements store.Store.
func (s *Store) UserPage(ctx context.Context, scope store.Scope, order store.Order, skip, limit int64, bytes int) ([]store.User, error) {
	// The ids are found in the index alone; only the page's own rows are read, in its order, which CROSS JOIN keeps. To order
	// them once more would put all their documents into a B-tree in memory before the first one is given.
	rows, err := s.db.Query(ctx, `SELECT `+userColumns+` FROM
			(SELECT id FROM users WHERE organization_id = ?1 AND directory_id = ?2 `+orderBy(order, `user_name_folded`)+` LIMIT ?3 OFFSET ?4) page
		CROSS JOIN users u ON u.organization_id = ?1 AND u.id = page.id`,
		scope.OrganizationID, scope.DirectoryID, limit, skip)
	return sqldb.CollectUntil(rows, err, scanUser, full[store.User](bytes))
}

// CreateUser implements store.Store.
func (s *Store) CreateUser(ctx context.Context, u store.User, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, u.Scope, func(ctx context.Context, tx *sqldb.Tx, _ store.Directory) error {
		if err := uniqueUser(ctx, tx, u); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO users (organization_id, directory_id, id, user_name, user_name_folded, external_id,
			display_name, active, version, document, create_time, update_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`,
			u.OrganizationID, u.DirectoryID, u.ID, u.UserName, u.UserNameFolded, u.ExternalID,
			u.DisplayName, u.Active, u.Document, sqldb.Time(&cause.Time), sqldb.Time(&cause.Time)); err != nil {
			return err
		}
		if err := insertSearch(ctx, tx, u); err != nil {
			return err
		}
		w = store.Written{Version: 1, UpdateTime: cause.Time}
		w.Cursor, err = s.record(ctx, tx, u.Scope, record{id: u.ID, revision: 1, kind: store.Created}, cause)
		return err
	})
	return w, err
}

// uniqueUser refuses a userName or externalId that another user of the directory has.
func uniqueUser(ctx context.Context, tx *sqldb.Tx, u store.User) error {
	rows, err := tx.Query(ctx, `SELECT 'userName' FROM users
			WHERE organization_id = ?1 AND directory_id = ?2 AND user_name_folded = ?3 AND id <> ?5
		UNION ALL SELECT 'externalId' FROM users
			WHERE organization_id = ?1 AND directory_id = ?2 AND external_id = ?4 AND ?4 <> '' AND external_id <> '' AND id <> ?5`,
		u.OrganizationID, u.DirectoryID, u.UserNameFolded, u.ExternalID, u.ID)
	taken, err := sqldb.Collect(rows, err, scanString)
	if err == nil && len(taken) > 0 {
		err = fault.New(fault.Uniqueness, "another user of this directory has this %s", taken[0]).With("attribute", taken[0])
	}
	return err
}

func insertSearch(ctx context.Context, tx *sqldb.Tx, u store.User) error {
	for _, v := range u.Search {
		if _, err := tx.Exec(ctx, `INSERT INTO search_values (organization_id, attribute, value, user_id) VALUES (?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, u.OrganizationID, v.Attribute, v.Value, u.ID); err != nil {
			return err
		}
	}
	return nil
}

func deleteSearch(ctx context.Context, tx *sqldb.Tx, organizationID, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM search_values WHERE organization_id = ? AND user_id = ?`, organizationID, userID)
	return err
}

// UpdateUser implements store.Store.
func (s *Store) UpdateUser(ctx context.Context, u store.User, cause store.Cause) (store.Written, error) {
	return s.putUser(ctx, u.DirectoryID, u, store.Updated, cause)
}

// AdoptUser implements store.Store.
func (s *Store) AdoptUser(ctx context.Context, from string, u store.User, cause store.Cause) (store.Written, error) {
	return s.putUser(ctx, from, u, store.Created, cause)
}

// putUser writes a user that is in the directory from, where it stays or which it leaves.
func (s *Store) putUser(ctx context.Context, from string, u store.User, kind store.ChangeKind, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, u.Scope, func(ctx context.Context, tx *sqldb.Tx, _ store.Directory) error {
		if err := uniqueUser(ctx, tx, u); err != nil {
			return err
		}
		changed, err := tx.Exec(ctx, `UPDATE users SET directory_id = ?, user_name = ?, user_name_folded = ?, external_id = ?,
			display_name = ?, active = ?, version = version + 1, document = ?, update_time = ?
			WHERE organization_id = ? AND id = ? AND directory_id = ? AND version = ?`,
			u.DirectoryID, u.UserName, u.UserNameFolded, u.ExternalID, u.DisplayName, u.Active, u.Document,
			sqldb.Time(&cause.Time), u.OrganizationID, u.ID, from, u.Version)
		if err != nil {
			return err
		}
		if changed == 0 {
			return store.ErrChanged
		}
		if err := deleteSearch(ctx, tx, u.OrganizationID, u.ID); err != nil {
			return err
		}
		if err := insertSearch(ctx, tx, u); err != nil {
			return err
		}
		w = store.Written{Version: u.Version + 1, UpdateTime: cause.Time}
		w.Cursor, err = s.record(ctx, tx, u.Scope, record{id: u.ID, revision: w.Version, kind: kind}, cause)
		return err
	})
	return w, err
}

// DetachedUser implements store.Store.
func (s *Store) DetachedUser(ctx context.Context, organizationID string, directoryIDs []string, by store.Names) (store.User, error) {
	// The directories first: see list for CROSS JOIN.
	u, err := scanUser(s.db.QueryRow(ctx, `SELECT `+userColumns+` FROM (
			SELECT 1 AS way, d.key AS place, u.id FROM json_each(?2) d CROSS JOIN users u ON u.organization_id = ?1 AND u.directory_id = d.value
				AND u.external_id = ?3 AND u.external_id <> ''
			UNION ALL
			SELECT 2, d.key, u.id FROM json_each(?2) d CROSS JOIN users u ON u.organization_id = ?1 AND u.directory_id = d.value
				AND u.user_name_folded = ?4
			ORDER BY 1, 2 LIMIT 1) found
		CROSS JOIN users u ON u.organization_id = ?1 AND u.id = found.id`,
		organizationID, inOrder(directoryIDs), by.ExternalID, by.Folded).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing("user", "of these names")
	}
	return u, err
}

// DeleteUser implements store.Store.
func (s *Store) DeleteUser(ctx context.Context, scope store.Scope, id string, versions []int64, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(ctx context.Context, tx *sqldb.Tx, _ store.Directory) error {
		u, err := oneUser(ctx, tx, scope, id, isID, id)
		if err != nil {
			return err
		}
		if len(versions) > 0 && !slices.Contains(versions, u.Version) {
			return store.ErrChanged
		}
		w.Version = u.Version + 1
		w.Cursor, err = s.removeUser(ctx, tx, scope, id, w.Version, cause)
		return err
	})
	return w, err
}

// removeUser removes a user that is there, its memberships too, with the record of it.
func (s *Store) removeUser(ctx context.Context, tx *sqldb.Tx, scope store.Scope, id string, revision int64, cause store.Cause) (feed.Cursor, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM users WHERE organization_id = ? AND id = ?`, scope.OrganizationID, id); err != nil {
		return feed.Cursor{}, err
	}
	if err := deleteSearch(ctx, tx, scope.OrganizationID, id); err != nil {
		return feed.Cursor{}, err
	}
	if err := leaveGroups(ctx, tx, scope.OrganizationID, id, cause); err != nil {
		return feed.Cursor{}, err
	}
	return s.record(ctx, tx, scope, record{id: id, revision: revision, kind: store.Deleted}, cause)
}

// leaveGroups takes what is deleted out of every group, and gives each of them a new version. The deletion's own change
// record speaks for them.
func leaveGroups(ctx context.Context, tx *sqldb.Tx, organizationID, memberID string, cause store.Cause) error {
	if _, err := tx.Exec(ctx, `UPDATE groups SET version = version + 1, update_time = ? WHERE organization_id = ? AND id IN
		(SELECT group_id FROM members WHERE organization_id = ? AND member_id = ?)`,
		sqldb.Time(&cause.Time), organizationID, organizationID, memberID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM members WHERE organization_id = ? AND member_id = ?`, organizationID, memberID)
	return err
}

// UserGroups implements store.Store.
func (s *Store) UserGroups(ctx context.Context, scope store.Scope, userIDs []string) (map[string][]store.GroupRef, error) {
	rows, err := s.db.Query(ctx, `WITH RECURSIVE `+insideOf(`value FROM json_each(?3)`)+`
		SELECT m.member_id, g.id, g.display_name `+aboveInside, scope.OrganizationID, scope.DirectoryID, list(userIDs))
	m := memberships{}
	_, err = sqldb.Collect(rows, err, func(scan func(...any) error) (e struct{}, err error) {
		var member, group, name string
		if err = scan(&member, &group, &name); err == nil {
			m.add(member, group, name)
		}
		return e, err
	})
	if err != nil {
		return nil, err
	}
	return m.groups(userIDs), nil
}

// insideOf has in inside some users and each group above them, once. aboveInside gives each membership around the users once,
// however many of them it concerns: memberships in a group that the directory can't see are left out. See list for CROSS JOIN.
func insideOf(users string) string {
	return `inside (id) AS (
			SELECT ` + users + `
			UNION
			SELECT m.group_id FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.member_id = inside.id)`
}

const aboveInside = `FROM inside CROSS JOIN members m ON m.organization_id = ?1 AND m.member_id = inside.id
		CROSS JOIN groups g ON g.organization_id = ?1 AND g.id = m.group_id AND g.directory_id = ?2`

// memberships are those around some users.
type memberships struct {
	edges []store.Edge
	names map[string]string // of groups
}

func (m *memberships) add(member, group, name string) {
	if m.names == nil {
		m.names = map[string]string{}
	}
	m.edges, m.names[group] = append(m.edges, store.Edge{Member: member, Group: group}), name
}

// groups gives those of each user. Who is in none is left out.
func (m *memberships) groups(userIDs []string) map[string][]store.GroupRef {
	groups := map[string][]store.GroupRef{}
	if len(m.edges) == 0 {
		return groups
	}
	direct := make(map[store.Edge]bool, len(m.edges))
	for _, e := range m.edges {
		direct[e] = true
	}
	around := store.NewAround(m.edges)
	for _, user := range userIDs {
		var all []store.GroupRef
		for _, id := range around.Groups(user) {
			// It may be reached on several ways; it is direct if one of them is.
			all = append(all, store.GroupRef{ID: id, Display: m.names[id], Direct: direct[store.Edge{Member: user, Group: id}]})
		}
		if all != nil {
			groups[user] = all
		}
	}
	return groups
}

// UserWithGroups implements store.Store.
func (s *Store) UserWithGroups(ctx context.Context, scope store.Scope, by store.Lookup) (u store.User, err error) {
	what, condition, value := by.ID, isID, by.ID
	switch {
	case by.UserNameFolded != "":
		what, condition, value = ofUserName, isUserName, by.UserNameFolded
	case by.ExternalID != "":
		what, condition, value = ofExternalID, isExternalID, by.ExternalID
	}
	// One statement, since a second one costs more than what it reads: the memberships come as JSON, [] for most users.
	var found string
	err = s.db.QueryRow(ctx, `SELECT `+userColumns+`, (WITH RECURSIVE `+insideOf(`u.id`)+`
			SELECT json_group_array(json_array(m.member_id, g.id, g.display_name)) `+aboveInside+`)
		FROM users u WHERE u.organization_id = ?1 AND u.directory_id = ?2 AND `+condition,
		scope.OrganizationID, scope.DirectoryID, value).Scan(append(userFields(&u), &found)...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.User{}, fault.Missing("user", what)
	case err != nil:
		return u, err
	}
	var edges [][3]string
	if err := json.Unmarshal([]byte(found), &edges); err != nil {
		return u, err
	}
	m := memberships{}
	for _, e := range edges {
		m.add(e[0], e[1], e[2])
	}
	u.Groups = append([]store.GroupRef{}, m.groups([]string{u.ID})[u.ID]...)
	return u, nil
}
