// Package postgres is the directory service's store on PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/internal/sqlfile"
)

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

var statements = sqlfile.In(embedded, sqlfile.Postgres)

// schema holds the service's tables.
const schema = "usher_directory"

func tables() sqldb.PostgresSchema {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sqldb.PostgresSchema{
		Name: schema, Migrations: migrations,
		// Revisions are not of transactions; who follows begins anew.
		NewEpoch: func(context.Context, pgx.Tx) error { return nil },
	}
}

// Migrate makes the tables, or brings them up to date.
func Migrate(ctx context.Context, url string) error { return sqldb.MigratePostgres(ctx, url, tables()) }

// RenewEpoch begins a new epoch of the feed.
func RenewEpoch(ctx context.Context, url string) error { return sqldb.RenewEpoch(ctx, url, tables()) }

// Store implements store.Store on one schema. Any number of processes may have it open.
type Store struct{ db *sqldb.Postgres }

var _ store.Store = (*Store)(nil)

// Open connects to a migrated database.
func Open(ctx context.Context, server sqldb.PostgresServer) (*Store, error) {
	db, err := sqldb.OpenPostgres(ctx, server, tables())
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Close ends the connections.
func (s *Store) Close() error {
	s.db.Close()
	return nil
}

// Epoch implements store.Store.
func (s *Store) Epoch() string { return s.db.Epoch() }

var (
	lockOrganization = statements.Load("lock_organization", "id")
	lockAll          = statements.Load("lock_all")
)

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, organizationID string, fn func(ctx context.Context, tx store.Tx) error) error {
	t := &organizationTx{organization: organizationID}
	lock := func(b *pgx.Batch) {
		id := &organizationID
		if strings.ContainsRune(organizationID, 0) {
			id = nil // no text holds it, so it is not there
		}
		b.Queue(lockOrganization, id).Query(func(rows pgx.Rows) (err error) {
			t.row, err = pgx.CollectRows(rows, sqldb.RowTo(store.OrganizationFields))
			return err
		})
	}
	return s.db.Transact(ctx, lock, func(conn *pgxpool.Conn) error {
		t.conn = conn
		return fn(ctx, t)
	})
}

// UpdateAll implements store.Store.
func (s *Store) UpdateAll(ctx context.Context, fn func(ctx context.Context, tx store.AllTx) error) error {
	lock := func(b *pgx.Batch) { b.Queue(lockAll) }
	return s.db.Transact(ctx, lock, func(conn *pgxpool.Conn) error { return fn(ctx, allTx{conn}) })
}

// organizationTx is a store.Tx.
type organizationTx struct {
	conn         *pgxpool.Conn
	organization string
	row          []store.Organization // it is locked; none where it is not there
}

var _ store.Tx = (*organizationTx)(nil)

// allTx is a store.AllTx.
type allTx struct{ conn *pgxpool.Conn }

var _ store.AllTx = allTx{}
