package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/sqldb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Acquire implements store.Store. It waits for an Update that is under way: what the owner before it commits is there for
// the new one. The first statement locks the row also where it writes nothing, so the second one tells why it did not.
func (s *Store) Acquire(ctx context.Context, organizationID, owner string, now, expire time.Time) (store.Lease, bool, time.Time, error) {
	var until int64
	var erasing bool
	b := &pgx.Batch{}
	token := ask(b, pgx.RowTo[int64], `INSERT INTO organizations AS o (organization_id, owner_id, owner_token, owner_expire_time)
		VALUES ($1, $2, 1, $3) ON CONFLICT (organization_id) DO UPDATE SET owner_id = excluded.owner_id,
		owner_token = o.owner_token + 1, owner_expire_time = excluded.owner_expire_time
		WHERE o.erasing = 0 AND (o.owner_id = excluded.owner_id OR o.owner_expire_time <= $4) RETURNING owner_token`,
		organizationID, owner, micros(expire), micros(now))
	b.Queue(`SELECT owner_expire_time, erasing > 0 FROM organizations WHERE organization_id = $1`, organizationID).
		QueryRow(func(row pgx.Row) error { return row.Scan(&until, &erasing) })
	if err := s.db.SendBatch(ctx, b).Close(); err != nil {
		return store.Lease{}, false, time.Time{}, sqldb.Reach(err)
	}
	if len(*token) == 0 && erasing {
		return store.Lease{}, false, time.Time{}, store.Erasing(organizationID)
	}
	if len(*token) == 0 {
		return store.Lease{}, true, fromMicros(until), nil
	}
	return store.Lease{Owner: owner, Token: (*token)[0], Expire: expire}, false, time.Time{}, nil
}

// Release implements store.Store. No two owners have an organization, so no two Releases wait for each other.
func (s *Store) Release(ctx context.Context, leases map[string]store.Lease) error {
	var organizations, owners []string
	var tokens []int64
	for organization, lease := range leases {
		organizations, owners = append(organizations, organization), append(owners, lease.Owner)
		tokens = append(tokens, lease.Token)
	}
	_, err := s.db.Exec(ctx, `UPDATE organizations o SET owner_expire_time = 0
		FROM unnest($1::text[], $2::text[], $3::bigint[]) AS l (organization_id, owner_id, owner_token)
		WHERE o.organization_id = l.organization_id AND o.owner_id = l.owner_id AND o.owner_token = l.owner_token`,
		organizations, owners, tokens)
	return sqldb.Reach(err)
}

// Own implements store.Tx. The row was read when it was locked.
func (t *organizationTx) Own(_ context.Context, lease store.Lease, extend time.Time) error {
	if t.row.owner != lease.Owner || t.row.token != lease.Token {
		return store.ErrLostOwnership
	}
	if !extend.IsZero() {
		t.row.expire, t.wrote = micros(extend), true
	}
	return nil
}

