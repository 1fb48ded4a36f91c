// Package sqlite stores the rule service's data in one SQLite file.
//
// SQLite has one writer at a time. So an Update has exclusive access not only to its organization, but to the database.
package sqlite

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/sqlfile"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	releaseAllLeases   = statements.Load("release_all_leases")
	getEpoch           = statements.Load("get_epoch")
	insertOrganization = statements.Load("insert_organization", "organization_id")
	listOrganizations  = statements.Load("list_organizations", "after", "limit")
)

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

var statements = sqlfile.In(embedded, sqlfile.SQLite)

// Store is a store.Store on a SQLite file.
type Store struct {
	db      *sqlitedb.DB
	epoch   string
	signals store.Signals
	known   sync.Map // organizations that have a row
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the file. Only one process at a time may open it, so Open ends the leases that the process before it left.
func Open(ctx context.Context, path string, log *slog.Logger, tracing trace.TracerProvider) (*Store, error) {
	scripts, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlitedb.Open(ctx, path, scripts, tracing)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	err = db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		if _, err := tx.Exec(ctx, releaseAllLeases); err != nil {
			return err
		}
		return tx.QueryRow(ctx, getEpoch).Scan(&s.epoch)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing %s: %w", path, err), db.Close())
	}
	db.ScrubInBackground(log)
	return s, nil
}

func (s *Store) Close() error { return s.db.Close() }

func (s *Store) Update(ctx context.Context, organizationID string, fn func(context.Context, store.Tx) error) error {
	return s.write(ctx, organizationID, func(ctx context.Context, tx *sqlitedb.Tx) error {
		if err := notErasing(ctx, tx, organizationID); err != nil {
			return err
		}
		return fn(ctx, &organizationTx{tx: tx, organization: organizationID, epoch: s.epoch})
	})
}

// write runs fn in a transaction on a known organization.
func (s *Store) write(ctx context.Context, organizationID string, fn func(context.Context, *sqlitedb.Tx) error) error {
	err := s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		if err := s.know(ctx, tx, organizationID); err != nil {
			return err
		}
		return fn(ctx, tx)
	})
	if err == nil {
		s.wrote(organizationID)
	}
	return err
}

// know makes an organization known, if it is not yet.
func (s *Store) know(ctx context.Context, tx *sqlitedb.Tx, organizationID string) error {
	if _, known := s.known.Load(organizationID); known {
		return nil
	}
	return know(ctx, tx, organizationID)
}

// wrote notes that a transaction wrote something to an organization.
func (s *Store) wrote(organizationID string) {
	s.known.Store(organizationID, struct{}{})
	s.signals.Notify(organizationID)
}

func know(ctx context.Context, tx *sqlitedb.Tx, organizationID string) error {
	_, err := tx.Exec(ctx, insertOrganization, organizationID)
	return err
}

func (s *Store) Changed(organizationID string) <-chan struct{} { return s.signals.Wait(organizationID) }

// OnOthers does nothing: no other process opens the file.
func (s *Store) OnOthers(func(string)) {}

func (s *Store) Organizations(ctx context.Context, after string, limit int) ([]string, error) {
	return sqlitedb.ReadAll(ctx, s.db, dbtype.Value[string], listOrganizations, after, limit)
}

// organizationTx is a store.Tx.
type organizationTx struct {
	tx           *sqlitedb.Tx
	organization string
	epoch        string
	deleted      int64 // rows that an erasure deleted
}

var _ store.Tx = (*organizationTx)(nil)

// list encodes ids as one argument, for json_each: so one statement serves any number of ids.
func list(ids []string) string {
	text, _ := json.Marshal(ids) // a []string always marshals
	return string(text)
}

// cursor returns the position after a record of the access feed. SQLite commits in the order of sequences.
func cursor(epoch string, sequence int64) feed.Cursor {
	return feed.Cursor{Epoch: epoch, Sequence: sequence}
}
