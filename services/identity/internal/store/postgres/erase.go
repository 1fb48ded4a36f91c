package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
)

var (
	lockDetachableUser = statements.Load("lock_detachable_user", "organization_id", "id")
	hasOpenDirectory   = statements.Load("has_open_directory", "organization_id")
	lockFolded         = statements.Load("lock_folded")
	eraseChanges       = statements.Load("erase_changes", "organization_id", "limit")
	hasChanges         = statements.Load("has_changes", "organization_id")
	eraseTotals        = statements.Load("erase_totals", "organization_id", "limit")
	eraseDirectories   = statements.Load("erase_directories", "organization_id", "limit")
	listDeletedUsers   = statements.Load("list_deleted_users", "limit")
	forgetDeletedUsers = statements.Load("forget_deleted_users", "organization_ids", "ids")
)

// erasures each remove some rows of an organization, the first ones by a key, in the order of this list. They count the rows that they
// found, because another process may remove them first. They remove rows by ctid, so that no plan reads other rows. No row is inserted
// again: see the contract.
var erasures = []struct {
	statement string
	bytes     bool // also bounded by bytes
}{
	{statements.Load("erase_members", "organization_id", "limit"), false},
	{statements.Load("erase_search_values", "organization_id", "limit"), false},
	{statements.Load("erase_users", "organization_id", "limit", "bytes"), true},
	{statements.Load("erase_groups", "organization_id", "limit", "bytes"), true},
	{statements.Load("erase_schemas", "organization_id", "limit", "bytes"), true},
	{statements.Load("erase_message_counts", "organization_id", "limit"), false},
	{statements.Load("erase_deleted_users", "organization_id", "limit"), false},
}

// detachable is a user and whether its directory is closed.
type detachable struct {
	directoryID string
	version     int64
	closed      bool
}

// EraseUser relies on two facts: a closed directory stays closed, and an adoption locks the user's row, so the two wait for each
// other.
func (s *Store) EraseUser(ctx context.Context, organizationID, id string, cause store.Cause) (w store.Written, err error) {
	err = s.transact(ctx, func(tx pgx.Tx) error {
		if err := lockGroupsOf(ctx, tx, organizationID, id); err != nil {
			return err
		}
		u, err := pgdb.ReadOne(ctx, tx, func(u *detachable) []any { return []any{&u.directoryID, &u.version, &u.closed} },
			store.Missing(store.User, id), lockDetachableUser, organizationID, id)
		if err != nil {
			return err
		}
		if !u.closed {
			return store.NotDetached(id)
		}
		scope := store.Scope{OrganizationID: organizationID, DirectoryID: u.directoryID}
		w.Version = u.version + 1
		w.Cursor, err = s.deleteResource(ctx, tx, scope, store.User, id, w.Version, cause)
		return err
	})
	if err != nil {
		return store.Written{}, err
	}
	s.wakeup.Wrote()
	return w, nil
}

// EraseOrganization deletes rows. PostgreSQL keeps their bytes in its files until it vacuums them.
func (s *Store) EraseOrganization(ctx context.Context, organizationID string) (nothingLeft bool, err error) {
	var found int64
	err = s.transact(ctx, func(tx pgx.Tx) (err error) {
		open, err := pgdb.ReadOne(ctx, tx, dbtype.Value[bool], nil, hasOpenDirectory, organizationID)
		if err != nil {
			return err
		}
		if open {
			return store.NotClosed(organizationID)
		}
		for _, e := range erasures {
			args := []any{organizationID, store.EraseRows}
			if e.bytes {
				args = append(args, store.EraseBytes)
			}
			if found, err = pgdb.ReadOne(ctx, tx, dbtype.Value[int64], nil, e.statement, args...); found > 0 || err != nil {
				return err
			}
		}
		// A fold reads records and writes totals: it must not run meanwhile.
		if _, err := tx.Exec(ctx, lockFolded); err != nil {
			return err
		}
		if found, err = pgdb.ReadOne(ctx, tx, dbtype.Value[int64], nil, eraseChanges, organizationID, store.EraseRows); found > 0 || err != nil {
			return err
		}
		delayed, err := pgdb.ReadOne(ctx, tx, dbtype.Value[bool], nil, hasChanges, organizationID)
		if err != nil {
			return err
		}
		if delayed {
			return fault.New(fault.Unavailable, "an open transaction delays the feed").Retry(time.Second)
		}
		for _, statement := range []string{eraseTotals, eraseDirectories} {
			if found, err = pgdb.ReadOne(ctx, tx, dbtype.Value[int64], nil, statement, organizationID, store.EraseRows); found > 0 || err != nil {
				return err
			}
		}
		return nil
	})
	return err == nil && found == 0, err
}

func (s *Store) DeletedUsers(ctx context.Context, limit int) ([]store.DeletedUser, error) {
	return pgdb.ReadAll(ctx, s.db, rows.DeletedUser, listDeletedUsers, limit)
}

func (s *Store) ForgetDeletedUsers(ctx context.Context, users []store.DeletedUser) error {
	organizations, ids := make([]string, len(users)), make([]string, len(users))
	for i, u := range users {
		organizations[i], ids[i] = u.OrganizationID, u.ID
	}
	_, err := s.db.Exec(ctx, forgetDeletedUsers, organizations, ids)
	return pgdb.Reach(err)
}
