package core

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// maxUsers is how many users identity gives at once.
const maxUsers = 1000

// step does what there is to do for one organization, a batch of each sort: first changed users, a page of a rule sync only
// once nobody is waiting. again says that there may be more. first says that it is the first step of a turn.
func (c *Core) step(ctx context.Context, organizationID string, lease store.Lease, first bool) (again bool, err error) {
	work, err := c.store.Work(ctx, organizationID, c.config.BatchSize)
	if err != nil {
		return false, err
	}
	for _, ruleID := range work.Unresolved {
		if err := c.resolve(ctx, organizationID, ruleID); err != nil {
			return false, err
		}
	}
	page, err := c.changes(ctx, organizationID, work.Checkpoint, c.config.BatchSize)
	if fault.Is(err, fault.CursorExpired) {
		return true, c.recoverFrom(ctx, organizationID, lease)
	}
	if err != nil {
		return false, err
	}
	switch {
	case len(page.Records) > 0:
		again, err = c.applyChanges(ctx, organizationID, lease, work.Checkpoint, page)
	case first && page.Next != work.Checkpoint:
		// Only where nothing else brought the worker here: else each batch would be followed by one more commit.
		err = c.advance(ctx, organizationID, lease, page.Next)
	}
	if err != nil {
		return false, err
	}
	if work.Expansion != nil {
		if err := c.expand(ctx, organizationID, lease, *work.Expansion); err != nil {
			return false, err
		}
	}
	if len(work.Requeued) > 0 {
		if err := c.settle(ctx, organizationID, lease, work.Requeued); err != nil {
			return false, err
		}
	}
	switch {
	case work.Recovery != nil:
		return true, c.recoverPage(ctx, organizationID, lease, *work.Recovery)
	case work.Sync != nil && !page.More:
		return true, c.syncPage(ctx, organizationID, lease, *work.Sync)
	}
	return again || page.More || work.Expansion != nil || len(work.Requeued) > 0, nil
}

func (c *Core) changes(ctx context.Context, organizationID, after string, limit int) (ChangePage, error) {
	ctx, cancel := c.called(ctx)
	defer cancel()
	return c.identity.Changes(ctx, organizationID, after, limit)
}

// advance moves the checkpoint over records of other organizations, so that it does not grow older than what identity keeps.
func (c *Core) advance(ctx context.Context, organizationID string, lease store.Lease, cursor string) error {
	extension := c.extension(lease)
	err := c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Own(ctx, lease, extension); err != nil {
			return err
		}
		return tx.SetCheckpoint(ctx, cursor)
	})
	if err == nil {
		c.leases.extended(organizationID, lease, extension)
	}
	return err
}

// applyChanges deals with a page of change records: pins first, because they decide what the users should hold. enqueued
// says that this left something else to do.
func (c *Core) applyChanges(ctx context.Context, organizationID string, lease store.Lease, checkpoint string, page ChangePage) (enqueued bool, err error) {
	set, err := c.ruleSet(ctx, organizationID)
	if err != nil {
		return false, err
	}
	b := batch{organizationID: organizationID, lease: lease, mode: full, causes: map[string]string{}, pins: newPinning(set, c.now())}
	touched := map[string]bool{}
	about := map[string]Record{} // the last record about a group
	var last Record
	for _, r := range page.Records {
		last = r
		switch {
		case r.UserID != "":
			if _, met := b.causes[r.UserID]; !met {
				b.userIDs = append(b.userIDs, r.UserID)
			}
			b.causes[r.UserID] = r.MessageID
		case r.NestedID != "":
			about[r.NestedID] = r
		default:
			touched[r.GroupID], about[r.GroupID] = true, r
		}
		b.links = append(b.links, r.Traceparent)
		b.times = append(b.times, r.Time)
	}
	if len(touched) > 0 && len(set.named) > 0 {
		ids := slices.Sorted(maps.Keys(touched))
		groups, err := c.groups(ctx, organizationID, ids)
		if err != nil {
			return false, err
		}
		if err := c.plan(ctx, organizationID, b.pins, ids, groups); err != nil {
			return false, err
		}
	}
	expanding := expanded(page.Records, b.pins)
	b.progress = func(ctx context.Context, tx store.Tx, _ outcome) error {
		for _, id := range expanding {
			r, known := about[id]
			if !known {
				r = last // the loss of another group led to this one
			}
			err := tx.Expand(ctx, store.Expansion{GroupID: id, From: checkpoint, MessageID: r.MessageID, Traceparent: r.Traceparent})
			if err != nil {
				return err
			}
		}
		return tx.SetCheckpoint(ctx, page.Next)
	}
	done, err := c.reconcile(ctx, b)
	return len(expanding) > 0 || done.requeued > 0, err
}

