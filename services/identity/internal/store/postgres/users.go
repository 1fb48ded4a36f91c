package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
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

// oneUser reads the only user that a condition meets, in a directory that is open or not.
func oneUser(ctx context.Context, q sqldb.Reader, what, condition string, args ...any) (store.User, error) {
	return sqldb.ReadOne(ctx, q, userFields, fault.Missing("user", what), `SELECT `+userColumns+` FROM users u WHERE `+condition, args...)
}

// User implements store.Store.
func (s *Store) User(ctx context.Context, scope store.Scope, id string) (store.User, error) {
	return oneUser(ctx, s.db, id, `u.organization_id = $1 AND u.id = $2 AND u.directory_id = $3`,
		scope.OrganizationID, id, scope.DirectoryID)
}

// UserByUserName implements store.Store.
func (s *Store) UserByUserName(ctx context.Context, scope store.Scope, folded string) (store.User, error) {
	return oneUser(ctx, s.db, "of that userName", `u.organization_id = $1 AND u.directory_id = $2 AND u.user_name_folded = $3`,
		scope.OrganizationID, scope.DirectoryID, folded)
}

// UserByExternalID implements store.Store.
func (s *Store) UserByExternalID(ctx context.Context, scope store.Scope, externalID string) (store.User, error) {
	return oneUser(ctx, s.db, "of that externalId",
		`u.organization_id = $1 AND u.directory_id = $2 AND u.external_id = $3 AND u.external_id <> ''`,
		scope.OrganizationID, scope.DirectoryID, externalID)
}

// Users implements store.Store.
func (s *Store) Users(ctx context.Context, scope store.Scope, after string, limit int) ([]store.User, error) {
	return sqldb.ReadAll(ctx, s.db, userFields, `SELECT `+userColumns+` FROM users u
		WHERE u.organization_id = $1 AND u.directory_id = $2 AND u.id > $3 ORDER BY u.id LIMIT $4`,
		scope.OrganizationID, scope.DirectoryID, after, limit)
}

// UserPage implements store.Store.
func (s *Store) UserPage(ctx context.Context, scope store.Scope, skip, limit int64) ([]store.User, error) {
	// The ids are found in the index alone; only the page's own rows are read.
	return sqldb.ReadAll(ctx, s.db, userFields, `SELECT `+userColumns+` FROM
			(SELECT id FROM users WHERE organization_id = $1 AND directory_id = $2 ORDER BY id LIMIT $3 OFFSET $4) page
		JOIN users u ON u.organization_id = $1 AND u.id = page.id ORDER BY u.id`,
		scope.OrganizationID, scope.DirectoryID, limit, skip)
}

// CountUsers implements store.Store.
func (s *Store) CountUsers(ctx context.Context, scope store.Scope) (int64, error) {
	return sqldb.ReadOne(ctx, s.db, sqldb.Value[int64], nil, `SELECT count(*) FROM users WHERE organization_id = $1 AND directory_id = $2`,
		scope.OrganizationID, scope.DirectoryID)
}

// CreateUser implements store.Store.
func (s *Store) CreateUser(ctx context.Context, u store.User, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, u.Scope, func(tx pgx.Tx, _ store.Directory) error {
		if _, err := tx.Exec(ctx, `INSERT INTO users (organization_id, directory_id, id, user_name, user_name_folded, external_id,
			display_name, active, version, document, create_time, update_time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $10)`,
			u.OrganizationID, u.DirectoryID, u.ID, u.UserName, u.UserNameFolded, u.ExternalID,
			u.DisplayName, u.Active, u.Document, sqldb.Time(&cause.Time)); err != nil {
			return taken(err)
		}
		if err := putSearch(ctx, tx, u); err != nil {
			return err
		}
		w = store.Written{Version: 1, UpdateTime: cause.Time}
		w.Cursor, err = s.record(ctx, tx, u.Scope, record{id: u.ID, revision: 1, kind: store.Created}, cause)
		return err
	})
	return w, err
}

// taken names the attribute whose value another user of the directory has.
func taken(err error) error {
	attribute := map[string]string{"users_user_name": "userName", "users_external_id": "externalId"}[sqldb.ViolatedConstraint(err)]
	if attribute == "" {
		return err
	}
	return fault.New(fault.Uniqueness, "another user of this directory has this %s", attribute).With("attribute", attribute)
}

