package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

const groupColumns = `g.organization_id, g.directory_id, g.id, g.display_name, g.display_name_folded, g.external_id,
	g.version, g.document, g.create_time, g.update_time`

func groupFields(g *store.Group) []any {
	return []any{
		&g.OrganizationID, &g.DirectoryID, &g.ID, &g.DisplayName, &g.DisplayNameFolded, &g.ExternalID,
		&g.Version, &g.Document, sqldb.Time(&g.CreateTime), sqldb.Time(&g.UpdateTime),
	}
}

// group reads one; locking is empty or locks its row.
func group(ctx context.Context, q sqldb.Reader, scope store.Scope, id, locking string) (store.Group, error) {
	return sqldb.ReadOne(ctx, q, groupFields, fault.Missing("group", id), `SELECT `+groupColumns+` FROM groups g
		WHERE g.organization_id = $1 AND g.id = $2 AND g.directory_id = $3`+locking, scope.OrganizationID, id, scope.DirectoryID)
}

// Locks of a group's row. Who changes it or its members lets others make the group a member of theirs meanwhile, who hold
// the row FOR KEY SHARE: else two that add each other's groups would wait for each other. Who deletes it does not.
const (
	lockToChange = ` FOR NO KEY UPDATE`
	lockToDelete = ` FOR UPDATE`
)

// Group implements store.Store.
func (s *Store) Group(ctx context.Context, scope store.Scope, id string) (store.Group, error) {
	return group(ctx, s.db, scope, id, "")
}

// GroupsByName implements store.Store.
func (s *Store) GroupsByName(ctx context.Context, scope store.Scope, folded string, limit int) ([]store.Group, error) {
	return sqldb.ReadAll(ctx, s.db, groupFields, `SELECT `+groupColumns+` FROM groups g
		WHERE g.organization_id = $1 AND g.display_name_folded = $2 AND g.directory_id = $3 ORDER BY g.id LIMIT $4`,
		scope.OrganizationID, folded, scope.DirectoryID, limit)
}

// GroupsByExternalID implements store.Store.
func (s *Store) GroupsByExternalID(ctx context.Context, scope store.Scope, externalID string, limit int) ([]store.Group, error) {
	return sqldb.ReadAll(ctx, s.db, groupFields, `SELECT `+groupColumns+` FROM groups g
		WHERE g.organization_id = $1 AND g.directory_id = $2 AND g.external_id = $3 AND g.external_id <> '' ORDER BY g.id LIMIT $4`,
		scope.OrganizationID, scope.DirectoryID, externalID, limit)
}

// Groups implements store.Store.
func (s *Store) Groups(ctx context.Context, scope store.Scope, after string, limit int) ([]store.Group, error) {
	return sqldb.ReadAll(ctx, s.db, groupFields, `SELECT `+groupColumns+` FROM groups g
		WHERE g.organization_id = $1 AND g.directory_id = $2 AND g.id > $3 ORDER BY g.id LIMIT $4`,
		scope.OrganizationID, scope.DirectoryID, after, limit)
}

// GroupPage implements store.Store.
func (s *Store) GroupPage(ctx context.Context, scope store.Scope, skip, limit int64) ([]store.Group, error) {
	return sqldb.ReadAll(ctx, s.db, groupFields, `SELECT `+groupColumns+` FROM
			(SELECT id FROM groups WHERE organization_id = $1 AND directory_id = $2 ORDER BY id LIMIT $3 OFFSET $4) page
		JOIN groups g ON g.organization_id = $1 AND g.id = page.id ORDER BY g.id`,
		scope.OrganizationID, scope.DirectoryID, limit, skip)
}

// CountGroups implements store.Store.
func (s *Store) CountGroups(ctx context.Context, scope store.Scope) (int64, error) {
	return sqldb.ReadOne(ctx, s.db, sqldb.Value[int64], nil, `SELECT count(*) FROM groups WHERE organization_id = $1 AND directory_id = $2`,
		scope.OrganizationID, scope.DirectoryID)
}

// CreateGroup implements store.Store.
func (s *Store) CreateGroup(ctx context.Context, g store.Group, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, g.Scope, func(tx pgx.Tx, d store.Directory) error {
		if err := uniqueGroup(ctx, tx, d, g); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO groups (organization_id, directory_id, id, display_name, display_name_folded,
			external_id, version, document, create_time, update_time) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $8)`,
			g.OrganizationID, g.DirectoryID, g.ID, g.DisplayName, g.DisplayNameFolded, g.ExternalID, g.Document,
			sqldb.Time(&cause.Time)); err != nil {
			return err
		}
		w, err = s.created(ctx, tx, g, 1, edits, cause)
		return err
	})
	return w, err
}

// created records a group that is new to its directory, and brings its members in.
func (s *Store) created(ctx context.Context, tx pgx.Tx, g store.Group, version int64, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	w = store.Written{Version: version, UpdateTime: cause.Time}
	if w.Cursor, err = s.record(ctx, tx, g.Scope, record{group: true, id: g.ID, revision: version, kind: store.Created}, cause); err != nil {
		return w, err
	}
	e := &editor{store: s, tx: tx, scope: g.Scope, groupID: g.ID, revision: version, cause: cause, last: w.Cursor}
	err = e.apply(ctx, edits)
	w.Cursor = e.last
	return w, err
}

// uniqueGroup refuses a displayName that another group has, where the directory wants them unique. Those that ask for one
// name at once ask one after another.
func uniqueGroup(ctx context.Context, tx pgx.Tx, d store.Directory, g store.Group) error {
	if !d.UniqueGroupNames {
		return nil
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2 || '/' || $3, 2))`,
		g.OrganizationID, g.DirectoryID, g.DisplayNameFolded); err != nil {
		return err
	}
	exists, err := sqldb.ReadOne(ctx, tx, sqldb.Value[bool], nil, `SELECT EXISTS (SELECT 1 FROM groups WHERE organization_id = $1
		AND display_name_folded = $2 AND directory_id = $3 AND id <> $4)`, g.OrganizationID, g.DisplayNameFolded, g.DirectoryID, g.ID)
	if err == nil && exists {
		err = fault.New(fault.Uniqueness, "another group of this directory has this displayName").With("attribute", "displayName")
	}
	return err
}

