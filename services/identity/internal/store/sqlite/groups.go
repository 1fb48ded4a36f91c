package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	isGroupNameTaken = statements.Load("is_group_name_taken", "organization_id", "name", "directory_id", "id")
	insertGroup      = statements.Load("insert_group", "organization_id", "directory_id", "id", "display_name", "display_name_folded",
		"external_id", "document", "time")
	adoptGroup = statements.Load("adopt_group", "directory_id", "display_name", "display_name_folded", "external_id", "document",
		"time", "organization_id", "id", "from", "version")
	carryMembers  = statements.Load("carry_members", "organization_id", "group_id")
	getGroupState = statements.Load("get_group_state", "organization_id", "id", "directory_id")
	touchGroup    = statements.Load("touch_group", "version", "time", "organization_id", "id")
	updateGroup   = statements.Load("update_group", "display_name", "display_name_folded", "external_id", "version", "document",
		"time", "organization_id", "id")
)

// uniqueGroup refuses a displayName that another group has, if the directory wants unique names.
func uniqueGroup(ctx context.Context, tx *sqlitedb.Tx, d store.Directory, g store.Resource) error {
	if !d.UniqueGroupNames {
		return nil
	}
	var taken bool
	err := tx.QueryRow(ctx, isGroupNameTaken, g.OrganizationID, g.NameFolded, g.DirectoryID, g.ID).Scan(&taken)
	if err == nil && taken {
		err = store.Taken(store.Group, "displayName")
	}
	return err
}

func createGroup(ctx context.Context, tx *sqlitedb.Tx, g store.Resource, at *dbtype.MicroTime) error {
	_, err := tx.Exec(ctx, insertGroup, g.OrganizationID, g.DirectoryID, g.ID, g.Name, g.NameFolded, g.ExternalID, g.Document, at)
	return err
}

// takeGroup writes a group that is in the directory from, and marks its members carried. store.ErrChanged: the group has
// another version.
func takeGroup(ctx context.Context, tx *sqlitedb.Tx, from string, g store.Resource, at *dbtype.MicroTime) error {
	changed, err := tx.Exec(ctx, adoptGroup, g.DirectoryID, g.Name, g.NameFolded, g.ExternalID, g.Document, at,
		g.OrganizationID, g.ID, from, g.Version)
	if err != nil {
		return err
	}
	if changed == 0 {
		return store.ErrChanged
	}
	_, err = tx.Exec(ctx, carryMembers, g.OrganizationID, g.ID)
	return err
}

// updateGroup edits the members of a group before it writes the group: an edit that changes nothing creates no version.
func (s *Store) updateGroup(ctx context.Context, g store.Resource, edits []store.MemberEdit, cause store.Cause) (w store.Written, err error) {
	err = s.write(ctx, g.Scope, func(ctx context.Context, tx *sqlitedb.Tx, d store.Directory) error {
		var current store.Written
		err := tx.QueryRow(ctx, getGroupState,
			g.OrganizationID, g.ID, g.DirectoryID).Scan(&current.Version, dbtype.Time(&current.UpdateTime))
		if errors.Is(err, sql.ErrNoRows) {
			return store.Missing(store.Group, g.ID)
		}
		if err != nil {
			return err
		}
		if (g.Document != nil || g.Version > 0) && current.Version != g.Version {
			return store.ErrChanged
		}
		if g.Document != nil {
			if err := uniqueGroup(ctx, tx, d, g); err != nil {
				return err
			}
		}
		w, err = s.writeGroup(ctx, tx, g, current, edits, cause)
		return err
	})
	return w, err
}

// writeGroup writes the changes of a group: its members, and its document if there is one.
func (s *Store) writeGroup(ctx context.Context, tx *sqlitedb.Tx, g store.Resource, current store.Written, edits []store.MemberEdit, cause store.Cause) (store.Written, error) {
	e := &editor{scope: g.Scope, groupID: g.ID, revision: current.Version + 1, cause: cause}
	if err := s.edit(ctx, tx, e, edits); err != nil {
		return store.Written{}, err
	}
	if g.Document == nil && !e.changed {
		return current, nil
	}
	w := store.Written{Version: current.Version + 1, UpdateTime: cause.Time, Cursor: e.last}
	if g.Document == nil {
		_, err := tx.Exec(ctx, touchGroup, w.Version, dbtype.Time(&cause.Time), g.OrganizationID, g.ID)
		return w, err
	}
	if _, err := tx.Exec(ctx, updateGroup, g.Name, g.NameFolded, g.ExternalID,
		w.Version, g.Document, dbtype.Time(&cause.Time), g.OrganizationID, g.ID); err != nil {
		return w, err
	}
	var err error
	w.Cursor, err = s.record(ctx, tx, g.Scope, rows.Record{Type: store.Group, ID: g.ID, Revision: w.Version, Kind: store.Updated}, cause)
	return w, err
}
