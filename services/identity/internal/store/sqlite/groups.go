package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

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

func scanGroup(scan func(...any) error) (g store.Group, err error) {
	return g, scan(groupFields(&g)...)
}

func group(ctx context.Context, q queryer, scope store.Scope, id string) (store.Group, error) {
	g, err := scanGroup(q.QueryRow(ctx, `SELECT `+groupColumns+` FROM groups g
		WHERE g.organization_id = ? AND g.id = ? AND g.directory_id = ?`, scope.OrganizationID, id, scope.DirectoryID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing("group", id)
	}
	return g, err
}

// Group implements store.Store.
func (s *Store) Group(ctx context.Context, scope store.Scope, id string) (store.Group, error) {
	return group(ctx, s.db, scope, id)
}

// Groups implements store.Store.
func (s *Store) Groups(ctx context.Context, scope store.Scope, after string, limit, bytes int) ([]store.Group, error) {
	rows, err := s.db.Query(ctx, `SELECT `+groupColumns+` FROM groups g
		WHERE g.organization_id = ? AND g.directory_id = ? AND g.id > ? ORDER BY g.id LIMIT ?`,
		scope.OrganizationID, scope.DirectoryID, after, limit)
	return sqldb.CollectUntil(rows, err, scanGroup, full[store.Group](bytes))
}

// GroupPage implements store.Store.
func (s *Store) GroupPage(ctx context.Context, scope store.Scope, order store.Order, skip, limit int64, bytes int) ([]store.Group, error) {
	rows, err := s.db.Query(ctx, `SELECT `+groupColumns+` FROM
			(SELECT id FROM groups WHERE organization_id = ?1 AND directory_id = ?2 `+orderBy(order, `display_name_folded`)+` LIMIT ?3 OFFSET ?4) page
		CROSS JOIN groups g ON g.organization_id = ?1 AND g.id = page.id`, // in its order: see UserPage
		scope.OrganizationID, scope.DirectoryID, limit, skip)
	return sqldb.CollectUntil(rows, err, scanGroup, full[store.Group](bytes))
}

// CreateGroup implements store.Store.
func (s *Store) CreateGroup(ctx context.Context, g store.Group, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, g.Scope, func(ctx context.Context, tx *sqldb.Tx, d store.Directory) error {
		if err := uniqueGroup(ctx, tx, d, g); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO groups (organization_id, directory_id, id, display_name, display_name_folded,
			external_id, version, document, create_time, update_time) VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`,
			g.OrganizationID, g.DirectoryID, g.ID, g.DisplayName, g.DisplayNameFolded, g.ExternalID, g.Document,
			sqldb.Time(&cause.Time), sqldb.Time(&cause.Time)); err != nil {
			return err
		}
		w = store.Written{Version: 1, UpdateTime: cause.Time}
		if w.Cursor, err = s.record(ctx, tx, g.Scope, record{group: true, id: g.ID, revision: 1, kind: store.Created}, cause); err != nil {
			return err
		}
		e := &editor{scope: g.Scope, groupID: g.ID, revision: 1, cause: cause, last: w.Cursor}
		err := s.edit(ctx, tx, e, edits)
		w.Cursor = e.last
		return err
	})
	return w, err
}

// uniqueGroup refuses a displayName that another group has, where the directory wants them unique.
func uniqueGroup(ctx context.Context, tx *sqldb.Tx, d store.Directory, g store.Group) error {
	if !d.UniqueGroupNames {
		return nil
	}
	var taken bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM groups WHERE organization_id = ? AND display_name_folded = ?
		AND directory_id = ? AND id <> ?)`, g.OrganizationID, g.DisplayNameFolded, g.DirectoryID, g.ID).Scan(&taken)
	if err == nil && taken {
		err = fault.New(fault.Uniqueness, "another group of this directory has this displayName").With("attribute", "displayName")
	}
	return err
}

// UpdateGroup implements store.Store.
func (s *Store) UpdateGroup(ctx context.Context, g store.Group, document bool, versions []int64, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, g.Scope, func(ctx context.Context, tx *sqldb.Tx, d store.Directory) error {
		var current store.Written
		err := tx.QueryRow(ctx, `SELECT version, update_time FROM groups WHERE organization_id = ? AND id = ? AND directory_id = ?`,
			g.OrganizationID, g.ID, g.DirectoryID).Scan(&current.Version, sqldb.Time(&current.UpdateTime))
		if errors.Is(err, sql.ErrNoRows) {
			return fault.Missing("group", g.ID)
		}
		if err != nil {
			return err
		}
		if (document || len(versions) > 0) && current.Version != g.Version {
			return store.ErrChanged
		}
		if document {
			if err := uniqueGroup(ctx, tx, d, g); err != nil {
				return err
			}
		}
		w, err = s.putGroup(ctx, tx, g, current, document, edits, cause)
		return err
	})
	return w, err
}