// Work implements store.Store.
func (s *Store) Work(ctx context.Context, organizationID string, now time.Time, limit int) (store.Work, error) {
	type place struct {
		progress   store.Progress
		settings   store.Settings
		recovering bool
		walk       store.Walk
		due        int64
	}
	var at *[]place
	var unresolved, requeued *[]string
	var expansions *[]store.Expansion
	var syncs *[]store.Sync
	err := s.snapshot(ctx, func(b *pgx.Batch) {
		at = ask(b, func(row pgx.CollectableRow) (p place, err error) {
			var asOf int64
			err = row.Scan(&p.progress.Checkpoint, &asOf, &p.progress.Behind, &p.progress.Erasing, &p.settings.WhenUnknown, &p.recovering, &p.walk.PageToken,
				&p.walk.After, &p.due)
			p.progress.AsOf = fromMicros(asOf)
			return p, err
		}, `SELECT checkpoint, as_of, behind, erasing > 0, when_unknown, recovering, recovery_token, recovery_after,
			coalesce((SELECT min(retry_time) FROM set_aside WHERE organization_id = $1), 0)
			FROM organizations WHERE organization_id = $1`, organizationID)
		unresolved = ask(b, pgx.RowTo[string], `SELECT id FROM rules WHERE organization_id = $1 AND unresolved ORDER BY id LIMIT $2`,
			organizationID, limit)
		requeued = ask(b, pgx.RowTo[string], `SELECT user_id FROM requeued WHERE organization_id = $1 ORDER BY user_id LIMIT $2`,
			organizationID, limit)
		expansions = ask(b, func(row pgx.CollectableRow) (e store.Expansion, err error) {
			err = row.Scan(&e.ID, &e.Root, &e.GroupID, &e.PageToken, &e.From, &e.MessageID, &e.Traceparent)
			return e, err
		}, `SELECT id, root, group_id, page_token, from_cursor, message_id, traceparent FROM expansions
			WHERE organization_id = $1 AND NOT done ORDER BY root, group_id, id LIMIT $2`, organizationID, limit)
		syncs = ask(b, scanSync, `SELECT `+syncColumns+` FROM syncs WHERE organization_id = $1 AND state = 1`, organizationID)
	})
	if err != nil || len(*at) == 0 { // nobody has written anything of it
		return store.Work{}, err
	}
	p := (*at)[0]
	if p.progress.Erasing {
		return store.Work{}, store.Erasing(organizationID)
	}
	w := store.Work{Progress: p.progress, Settings: p.settings, Unresolved: *unresolved, Requeued: *requeued, Expansions: *expansions, NextDue: fromMicros(p.due)}
	if p.recovering {
		w.Recovery = &p.walk
	}
	if len(*syncs) > 0 {
		w.Sync = &(*syncs)[0]
	}
	if p.due != 0 {
		err = s.setAsideWork(ctx, organizationID, now, limit, &w)
	}
	return w, err
}

// Activity implements store.Store.
func (s *Store) Activity(ctx context.Context) (string, error) {
	all, err := list(ctx, s.db, pgx.RowTo[string], `SELECT cursor FROM activity`)
	if err != nil {
		return "", err
	}
	return all[0], nil
}

// SaveActivity implements store.Store. Organizations are made known in the order of their ids, so that two processes that
// do so at once do not wait for each other.
func (s *Store) SaveActivity(ctx context.Context, cursor string, organizationIDs []string) error {
	ids := slices.Sorted(slices.Values(organizationIDs))
	b := &pgx.Batch{}
	if len(ids) > 0 {
		b.Queue(`INSERT INTO organizations (organization_id) SELECT id FROM unnest($1::text[]) WITH ORDINALITY AS o (id, n)
			ORDER BY n ON CONFLICT DO NOTHING`, ids)
	}
	b.Queue(`UPDATE activity SET cursor = $1`, cursor)
	return sqldb.Reach(s.db.SendBatch(ctx, b).Close())
}

// Progress implements store.Tx.
func (t *organizationTx) Progress(context.Context) (store.Progress, error) {
	return store.Progress{Checkpoint: t.row.checkpoint, AsOf: fromMicros(t.row.asOf), Behind: t.row.behind}, nil
}

// SetCheckpoint implements store.Tx.
func (t *organizationTx) SetCheckpoint(_ context.Context, cursor string) error {
	t.row.checkpoint, t.wrote = cursor, true
	return nil
}

// SetProgress implements store.Tx.
func (t *organizationTx) SetProgress(_ context.Context, asOf time.Time, behind bool) error {
	t.row.asOf, t.row.behind, t.wrote = max(t.row.asOf, micros(asOf)), behind, true
	return nil
}

// SetRecovery implements store.Tx.
func (t *organizationTx) SetRecovery(_ context.Context, walk *store.Walk) error {
	t.row.recovering, t.row.walk, t.wrote = walk != nil, store.Walk{}, true
	if walk != nil {
		t.row.walk = *walk
	}
	return nil
}

