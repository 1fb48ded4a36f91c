package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/rows"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

// The store.ChangeKinds that SQL speaks of.
const (
	created       = `1`
	deleted       = `3`
	memberAdded   = `4`
	memberRemoved = `5`
)

// recorded is where a write's last change record is, as the columns have it; nil where it wrote none.
type recorded struct {
	transaction *uint64
	sequence    *int64
}

func (r recorded) none() bool { return r.transaction == nil }

// cursor is after the record; the zero cursor where there is none.
func (r recorded) cursor(epoch string) feed.Cursor {
	if r.none() {
		return feed.Cursor{}
	}
	return feed.Cursor{Epoch: epoch, Transaction: *r.transaction, Sequence: *r.sequence}
}

// record adds a change record and gives the cursor after it.
func (s *Store) record(ctx context.Context, tx pgx.Tx, scope store.Scope, r rows.Record, cause store.Cause) (feed.Cursor, error) {
	cursor := feed.Cursor{Epoch: s.db.Epoch()}
	err := tx.QueryRow(ctx, `INSERT INTO changes (organization_id, directory_id, resource_group, resource_id, revision, kind,
		member_id, member_group, message_id, traceparent, time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		RETURNING transaction, sequence`, scope.OrganizationID, scope.DirectoryID, r.Type == store.Group, r.ID, r.Revision, int(r.Kind),
		r.MemberID, r.MemberType == store.Group, cause.MessageID, cause.Traceparent, sqldb.Time(&cause.Time)).Scan(&cursor.Transaction, &cursor.Sequence)
	return cursor, err
}

// horizon is the oldest transaction that is open, as the statement's snapshot sees it: what is below it is final.
const horizon = `pg_snapshot_xmin(pg_current_snapshot())::text::bigint`

// ahead is the first transaction that has not begun, as the statement's snapshot sees it: no cursor is at or beyond it.
const ahead = `pg_snapshot_xmax(pg_current_snapshot())::text::bigint`

// maxHeld is how many of the records that are held back are looked at for the oldest of them.
const maxHeld = `1000`

// heldOf is the least time of the records, of those that meet a condition, that are committed and do not show yet; 0 for none.
// Of more than maxHeld it is that of the first ones in the feed's order, which will do as well: a record's time is taken before its
// transaction begins, and so before any later transaction ends, and its write returns.
func heldOf(condition string) string {
	return `SELECT coalesce(min(time), 0) AS held FROM (SELECT time FROM changes WHERE ` + condition + ` AND transaction >= ` + horizon + `
		ORDER BY transaction, sequence LIMIT ` + maxHeld + `) held`
}

// epoch is that of the database which the statement reads. Store.Epoch may be of another one: the connection that a read
// gets may be the first to the database that was restored.
const epoch = `(SELECT epoch FROM meta)`

// before is the cursor after everything that a transaction below this one wrote.
func before(epoch string, transaction uint64) feed.Cursor {
	return feed.Cursor{Epoch: epoch, Transaction: transaction - 1, Sequence: math.MaxInt64}
}

// columnsOf is a cursor as the columns have it. Who made one up beyond them is at their end.
func columnsOf(c feed.Cursor) (transaction, sequence int64) {
	return int64(min(c.Transaction, math.MaxInt64)), c.Sequence
}

// look implements sqldb.Wakeup's question.
func (s *Store) look(ctx context.Context) (seen uint64, held bool, err error) {
	err = s.db.QueryRow(ctx, `SELECT coalesce((SELECT transaction FROM changes WHERE transaction < `+horizon+`
			ORDER BY transaction DESC, sequence DESC LIMIT 1), 0),
		EXISTS (SELECT 1 FROM changes WHERE transaction >= `+horizon+`)`).Scan(&seen, &held)
	return seen, held, err
}

