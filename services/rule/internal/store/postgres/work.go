package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	acquireLease        = statements.Load("acquire_lease", "organization_id", "owner_id", "expire", "now")
	getLease            = statements.Load("get_lease", "organization_id")
	releaseLeases       = statements.Load("release_leases", "organization_ids", "owner_ids", "owner_tokens")
	getWork             = statements.Load("get_work", "organization_id")
	listUnresolvedRules = statements.Load("list_unresolved_rules", "organization_id", "limit")
	listRequeued        = statements.Load("list_requeued", "organization_id", "limit")
	listExpansions      = statements.Load("list_expansions", "organization_id", "limit")
	getRunningSync      = statements.Load("get_running_sync", "organization_id")
	getActivity         = statements.Load("get_activity")
	insertOrganizations = statements.Load("insert_organizations", "organization_ids")
	updateActivity      = statements.Load("update_activity", "cursor")
	expandGroup         = statements.Load("expand_group", "organization_id", "group_id", "from", "message_id", "traceparent")
	expandGroupsWithin  = statements.Load("expand_groups_within", "organization_id", "group_id", "id", "root", "group_ids", "from",
		"message_id", "traceparent")
	updateExpansion       = statements.Load("update_expansion", "organization_id", "group_id", "id", "page_token", "done")
	deleteOlderExpansions = statements.Load("delete_older_expansions", "organization_id", "group_id", "id")
	deleteDoneExpansions  = statements.Load("delete_done_expansions", "organization_id")
	insertRequeued        = statements.Load("insert_requeued", "organization_id", "user_ids")
	deleteRequeued        = statements.Load("delete_requeued", "organization_id", "user_ids")
)

// Acquire waits for a running Update: the new owner sees what the owner before it commits. The first statement locks the row even if
// it writes nothing, so the second one tells the reason.
func (s *Store) Acquire(ctx context.Context, organizationID, owner string, now, expire time.Time) (store.Lease, bool, time.Time, error) {
	var until int64
	var erasing bool
	b := &pgx.Batch{}
	token := ask(b, dbtype.Value[int64], acquireLease, organizationID, owner, dbtype.Micros(expire), dbtype.Micros(now))
	b.Queue(getLease, organizationID).
		QueryRow(func(row pgx.Row) error { return row.Scan(&until, &erasing) })
	if err := s.db.SendBatch(ctx, b).Close(); err != nil {
		return store.Lease{}, false, time.Time{}, pgdb.Reach(err)
	}
	if len(*token) == 0 && erasing {
		return store.Lease{}, false, time.Time{}, store.Erasing(organizationID)
	}
	if len(*token) == 0 {
		return store.Lease{}, true, dbtype.FromMicros(until), nil
	}
	return store.Lease{Owner: owner, Token: (*token)[0], Expire: expire}, false, time.Time{}, nil
}

// Release cannot deadlock: no two owners have the same organization.
func (s *Store) Release(ctx context.Context, leases map[string]store.Lease) error {
	var organizations, owners []string
	var tokens []int64
	for organization, lease := range leases {
		organizations, owners = append(organizations, organization), append(owners, lease.Owner)
		tokens = append(tokens, lease.Token)
	}
	_, err := s.db.Exec(ctx, releaseLeases, organizations, owners, tokens)
	return pgdb.Reach(err)
}

// Own needs no query: the row was read when it was locked.
func (t *organizationTx) Own(_ context.Context, lease store.Lease, extend time.Time) error {
	if t.row.owner != lease.Owner || t.row.token != lease.Token {
		return store.ErrLostOwnership
	}
	if !extend.IsZero() {
		t.row.expire, t.wrote = dbtype.Micros(extend), true
	}
	return nil
}

