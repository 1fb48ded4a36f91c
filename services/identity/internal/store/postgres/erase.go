package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

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
		u, err := sqldb.ReadOne(ctx, tx, func(u *detachable) []any { return []any{&u.directoryID, &u.version, &u.closed} },
			store.Missing(store.User, id), `SELECT u.directory_id, u.version,
				coalesce((SELECT d.closed FROM directories d WHERE d.organization_id = $1 AND d.id = u.directory_id), false)
			FROM users u WHERE u.organization_id = $1 AND u.id = $2`+lockToDelete, organizationID, id)
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

// erase removes some of a table's rows of organization $1, those that come first by a key, which begins with the organization; $2 rows
// at most. It counts those that it found: another process may have been faster. Rows are removed by where they are, so that no
// plan looks at others.
func erase(table, key string) string {
	return `WITH found AS MATERIALIZED (SELECT ctid AS at FROM ` + table + ` WHERE organization_id = $1 ORDER BY ` + key + ` LIMIT $2),
			gone AS (DELETE FROM ` + table + ` WHERE ctid = ANY (ARRAY(SELECT at FROM found)))
		SELECT count(*) FROM found`
}

// eraseBytes does so, and ends with the row with which there are $3 bytes in a column.
func eraseBytes(table, key, column string) string {
	return `WITH few AS MATERIALIZED (SELECT ctid AS at, row_number() OVER (ORDER BY ` + key + `) AS place, octet_length(` + column + `) AS size
				FROM ` + table + ` WHERE organization_id = $1 ORDER BY ` + key + ` LIMIT $2),
			found AS MATERIALIZED (SELECT at FROM (SELECT at, sum(size) OVER (ORDER BY place) - size AS before FROM few) f WHERE before < $3),
			gone AS (DELETE FROM ` + table + ` WHERE ctid = ANY (ARRAY(SELECT at FROM found)))
		SELECT count(*) FROM found`
}

// erasures are made in this order. No row comes back: see the contract.
var erasures = []struct {
	statement string
	bytes     bool // it is bounded by bytes, too
}{
	{erase(`members`, `organization_id, group_id, member_id`), false},
	{erase(`search_values`, `organization_id, attribute, value, user_id`), false},
	{eraseBytes(`users`, `organization_id, id`, `document`), true},
	{eraseBytes(`groups`, `organization_id, id`, `document`), true},
	{eraseBytes(`schemas`, `organization_id, directory_id, lower(id)`, `definition`), true},
	{erase(`oddities`, `organization_id, directory_id, ignored, name`), false},
}

// eraseChanges removes an organization's oldest change records, and notes up to where. Those that do not show yet stay: the feed
// of all organizations would be trimmed ahead of its readers.
const eraseChanges = `WITH found AS MATERIALIZED (SELECT ctid AS at, transaction, sequence FROM changes
			WHERE organization_id = $1 AND transaction < ` + horizon + ` ORDER BY organization_id, transaction, sequence LIMIT $2),
		gone AS (DELETE FROM changes WHERE ctid = ANY (ARRAY(SELECT at FROM found))),
		noted AS (INSERT INTO trimmed AS t (organization_id, transaction, sequence)
			SELECT $1, transaction, sequence FROM found ORDER BY transaction DESC, sequence DESC LIMIT 1
			ON CONFLICT (organization_id) DO UPDATE SET transaction = excluded.transaction, sequence = excluded.sequence
			WHERE (t.transaction, t.sequence) < (excluded.transaction, excluded.sequence))
	SELECT count(*) FROM found`

const hasOpen = `SELECT EXISTS (SELECT FROM directories WHERE organization_id = $1 AND NOT closed)`

// EraseOrganization implements store.Store. PostgreSQL keeps what was removed in its files until it vacuums them.
func (s *Store) EraseOrganization(ctx context.Context, organizationID string) (nothingLeft bool, err error) {
	var found int64
	err = s.transact(ctx, func(tx pgx.Tx) (err error) {
		open, err := sqldb.ReadOne(ctx, tx, sqldb.Value[bool], nil, hasOpen, organizationID)
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
			if found, err = sqldb.ReadOne(ctx, tx, sqldb.Value[int64], nil, e.statement, args...); found > 0 || err != nil {
				return err
			}
		}
		// Who folds reads records and writes totals of them: not meanwhile.
		if _, err := tx.Exec(ctx, `SELECT FROM folded FOR UPDATE`); err != nil {
			return err
		}
		if found, err = sqldb.ReadOne(ctx, tx, sqldb.Value[int64], nil, eraseChanges, organizationID, store.EraseRows); found > 0 || err != nil {
			return err
		}
		held, err := sqldb.ReadOne(ctx, tx, sqldb.Value[bool], nil, `SELECT EXISTS (SELECT FROM changes WHERE organization_id = $1)`, organizationID)
		if err != nil {
			return err
		}
		if held {
			return fault.New(fault.Unavailable, "a transaction that is open holds the feed back").Retry(time.Second)
		}
		for _, statement := range []string{
			erase(`totals`, `organization_id, directory_id, resource_group`), erase(`directories`, `organization_id, id`),
		} {
			if found, err = sqldb.ReadOne(ctx, tx, sqldb.Value[int64], nil, statement, organizationID, store.EraseRows); found > 0 || err != nil {
				return err
			}
		}
		return nil
	})
	return err == nil && found == 0, err
}
