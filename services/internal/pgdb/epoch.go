package pgdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Each schema has a table meta with one row: `epoch`, the epoch of the feed's cursors; `database`, the database in which the epoch began;
// and `least_migration`, the newest migration that a binary must know to use the schema.

// Epoch returns the current epoch of the schema's feed. A new epoch begins if the database is not the same as before: if it was
// restored from a dump, into another cluster or the same one, or if it was recovered or failed over to a new timeline, which may have
// lost the last commits. Cursors of another epoch have expired. Every new connection is checked. A copy of the files that starts as
// if nothing had happened, such as a snapshot of a volume, cannot be detected: use RenewEpoch then.
func (p *DB) Epoch() string { return *p.epochs.current.Load() }

// epochs detects that the database has changed.
type epochs struct {
	schema  Schema
	log     *slog.Logger
	current atomic.Pointer[string] // nil until open
	pool    *pgxpool.Pool
}

// open stores the current database.
func (e *epochs) open(ctx context.Context, pool *pgxpool.Pool) error {
	e.pool = pool
	err := pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { return e.check(ctx, conn.Conn()) })
	return Reach(err)
}

// recognize checks a new connection.
func (e *epochs) recognize(ctx context.Context, conn *pgx.Conn) error {
	before := e.current.Load()
	if before == nil {
		return nil // open checks it, after it is known that the schema exists
	}
	if err := e.check(ctx, conn); err != nil {
		return err
	}
	if *e.current.Load() != *before {
		e.pool.Reset() // the other connections are to the earlier database
	}
	return nil
}

// whichDatabase identifies the database of a session: the cluster, the database, and the table meta, which changes if a dump is
// restored over the schema. whereAmI adds the timeline of the cluster's log.
const whichDatabase = `(SELECT system_identifier FROM pg_control_system()) || '/' ||
	(SELECT oid FROM pg_database WHERE datname = current_database()) || '/' || 'meta'::regclass::oid`

// check reads the epoch, and starts a new one if the database is not the one in which the epoch began.
func (e *epochs) check(ctx context.Context, conn *pgx.Conn) error {
	at, err := whereAmI(ctx, conn)
	if err != nil {
		return err
	}
	var epoch, database string
	if err := conn.QueryRow(ctx, `SELECT epoch, database FROM meta`).Scan(&epoch, &database); err != nil {
		return err
	}
	if database != at {
		if epoch, err = e.renew(ctx, conn, at); err != nil {
			return fmt.Errorf("beginning a new epoch: %w", err)
		}
	}
	e.current.Store(&epoch)
	return nil
}

// whereAmI identifies the database. It leaves out the timeline if the server refuses to tell it, as some services do.
func whereAmI(ctx context.Context, conn *pgx.Conn) (at string, err error) {
	if err = conn.QueryRow(ctx, `SELECT `+whichDatabase).Scan(&at); err != nil {
		return "", err
	}
	var timeline string
	err = conn.QueryRow(ctx, `SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)`).Scan(&timeline)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && (refused.Code == codeNotSupported || refused.Code == codeNotPermitted) {
		return at, nil
	}
	return at + "/" + timeline, err
}

// renew starts a new epoch, unless somebody else just did. A database that is opened for the first time keeps its epoch.
func (e *epochs) renew(ctx context.Context, conn *pgx.Conn, at string) (epoch string, err error) {
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var database string
		if err := tx.QueryRow(ctx, `SELECT epoch, database FROM meta FOR UPDATE`).Scan(&epoch, &database); err != nil || database == at {
			return err
		}
		if database == "" {
			_, err := tx.Exec(ctx, `UPDATE meta SET database = $1`, at)
			return err
		}
		if err := e.schema.NewEpoch(ctx, tx); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `UPDATE meta SET database = $1, epoch = left(replace(gen_random_uuid()::text, '-', ''), 12)
			RETURNING epoch`, at).Scan(&epoch); err != nil {
			return err
		}
		e.log.LogAttrs(ctx, slog.LevelWarn, "the database is another one than before, as after a restore or a failover: its feed begins a new epoch",
			slog.String("schema", e.schema.Name), slog.String("epoch", epoch))
		return nil
	})
	return epoch, err
}

// RenewEpoch makes the next connection start a new epoch. Call it after a restore that cannot be detected.
func RenewEpoch(ctx context.Context, url string, schema Schema) error {
	pool, err := connect(ctx, Server{URL: url}, schema, nil, nil)
	if err != nil {
		return err
	}
	defer pool.Close()
	_, err = pool.Exec(ctx, `UPDATE meta SET database = 'restored' WHERE database <> ''`)
	return Reach(err)
}