// putSearch makes a user's search values what they are now.
func putSearch(ctx context.Context, tx pgx.Tx, u store.User) error {
	attributes, values := make([]string, 0, len(u.Search)), make([]string, 0, len(u.Search))
	for _, v := range u.Search {
		attributes, values = append(attributes, v.Attribute), append(values, v.Value)
	}
	batch := &pgx.Batch{}
	batch.Queue(`DELETE FROM search_values s WHERE s.organization_id = $1 AND s.user_id = $2 AND NOT EXISTS
		(SELECT 1 FROM unnest($3::text[], $4::text[]) n (attribute, value) WHERE n.attribute = s.attribute AND n.value = s.value)`,
		u.OrganizationID, u.ID, attributes, values)
	batch.Queue(`INSERT INTO search_values (organization_id, attribute, value, user_id)
		SELECT $1, n.attribute, n.value, $2 FROM unnest($3::text[], $4::text[]) n (attribute, value) ON CONFLICT DO NOTHING`,
		u.OrganizationID, u.ID, attributes, values)
	return tx.SendBatch(ctx, batch).Close()
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
	err = s.write(ctx, u.Scope, func(tx pgx.Tx, _ store.Directory) error {
		tag, err := tx.Exec(ctx, `UPDATE users SET directory_id = $1, user_name = $2, user_name_folded = $3, external_id = $4,
			display_name = $5, active = $6, version = version + 1, document = $7, update_time = $8
			WHERE organization_id = $9 AND id = $10 AND directory_id = $11 AND version = $12`,
			u.DirectoryID, u.UserName, u.UserNameFolded, u.ExternalID, u.DisplayName, u.Active, u.Document,
			sqldb.Time(&cause.Time), u.OrganizationID, u.ID, from, u.Version)
		if err != nil {
			return taken(err)
		}
		if tag.RowsAffected() == 0 {
			return store.ErrChanged
		}
		if err := putSearch(ctx, tx, u); err != nil {
			return err
		}
		w = store.Written{Version: u.Version + 1, UpdateTime: cause.Time}
		w.Cursor, err = s.record(ctx, tx, u.Scope, record{id: u.ID, revision: w.Version, kind: kind}, cause)
		return err
	})
	return w, err
}

// DeleteUser implements store.Store.
func (s *Store) DeleteUser(ctx context.Context, scope store.Scope, id string, versions []int64, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(tx pgx.Tx, _ store.Directory) error {
		if err := lockGroupsOf(ctx, tx, scope.OrganizationID, id); err != nil {
			return err
		}
		u, err := oneUser(ctx, tx, id, `u.organization_id = $1 AND u.id = $2 AND u.directory_id = $3`+lockToDelete,
			scope.OrganizationID, id, scope.DirectoryID)
		if err != nil {
			return err
		}
		if len(versions) > 0 && !slices.Contains(versions, u.Version) {
			return store.ErrChanged
		}
		for _, statement := range []string{
			`DELETE FROM users WHERE organization_id = $1 AND id = $2`,
			`DELETE FROM search_values WHERE organization_id = $1 AND user_id = $2`,
		} {
			if _, err := tx.Exec(ctx, statement, scope.OrganizationID, id); err != nil {
				return err
			}
		}
		if err := leaveGroups(ctx, tx, scope.OrganizationID, id, cause); err != nil {
			return err
		}
		w.Version = u.Version + 1
		w.Cursor, err = s.record(ctx, tx, scope, record{id: id, revision: w.Version, kind: store.Deleted}, cause)
		return err
	})
	return w, err
}

// lockGroupsOf locks the groups that a member is in, before the member: who edits a group's members locks in that order too.
func lockGroupsOf(ctx context.Context, tx pgx.Tx, organizationID, memberID string) error {
	_, err := tx.Exec(ctx, `SELECT g.id FROM groups g WHERE g.organization_id = $1 AND g.id IN
		(SELECT group_id FROM members WHERE organization_id = $1 AND member_id = $2) ORDER BY g.id`+lockToChange, organizationID, memberID)
	return err
}

// leaveGroups takes what is deleted out of every group, and gives each of them a new version. The deletion's own change
// record speaks for them.
func leaveGroups(ctx context.Context, tx pgx.Tx, organizationID, memberID string, cause store.Cause) error {
	_, err := tx.Exec(ctx, `WITH gone AS (DELETE FROM members WHERE organization_id = $2 AND member_id = $3 RETURNING group_id)
		UPDATE groups SET version = version + 1, update_time = $1 WHERE organization_id = $2 AND id IN (SELECT group_id FROM gone)`,
		sqldb.Time(&cause.Time), organizationID, memberID)
	return err
}

// UserGroups implements store.Store.
func (s *Store) UserGroups(ctx context.Context, scope store.Scope, userID string) ([]store.GroupRef, error) {
	// A group may be reached on several ways; it is direct if one of them is.
	return sqldb.ReadAll(ctx, s.db, func(g *store.GroupRef) []any { return []any{&g.ID, &g.Display, &g.Direct} },
		`WITH RECURSIVE inside (id, direct) AS (
			SELECT m.group_id COLLATE "C", true FROM members m JOIN groups g ON g.organization_id = m.organization_id AND g.id = m.group_id
			WHERE m.organization_id = $1 AND m.member_id = $3 AND g.directory_id = $2
			UNION
			SELECT around.group_id, false FROM inside CROSS JOIN LATERAL (SELECT m.group_id FROM members m
				JOIN groups g ON g.organization_id = $1 AND g.id = m.group_id AND g.directory_id = $2
				WHERE m.organization_id = $1 AND m.member_id = inside.id `+eachByItself+`) around)
		SELECT found.id, g.display_name, found.direct FROM (SELECT id, bool_or(direct) AS direct FROM inside GROUP BY id) found
		CROSS JOIN LATERAL (SELECT display_name FROM groups WHERE organization_id = $1 AND id = found.id `+eachByItself+`) g
		ORDER BY found.id`,
		scope.OrganizationID, scope.DirectoryID, userID)
}
