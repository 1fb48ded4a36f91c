package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getOwner              = statements.Load("get_owner", "organization_id")
	updateOwner           = statements.Load("update_owner", "owner_id", "owner_token", "owner_expire_time", "organization_id")
	releaseLease          = statements.Load("release_lease", "organization_id", "owner_id", "owner_token")
	isOwner               = statements.Load("is_owner", "owner_id", "owner_token", "organization_id")
	extendLease           = statements.Load("extend_lease", "owner_expire_time", "organization_id")
	getWork               = statements.Load("get_work", "organization_id")
	listUnresolvedRules   = statements.Load("list_unresolved_rules", "organization_id", "limit")
	listRequeued          = statements.Load("list_requeued", "organization_id", "limit")
	listExpansions        = statements.Load("list_expansions", "organization_id", "limit")
	getRunningSync        = statements.Load("get_running_sync", "organization_id")
	getActivity           = statements.Load("get_activity")
	updateActivity        = statements.Load("update_activity", "cursor")
	updateCheckpoint      = statements.Load("update_checkpoint", "checkpoint", "organization_id")
	getExpansionCause     = statements.Load("get_expansion_cause", "organization_id", "group_id", "id")
	mergeExpansionWithin  = statements.Load("merge_expansion_within", "organization_id", "group_id", "newest", "root", "from")
	insertExpansionWithin = statements.Load("insert_expansion_within", "organization_id", "group_id", "newest", "root", "from",
		"message_id", "traceparent")
	updateExpansion       = statements.Load("update_expansion", "organization_id", "group_id", "id", "page_token", "done")
	deleteOlderExpansions = statements.Load("delete_older_expansions", "organization_id", "group_id", "id")
	deleteDoneExpansions  = statements.Load("delete_done_expansions", "organization_id")
	insertRequeued        = statements.Load("insert_requeued", "organization_id", "user_id")
	deleteRequeued        = statements.Load("delete_requeued", "organization_id", "user_ids")
	updateRecovery        = statements.Load("update_recovery", "recovering", "recovery_token", "recovery_after", "organization_id")
	mergeExpansion        = statements.Load("merge_expansion", "organization_id", "group_id")
	insertExpansion       = statements.Load("insert_expansion", "organization_id", "group_id", "from", "message_id", "traceparent")
)

func (s *Store) Acquire(ctx context.Context, organizationID, owner string, now, expire time.Time) (store.Lease, bool, time.Time, error) {
	lease := store.Lease{Owner: owner, Expire: expire}
	var otherOwns bool
	var until time.Time
	err := s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		if err := know(ctx, tx, organizationID); err != nil {
			return err
		}
		var other string
		var expires int64
		var erasing bool
		err := tx.QueryRow(ctx, getOwner, organizationID).Scan(&other, &lease.Token, &expires, &erasing)
		if err != nil {
			return err
		}
		if erasing {
			return store.Erasing(organizationID)
		}
		if otherOwns = other != owner && expires > dbtype.Micros(now); otherOwns {
			until = dbtype.FromMicros(expires)
			return nil
		}
		lease.Token++
		_, err = tx.Exec(ctx, updateOwner, owner, lease.Token, dbtype.Micros(expire), organizationID)
		return err
	})
	if err != nil || otherOwns {
		return store.Lease{}, otherOwns, until, err
	}
	return lease, false, time.Time{}, nil
}

func (s *Store) Release(ctx context.Context, leases map[string]store.Lease) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		for organization, lease := range leases {
			_, err := tx.Exec(ctx, releaseLease, organization, lease.Owner, lease.Token)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *organizationTx) Own(ctx context.Context, lease store.Lease, extend time.Time) error {
	var newest bool
	err := t.tx.QueryRow(ctx, isOwner, lease.Owner, lease.Token, t.organization).Scan(&newest)
	if err != nil {
		return err
	}
	if !newest {
		return store.ErrLostOwnership
	}
	if extend.IsZero() {
		return nil
	}
	_, err = t.tx.Exec(ctx, extendLease, dbtype.Micros(extend), t.organization)
	return err
}