// UpdateGroup implements store.Store.
func (s *Store) UpdateGroup(ctx context.Context, g store.Group, document bool, versions []int64, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, g.Scope, func(tx pgx.Tx, d store.Directory) error {
		old, err := group(ctx, tx, g.Scope, g.ID, lockToChange)
		if err != nil {
			return err
		}
		if (document || len(versions) > 0) && old.Version != g.Version {
			return store.ErrChanged
		}
		if document {
			if err := uniqueGroup(ctx, tx, d, g); err != nil {
				return err
			}
		}
		w, err = s.putGroup(ctx, tx, g, store.Written{Version: old.Version, UpdateTime: old.UpdateTime}, document, edits, cause)
		return err
	})
	return w, err
}

// putGroup writes what is new of a group: the document, if it changed, and the members.
func (s *Store) putGroup(ctx context.Context, tx pgx.Tx, g store.Group, current store.Written, document bool, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	e := &editor{store: s, tx: tx, scope: g.Scope, groupID: g.ID, revision: current.Version + 1, cause: cause}
	if err := e.apply(ctx, edits); err != nil {
		return store.Written{}, err
	}
	if !document && !e.changed {
		return current, nil
	}
	w := store.Written{Version: current.Version + 1, UpdateTime: cause.Time, Cursor: e.last}
	if !document {
		_, err := tx.Exec(ctx, `UPDATE groups SET version = $1, update_time = $2 WHERE organization_id = $3 AND id = $4`,
			w.Version, sqldb.Time(&cause.Time), g.OrganizationID, g.ID)
		return w, err
	}
	if _, err := tx.Exec(ctx, `UPDATE groups SET display_name = $1, display_name_folded = $2, external_id = $3, version = $4,
		document = $5, update_time = $6 WHERE organization_id = $7 AND id = $8`, g.DisplayName, g.DisplayNameFolded, g.ExternalID,
		w.Version, g.Document, sqldb.Time(&cause.Time), g.OrganizationID, g.ID); err != nil {
		return w, err
	}
	var err error
	w.Cursor, err = s.record(ctx, tx, g.Scope, record{group: true, id: g.ID, revision: w.Version, kind: store.Updated}, cause)
	return w, err
}

// AdoptGroup implements store.Store.
func (s *Store) AdoptGroup(ctx context.Context, from string, g store.Group, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, g.Scope, func(tx pgx.Tx, d store.Directory) error {
		if err := uniqueGroup(ctx, tx, d, g); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE groups SET directory_id = $1, display_name = $2, display_name_folded = $3, external_id = $4,
			version = version + 1, document = $5, update_time = $6
			WHERE organization_id = $7 AND id = $8 AND directory_id = $9 AND version = $10`,
			g.DirectoryID, g.DisplayName, g.DisplayNameFolded, g.ExternalID, g.Document, sqldb.Time(&cause.Time),
			g.OrganizationID, g.ID, from, g.Version)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return store.ErrChanged
		}
		if _, err := tx.Exec(ctx, `UPDATE members SET carried = true WHERE organization_id = $1 AND group_id = $2`,
			g.OrganizationID, g.ID); err != nil {
			return err
		}
		w, err = s.created(ctx, tx, g, g.Version+1, edits, cause)
		return err
	})
	return w, err
}

// DeleteGroup implements store.Store.
func (s *Store) DeleteGroup(ctx context.Context, scope store.Scope, id string, versions []int64, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(tx pgx.Tx, _ store.Directory) error {
		if err := lockGroupsOf(ctx, tx, scope.OrganizationID, id); err != nil {
			return err
		}
		g, err := group(ctx, tx, scope, id, lockToDelete)
		if err != nil {
			return err
		}
		if len(versions) > 0 && !slices.Contains(versions, g.Version) {
			return store.ErrChanged
		}
		w.Version = g.Version + 1
		// Its members leave it, one by one for who follows: each of them may hold access because of it.
		if _, err := tx.Exec(ctx, `WITH gone AS (DELETE FROM members WHERE organization_id = $1 AND group_id = $2
				RETURNING member_id, member_group)
			INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind,
				member_id, member_group, message_id, traceparent, time)
			SELECT $1, $3, true, $2, $4, $5, member_id, member_group, $6, $7, $8 FROM gone ORDER BY member_id`,
			scope.OrganizationID, id, scope.DirectoryID, w.Version, int(store.MemberRemoved),
			cause.MessageID, cause.Traceparent, sqldb.Time(&cause.Time)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM groups WHERE organization_id = $1 AND id = $2`, scope.OrganizationID, id); err != nil {
			return err
		}
		if err := leaveGroups(ctx, tx, scope.OrganizationID, id, cause); err != nil {
			return err
		}
		w.Cursor, err = s.record(ctx, tx, scope, record{group: true, id: id, revision: w.Version, kind: store.Deleted}, cause)
		return err
	})
	return w, err
}