// Cursor implements store.Store.
func (s *Store) Cursor(ctx context.Context) (follow, newest feed.Cursor, err error) {
	var end uint64
	err = s.db.QueryRow(ctx, `SELECT `+epoch+`, h.horizon, coalesce(c.transaction, 0), coalesce(c.sequence, 0)
		FROM (SELECT `+horizon+` AS horizon) h
		LEFT JOIN LATERAL (SELECT transaction, sequence FROM changes ORDER BY transaction DESC, sequence DESC LIMIT 1) c ON true`).
		Scan(&newest.Epoch, &end, &newest.Transaction, &newest.Sequence)
	if err != nil {
		return follow, newest, sqldb.Reach(err)
	}
	if follow = before(newest.Epoch, end); newest.Before(follow) {
		newest = follow
	}
	return follow, newest, nil
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, organizationID string, after feed.Cursor, limit int) (changes []store.Change, next feed.Cursor, held time.Time, err error) {
	transaction, sequence := columnsOf(after)
	// One statement, so that the horizon and the records are of one snapshot. Without a record there is a row without one.
	type line struct {
		store.Change
		epoch          string
		horizon, ahead uint64
		held           time.Time
		trimmed        feed.Cursor
		there          bool
	}
	found, err := sqldb.ReadAll(ctx, s.db, func(l *line) []any {
		return append([]any{
			&l.epoch, &l.horizon, &l.ahead, sqldb.Time(&l.held), &l.trimmed.Transaction, &l.trimmed.Sequence, &l.there, &l.Cursor.Transaction, &l.Cursor.Sequence,
		}, rows.Change(&l.Change)...)
	}, `SELECT `+epoch+`, h.horizon, h.ahead, w.held, coalesce(t.transaction, 0), coalesce(t.sequence, 0), c.sequence IS NOT NULL, coalesce(c.transaction, 0), coalesce(c.sequence, 0), coalesce(c.organization_id, ''),
		coalesce(directory_id, ''), coalesce(resource_group, false), coalesce(resource_id, ''), coalesce(revision, 0),
		coalesce(kind, 0), coalesce(member_id, ''), coalesce(member_group, false), coalesce(message_id, ''),
		coalesce(traceparent, ''), coalesce(time, 0)
		FROM (SELECT `+horizon+` AS horizon, `+ahead+` AS ahead) h CROSS JOIN LATERAL (`+heldOf(`organization_id = $1`)+`) w LEFT JOIN trimmed t ON t.organization_id = $1 LEFT JOIN LATERAL (
			SELECT * FROM changes WHERE organization_id = $1 AND (transaction, sequence) > ($2, $3) AND transaction < h.horizon
			ORDER BY transaction, sequence LIMIT $4) c ON true
		ORDER BY c.transaction, c.sequence`, organizationID, transaction, sequence, limit)
	if err != nil {
		return nil, after, held, err
	}
	first := found[0]
	if err := followable(after, first.epoch, first.ahead, first.trimmed); err != nil {
		return nil, after, held, err
	}
	held = first.held
	for _, l := range found {
		if l.there {
			l.Cursor.Epoch = l.epoch
			changes = append(changes, l.Change)
		}
	}
	if len(changes) == limit {
		return changes, changes[limit-1].Cursor, held, nil
	}
	end := before(first.epoch, first.horizon)
	if end.Before(after) {
		end = after
	}
	return changes, end, held, nil
}

// followable says whether what comes after a cursor can be read from a feed of this epoch.
func followable(after feed.Cursor, epoch string, ahead uint64, trimmed feed.Cursor) error {
	switch err := after.CheckEpoch(epoch); {
	case err != nil:
		return err
	case after.Transaction >= ahead:
		return feed.Ahead()
	case after.Before(trimmed):
		return feed.Trimmed()
	}
	return nil
}

