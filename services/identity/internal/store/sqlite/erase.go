package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

var (
	getDetachableUser    = statements.Load("get_detachable_user", "organization_id", "id")
	hasOpenDirectory     = statements.Load("has_open_directory", "organization_id")
	eraseMembers         = statements.Load("erase_members", "organization_id", "limit")
	eraseSearchValues    = statements.Load("erase_search_values", "organization_id", "limit")
	eraseUsers           = statements.Load("erase_users", "organization_id", "limit", "bytes")
	eraseGroups          = statements.Load("erase_groups", "organization_id", "limit", "bytes")
	eraseSchemas         = statements.Load("erase_schemas", "organization_id", "limit", "bytes")
	eraseMessageCounts   = statements.Load("erase_message_counts", "organization_id", "limit")
	eraseDeletedUsers    = statements.Load("erase_deleted_users", "organization_id", "limit")
	listDeletedUsers     = statements.Load("list_deleted_users", "limit")
	markErasedUser       = statements.Load("mark_erased_user", "organization_id", "id")
	forgetDeletedUser    = statements.Load("forget_deleted_user", "organization_id", "id")
	eraseTotals          = statements.Load("erase_totals", "organization_id", "limit")
	eraseDirectories     = statements.Load("erase_directories", "organization_id", "limit")
	getLastChangeToErase = statements.Load("get_last_change_to_erase", "organization_id", "limit")
	setTrimmed           = statements.Load("set_trimmed", "organization_id", "last")
	eraseChanges         = statements.Load("erase_changes", "organization_id", "last")
)

func (s *Store) EraseUser(ctx context.Context, organizationID, id string, cause store.Cause) (w store.Written, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		scope, closed := store.Scope{OrganizationID: organizationID}, false
		err := tx.QueryRow(ctx, getDetachableUser, organizationID, id).Scan(&scope.DirectoryID, &w.Version, &closed)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return store.Missing(store.User, id)
		case err != nil:
			return err
		case !closed:
			return store.NotDetached(id)
		}
		w.Version++
		if w.Cursor, err = s.deleteResource(ctx, tx, scope, store.User, id, w.Version, cause); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, markErasedUser, organizationID, id); err != nil {
			return err
		}
		return tx.Erased(ctx)
	})
	if err != nil {
		return store.Written{}, err
	}
	s.newChanges.Notify()
	return w, nil
}

// erasures each remove some rows of an organization, in the order of this list. No row is inserted again: see the contract.
var erasures = []struct {
	statement string
	bytes     bool // also bounded by bytes
}{
	{eraseMembers, false}, {eraseSearchValues, false}, {eraseUsers, true}, {eraseGroups, true}, {eraseSchemas, true},
	{eraseMessageCounts, false}, {eraseDeletedUsers, false}, {eraseTotals, false},
}

func (s *Store) EraseOrganization(ctx context.Context, organizationID string) (nothingLeft bool, err error) {
	return s.db.Erase(ctx, func(ctx context.Context, tx *sqlitedb.Tx) (deleted int64, err error) {
		var open bool
		if err := tx.QueryRow(ctx, hasOpenDirectory, organizationID).Scan(&open); err != nil {
			return 0, err
		}
		if open {
			return 0, store.NotClosed(organizationID)
		}
		for _, e := range erasures {
			args := []any{organizationID, store.EraseRows}
			if e.bytes {
				args = append(args, store.EraseBytes)
			}
			if deleted, err = tx.Exec(ctx, e.statement, args...); deleted > 0 || err != nil {
				return deleted, err
			}
		}
		if deleted, err = eraseFeed(ctx, tx, organizationID); deleted > 0 || err != nil {
			return deleted, err
		}
		return tx.Exec(ctx, eraseDirectories, organizationID, store.EraseRows)
	})
}

// eraseFeed trims an organization's oldest change records, and stores up to where.
func eraseFeed(ctx context.Context, tx *sqlitedb.Tx, organizationID string) (int64, error) {
	var last int64
	if err := tx.QueryRow(ctx, getLastChangeToErase, organizationID, store.EraseRows).Scan(&last); err != nil || last == 0 {
		return 0, err
	}
	if _, err := tx.Exec(ctx, setTrimmed, organizationID, last); err != nil {
		return 0, err
	}
	return tx.Exec(ctx, eraseChanges, organizationID, last)
}

func (s *Store) DeletedUsers(ctx context.Context, limit int) ([]store.DeletedUser, error) {
	return sqlitedb.ReadAll(ctx, s.db, rows.DeletedUser, listDeletedUsers, limit)
}

func (s *Store) ForgetDeletedUsers(ctx context.Context, users []store.DeletedUser) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		scrub := false
		for _, u := range users {
			erased := false
			err := tx.QueryRow(ctx, forgetDeletedUser, u.OrganizationID, u.ID).Scan(&erased)
			if err != nil && !errors.Is(err, sql.ErrNoRows) { // another process may have been faster
				return err
			}
			scrub = scrub || erased
		}
		if !scrub {
			return nil
		}
		return tx.Erased(ctx)
	})
}
