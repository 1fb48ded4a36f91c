// Package postgres is the identity service's store on PostgreSQL.
//
// Writers of one directory run at the same time. These rules keep them correct. The closing of a directory waits for the
// writes that found it open, by an advisory lock that the writes share. A user or group is changed by compare-and-set on its
// version. Edits of a group's members lock the group's row. Adding a member locks the member's row, so that it is not
// deleted meanwhile. Groups are nested one at a time in an organization, so that no two writes create a cycle.
//
// A write is one round trip: a batch outside an explicit transaction is a transaction of its own. Its first statements take
// locks, one by one, because a statement sees what was committed before it began, and it must see what the previous owner of
// the lock committed. The last statement checks whether it may write, writes everything or nothing, and reports the reason.
// Groups as members, edits of many members, and deletions take an explicit transaction.
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
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/sqlfile"
	"github.com/usher-scim/usher/services/internal/wait"
)

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

// statements are the SQL files. These patterns appear in many of them:
//
// PostgreSQL runs a lateral subquery that ends with OFFSET 0 for each joined row. Without OFFSET, the planner would merge the
// subquery. Because it does not know how few rows there are, it would read the whole table, or all members of a group, for the join.
//
// pg_snapshot_xmin(pg_current_snapshot()) is the horizon: the oldest open transaction, as the statement's snapshot sees it.
// Everything below it is final. pg_snapshot_xmax is the first transaction that has not begun: no cursor is at or beyond it.
//
// The epoch in meta is the epoch of the database that the statement reads. Store.Epoch may differ from it: the read may use the
// first connection to a restored database.
//
// The number in hashtextextended is the kind of an advisory lock: 1 for a directory, 2 for a group's name, 3 for the nesting in an
// organization, and 4 for trimming.
//
// Statements lock a row with FOR NO KEY UPDATE before they change it, and with FOR UPDATE before they delete it. The first lock is
// compatible with FOR KEY SHARE, which a write takes on a new member: otherwise two writes that add each other's groups would
// deadlock.
var statements = sqlfile.In(embedded, sqlfile.Postgres)

var (
	countAllResources    = statements.Load("count_all_resources")
	resetFolded          = statements.Load("reset_folded")
	getFollowed          = statements.Load("get_followed")
	lockFollowed         = statements.Load("lock_followed")
	updateFollowed       = statements.Load("update_followed", "epoch", "revision")
	lockDirectory        = statements.Load("lock_directory", "organization_id", "directory_id")
	lockDirectoryToClose = statements.Load("lock_directory_to_close", "organization_id", "directory_id")
	isDirectoryClosed    = statements.Load("is_directory_closed", "organization_id", "id")
	copySchemas          = statements.Load("copy_schemas", "organization_id", "directory_id", "replaces_id")
	putDirectory         = statements.Load("put_directory", "organization_id", "id", "strict", "unique_group_names", "adopt_by_name", "replaces_id", "closed")
	getDirectory         = statements.Load("get_directory", "organization_id", "id")
	listAncestors        = statements.Load("list_ancestors", "organization_id", "directory_id")
)

// schema contains the service's tables, and names the channel of its notifications.
const schema = "usher_identity"

func database() pgdb.Schema {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded, so it exists
	}
	return pgdb.Schema{
		Name: schema, Migrations: migrations, ByTransaction: true, ByIndex: true, NewEpoch: newEpoch, Truncates: []string{"changes", "trimmed", "totals"},
	}
}