// Expand implements store.Tx.
func (t *organizationTx) Expand(ctx context.Context, e store.Expansion) error {
	return t.write(ctx, `WITH cause AS (
			SELECT coalesce(max(newest), 0) + 1 AS n FROM expansions WHERE organization_id = $1),
		merged AS (
			UPDATE expansions SET newest = cause.n FROM cause
			WHERE organization_id = $1 AND group_id = $2 AND NOT done AND started = 0 RETURNING id)
		INSERT INTO expansions (organization_id, group_id, id, root, newest, from_cursor, message_id, traceparent)
		SELECT $1, $2, n, n, n, $3, $4, $5 FROM cause WHERE NOT EXISTS (SELECT 1 FROM merged)`,
		t.organization, e.GroupID, e.From, e.MessageID, e.Traceparent)
}

// ExpandWithin implements store.Tx.
func (t *organizationTx) ExpandWithin(ctx context.Context, e store.Expansion, groupIDs []string) error {
	if len(groupIDs) == 0 {
		return nil
	}
	return t.write(ctx, `WITH cause AS (
			SELECT newest AS n FROM expansions WHERE organization_id = $1 AND group_id = $2 AND id = $3),
		within AS (
			SELECT DISTINCT id FROM unnest($5::text[]) AS id),
		merged AS (
			UPDATE expansions x SET newest = greatest(x.newest, cause.n), root = least(x.root, $4),
				from_cursor = CASE WHEN $4 < x.root THEN $6 ELSE x.from_cursor END
			FROM cause, within WHERE x.organization_id = $1 AND x.group_id = within.id AND NOT x.done AND x.started = 0
			RETURNING x.group_id)
		INSERT INTO expansions (organization_id, group_id, id, root, newest, from_cursor, message_id, traceparent)
		SELECT $1, within.id, cause.n, $4, cause.n, $6, $7, $8 FROM cause, within
		WHERE within.id NOT IN (SELECT group_id FROM merged)
			AND NOT EXISTS (SELECT 1 FROM expansions x WHERE x.organization_id = $1 AND x.group_id = within.id AND x.started >= cause.n)`,
		t.organization, e.GroupID, e.ID, e.Root, groupIDs, e.From, e.MessageID, e.Traceparent)
}

// ExpandedTo implements store.Tx.
func (t *organizationTx) ExpandedTo(ctx context.Context, e store.Expansion, pageToken string, done bool) error {
	err := t.write(ctx, `UPDATE expansions SET page_token = $4, done = $5,
			started = CASE started WHEN 0 THEN (SELECT max(newest) FROM expansions WHERE organization_id = $1) ELSE started END
		WHERE organization_id = $1 AND group_id = $2 AND id = $3`, t.organization, e.GroupID, e.ID, pageToken, done)
	if err != nil || !done {
		return err
	}
	err = t.write(ctx, `DELETE FROM expansions WHERE organization_id = $1 AND group_id = $2 AND id < $3 AND done`, t.organization, e.GroupID, e.ID)
	if err != nil {
		return err
	}
	return t.write(ctx, `DELETE FROM expansions WHERE organization_id = $1
		AND NOT EXISTS (SELECT 1 FROM expansions WHERE organization_id = $1 AND NOT done)`, t.organization)
}

// Requeue implements store.Tx.
func (t *organizationTx) Requeue(ctx context.Context, userIDs []string) error {
	if len(userIDs) == 0 {
		return nil
	}
	return t.write(ctx, `INSERT INTO requeued (organization_id, user_id) SELECT $1, user_id FROM unnest($2::text[]) AS user_id
		ON CONFLICT DO NOTHING`, t.organization, userIDs)
}

// Unqueue implements store.Tx.
func (t *organizationTx) Unqueue(ctx context.Context, userIDs []string) error {
	return t.write(ctx, `DELETE FROM requeued WHERE organization_id = $1 AND user_id = ANY ($2::text[])`, t.organization, userIDs)
}