// expanded are the groups whose users the records or the new pins concern, each once: those that came into another group
// or left it, and those that a rule has pinned.
func expanded(records []Record, pins *pinning) []string {
	all := pins.taken()
	for _, r := range records {
		if r.NestedID != "" {
			all = append(all, r.NestedID)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (c *Core) groups(ctx context.Context, organizationID string, ids []string) (map[string]Group, error) {
	all := map[string]Group{}
	for chunk := range slices.Chunk(ids, maxUsers) {
		ctx, cancel := c.called(ctx)
		groups, err := c.identity.Groups(ctx, organizationID, chunk)
		cancel()
		if err != nil {
			return nil, err
		}
		maps.Copy(all, groups)
	}
	return all, nil
}

// expand reconciles a page of a group's members and enqueues the groups among them.
func (c *Core) expand(ctx context.Context, organizationID string, lease store.Lease, e store.Expansion) error {
	calling, cancel := c.called(ctx)
	members, err := c.identity.Members(calling, organizationID, e.GroupID, e.PageToken, c.config.BatchSize)
	cancel()
	done := members.Next == ""
	if fault.Is(err, fault.PageToken) {
		members, done, err = Members{}, false, nil // of before an upgrade: begin the group again
	}
	if err != nil {
		return err
	}
	set, err := c.ruleSet(ctx, organizationID)
	if err != nil {
		return err
	}
	_, err = c.reconcile(ctx, batch{
		organizationID: organizationID, lease: lease, mode: full, userIDs: members.UserIDs, cause: e.MessageID,
		pins: newPinning(set, c.now()), links: []string{e.Traceparent},
		progress: func(ctx context.Context, tx store.Tx, _ outcome) error {
			if err := tx.ExpandWithin(ctx, e, members.GroupIDs); err != nil {
				return err
			}
			return tx.ExpandedTo(ctx, e, members.Next, done)
		},
	})
	return err
}

// settle follows what users have become who were granted access by hand, or whose access is held.
func (c *Core) settle(ctx context.Context, organizationID string, lease store.Lease, userIDs []string) error {
	set, err := c.ruleSet(ctx, organizationID)
	if err != nil {
		return err
	}
	_, err = c.reconcile(ctx, batch{
		organizationID: organizationID, lease: lease, mode: settle, userIDs: userIDs, pins: newPinning(set, c.now()),
		progress: func(ctx context.Context, tx store.Tx, _ outcome) error { return tx.Unqueue(ctx, userIDs) },
	})
	return err
}

// errSyncEnded says that a page of a rule sync came too late: it was cancelled.
var errSyncEnded = errors.New("the rule sync has ended")

// syncPage reconciles a page of a rule sync.
func (c *Core) syncPage(ctx context.Context, organizationID string, lease store.Lease, sync store.Sync) error {
	userIDs, next, end, err := c.walk(ctx, organizationID, sync.Walk)
	if err != nil {
		return err
	}
	set, err := c.ruleSet(ctx, organizationID)
	if err != nil {
		return err
	}
	_, err = c.reconcile(ctx, batch{
		organizationID: organizationID, lease: lease, mode: full, userIDs: userIDs, syncID: sync.ID,
		pins: newPinning(set, c.now()), links: []string{sync.Traceparent},
		check: func(ctx context.Context, tx store.Tx) error {
			now, err := tx.Sync(ctx, sync.ID)
			if err == nil && now.State != store.SyncRunning {
				return errSyncEnded
			}
			return err
		},
		progress: func(ctx context.Context, tx store.Tx, done outcome) error {
			after := sync
			after.Walk, after.UpdateTime = next, c.now()
			after.UsersDone += int64(done.users)
			after.Added += int64(done.added)
			after.Removed += int64(done.removed)
			if end {
				after.State, after.EndTime = store.SyncDone, after.UpdateTime
			}
			return tx.PutSync(ctx, after)
		},
	})
	if errors.Is(err, errSyncEnded) {
		return nil
	}
	return err
}

// walk gives the next users of a walk over everybody: those of identity, and holders that identity no longer has, merged
// by id. end says that there is nobody after them.
func (c *Core) walk(ctx context.Context, organizationID string, at store.Walk) (userIDs []string, next store.Walk, end bool, err error) {
	calling, cancel := c.called(ctx)
	page, token, err := c.identity.UserIDs(calling, organizationID, at.PageToken, c.config.SyncPageSize)
	cancel()
	if fault.Is(err, fault.PageToken) {
		// A token of before an upgrade: from the beginning again, but not again over those who are done.
		return nil, store.Walk{After: at.After}, false, nil
	}
	if err != nil {
		return nil, store.Walk{}, false, err
	}
	end, next = token == "", store.Walk{PageToken: token, After: at.After}
	upTo := ""
	if len(page) > 0 {
		upTo = page[len(page)-1]
		next.After = max(upTo, at.After)
	}
	if !end && upTo <= at.After {
		return nil, next, false, nil
	}
	if end {
		upTo = "" // all the holders after the last user as well
	}
	holders, err := c.store.HolderIDs(ctx, organizationID, at.After, upTo, maxUsers+1)
	if err != nil {
		return nil, store.Walk{}, false, err
	}
	userIDs = slices.DeleteFunc(append(page, holders...), func(id string) bool {
		return id <= at.After || len(holders) > maxUsers && id > holders[maxUsers]
	})
	slices.Sort(userIDs)
	userIDs = slices.Compact(userIDs)
	if len(userIDs) > maxUsers {
		userIDs = userIDs[:maxUsers]
		return userIDs, store.Walk{PageToken: at.PageToken, After: userIDs[maxUsers-1]}, false, nil
	}
	return userIDs, next, end, nil
}

// recoverFrom makes up for records that are lost: it takes a new cursor, looks at every pin again, and starts a walk over
// everybody. What the rules say applies there only to users whose facts have changed since they were last reconciled:
// changed rules must not reach anybody by a recovery.
func (c *Core) recoverFrom(ctx context.Context, organizationID string, lease store.Lease) error {
	c.log.LogAttrs(ctx, slog.LevelWarn, "change records were lost: everybody whose facts have changed is reconciled",
		slog.String("organization", organizationID))
	calling, cancel := c.called(ctx)
	cursor, err := c.identity.Cursor(calling)
	cancel()
	if err != nil {
		return err
	}
	c.rules.put(organizationID, nil)
	set, err := c.ruleSet(ctx, organizationID)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(set.pinned))
	groups, err := c.groups(ctx, organizationID, ids)
	if err != nil {
		return err
	}
	p := newPinning(set, c.now())
	for _, rules := range set.named {
		for _, rule := range rules {
			p.search[rule] = true
		}
	}
	if err := c.plan(ctx, organizationID, p, ids, groups); err != nil {
		return err
	}
	_, err = c.reconcile(ctx, batch{
		organizationID: organizationID, lease: lease, mode: changed, pins: p,
		progress: func(ctx context.Context, tx store.Tx, _ outcome) error {
			for _, id := range p.taken() {
				if err := tx.Expand(ctx, store.Expansion{GroupID: id, From: cursor}); err != nil {
					return err
				}
			}
			if err := tx.SetRecovery(ctx, &store.Walk{}); err != nil {
				return err
			}
			return tx.SetCheckpoint(ctx, cursor)
		},
	})
	return err
}

// recoverPage reconciles a page of a recovery.
func (c *Core) recoverPage(ctx context.Context, organizationID string, lease store.Lease, at store.Walk) error {
	userIDs, next, end, err := c.walk(ctx, organizationID, at)
	if err != nil {
		return err
	}
	set, err := c.ruleSet(ctx, organizationID)
	if err != nil {
		return err
	}
	_, err = c.reconcile(ctx, batch{
		organizationID: organizationID, lease: lease, mode: changed, userIDs: userIDs, pins: newPinning(set, c.now()),
		progress: func(ctx context.Context, tx store.Tx, _ outcome) error {
			if end {
				return tx.SetRecovery(ctx, nil)
			}
			return tx.SetRecovery(ctx, &next)
		},
	})
	return err
}
