package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// maxUsers is how many users identity returns at once.
const maxUsers = 1000

// step is one round of work on one organization: a batch of each kind of work.
type step struct {
	*Core
	organizationID string
	lease          store.Lease
	first          bool // the first of the turn
	work           store.Work
	asOf           time.Time // access includes what identity acknowledged before
	more           bool      // there are more records
	reached        store.Progress
}

// step does a batch of each kind of work. A kind that fails pauses, and the others continue. err concerns all of them.
func (c *Core) step(ctx context.Context, organizationID string, lease store.Lease, first bool, t *turn) error {
	mark := c.fresh.mark(organizationID)
	work, err := c.store.Work(ctx, organizationID, c.now(), c.config.BatchSize)
	if err != nil {
		return err
	}
	s := &step{Core: c, organizationID: organizationID, lease: lease, first: first, work: work, asOf: mark.asOf(work.Progress)}
	t.again, t.due = false, work.NextDue
	for _, w := range []struct {
		kind kind
		due  bool
		do   func(context.Context) (again bool, err error)
	}{
		{resolving, len(work.Unresolved) > 0, s.resolveAll},
		{following, true, s.follow},
		{protecting, true, s.protect},
		{applying, len(work.Unsettled) > 0, s.apply},
		{expanding, len(work.Expansions) > 0, s.expand},
		{settling, len(work.Requeued) > 0, s.settle},
		{retrying, len(work.Due) > 0, s.retry},
		{recovering, work.Recovery != nil, s.recoverPage},
		{syncing, work.Sync != nil, s.syncPage},
	} {
		if !w.due {
			c.attempts.succeeded(organizationID, w.kind) // the work that failed no longer exists
			continue
		}
		if w.kind == protecting && !c.attempts.failing(organizationID, following) {
			c.attempts.succeeded(organizationID, protecting)
			c.protected.forget(organizationID)
			continue
		}
		// A rule sync waits until no user with a change waits.
		if w.kind == syncing && s.more || c.attempts.rests(organizationID, w.kind, c.now()) {
			continue
		}
		// The work before may have taken long, and under another lease of the organization.
		if s.lease, err = c.keep(ctx, organizationID); err != nil {
			return err
		}
		again, err := recovered(ctx, w.do)
		switch {
		case err == nil:
			c.attempts.succeeded(organizationID, w.kind)
			t.again = t.again || again
		case ctx.Err() != nil || errors.Is(err, store.ErrLostOwnership) || fault.Is(err, fault.Erasing):
			return err
		case errors.Is(err, errRulesChanged):
			t.again = true
		case paceOf(ctx) == quick && divisible(ctx, err):
			t.again, t.slow = true, true
			return nil
		default:
			t.failed = true
			c.failed(ctx, organizationID, w.kind, err)
		}
	}
	return nil
}

// recovered does a piece of work. It returns a panic as an error of this kind of work alone.
func recovered(ctx context.Context, do func(context.Context) (bool, error)) (again bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			again, err = false, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do(ctx)
}

// pending reports whether access waits for something that was enqueued before this step.
func (s *step) pending() bool {
	return len(s.work.Expansions) > 0 || len(s.work.Requeued) > 0 || s.work.Recovery != nil
}

// batch creates a batch of users.
func (s *step) batch(m store.Mode, set *ruleSet, userIDs []string) batch {
	return batch{organizationID: s.organizationID, lease: s.lease, mode: m, userIDs: userIDs, pins: newPinning(set, s.now()), asOf: s.asOf}
}

func (s *step) resolveAll(ctx context.Context) (again bool, err error) {
	for _, ruleID := range s.work.Unresolved {
		if err := s.resolve(ctx, s.organizationID, ruleID); err != nil {
			return false, err
		}
	}
	return false, nil
}

// follow processes a page of the change feed.
func (s *step) follow(ctx context.Context) (again bool, err error) {
	checkpoint := s.work.Progress.Checkpoint
	page, err := shrinking(ctx, s.Core, s.config.BatchSize, func(ctx context.Context, limit int) (ChangePage, error) {
		return s.identity.Changes(ctx, s.organizationID, checkpoint, limit)
	})
	if fault.Is(err, fault.CursorExpired) {
		return true, s.recoverFrom(ctx)
	}
	if err != nil {
		return false, err
	}
	s.more = page.More
	switch {
	case len(page.Records) > 0:
		again, err = s.applyChanges(ctx, page)
	case s.first && page.Next != checkpoint, s.work.Progress.Behind && !s.pending():
		// Write a checkpoint only if there was no other work: else each batch would cost one more commit.
		err = s.advance(ctx, page)
	default:
		s.reached = s.work.Progress // the activity may report later what was already processed
	}
	if err == nil {
		s.fresh.progressed(s.organizationID, s.reached)
	}
	return again || page.More, err
}

