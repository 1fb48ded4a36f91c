package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	lockUpdates        = statements.Load("lock_updates", "organization_id")
	insertOrganization = statements.Load("insert_organization", "organization_id")
	lockOrganization   = statements.Load("lock_organization", "organization_id")
	updateOrganization = statements.Load("update_organization", "organization_id", "generation", "checkpoint", "owner_expire_time",
		"recovering", "recovery_token", "recovery_after", "as_of", "behind", "when_unknown", "owner_id", "owner_token", "erasing")
)

func (s *Store) Update(ctx context.Context, organizationID string, fn func(context.Context, store.Tx) error) error {
	return s.changed(organizationID, s.update(ctx, organizationID, func(ctx context.Context, t *organizationTx) error {
		if t.row.erasing > 0 {
			return store.Erasing(organizationID)
		}
		return fn(ctx, t)
	}))
}

// changed wakes callers that wait for the organization, unless its change failed.
func (s *Store) changed(organizationID string, err error) error {
	if err != nil {
		return pgdb.Reach(err)
	}
	s.signals.Notify(organizationID)
	s.wakeup.wrote(organizationID)
	return nil
}

func (s *Store) update(ctx context.Context, organizationID string, fn func(context.Context, *organizationTx) error) error {
	conn, err := s.db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	t := &organizationTx{conn: conn, organization: organizationID, batch: &pgx.Batch{}}
	defer pgdb.Rollback(ctx, conn)
	if err := t.begin(ctx); err != nil {
		return err
	}
	if err := fn(ctx, t); err != nil {
		return err
	}
	return t.commit(ctx)
}

// maxQueued is how many writes a transaction collects before it sends them.
const maxQueued = 500

// organizationTx is a store.Tx. It collects writes until a read, or until the commit.
type organizationTx struct {
	conn         *pgxpool.Conn
	organization string
	row          organizationRow
	batch        *pgx.Batch  // the next writes
	access       differences // written after batch
	wrote        bool        // the transaction wrote something
}

var _ store.Tx = (*organizationTx)(nil)

// organizationRow is the organization's own row. It is locked, so nobody else changes it.
type organizationRow struct {
	generation int64
	checkpoint string
	owner      string
	token      int64
	expire     int64
	recovering bool
	walk       store.Walk
	asOf       int64
	behind     bool
	settings   store.Settings
	erasing    int64
	erased     int64
}

// begin locks the organization, and makes it known.
//
// The advisory lock is the essential one. The transaction takes it before it gets its number, which a lock on a row cannot ensure.
// So transactions of one organization commit in the order of their numbers, and the records of its feed, which have that order, are in
// the order of the events. It also locks the row, because leases are acquired with a lock on it.
func (t *organizationTx) begin(ctx context.Context) error {
	t.batch.Queue(`BEGIN`)
	t.batch.Queue(lockUpdates, t.organization)
	t.batch.Queue(insertOrganization, t.organization)
	t.batch.Queue(lockOrganization, t.organization).QueryRow(func(row pgx.Row) error {
		r := &t.row
		return row.Scan(&r.generation, &r.checkpoint, &r.owner, &r.token, &r.expire, &r.recovering, &r.walk.PageToken, &r.walk.After,
			&r.asOf, &r.behind, &r.settings.WhenUnknown, &r.erasing, &r.erased)
	})
	return t.send(ctx)
}

// errAborted is the error of a commit after an ignored failure.
var errAborted = errors.New("the transaction failed before its commit")

// commit sends the collected writes and the organization's row, and commits, in one round trip.
func (t *organizationTx) commit(ctx context.Context) error {
	t.gather()
	if t.wrote {
		r := t.row
		t.batch.Queue(updateOrganization,
			t.organization, r.generation, r.checkpoint, r.expire, r.recovering, r.walk.PageToken, r.walk.After, r.asOf, r.behind,
			int(r.settings.WhenUnknown), r.owner, r.token, r.erasing)
	}
	t.batch.Queue(`COMMIT`).Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" {
			return errAborted
		}
		return nil
	})
	return t.send(ctx)
}

// write collects a statement.
func (t *organizationTx) write(ctx context.Context, query string, args ...any) error {
	t.wrote = true
	t.batch.Queue(query, args...)
	if t.batch.Len() < maxQueued {
		return nil
	}
	return t.send(ctx)
}

// gather adds the differences of access to the batch.
func (t *organizationTx) gather() {
	if t.access.queue(t.batch, t.organization) {
		t.wrote = true
	}
}

// queue returns the batch with all collected writes: add to it, then send.
func (t *organizationTx) queue() *pgx.Batch {
	t.gather()
	return t.batch
}

// send sends the batch.
func (t *organizationTx) send(ctx context.Context) error {
	b := t.batch
	t.batch = &pgx.Batch{}
	return pgdb.Reach(t.conn.SendBatch(ctx, b).Close())
}

// exec sends a statement after all collected writes, and returns the number of rows that it changed.
func (t *organizationTx) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	t.wrote = true
	t.queue().Queue(query, args...).Exec(func(tag pgconn.CommandTag) error {
		n = tag.RowsAffected()
		return nil
	})
	err = t.send(ctx)
	return n, err
}