func (s *Store) Work(ctx context.Context, organizationID string, now time.Time, limit int) (w store.Work, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		row, err := sqlitedb.ReadOne(ctx, tx, store.WorkFields, nil, getWork, organizationID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // nobody has written to the organization
		}
		if err != nil {
			return err
		}
		if row.Progress.Erasing {
			return store.Erasing(organizationID)
		}
		w = row.Work()
		if !w.NextDue.IsZero() {
			if err := setAsideWork(ctx, tx, organizationID, now, limit, &w); err != nil {
				return err
			}
		}
		if w.Unresolved, err = sqlitedb.ReadAll(ctx, tx, dbtype.Value[string], listUnresolvedRules, organizationID, limit); err != nil {
			return err
		}
		if w.Requeued, err = sqlitedb.ReadAll(ctx, tx, dbtype.Value[string], listRequeued, organizationID, limit); err != nil {
			return err
		}
		w.Expansions, err = sqlitedb.ReadAll(ctx, tx, store.ExpansionFields, listExpansions, organizationID, limit)
		if err != nil {
			return err
		}
		syncs, err := sqlitedb.ReadAll(ctx, tx, store.SyncFields, getRunningSync, organizationID)
		if err != nil {
			return err
		}
		if len(syncs) > 0 {
			w.Sync = &syncs[0]
		}
		return nil
	})
	return w, err
}

func (s *Store) Activity(ctx context.Context) (cursor string, err error) {
	err = s.db.QueryRow(ctx, getActivity).Scan(&cursor)
	return cursor, err
}

func (s *Store) SaveActivity(ctx context.Context, cursor string, organizationIDs []string) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sqlitedb.Tx) error {
		for _, id := range organizationIDs {
			if err := know(ctx, tx, id); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, updateActivity, cursor)
		return err
	})
}

func (t *organizationTx) SetCheckpoint(ctx context.Context, cursor string) error {
	_, err := t.tx.Exec(ctx, updateCheckpoint, cursor, t.organization)
	return err
}

func (t *organizationTx) Expand(ctx context.Context, e store.Expansion) error {
	merged, err := t.tx.Exec(ctx, mergeExpansion, t.organization, e.GroupID)
	if err != nil || merged > 0 {
		return err
	}
	_, err = t.tx.Exec(ctx, insertExpansion, t.organization, e.GroupID, e.From, e.MessageID, e.Traceparent)
	return err
}

func (t *organizationTx) ExpandWithin(ctx context.Context, e store.Expansion, groupIDs []string) error {
	if len(groupIDs) == 0 {
		return nil
	}
	var newest int64
	if err := t.tx.QueryRow(ctx, getExpansionCause, t.organization, e.GroupID, e.ID).Scan(&newest); err != nil {
		return err
	}
	for _, id := range groupIDs {
		merged, err := t.tx.Exec(ctx, mergeExpansionWithin, t.organization, id, newest, e.Root, e.From)
		if err != nil {
			return err
		}
		if merged > 0 {
			continue
		}
		_, err = t.tx.Exec(ctx, insertExpansionWithin, t.organization, id, newest, e.Root, e.From, e.MessageID, e.Traceparent)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *organizationTx) ExpandedTo(ctx context.Context, e store.Expansion, pageToken string, done bool) error {
	_, err := t.tx.Exec(ctx, updateExpansion, t.organization, e.GroupID, e.ID, pageToken, done)
	if err != nil || !done {
		return err
	}
	_, err = t.tx.Exec(ctx, deleteOlderExpansions, t.organization, e.GroupID, e.ID)
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(ctx, deleteDoneExpansions, t.organization)
	return err
}

func (t *organizationTx) Requeue(ctx context.Context, userIDs []string) error {
	for _, id := range userIDs {
		_, err := t.tx.Exec(ctx, insertRequeued, t.organization, id)
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *organizationTx) Unqueue(ctx context.Context, userIDs []string) error {
	_, err := t.tx.Exec(ctx, deleteRequeued, t.organization, list(userIDs))
	return err
}

func (t *organizationTx) SetRecovery(ctx context.Context, walk *store.Walk) error {
	at := store.Walk{}
	if walk != nil {
		at = *walk
	}
	_, err := t.tx.Exec(ctx, updateRecovery, walk != nil, at.PageToken, at.After, t.organization)
	return err
}