// advance moves the checkpoint over records of other organizations, so that it does not become older than what identity keeps.
func (s *step) advance(ctx context.Context, page ChangePage) error {
	extension := s.extension(s.lease)
	err := s.store.Update(ctx, s.organizationID, func(ctx context.Context, tx store.Tx) error {
		if err := tx.Own(ctx, s.lease, extension); err != nil {
			return err
		}
		return s.checkpoint(ctx, tx, page, s.pending())
	})
	if err == nil {
		s.leases.extended(s.organizationID, s.lease, extension)
	}
	return err
}

// checkpoint stores how far the feed is processed, and the AsOf. pending means that access waits for something.
func (s *step) checkpoint(ctx context.Context, tx store.Tx, page ChangePage, pending bool) error {
	now, err := tx.Progress(ctx)
	if err != nil {
		return err
	}
	if err := tx.SetCheckpoint(ctx, page.Next); err != nil {
		return err
	}
	s.reached = store.Progress{Checkpoint: page.Next, AsOf: page.AsOf}
	enqueued := now.Behind && !s.work.Progress.Behind // by GrantAccess, after the work was read
	if pending || page.More || enqueued {
		s.reached.AsOf, s.reached.Behind = s.asOf, true
	}
	return tx.SetProgress(ctx, s.reached.AsOf, s.reached.Behind)
}

// applyChanges processes a page of change records: pins first, because they decide what the users should hold. again reports
// whether this created other work.
func (s *step) applyChanges(ctx context.Context, page ChangePage) (again bool, err error) {
	set, err := s.ruleSet(ctx, s.organizationID)
	if err != nil {
		return false, err
	}
	b := s.batch(store.Full, set, nil)
	b.causes = map[string]string{}
	touched := map[string]bool{}
	about := map[string]Record{} // the last record of each group
	var closed []string
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
		case r.ClosedID != "":
			closed = append(closed, r.ClosedID)
		default:
			touched[r.GroupID], about[r.GroupID] = true, r
		}
		b.links = append(b.links, r.Traceparent)
		b.times = append(b.times, r.Time)
	}
	if len(touched) > 0 && len(set.named) > 0 {
		ids := slices.Sorted(maps.Keys(touched))
		groups, err := s.groups(ctx, s.organizationID, ids)
		if err != nil {
			return false, err
		}
		if err := s.plan(ctx, s.organizationID, b.pins, ids, groups); err != nil {
			return false, err
		}
	}
	expanding := expanded(page.Records, b.pins)
	// Enqueue the groups together with the new pins. If only the pins were written, the next batch would not know that they are
	// new.
	b.begin = func(ctx context.Context, tx store.Tx) error {
		for _, id := range closed {
			if err := tx.CloseDirectory(ctx, id); err != nil {
				return err
			}
		}
		for _, id := range expanding {
			r, known := about[id]
			if !known {
				r = last // the loss of another group caused this pin
			}
			err := tx.Expand(ctx, store.Expansion{GroupID: id, From: s.work.Progress.Checkpoint, MessageID: r.MessageID, Traceparent: r.Traceparent})
			if err != nil {
				return err
			}
		}
		return nil
	}
	b.progress = func(ctx context.Context, tx store.Tx, done outcome) error {
		again = len(expanding) > 0 || done.requeued > 0
		return s.checkpoint(ctx, tx, page, again || s.pending())
	}
	_, err = s.reconcile(ctx, b)
	return again, err
}

