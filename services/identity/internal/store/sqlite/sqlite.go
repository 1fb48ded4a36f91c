// Package sqlite is the identity service's store on SQLite. Its only writer commits in the order of the sequences, so an
// AUTOINCREMENT key is all that the feed needs.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqlfile"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/internal/wait"
)

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

var statements = sqlfile.In(embedded, sqlfile.SQLite)

var (
	getEpoch       = statements.Load("get_epoch")
	getFollowed    = statements.Load("get_followed")
	updateFollowed = statements.Load("update_followed", "epoch", "revision")
	copySchemas    = statements.Load("copy_schemas", "organization_id", "directory_id", "replaces_id")
	putDirectory   = statements.Load("put_directory", "organization_id", "id", "strict", "unique_group_names", "adopt_by_name", "replaces_id", "closed")
	getDirectory   = statements.Load("get_directory", "organization_id", "id")
	listAncestors  = statements.Load("list_ancestors", "organization_id", "directory_id")
)

// Store is a store in one database file.
type Store struct {
	db         *sqlitedb.DB
	epoch      string
	newChanges wait.Signal
}

var _ store.Store = (*Store)(nil)

// Open opens the file, or creates a missing one.
func Open(ctx context.Context, path string, log *slog.Logger, tracing trace.TracerProvider) (*Store, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlitedb.Open(ctx, path, files, tracing)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	if err := db.QueryRow(ctx, getEpoch).Scan(&s.epoch); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	db.ScrubInBackground(log)
	return s, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

func (s *Store) Epoch() string { return s.epoch }

func (s *Store) Followed(ctx context.Context) (at store.Place, err error) {
	return sqlitedb.ReadOne(ctx, s.db, rows.Place, nil, getFollowed)
}

func (s *Store) ApplyDirectory(ctx context.Context, d store.Directory, at store.Place, cause store.Cause) error {
	closes := false
	err := s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		isNew, err := tx.Exec(ctx, updateFollowed, at.Epoch, at.Revision)
		if err != nil || isNew == 0 {
			return err
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
		if closes = d.Closed && !before.Closed; !closes {
			return nil
		}
		_, err = s.record(ctx, tx, scope, rows.Record{ID: d.ID, Revision: 1, Kind: store.DirectoryClosed}, cause)
		return err
	})
	if err == nil && closes {
		s.newChanges.Notify()
	}
	return err
}

func directory(ctx context.Context, q sqlitedb.Reader, scope store.Scope) (d store.Directory, err error) {
	err = q.QueryRow(ctx, getDirectory, scope.OrganizationID, scope.DirectoryID).Scan(rows.Directory(&d)...)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.Missing("directory", scope.DirectoryID)
	}
	return d, err
}

func (s *Store) Directory(ctx context.Context, scope store.Scope) (store.Directory, error) {
	return directory(ctx, s.db, scope)
}

func (s *Store) Ancestors(ctx context.Context, scope store.Scope) ([]string, error) {
	return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], listAncestors, scope.OrganizationID, scope.DirectoryID)
}

// open checks, within a write, that a directory takes writes.
func open(ctx context.Context, tx *sqlitedb.Tx, scope store.Scope) (store.Directory, error) {
	d, err := directory(ctx, tx, scope)
	switch {
	case fault.Is(err, fault.NotFound):
		return d, store.NotReady(scope.DirectoryID)
	case err == nil && d.Closed:
		return d, store.Closed(scope.DirectoryID)
	}
	return d, err
}

// write runs fn in a transaction on an open directory, and wakes the followers of the feed.
func (s *Store) write(ctx context.Context, scope store.Scope, fn func(ctx context.Context, tx *sqlitedb.Tx, d store.Directory) error) error {
	err := s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		d, err := open(ctx, tx, scope)
		if err != nil {
			return err
		}
		return fn(ctx, tx, d)
	})
	if err == nil {
		s.newChanges.Notify()
	}
	return err
}
