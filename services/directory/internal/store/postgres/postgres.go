// Package postgres is the directory service's store on PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"io/fs"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/directory/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/sqlfile"
)

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

var (
	statements = sqlfile.In(embedded, sqlfile.Postgres)
	shared     = rows.Load(statements)

	lockAll           = statements.Load("lock_all")
	lockOrganization  = statements.Load("lock_organization", "id")
	reviseDirectories = statements.Load("revise_directories", "organization_id")
)

// schema contains the service's tables.
const schema = "usher_directory"

func tables() pgdb.Schema {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return pgdb.Schema{
		Name: schema, Migrations: migrations,
		// Revisions do not depend on transactions. Followers begin again.
		NewEpoch: func(context.Context, pgx.Tx) error { return nil },
	}
}

// Migrate creates the tables, or migrates them.
func Migrate(ctx context.Context, url string) error { return pgdb.Migrate(ctx, url, tables()) }

// RenewEpoch starts a new epoch of the feed.
func RenewEpoch(ctx context.Context, url string) error { return pgdb.RenewEpoch(ctx, url, tables()) }

// Store is a store.Store on one schema. Any number of processes may share it.
type Store struct {
	rows.Store
	db *pgdb.DB
}

var _ store.Store = (*Store)(nil)

// Schema returns the service's tables, for those who look at a database.
func Schema() pgdb.Schema { return tables() }

// Open connects to a migrated database.
func Open(ctx context.Context, server pgdb.Server) (*Store, error) {
	db, err := pgdb.Open(ctx, server, tables())
	if err != nil {
		return nil, err
	}
	return &Store{shared.Store(conn{db}), db}, nil
}

// Close closes the connections.
func (s *Store) Close() error {
	s.db.Close()
	return nil
}

func (s *Store) Epoch() string { return s.db.Epoch() }

func (s *Store) Update(ctx context.Context, organizationID string, fn func(ctx context.Context, tx store.Tx) error) error {
	var locked []store.Organization
	lock := func(b *pgx.Batch) {
		id := &organizationID
		if strings.ContainsRune(organizationID, 0) {
			id = nil // a text cannot contain the id, so it does not exist
		}
		b.Queue(lockOrganization, id).Query(func(found pgx.Rows) (err error) {
			locked, err = pgx.CollectRows(found, pgdb.RowTo(rows.OrganizationFields))
			return err
		})
	}
	return s.db.Transact(ctx, lock, func(c *pgxpool.Conn) error {
		return fn(ctx, &organizationTx{shared.Tx(conn{c}, organizationID), locked})
	})
}

func (s *Store) UpdateAll(ctx context.Context, fn func(ctx context.Context, tx store.AllTx) error) error {
	lock := func(b *pgx.Batch) { b.Queue(lockAll) }
	return s.db.Transact(ctx, lock, func(c *pgxpool.Conn) error { return fn(ctx, shared.AllTx(conn{c})) })
}

// organizationTx is a store.Tx.
type organizationTx struct {
	rows.Tx
	row []store.Organization // locked; empty if the organization does not exist
}

var _ store.Tx = (*organizationTx)(nil)

func (t *organizationTx) Organization(context.Context) (store.Organization, error) {
	if len(t.row) == 0 {
		return store.Organization{}, fault.Missing("organization", t.OrganizationID)
	}
	return t.row[0], nil
}

func (t *organizationTx) PutOrganization(ctx context.Context, o store.Organization) error {
	t.row = []store.Organization{o}
	return t.Tx.PutOrganization(ctx, o)
}

func (t *organizationTx) Revise(ctx context.Context) (newest int64, err error) {
	return rows.ReadOne(ctx, t.Conn, dbtype.Value[int64], nil, reviseDirectories, t.OrganizationID)
}

// conn is a rows.Conn on the pool, or on a connection in a transaction.
type conn struct {
	on interface {
		pgdb.Reader
		Exec(ctx context.Context, statement string, args ...any) (pgconn.CommandTag, error)
	}
}

func (c conn) Exec(ctx context.Context, statement string, args ...any) (changed int64, err error) {
	tag, err := c.on.Exec(ctx, statement, args...)
	return tag.RowsAffected(), pgdb.Reach(err)
}

func (c conn) ReadOne(ctx context.Context, into []any, missing error, statement string, args ...any) error {
	return pgdb.ReadRow(ctx, c.on, into, missing, statement, args...)
}

func (c conn) ReadAll(ctx context.Context, into []any, keep func(), statement string, args ...any) error {
	found, err := c.on.Query(ctx, statement, args...)
	if err != nil {
		return pgdb.Reach(err)
	}
	_, err = pgx.ForEachRow(found, into, func() error { keep(); return nil })
	return pgdb.Reach(err)
}

func (conn) IDs(ids []string) any {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return strings.ContainsRune(id, 0) }) // a text cannot contain a NUL
}