// expanded returns the groups whose users the records or the new pins concern, each once: groups that joined or left another
// group, and groups that a rule has pinned.
func expanded(records []Record, pins *pinning) []string {
	all := pins.newlyApplied()
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
		err := halving(ctx, c, chunk, func(ctx context.Context, ids []string) (map[string]Group, error) {
			return c.identity.Groups(ctx, organizationID, ids)
		}, func(some map[string]Group) { maps.Copy(all, some) })
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// expandTime is how long one batch reads the members of more groups.
const expandTime = 100 * time.Millisecond

// expand reconciles a page of members, of as many groups as a batch needs, and enqueues the groups among them.
func (s *step) expand(ctx context.Context) (again bool, err error) {
	type page struct {
		of       store.Expansion
		groupIDs []string
		next     string
		done     bool
	}
	var pages []page
	set, err := s.ruleSet(ctx, s.organizationID)
	if err != nil {
		return false, err
	}
	b := s.batch(store.Full, set, nil)
	b.causes = map[string]string{}
	for start := time.Now(); len(pages) < len(s.work.Expansions) && len(b.userIDs) < s.config.BatchSize; {
		e := s.work.Expansions[len(pages)]
		members, err := shrinking(ctx, s.Core, s.config.BatchSize-len(b.userIDs), func(ctx context.Context, limit int) (Members, error) {
			return s.identity.Members(ctx, s.organizationID, e.GroupID, e.PageToken, limit)
		})
		p := page{of: e, groupIDs: members.GroupIDs, next: members.Next, done: members.Next == ""}
		if fault.Is(err, fault.PageToken) {
			p, err = page{of: e}, nil // from before an upgrade: begin the group again
		}
		if err != nil && len(pages) == 0 {
			return false, err
		}
		if err != nil {
			break // it is the first one next time
		}
		pages = append(pages, p)
		b.links = append(b.links, e.Traceparent)
		for _, id := range members.UserIDs {
			if _, met := b.causes[id]; !met {
				b.userIDs, b.causes[id] = append(b.userIDs, id), e.MessageID
			}
		}
		if time.Since(start) > expandTime {
			break
		}
	}
	b.progress = func(ctx context.Context, tx store.Tx, _ outcome) error {
		for _, p := range pages {
			if err := tx.ExpandWithin(ctx, p.of, p.groupIDs); err != nil {
				return err
			}
			if err := tx.ExpandedTo(ctx, p.of, p.next, p.done); err != nil {
				return err
			}
		}
		return nil
	}
	_, err = s.reconcile(ctx, b)
	return true, err
}

// settle updates users with manual or retained access after they changed.
func (s *step) settle(ctx context.Context) (again bool, err error) {
	set, err := s.ruleSet(ctx, s.organizationID)
	if err != nil {
		return false, err
	}
	b := s.batch(store.Settle, set, s.work.Requeued)
	b.progress = func(ctx context.Context, tx store.Tx, _ outcome) error { return tx.Unqueue(ctx, s.work.Requeued) }
	_, err = s.reconcile(ctx, b)
	return true, err
}

// errSyncEnded means that a rule sync was cancelled before this page.
var errSyncEnded = errors.New("the rule sync has ended")

// syncPage reconciles a page of a rule sync.
func (s *step) syncPage(ctx context.Context) (again bool, err error) {
	sync, began := *s.work.Sync, s.now()
	total := s.countUsers(ctx, sync)
	defer total()
	userIDs, next, end, err := s.walk(ctx, s.organizationID, sync.Walk)
	if err != nil {
		return false, err
	}
	set, err := s.ruleSet(ctx, s.organizationID)
	if err != nil {
		return false, err
	}
	b := s.batch(store.Full, set, userIDs)
	sync.UsersTotal = total()
	b.syncID, b.links, b.repeats = sync.ID, []string{sync.Traceparent}, true
	b.check = func(ctx context.Context, tx store.Tx) error {
		now, err := tx.Sync(ctx, sync.ID)
		if err == nil && now.State != store.SyncRunning {
			return errSyncEnded
		}
		return err
	}
	b.progress = func(ctx context.Context, tx store.Tx, done outcome) error {
		after := sync
		after.Walk, after.UpdateTime = next, s.now()
		after.UsersDone += int64(done.users)
		after.Added += int64(done.added)
		after.Removed += int64(done.removed)
		after.SetAside += int64(done.setAside)
		after.SetAsideIDs = strings.Join(firstOf(append(strings.Fields(sync.SetAsideIDs), done.waiting...)), " ")
		after.Pace = s.paced(sync, done.users, began, after.UpdateTime)
		if end {
			after.State, after.EndTime = store.SyncDone, after.UpdateTime
			if err := tx.ForgetRuleChanges(ctx); err != nil {
				return err
			}
		}
		return tx.PutSync(ctx, after)
	}
	_, err = s.reconcile(ctx, b)
	if errors.Is(err, errSyncEnded) {
		err = nil
	}
	return true, err
}

// walk returns the next users of a walk over everybody: identity's users, and holders that identity no longer has, merged by
// id. end reports that there are no users after them.
func (c *Core) walk(ctx context.Context, organizationID string, at store.Walk) (userIDs []string, next store.Walk, end bool, err error) {
	page, err := shrinking(ctx, c, c.config.SyncPageSize, func(ctx context.Context, limit int) (UserPage, error) {
		return c.identity.UserIDs(ctx, organizationID, at.PageToken, limit)
	})
	if fault.Is(err, fault.PageToken) {
		// A token from before an upgrade: begin again, but skip the users who are done.
		return nil, store.Walk{After: at.After}, false, nil
	}
	if err != nil {
		return nil, store.Walk{}, false, err
	}
	end, next = page.Next == "", store.Walk{PageToken: page.Next, After: at.After}
	upTo := ""
	if len(page.IDs) > 0 {
		upTo = page.IDs[len(page.IDs)-1]
		next.After = max(upTo, at.After)
	}
	if !end && upTo <= at.After {
		return nil, next, false, nil
	}
	if end {
		upTo = "" // with all holders after the last user
	}
	holders, err := c.store.HolderIDs(ctx, organizationID, at.After, upTo, maxUsers+1)
	if err != nil {
		return nil, store.Walk{}, false, err
	}
	userIDs = slices.DeleteFunc(append(page.IDs, holders...), func(id string) bool {
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

// recoverFrom replaces lost records: it takes a new cursor, reads the group of every pin again, and starts a walk over everybody.
// The walk applies the rules only to users whose facts have changed since they were last reconciled: a recovery must not apply
// changed rules to anybody else.
func (s *step) recoverFrom(ctx context.Context) error {
	s.log.LogAttrs(ctx, slog.LevelWarn, "change records were lost: everybody whose facts have changed is reconciled",
		slog.String("organization", s.organizationID))
	calling, cancel := s.called(ctx)
	cursor, err := s.identity.Cursor(calling)
	cancel()
	if err != nil {
		return err
	}
	s.rules.set(s.organizationID, nil)
	set, err := s.ruleSet(ctx, s.organizationID)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(set.pinned))
	groups, err := s.groups(ctx, s.organizationID, ids)
	if err != nil {
		return err
	}
	b := s.batch(store.Changed, set, nil)
	for _, rules := range set.named {
		for _, rule := range rules {
			b.pins.search[rule] = true
		}
	}
	if err := s.plan(ctx, s.organizationID, b.pins, ids, groups); err != nil {
		return err
	}
	b.progress = func(ctx context.Context, tx store.Tx, _ outcome) error {
		for _, id := range b.pins.newlyApplied() {
			if err := tx.Expand(ctx, store.Expansion{GroupID: id, From: cursor}); err != nil {
				return err
			}
		}
		// Identity may have been restored to a time before a directory was deleted. The walk reads the current status of each user.
		if err := tx.ForgetClosedDirectories(ctx); err != nil {
			return err
		}
		if err := tx.SetRecovery(ctx, &store.Walk{}); err != nil {
			return err
		}
		if err := tx.SetProgress(ctx, s.asOf, true); err != nil {
			return err
		}
		return tx.SetCheckpoint(ctx, cursor)
	}
	if _, _, err = s.commit(ctx, b, nil); err == nil {
		s.work.Recovery = &store.Walk{} // if a recovery was under way, this step continues with the first page of the new one
	}
	return err
}

// recoverPage reconciles a page of a recovery.
func (s *step) recoverPage(ctx context.Context) (again bool, err error) {
	userIDs, next, end, err := s.walk(ctx, s.organizationID, *s.work.Recovery)
	if err != nil {
		return false, err
	}
	set, err := s.ruleSet(ctx, s.organizationID)
	if err != nil {
		return false, err
	}
	b := s.batch(store.Changed, set, userIDs)
	b.progress = func(ctx context.Context, tx store.Tx, _ outcome) error {
		if end {
			return tx.SetRecovery(ctx, nil)
		}
		return tx.SetRecovery(ctx, &next)
	}
	_, err = s.reconcile(ctx, b)
	return true, err
}
