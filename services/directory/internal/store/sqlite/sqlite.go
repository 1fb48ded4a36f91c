// Package sqlite is the directory service's store on SQLite.
package sqlite

import (
	"context"
	"embed"
	"errors"
	"io/fs"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/internal/sqlfile"
)

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

var statements = sqlfile.In(embedded, sqlfile.SQLite)

var getEpoch = statements.Load("get_epoch")

// Store implements store.Store on one database file.
type Store struct {
	db    *sqldb.SQLite
	epoch string
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the file.
func Open(ctx context.Context, path string, tracing trace.TracerProvider) (*Store, error) {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqldb.OpenSQLite(ctx, path, files, tracing)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	if err := db.QueryRow(ctx, getEpoch).Scan(&s.epoch); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// Epoch implements store.Store.
func (s *Store) Epoch() string { return s.epoch }

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, organizationID string, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return fn(ctx, organizationTx{tx, organizationID}) })
}

// UpdateAll implements store.Store.
func (s *Store) UpdateAll(ctx context.Context, fn func(ctx context.Context, tx store.AllTx) error) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqldb.Tx) error { return fn(ctx, allTx{tx}) })
}

// organizationTx is a store.Tx.
type organizationTx struct {
	tx           *sqldb.Tx
	organization string
}

var _ store.Tx = organizationTx{}

// allTx is a store.AllTx.
type allTx struct{ tx *sqldb.Tx }

var _ store.AllTx = allTx{}
