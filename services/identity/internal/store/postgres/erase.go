package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
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
)

// erasures remove some rows of an organization each, those that come first by a key, in the order in which they are made. They count
// those that they found: another process may have been faster. Rows are removed by where they are, so that no plan looks at others. No
// row comes back: see the contract.
var erasures = []struct {
	statement string
	bytes     bool // it is bounded by bytes, too
}{
	{statements.Load("erase_members", "organization_id", "limit"), false},
	{statements.Load("erase_search_values", "organization_id", "limit"), false},
	{statements.Load("erase_users", "organization_id", "limit", "bytes"), true},
	{statements.Load("erase_groups", "organization_id", "limit", "bytes"), true},
	{statements.Load("erase_schemas", "organization_id", "limit", "bytes"), true},
	{statements.Load("erase_oddities", "organization_id", "limit"), false},
}

// detachable is a user and whether its directory is closed.
type detachable struct {
	directoryID string
	version     int64
	closed      bool
}

// EraseUser implements store.Store. A directory that is closed stays so, and an adoption waits for the user's row or is waited for.
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
		w.Cursor, err = s.remove(ctx, tx, scope, store.User, id, w.Version, cause)
		return err
	})
	if err != nil {
		return store.Written{}, err
	}
	s.wakeup.Wrote()
	return w, nil
}

// EraseOrganization implements store.Store. PostgreSQL keeps what was removed in its files until it vacuums them.
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
		// Who folds reads records and writes totals of them: not meanwhile.
		if _, err := tx.Exec(ctx, lockFolded); err != nil {
			return err
		}
		if found, err = pgdb.ReadOne(ctx, tx, dbtype.Value[int64], nil, eraseChanges, organizationID, store.EraseRows); found > 0 || err != nil {
			return err
		}
		held, err := pgdb.ReadOne(ctx, tx, dbtype.Value[bool], nil, hasChanges, organizationID)
		if err != nil {
			return err
		}
		if held {
			return fault.New(fault.Unavailable, "a transaction that is open holds the feed back").Retry(time.Second)
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
