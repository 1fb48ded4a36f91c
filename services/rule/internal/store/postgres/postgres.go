// Package postgres keeps the rule service's data in a PostgreSQL schema, which any number of processes share.
//
// An Update locks its organization, and those of different organizations run side by side. What it writes is gathered and
// sent together with its commit, so that it costs three round trips where nothing depends on what was written: begin and
// lock, read, write and commit.
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

// schema holds the service's tables.
const schema = "usher_rule"

// Config says where the tables are. A zero field means its default.
type Config struct {
	// Server is required.
	Server pgdb.Server
	// PollInterval is how often organizations that are waited for are looked at, beside being told of. Default 1 s.
	PollInterval time.Duration
}

// Store is a store.Store on a PostgreSQL schema.
type Store struct {
	db      *pgdb.DB
	signals store.Signals
	wakeup  *wakeup
}

var _ store.Store = (*Store)(nil)

// Migrate makes the schema, or brings it to the newest version.
func Migrate(ctx context.Context, url string) error {
	return pgdb.Migrate(ctx, url, tables())
}

// RenewEpoch begins a new epoch of the access feed.
func RenewEpoch(ctx context.Context, url string) error { return pgdb.RenewEpoch(ctx, url, tables()) }

func tables() pgdb.Schema {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return pgdb.Schema{
		Name: schema, Migrations: migrations, ByTransaction: true,
		NewEpoch: func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `TRUNCATE access_feed, access_feed_trimmed`)
			return err
		},
	}
}

// Check connects to a database, and says whether Open would take it.
func Check(ctx context.Context, url string) error { return pgdb.Check(ctx, url, tables()) }

// Open connects to a database that Migrate has prepared. Other processes may have it open: their leases stay.
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

// ask adds a query to a batch. What it gives is filled in when the batch has been sent.
func ask[T any](b *pgx.Batch, fields func(*T) []any, query string, args ...any) *[]T {
	all := new([]T)
	b.Queue(query, args...).Query(func(rows pgx.Rows) (err error) {
		*all, err = pgx.AppendRows(*all, rows, pgdb.RowTo(fields))
		return err
	})
	return all
}

// found gives the one row that was asked for, or the NotFound of what is not there.
func found[T any](all []T, err error, resource, id string) (one T, _ error) {
	if err != nil {
		return one, err
	}
	if len(all) == 0 {
		return one, fault.Missing(resource, id)
	}
	return all[0], nil
}

// snapshot sends queries in one round trip. All that they read is of one moment.
func (s *Store) snapshot(ctx context.Context, queue func(b *pgx.Batch)) error {
	b := &pgx.Batch{}
	b.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	queue(b)
	b.Queue(`COMMIT`)
	return pgdb.Reach(s.db.SendBatch(ctx, b).Close())
}
