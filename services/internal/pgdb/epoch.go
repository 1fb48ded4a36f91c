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

// Each schema has a table meta of one row: `epoch`, of the feed's cursors; `database`, the database that the epoch began
// in; and `least_migration`, the newest migration that a binary must know to work on the schema.

// Epoch is the epoch of the feed that the schema holds now. It is another one once the database is not the one that it
// was: restored from a dump, into another cluster or over the same one, or recovered or failed over on a new timeline,
// which may have lost what was committed last. Cursors of another epoch have expired. Every connection is checked as it
// is made. A copy of the files that starts as if nothing had happened, such as a snapshot of a volume, cannot be told:
// RenewEpoch is for that.
func (p *DB) Epoch() string { return *p.epochs.current.Load() }

// epochs notices that a database is another one than before.
type epochs struct {
	schema  Schema
	log     *slog.Logger
	current atomic.Pointer[string] // nil until open
	pool    *pgxpool.Pool
}

// open notes which database this is.
func (e *epochs) open(ctx context.Context, pool *pgxpool.Pool) error {
	e.pool = pool
	err := pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { return e.look(ctx, conn.Conn()) })
	return Reach(err)
}

// recognize checks a new connection.
func (e *epochs) recognize(ctx context.Context, conn *pgx.Conn) error {
	before := e.current.Load()
	if before == nil {
		return nil // open looks, once the schema is known to be there
	}
	if err := e.look(ctx, conn); err != nil {
		return err
	}
	if *e.current.Load() != *before {
		e.pool.Reset() // the other connections are to what was there before
	}
	return nil
}

// whichDatabase names the database that a session is in: the cluster, the database in it, and the table meta, which is
// another one where a dump was restored over the schema. whereAmI adds the timeline of its log.
const whichDatabase = `(SELECT system_identifier FROM pg_control_system()) || '/' ||
	(SELECT oid FROM pg_database WHERE datname = current_database()) || '/' || 'meta'::regclass::oid`

// look reads the epoch, and begins a new one if the database is not the one that it began in.
func (e *epochs) look(ctx context.Context, conn *pgx.Conn) error {
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

// whereAmI names the database. Where the timeline can't be asked for, as on some services, it is left out.
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

// renew begins a new epoch, unless somebody has meanwhile. A database that was never opened keeps the one that it was made
// with.
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

// RenewEpoch has the next connection begin a new epoch, for a database that was restored in a way that cannot be noticed.
func RenewEpoch(ctx context.Context, url string, schema Schema) error {
	pool, err := connect(ctx, Server{URL: url}, schema, nil, nil)
	if err != nil {
		return err
	}
	defer pool.Close()
	_, err = pool.Exec(ctx, `UPDATE meta SET database = 'restored' WHERE database <> ''`)
	return Reach(err)
}