// putGroup writes what is new of a group: the document, if it changed, and the members.
func (s *Store) putGroup(ctx context.Context, tx *sqldb.Tx, g store.Group, current store.Written, document bool, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	e := &editor{scope: g.Scope, groupID: g.ID, revision: current.Version + 1, cause: cause}
	if err := s.edit(ctx, tx, e, edits); err != nil {
		return store.Written{}, err
	}
	if !document && !e.changed {
		return current, nil
	}
	w := store.Written{Version: current.Version + 1, UpdateTime: cause.Time, Cursor: e.last}
	if !document {
		_, err := tx.Exec(ctx, `UPDATE groups SET version = ?, update_time = ? WHERE organization_id = ? AND id = ?`,
			w.Version, sqldb.Time(&cause.Time), g.OrganizationID, g.ID)
		return w, err
	}
	if _, err := tx.Exec(ctx, `UPDATE groups SET display_name = ?, display_name_folded = ?, external_id = ?, version = ?,
		document = ?, update_time = ? WHERE organization_id = ? AND id = ?`, g.DisplayName, g.DisplayNameFolded, g.ExternalID,
		w.Version, g.Document, sqldb.Time(&cause.Time), g.OrganizationID, g.ID); err != nil {
		return w, err
	}
	var err error
	w.Cursor, err = s.record(ctx, tx, g.Scope, record{group: true, id: g.ID, revision: w.Version, kind: store.Updated}, cause)
	return w, err
}

// AdoptGroup implements store.Store.
func (s *Store) AdoptGroup(ctx context.Context, from string, g store.Group, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, g.Scope, func(ctx context.Context, tx *sqldb.Tx, d store.Directory) error {
		if err := uniqueGroup(ctx, tx, d, g); err != nil {
			return err
		}
		changed, err := tx.Exec(ctx, `UPDATE groups SET directory_id = ?, display_name = ?, display_name_folded = ?, external_id = ?,
			version = version + 1, document = ?, update_time = ?
			WHERE organization_id = ? AND id = ? AND directory_id = ? AND version = ?`,
			g.DirectoryID, g.DisplayName, g.DisplayNameFolded, g.ExternalID, g.Document, sqldb.Time(&cause.Time),
			g.OrganizationID, g.ID, from, g.Version)
		if err != nil {
			return err
		}
		if changed == 0 {
			return store.ErrChanged
		}
		if _, err := tx.Exec(ctx, `UPDATE members SET carried = 1 WHERE organization_id = ? AND group_id = ?`,
			g.OrganizationID, g.ID); err != nil {
			return err
		}
		w = store.Written{Version: g.Version + 1, UpdateTime: cause.Time}
		if w.Cursor, err = s.record(ctx, tx, g.Scope, record{group: true, id: g.ID, revision: w.Version, kind: store.Created}, cause); err != nil {
			return err
		}
		e := &editor{scope: g.Scope, groupID: g.ID, revision: w.Version, cause: cause, last: w.Cursor}
		err = s.edit(ctx, tx, e, edits)
		w.Cursor = e.last
		return err
	})
	return w, err
}

// DetachedGroup implements store.Store.
func (s *Store) DetachedGroup(ctx context.Context, organizationID string, directoryIDs []string, by store.Names) (store.Group, error) {
	// The directories first: see list for CROSS JOIN.
	g, err := scanGroup(s.db.QueryRow(ctx, `SELECT `+groupColumns+` FROM (
			SELECT 1 AS way, d.key AS place, min(g.id) AS id FROM json_each(?2) d
			CROSS JOIN groups g ON g.organization_id = ?1 AND g.directory_id = d.value AND g.external_id = ?3 AND g.external_id <> ''
			GROUP BY d.key HAVING count(*) = 1
			UNION ALL
			SELECT 2, d.key, min(g.id) FROM json_each(?2) d
			CROSS JOIN groups g ON g.organization_id = ?1 AND g.directory_id = d.value AND g.display_name_folded = ?4
			GROUP BY d.key HAVING count(*) = 1
			ORDER BY 1, 2 LIMIT 1) found
		CROSS JOIN groups g ON g.organization_id = ?1 AND g.id = found.id`,
		organizationID, inOrder(directoryIDs), by.ExternalID, by.Folded).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing("group", "of these names")
	}
	return g, err
}

// DeleteGroup implements store.Store.
func (s *Store) DeleteGroup(ctx context.Context, scope store.Scope, id string, versions []int64, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, scope, func(ctx context.Context, tx *sqldb.Tx, _ store.Directory) error {
		g, err := group(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if len(versions) > 0 && !slices.Contains(versions, g.Version) {
			return store.ErrChanged
		}
		w.Version = g.Version + 1
		// Its members leave it, one by one for who follows: each of them may hold access because of it.
		if _, err := tx.Exec(ctx, `INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind,
			member_id, member_group, message_id, traceparent, time)
			SELECT organization_id, ?, 1, group_id, ?, ?, member_id, member_group, ?, ?, ? FROM members
			WHERE organization_id = ? AND group_id = ?`, scope.DirectoryID, w.Version, store.MemberRemoved,
			cause.MessageID, cause.Traceparent, sqldb.Time(&cause.Time), scope.OrganizationID, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM members WHERE organization_id = ? AND group_id = ?`, scope.OrganizationID, id); err != nil {
			return err
		}
		if err := leaveGroups(ctx, tx, scope.OrganizationID, id, cause); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM groups WHERE organization_id = ? AND id = ?`, scope.OrganizationID, id); err != nil {
			return err
		}
		w.Cursor, err = s.record(ctx, tx, scope, record{group: true, id: id, revision: w.Version, kind: store.Deleted}, cause)
		return err
	})
	return w, err
}
