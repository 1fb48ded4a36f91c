// Package postgres is the identity service's store on PostgreSQL.
//
// Writers of one directory run side by side. What keeps them right: a directory's closing waits for the writes that found
// it open, by an advisory lock that they share; a user and a group are changed by compare-and-set on their version; edits
// of a group's members hold the group's row; a member that is added holds the member's row, so that it is not deleted
// meanwhile; and nested groups are added one at a time in an organization, so that no two of them close a cycle.
//
// A write is one round trip: a batch outside an explicit transaction is one of its own. First come statements that take
// locks, one by one, since a statement sees what was committed before it began, and what it sees must be what the last
// holder of the locks left. The last one finds out whether it may write, writes everything or nothing, and says why not.
// Groups as members, more than a few members, and deletions take an explicit transaction.
package postgres

import (
	"context"
	"embed"
	"errors"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

//go:embed migrations/*.sql
var embedded embed.FS

// schema holds the service's tables, and names the channel of its wake-ups.
const schema = "usher_identity"

func database() sqldb.PostgresSchema {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sqldb.PostgresSchema{
		Name: schema, Migrations: migrations, ByTransaction: true, ByIndex: true, NewEpoch: newEpoch,
	}
}

// newEpoch empties the feed, and counts anew what was folded from it.
func newEpoch(ctx context.Context, tx pgx.Tx) error {
	for _, statement := range []string{
		`TRUNCATE changes, trimmed, totals`,
		`INSERT INTO totals (organization_id, directory_id, resource_group, total)
			SELECT organization_id, directory_id, false, count(*) FROM users GROUP BY organization_id, directory_id
			UNION ALL SELECT organization_id, directory_id, true, count(*) FROM groups GROUP BY organization_id, directory_id`,
		`UPDATE folded SET transaction = 0`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Migrate makes the tables, or brings them up to date.
func Migrate(ctx context.Context, url string) error {
	return sqldb.MigratePostgres(ctx, url, database())
}

// RenewEpoch begins a new epoch of the feed.
func RenewEpoch(ctx context.Context, url string) error { return sqldb.RenewEpoch(ctx, url, database()) }

// Store implements store.Store on one schema. Any number of processes may have it open.
type Store struct {
	db      *sqldb.Postgres
	wakeup  *sqldb.Wakeup
	written feed.Signal
	folder  *folder
}

var _ store.Store = (*Store)(nil)

// Open connects to a migrated database.
func Open(ctx context.Context, server sqldb.PostgresServer) (*Store, error) {
	db, err := sqldb.OpenPostgres(ctx, server, database())
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	s.wakeup = db.NewWakeup(schema, s.look, s.written.Notify)
	s.folder = startFolder(s)
	return s, nil
}

// Close ends what runs in the background, and the connections.
func (s *Store) Close() error {
	s.folder.close()
	s.wakeup.Close()
	s.db.Close()
	return nil
}

// Epoch implements store.Store.
func (s *Store) Epoch() string { return s.db.Epoch() }

// eachByItself ends a lateral subquery that is looked up for each row of a recursion. The planner does not know how few
// those are, and would read the whole table to join it; it may not take a subquery apart that has an OFFSET.
const eachByItself = `OFFSET 0`

// Followed implements store.Store.
func (s *Store) Followed(ctx context.Context) (store.Place, error) {
	return sqldb.ReadOne(ctx, s.db, rows.Place, nil, `SELECT epoch, revision FROM followed`)
}

// directoryLock is the advisory lock of a directory: shared by its writes, held alone to close it.
const directoryLock = `hashtextextended($1 || '/' || $2, 1)`

// ApplyDirectory implements store.Store.
func (s *Store) ApplyDirectory(ctx context.Context, d store.Directory, at store.Place, cause store.Cause) error {
	closes := false
	err := s.transact(ctx, func(tx pgx.Tx) error {
		closes = false // it may be a second try
		// Appliers come one after another: the row is locked until commit.
		followed, err := sqldb.ReadOne(ctx, tx, rows.Place, nil, `SELECT epoch, revision FROM followed FOR UPDATE`)
		if err != nil || at.Epoch == followed.Epoch && at.Revision <= followed.Revision {
			return err
		}
		if d.Closed {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(`+directoryLock+`)`, d.OrganizationID, d.ID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO schemas (organization_id, directory_id, id, resource_group, definition, create_time, update_time)
			SELECT organization_id, $2, id, resource_group, definition, create_time, update_time FROM schemas
			WHERE organization_id = $1 AND directory_id = $3
				AND NOT EXISTS (SELECT 1 FROM directories WHERE organization_id = $1 AND id = $2)`, d.OrganizationID, d.ID, d.ReplacesID); err != nil {
			return err
		}
		scope := store.Scope{OrganizationID: d.OrganizationID, DirectoryID: d.ID}
		before, err := directory(ctx, tx, scope)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO directories (organization_id, id, strict, unique_group_names, replaces_id, closed)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization_id, id) DO UPDATE SET strict = excluded.strict,
			unique_group_names = excluded.unique_group_names, closed = directories.closed OR excluded.closed`,
			d.OrganizationID, d.ID, d.Strict, d.UniqueGroupNames, d.ReplacesID, d.Closed); err != nil {
			return err
		}
		if closes = d.Closed && !before.Closed; closes {
			if _, err := s.record(ctx, tx, scope, rows.Record{ID: d.ID, Revision: 1, Kind: store.DirectoryClosed}, cause); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `UPDATE followed SET epoch = $1, revision = $2`, at.Epoch, at.Revision)
		return err
	})
	if err == nil && closes {
		s.wakeup.Wrote()
	}
	return err
}

func directory(ctx context.Context, q sqldb.Reader, scope store.Scope) (store.Directory, error) {
	return sqldb.ReadOne(ctx, q, rows.Directory, fault.Missing("directory", scope.DirectoryID),
		`SELECT organization_id, id, strict, unique_group_names, replaces_id, closed FROM directories
		WHERE organization_id = $1 AND id = $2`, scope.OrganizationID, scope.DirectoryID)
}

// Directory implements store.Store.
func (s *Store) Directory(ctx context.Context, scope store.Scope) (store.Directory, error) {
	return directory(ctx, s.db, scope)
}

// Ancestors implements store.Store.
func (s *Store) Ancestors(ctx context.Context, scope store.Scope) ([]string, error) {
	return sqldb.ReadAll(ctx, s.db, sqldb.Value[string], `WITH RECURSIVE line (id, depth) AS (
			SELECT replaces_id, 1 FROM directories WHERE organization_id = $1 AND id = $2
			UNION ALL
			SELECT d.replaces_id, line.depth + 1 FROM line JOIN directories d ON d.organization_id = $1 AND d.id = line.id
			WHERE line.depth < 100)
		SELECT line.id FROM line JOIN directories d ON d.organization_id = $1 AND d.id = line.id
		WHERE d.closed ORDER BY line.depth`, scope.OrganizationID, scope.DirectoryID)
}

// lockDirectory keeps a directory ($1 and $2) from being closed until the transaction ends. What is read of it in a later
// statement is what the last closing left.
const lockDirectory = `SELECT pg_advisory_xact_lock_shared(` + directoryLock + `)`

// directoryRow is what a write must know of its directory ($1 and $2).
const directoryRow = `SELECT closed, unique_group_names FROM directories WHERE organization_id = $1 AND id = $2`

// refuseClosed says whether a directory takes writes, by what directoryRow found: nil where it is unknown.
func refuseClosed(closed *bool, directoryID string) error {
	switch {
	case closed == nil:
		return store.NotReady(directoryID)
	case *closed:
		return store.Closed(directoryID)
	}
	return nil
}

// open checks, within a write of several round trips, that a directory takes writes, and keeps it so until the transaction
// ends.
func open(ctx context.Context, tx pgx.Tx, scope store.Scope) error {
	batch := &pgx.Batch{}
	batch.Queue(lockDirectory, scope.OrganizationID, scope.DirectoryID)
	var closed *bool
	batch.Queue(`SELECT (SELECT closed FROM (`+directoryRow+`) d)`, scope.OrganizationID, scope.DirectoryID).
		QueryRow(func(row pgx.Row) error { return row.Scan(&closed) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	return refuseClosed(closed, scope.DirectoryID)
}

// write runs fn in a transaction on an open directory, and wakes the followers of the feed.
func (s *Store) write(ctx context.Context, scope store.Scope, fn func(tx pgx.Tx) error) error {
	err := s.transact(ctx, func(tx pgx.Tx) error {
		if err := open(ctx, tx, scope); err != nil {
			return err
		}
		return fn(tx)
	})
	if err == nil {
		s.wakeup.Wrote()
	}
	return err
}

// batcher is a connection or a transaction.
type batcher interface {
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// maxDeadlocks is how often a transaction is tried again that PostgreSQL ended to let another one go on.
const maxDeadlocks = 10

// transact runs fn in a transaction, again if it was in a deadlock.
func (s *Store) transact(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return again(func() error { return pgx.BeginFunc(ctx, s.db, fn) })
}

// again does what is one transaction once more if it was in a deadlock.
func again(do func() error) error {
	for tries := 0; ; tries++ {
		err := do()
		if tries < maxDeadlocks && deadlock(err) {
			continue
		}
		return sqldb.Reach(err)
	}
}

func deadlock(err error) bool {
	const deadlockDetected, serializationFailure = "40P01", "40001"
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == deadlockDetected || e.Code == serializationFailure)
}
