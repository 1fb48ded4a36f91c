// Package sqlite is the directory service's store on SQLite.
package sqlite

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/directory/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlfile"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

var (
	statements = sqlfile.In(embedded, sqlfile.SQLite)
	shared     = rows.Load(statements)

	getEpoch          = statements.Load("get_epoch")
	takeRevisions     = statements.Load("take_revisions", "count")
	reviseDirectories = statements.Load("revise_directories", "organization_id")
)

// Store is a store.Store on one database file.
type Store struct {
	rows.Store
	db    *sqlitedb.DB
	epoch string
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the file.
func Open(ctx context.Context, path string, tracing trace.TracerProvider) (*Store, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlitedb.Open(ctx, path, files, tracing)
	if err != nil {
		return nil, err
	}
	s := &Store{Store: shared.Store(conn{db}), db: db}
	if err := db.QueryRow(ctx, getEpoch).Scan(&s.epoch); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *Store) Epoch() string { return s.epoch }

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

func (s *Store) FreeErased(ctx context.Context, organizationID string) error {
	if err := s.db.Scrub(ctx); err != nil {
		return err
	}
	return s.Store.FreeErased(ctx, organizationID)
}

func (s *Store) Update(ctx context.Context, organizationID string, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		return fn(ctx, organizationTx{shared.Tx(conn{tx}, organizationID), tx})
	})
}

func (s *Store) UpdateAll(ctx context.Context, fn func(ctx context.Context, tx store.AllTx) error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error { return fn(ctx, shared.AllTx(conn{tx})) })
}

// organizationTx is a store.Tx.
type organizationTx struct {
	rows.Tx
	tx *sqlitedb.Tx
}

var _ store.Tx = organizationTx{}

func (t organizationTx) PutOrganization(ctx context.Context, o store.Organization) error {
	if !o.ClearTime.IsZero() {
		if err := t.tx.Erased(ctx); err != nil {
			return err
		}
	}
	return t.Tx.PutOrganization(ctx, o)
}

func (t organizationTx) CreateDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	if _, err := t.Conn.Exec(ctx, takeRevisions, 1); err != nil {
		return 0, err
	}
	return t.Tx.CreateDirectory(ctx, d)
}

func (t organizationTx) PutDirectory(ctx context.Context, d store.Directory) (revision int64, err error) {
	if _, err := t.Conn.Exec(ctx, takeRevisions, 1); err != nil {
		return 0, err
	}
	return t.Tx.PutDirectory(ctx, d)
}

func (t organizationTx) Revise(ctx context.Context) (newest int64, err error) {
	revised, err := t.Conn.Exec(ctx, reviseDirectories, t.OrganizationID)
	if err != nil || revised == 0 {
		return 0, err
	}
	return rows.ReadOne(ctx, t.Conn, dbtype.Value[int64], nil, takeRevisions, revised)
}

// conn is a rows.Conn on the file, or in a transaction.
type conn struct{ sqlitedb.Conn }

func (c conn) ReadOne(ctx context.Context, into []any, missing error, statement string, args ...any) error {
	return sqlitedb.ReadRow(ctx, c.Conn, into, missing, statement, args...)
}

func (c conn) ReadAll(ctx context.Context, into []any, keep func(), statement string, args ...any) error {
	found, err := c.Query(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return err
		}
		keep()
	}
	return found.Err()
}

func (conn) IDs(ids []string) any {
	list, _ := json.Marshal(ids) // a []string always marshals
	return string(list)
}
