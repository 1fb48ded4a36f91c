package pgdb

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const rollbackTimeout = 2 * time.Second

// Transact runs fn in a transaction. first queues statements that run before fn: the begin and first take one round trip. An error
// of either rolls everything back, and is returned like Reach does.
func (p *DB) Transact(ctx context.Context, first func(*pgx.Batch), fn func(conn *pgxpool.Conn) error) error {
	return Reach(p.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		defer Rollback(ctx, conn)
		begin := &pgx.Batch{}
		begin.Queue(`BEGIN`)
		first(begin)
		if err := conn.SendBatch(ctx, begin).Close(); err != nil {
			return err
		}
		if err := fn(conn); err != nil {
			return err
		}
		tag, err := conn.Exec(ctx, `COMMIT`)
		if err == nil && tag.String() != "COMMIT" { // a statement of fn failed, and fn ignored that
			err = pgx.ErrTxCommitRollback
		}
		return err
	}))
}

// Rollback rolls back the open transaction. If that fails, the connection is not used again.
func Rollback(ctx context.Context, conn *pgxpool.Conn) {
	const inNone = 'I'
	if conn.Conn().IsClosed() || conn.Conn().PgConn().TxStatus() == inNone {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, `ROLLBACK`)
}
