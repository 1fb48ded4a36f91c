// Package postgres stores the rule service's data in a PostgreSQL schema, which any number of processes share.
//
// An Update locks its organization. Updates of different organizations run concurrently. An Update collects its writes and sends them
// together with its commit. So it costs three round trips if nothing depends on what was written: begin and lock, read, write and
// commit.
package postgres

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/sqlfile"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var listOrganizations = statements.Load("list_organizations", "after", "limit")

//go:embed migrations/*.sql sql/*.sql
var embedded embed.FS

var statements = sqlfile.In(embedded, sqlfile.Postgres)

// schema contains the service's tables.
const schema = "usher_rule"

// Config configures a Store. A zero field means its default.
type Config struct {
	// Server is required.
	Server pgdb.Server
	// PollInterval is how often the store polls organizations that callers wait for, in addition to notifications. Default 1 s.
	PollInterval time.Duration
}

// Store is a store.Store on a PostgreSQL schema.
type Store struct {
	db      *pgdb.DB
	signals store.Signals
	wakeup  *wakeup
}

var _ store.Store = (*Store)(nil)

// Migrate creates the schema, or migrates it to the newest version.
func Migrate(ctx context.Context, url string) error {
	return pgdb.Migrate(ctx, url, tables())
}

// RenewEpoch starts a new epoch of the access feed.
func RenewEpoch(ctx context.Context, url string) error { return pgdb.RenewEpoch(ctx, url, tables()) }

func tables() pgdb.Schema {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return pgdb.Schema{
		Name: schema, Migrations: migrations, ByTransaction: true, Truncates: []string{"access_feed", "access_feed_trimmed"},
		NewEpoch: func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `TRUNCATE access_feed, access_feed_trimmed`)
			return err
		},
	}
}

// Schema returns the service's tables, for those who look at a database.
func Schema() pgdb.Schema { return tables() }

// Open connects to a database that Migrate has prepared. Other processes may use it: their leases stay.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.PollInterval == 0 {
		c.PollInterval = time.Second
	}
	db, err := pgdb.Open(ctx, c.Server, tables())
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	s.wakeup = newWakeup(db, &s.signals, c.PollInterval)
	return s, nil
}

func (s *Store) Close() error {
	s.wakeup.close()
	s.db.Close()
	return nil
}

func (s *Store) Changed(organizationID string) <-chan struct{} { return s.signals.Wait(organizationID) }

func (s *Store) OnOthers(fn func(organizationID string)) { s.wakeup.onOthers(fn) }

func (s *Store) Organizations(ctx context.Context, after string, limit int) ([]string, error) {
	return pgdb.ReadAll(ctx, s.db, dbtype.Value[string], listOrganizations, after, limit)
}

// ask adds a query to a batch. It returns a pointer to the rows: they are there once the batch was sent.
func ask[T any](b *pgx.Batch, fields func(*T) []any, query string, args ...any) *[]T {
	all := new([]T)
	b.Queue(query, args...).Query(func(rows pgx.Rows) (err error) {
		*all, err = pgx.AppendRows(*all, rows, pgdb.RowTo(fields))
		return err
	})
	return all
}

// found returns the only row of a result, or NotFound if there is none.
func found[T any](all []T, err error, resource, id string) (one T, _ error) {
	if err != nil {
		return one, err
	}
	if len(all) == 0 {
		return one, fault.Missing(resource, id)
	}
	return all[0], nil
}

// snapshot sends queries in one round trip. They all read as of one moment.
func (s *Store) snapshot(ctx context.Context, queue func(b *pgx.Batch)) error {
	b := &pgx.Batch{}
	b.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	queue(b)
	b.Queue(`COMMIT`)
	return pgdb.Reach(s.db.SendBatch(ctx, b).Close())
}