// Active implements store.Store.
func (s *Store) Active(ctx context.Context, after feed.Cursor) (active []string, next feed.Cursor, held time.Time, err error) {
	query := `SELECT DISTINCT organization_id FROM changes
		WHERE (transaction, sequence) > ($1, $2) AND transaction < ` + horizon + ` ORDER BY 1`
	// From the beginning nothing is missed that was trimmed: its organizations are told.
	newestTrimmed := `SELECT transaction, sequence FROM trimmed ORDER BY transaction DESC, sequence DESC LIMIT 1`
	if after.Transaction == 0 && after.Sequence == 0 {
		newestTrimmed = `SELECT 0 AS transaction, 0 AS sequence`
		// That would read every record; the organizations are fewer.
		query = `WITH RECURSIVE o (id) AS (
				SELECT min(organization_id) FROM changes
				UNION ALL SELECT (SELECT min(organization_id) FROM changes WHERE organization_id > o.id) FROM o WHERE o.id IS NOT NULL)
			SELECT id FROM o WHERE id IS NOT NULL AND (SELECT transaction < ` + horizon + ` FROM changes
				WHERE organization_id = o.id AND (transaction, sequence) > ($1, $2) ORDER BY transaction, sequence LIMIT 1)
			UNION SELECT organization_id FROM trimmed ORDER BY 1`
	}
	var now string
	var end, beyond uint64
	var trimmed feed.Cursor
	transaction, sequence := columnsOf(after)
	// One snapshot, so that what is trimmed meanwhile is either told or missed; and one round trip.
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	batch.Queue(`SELECT ` + epoch + `, ` + horizon + `, ` + ahead + `, w.held, coalesce(t.transaction, 0), coalesce(t.sequence, 0) FROM (SELECT) one
		CROSS JOIN LATERAL (` + heldOf(`true`) + `) w LEFT JOIN LATERAL (` + newestTrimmed + `) t ON true`).QueryRow(func(row pgx.Row) error {
		return row.Scan(&now, &end, &beyond, sqldb.Time(&held), &trimmed.Transaction, &trimmed.Sequence)
	})
	batch.Queue(query, transaction, sequence).Query(func(read pgx.Rows) (err error) {
		active, err = pgx.CollectRows(read, pgx.RowTo[string])
		return err
	})
	batch.Queue(`COMMIT`)
	if err := s.db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, after, held, sqldb.Reach(err)
	}
	if err := followable(after, now, beyond, trimmed); err != nil {
		return nil, after, held, err
	}
	next = before(now, end)
	if after.Epoch != "" && next.Before(after) {
		next = after
	}
	return active, next, held, nil
}

// TrimChanges implements store.Store. What was not folded into the totals stays.
func (s *Store) TrimChanges(ctx context.Context, before time.Time, limit int) (int, error) {
	return sqldb.ReadOne(ctx, s.db, sqldb.Value[int], nil, `WITH oldest AS (
			SELECT transaction, sequence, time FROM changes
			WHERE transaction < (SELECT transaction FROM folded) AND (SELECT pg_try_advisory_xact_lock(`+trimLock+`))
			ORDER BY transaction, sequence LIMIT $1),
		last AS (
			SELECT transaction, sequence FROM oldest WHERE time < $2 ORDER BY transaction DESC, sequence DESC LIMIT 1),
		gone AS (
			DELETE FROM changes c USING last WHERE (c.transaction, c.sequence) <= (last.transaction, last.sequence)
			RETURNING c.organization_id, c.transaction, c.sequence),
		noted AS (
			INSERT INTO trimmed AS t (organization_id, transaction, sequence)
			SELECT DISTINCT ON (organization_id) organization_id, transaction, sequence FROM gone
			ORDER BY organization_id, transaction DESC, sequence DESC
			-- An organization that is erased may be ahead.
			ON CONFLICT (organization_id) DO UPDATE SET transaction = excluded.transaction, sequence = excluded.sequence
			WHERE (t.transaction, t.sequence) < (excluded.transaction, excluded.sequence))
		SELECT count(*) FROM gone`, limit, sqldb.Time(&before))
}

// trimLock is the advisory lock of who trims.
const trimLock = `hashtextextended('trim', 4)`

// Written implements store.Store.
func (s *Store) Written() <-chan struct{} { return s.written.Wait() }