// newEpoch empties the feed, and counts the totals again that were folded from it.
func newEpoch(ctx context.Context, tx pgx.Tx) error {
	for _, statement := range []string{`TRUNCATE changes, trimmed, totals`, countAllResources, resetFolded} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Migrate creates the tables, or brings them to the newest schema.
func Migrate(ctx context.Context, url string) error {
	return pgdb.Migrate(ctx, url, database())
}

// RenewEpoch begins a new epoch of the feed.
func RenewEpoch(ctx context.Context, url string) error { return pgdb.RenewEpoch(ctx, url, database()) }

// Store is a store on one schema. Any number of processes may use the schema.
type Store struct {
	db         *pgdb.DB
	wakeup     *pgdb.Wakeup
	newChanges wait.Signal
	folder     *folder
}

var _ store.Store = (*Store)(nil)

// Schema returns the service's tables, for those who look at a database.
func Schema() pgdb.Schema { return database() }

// Open connects to a migrated database.
func Open(ctx context.Context, server pgdb.Server) (*Store, error) {
	db, err := pgdb.Open(ctx, server, database())
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	s.wakeup = db.NewWakeup(schema, s.readNewest, s.newChanges.Notify)
	s.folder = startFolder(s)
	return s, nil
}

// Close stops the background work, and closes the connections.
func (s *Store) Close() error {
	s.folder.close()
	s.wakeup.Close()
	s.db.Close()
	return nil
}

func (s *Store) Epoch() string { return s.db.Epoch() }

func (s *Store) Followed(ctx context.Context) (store.Place, error) {
	return pgdb.ReadOne(ctx, s.db, rows.Place, nil, getFollowed)
}

func (s *Store) ApplyDirectory(ctx context.Context, d store.Directory, at store.Place, cause store.Cause) error {
	closes := false
	err := s.transact(ctx, func(tx pgx.Tx) error {
		closes = false // this may be a retry
		// One transaction at a time applies directories: the row is locked until commit.
		followed, err := pgdb.ReadOne(ctx, tx, rows.Place, nil, lockFollowed)
		if err != nil || at.Epoch == followed.Epoch && at.Revision <= followed.Revision {
			return err
		}
		if d.Closed {
			if _, err := tx.Exec(ctx, lockDirectoryToClose, d.OrganizationID, d.ID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, copySchemas, d.OrganizationID, d.ID, d.ReplacesID); err != nil {
			return err
		}
		scope := store.Scope{OrganizationID: d.OrganizationID, DirectoryID: d.ID}
		before, err := directory(ctx, tx, scope)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if _, err := tx.Exec(ctx, putDirectory, d.OrganizationID, d.ID, d.Strict, d.UniqueGroupNames, d.AdoptByName, d.ReplacesID, d.Closed); err != nil {
			return err
		}
		if closes = d.Closed && !before.Closed; closes {
			if _, err := s.record(ctx, tx, scope, rows.Record{ID: d.ID, Revision: 1, Kind: store.DirectoryClosed}, cause); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, updateFollowed, at.Epoch, at.Revision)
		return err
	})
	if err == nil && closes {
		s.wakeup.Wrote()
	}
	return err
}

func directory(ctx context.Context, q pgdb.Reader, scope store.Scope) (store.Directory, error) {
	return pgdb.ReadOne(ctx, q, rows.Directory, fault.Missing("directory", scope.DirectoryID),
		getDirectory, scope.OrganizationID, scope.DirectoryID)
}

func (s *Store) Directory(ctx context.Context, scope store.Scope) (store.Directory, error) {
	return directory(ctx, s.db, scope)
}

func (s *Store) Ancestors(ctx context.Context, scope store.Scope) ([]string, error) {
	return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], listAncestors, scope.OrganizationID, scope.DirectoryID)
}

// refuseClosed returns the reason why a directory takes no writes. closed is nil for an unknown directory.
func refuseClosed(closed *bool, directoryID string) error {
	switch {
	case closed == nil:
		return store.NotReady(directoryID)
	case *closed:
		return store.Closed(directoryID)
	}
	return nil
}

// open checks, within a write of several round trips, that a directory takes writes, and keeps it open until the transaction
// ends.
func open(ctx context.Context, tx pgx.Tx, scope store.Scope) error {
	batch := &pgx.Batch{}
	batch.Queue(lockDirectory, scope.OrganizationID, scope.DirectoryID)
	var closed *bool
	batch.Queue(isDirectoryClosed, scope.OrganizationID, scope.DirectoryID).
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

// maxDeadlocks is the largest number of retries of a transaction that PostgreSQL aborted because of a deadlock.
const maxDeadlocks = 10

// transact runs fn in a transaction, and again after a deadlock.
func (s *Store) transact(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return again(func() error { return pgx.BeginFunc(ctx, s.db, fn) })
}

// again runs do, which is one transaction, and again after a deadlock.
func again(do func() error) error {
	for tries := 0; ; tries++ {
		err := do()
		if tries < maxDeadlocks && deadlock(err) {
			continue
		}
		return pgdb.Reach(err)
	}
}

func deadlock(err error) bool {
	const deadlockDetected, serializationFailure = "40P01", "40001"
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == deadlockDetected || e.Code == serializationFailure)
}