func (s *Store) Work(ctx context.Context, organizationID string, now time.Time, limit int) (store.Work, error) {
	var at *[]store.WorkRow
	var unresolved, requeued *[]string
	var expansions *[]store.Expansion
	var syncs *[]store.Sync
	err := s.snapshot(ctx, func(b *pgx.Batch) {
		at = ask(b, store.WorkFields, getWork, organizationID)
		unresolved = ask(b, dbtype.Value[string], listUnresolvedRules, organizationID, limit)
		requeued = ask(b, dbtype.Value[string], listRequeued, organizationID, limit)
		expansions = ask(b, store.ExpansionFields, listExpansions, organizationID, limit)
		syncs = ask(b, store.SyncFields, getRunningSync, organizationID)
	})
	if err != nil || len(*at) == 0 { // nobody has written to the organization
		return store.Work{}, err
	}
	if (*at)[0].Progress.Erasing {
		return store.Work{}, store.Erasing(organizationID)
	}
	w := (*at)[0].Work()
	w.Unresolved, w.Requeued, w.Expansions = *unresolved, *requeued, *expansions
	if len(*syncs) > 0 {
		w.Sync = &(*syncs)[0]
	}
	if !w.NextDue.IsZero() {
		err = s.setAsideWork(ctx, organizationID, now, limit, &w)
	}
	return w, err
}

func (s *Store) Activity(ctx context.Context) (string, error) {
	all, err := pgdb.ReadAll(ctx, s.db, dbtype.Value[string], getActivity)
	if err != nil {
		return "", err
	}
	return all[0], nil
}

// SaveActivity makes organizations known in the order of their ids, so that two concurrent calls do not deadlock.
func (s *Store) SaveActivity(ctx context.Context, cursor string, organizationIDs []string) error {
	ids := slices.Sorted(slices.Values(organizationIDs))
	b := &pgx.Batch{}
	if len(ids) > 0 {
		b.Queue(insertOrganizations, ids)
	}
	b.Queue(updateActivity, cursor)
	return pgdb.Reach(s.db.SendBatch(ctx, b).Close())
}

func (t *organizationTx) Progress(context.Context) (store.Progress, error) {
	return store.Progress{Checkpoint: t.row.checkpoint, AsOf: dbtype.FromMicros(t.row.asOf), Behind: t.row.behind}, nil
}

func (t *organizationTx) SetCheckpoint(_ context.Context, cursor string) error {
	t.row.checkpoint, t.wrote = cursor, true
	return nil
}

func (t *organizationTx) SetProgress(_ context.Context, asOf time.Time, behind bool) error {
	t.row.asOf, t.row.behind, t.wrote = max(t.row.asOf, dbtype.Micros(asOf)), behind, true
	return nil
}

func (t *organizationTx) SetRecovery(_ context.Context, walk *store.Walk) error {
	t.row.recovering, t.row.walk, t.wrote = walk != nil, store.Walk{}, true
	if walk != nil {
		t.row.walk = *walk
	}
	return nil
}

func (t *organizationTx) Expand(ctx context.Context, e store.Expansion) error {
	return t.write(ctx, expandGroup, t.organization, e.GroupID, e.From, e.MessageID, e.Traceparent)
}

func (t *organizationTx) ExpandWithin(ctx context.Context, e store.Expansion, groupIDs []string) error {
	if len(groupIDs) == 0 {
		return nil
	}
	return t.write(ctx, expandGroupsWithin,
		t.organization, e.GroupID, e.ID, e.Root, groupIDs, e.From, e.MessageID, e.Traceparent)
}

func (t *organizationTx) ExpandedTo(ctx context.Context, e store.Expansion, pageToken string, done bool) error {
	err := t.write(ctx, updateExpansion, t.organization, e.GroupID, e.ID, pageToken, done)
	if err != nil || !done {
		return err
	}
	err = t.write(ctx, deleteOlderExpansions, t.organization, e.GroupID, e.ID)
	if err != nil {
		return err
	}
	return t.write(ctx, deleteDoneExpansions, t.organization)
}

func (t *organizationTx) Requeue(ctx context.Context, userIDs []string) error {
	if len(userIDs) == 0 {
		return nil
	}
	return t.write(ctx, insertRequeued, t.organization, userIDs)
}

func (t *organizationTx) Unqueue(ctx context.Context, userIDs []string) error {
	return t.write(ctx, deleteRequeued, t.organization, userIDs)
}
