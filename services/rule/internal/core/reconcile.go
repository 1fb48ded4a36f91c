package core

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/wait"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// adminGrant is the grant that at least one user of an organization must keep.
var adminGrant = store.Grant{RoleID: store.OrganizationAdmin}

// difference contains what must be written for one user.
type difference struct {
	userID  string
	present bool           // identity has the user
	free    bool           // nothing but rules can take access away
	before  store.Holder   // with its sources
	after   store.Holder   // with its sources
	changed []store.Source // to write, in place of an earlier one
	dropped []store.Source
	added   []store.Grant
	removed []store.Grant
	aside   *store.SetAside // the user is set aside
	known   bool            // the user was set aside before, and is not any more
	kept    bool            // the user was deactivated or deleted, and has a source with Keep
}

// compare computes the writes after which a user, nil if identity has none, holds what it should.
func compare(userID string, h store.Holder, u *User, m store.Mode, set *ruleSet, now time.Time) difference {
	d := difference{userID: userID, present: u != nil, before: h, known: !h.UnknownAsOf.IsZero()}
	if u == nil {
		d.dropped = h.Sources
		d.kept = slices.ContainsFunc(h.Sources, func(s store.Source) bool { return s.Keep })
		d.transitions()
		return d
	}
	d.free = u.free()
	var desired map[sourceKey]struct{}
	if d.free {
		desired = set.desired(*u)
	}
	d.after = store.Holder{UserID: userID, Active: u.Active, DirectoryID: u.DirectoryID, Detached: u.Detached, Digest: h.Digest, Suspended: h.Suspended}
	keep := &d.after.Sources
	for _, s := range h.Sources {
		_, given := desired[sourceKey{grant: s.Grant, rule: s.RuleID}]
		switch {
		case s.Kind == store.Manual || u.Detached || m == store.Settle && u.Active && !given && !s.Retained:
			*keep = append(*keep, s)
		case given:
			if s.Retained {
				s.Retained = false
				d.changed = append(d.changed, s)
			}
			*keep = append(*keep, s)
			delete(desired, sourceKey{grant: s.Grant, rule: s.RuleID})
		default:
			d.dropped = append(d.dropped, s)
		}
	}
	if m != store.Settle {
		d.after.Digest = digest(*u)
		for key := range desired {
			s := store.Source{Grant: key.grant, Kind: store.FromRule, RuleID: key.rule, CreateTime: now}
			d.changed, *keep = append(d.changed, s), append(*keep, s)
		}
	}
	d.noteKept(now)
	d.transitions()
	return d
}

// noteKept notes in a source with Keep since when it counts only because of that: since now, if the user was active before.
func (d *difference) noteKept(now time.Time) {
	for i, s := range d.after.Sources {
		if !s.Keep || d.after.Active == s.KeptTime.IsZero() {
			continue
		}
		s.KeptTime = time.Time{}
		if !d.after.Active {
			s.KeptTime, d.kept = now, true
		}
		d.after.Sources = slices.Clone(d.after.Sources) // they may be those of d.before
		d.after.Sources[i] = s
		d.changed = append(d.changed, s)
	}
}

// transitions compares effective access before and after. A grant with one source more or less is not a change.
func (d *difference) transitions() {
	was, is := effective(d.before), effective(d.after)
	d.removed, d.added = nil, nil
	for grant := range was {
		if !is[grant] {
			d.removed = append(d.removed, grant)
		}
	}
	for grant := range is {
		if !was[grant] {
			d.added = append(d.added, grant)
		}
	}
	slices.SortFunc(d.removed, compareGrants)
	slices.SortFunc(d.added, compareGrants)
}

// effective returns the grants that a holder effectively holds.
func effective(h store.Holder) map[store.Grant]bool {
	all := map[store.Grant]bool{}
	for _, s := range h.Sources {
		if h.Effective(s) {
			all[s.Grant] = true
		}
	}
	return all
}

func compareGrants(a, b store.Grant) int {
	return cmp.Or(cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.RoleID, b.RoleID))
}

// retain keeps the sources that made the user an Organization Admin and reports whether that is new.
func (d *difference) retain() (isNew bool) {
	if d.after.RuleAccess == store.RuleAccessSuspended {
		// The settings suspend the access of a user who is set aside. A failed event already reports that.
		d.after.RuleAccess = store.RuleAccessSpared
		if d.transitions(); !slices.Contains(d.removed, adminGrant) {
			return false
		}
	}
	d.removed = slices.DeleteFunc(d.removed, func(g store.Grant) bool { return g == adminGrant })
	d.dropped = slices.DeleteFunc(d.dropped, func(s store.Source) bool {
		if s.Grant != adminGrant {
			return false
		}
		if !s.Retained {
			isNew, s.Retained = true, true
			d.changed = append(d.changed, s)
		}
		return true
	})
	return isNew
}

func (d *difference) retainsAlready() bool {
	return slices.ContainsFunc(d.dropped, func(s store.Source) bool { return s.Grant == adminGrant && s.Retained })
}

// batch contains users to reconcile together, and how to store the progress.
type batch struct {
	organizationID string
	lease          store.Lease
	mode           store.Mode
	userIDs        []string // each once
	pins           *pinning
	causes         map[string]string // message IDs by user
	cause          string            // the message ID of all other users, or empty
	syncID         string
	links          []string // traceparents of the causes
	times          []time.Time
	asOf           time.Time // the AsOf of access before this batch
	applying       bool      // apply only the settings, to users who are set aside
	repeats        bool      // it is one of many batches for the same cause

	// check, if set, can refuse the batch before anything is written.
	check func(ctx context.Context, tx store.Tx) error
	// begin, if set, writes what belongs to the batch's pins. The core may call it twice.
	begin func(ctx context.Context, tx store.Tx) error
	// progress, if set, writes how far the work has come.
	progress func(ctx context.Context, tx store.Tx, done outcome) error
}

// outcome counts what a batch did.
type outcome struct {
	users    int
	added    int
	removed  int
	requeued int      // users to be settled
	setAside int      // users who were set aside, for the first time or again
	waiting  []string // the first of them, at most maxNamed
	retained []string // users with newly retained access
	aside    []string // users who were newly set aside, or by another message
	kept     []string // users who were deactivated, and have a source with Keep
	keptGone []string // users who were deleted, and had a source with Keep
	dropped  int      // reports that were dropped because there was no room
}

// plus adds the counts of another part of a batch.
func (o *outcome) plus(other outcome) {
	o.users += other.users
	o.added += other.added
	o.removed += other.removed
	o.requeued += other.requeued
	o.setAside += other.setAside
	o.waiting = firstOf(append(o.waiting, other.waiting...))
}

// firstOf keeps as many users as an answer names.
func firstOf(userIDs []string) []string { return userIDs[:min(len(userIDs), maxNamed)] }

// reconcile computes what the batch's users should hold. It writes the difference, the records of the access feed and the progress,
// under the organization's lease: in one transaction, unless that is too much. It sets aside each user that fails alone. It fails
// with errRulesChanged if the rules that it builds on are out of date; then it writes no progress, and the caller begins again.
func (c *Core) reconcile(ctx context.Context, b batch) (done outcome, err error) {
	ctx, _, end := c.begin(ctx, b)
	defer func() { end(err) }()
	facts, err := c.users(ctx, b, b.userIDs)
	if err == nil {
		done, _, err = c.commit(ctx, b, facts)
	}
	if paceOf(ctx) != quick && divisible(ctx, err) && len(b.userIDs) > 0 {
		return c.divide(ctx, b)
	}
	return done, err
}

// users reads the facts about some of a batch's users.
func (c *Core) users(ctx context.Context, b batch, userIDs []string) (map[string]User, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	ctx, cancel := c.called(ctx)
	defer cancel()
	return c.identity.Users(ctx, b.organizationID, userIDs, b.pins.set.criteria)
}

// commit writes a batch with these facts in one transaction, and returns the rules that it applied.
func (c *Core) commit(ctx context.Context, b batch, facts map[string]User) (done outcome, set *ruleSet, err error) {
	start := time.Now()
	ctx, span, end := c.begin(ctx, b)
	defer func() { end(err) }()
	extension := c.extension(b.lease)
	err = c.store.Update(ctx, b.organizationID, func(ctx context.Context, tx store.Tx) error {
		done = outcome{}
		if err := tx.Own(ctx, b.lease, extension); err != nil {
			return err
		}
		if b.check != nil {
			if err := b.check(ctx, tx); err != nil {
				return err
			}
		}
		generation, err := tx.Generation(ctx)
		if err != nil {
			return err
		}
		if generation != b.pins.set.generation {
			return errRulesChanged
		}
		if set, err = b.pins.write(ctx, tx); err != nil {
			return err
		}
		if b.begin != nil {
			if err := b.begin(ctx, tx); err != nil {
				return err
			}
		}
		if err := c.writeDifferences(ctx, tx, b, facts, set, span, &done); err != nil {
			return err
		}
		if b.progress == nil {
			return nil
		}
		return b.progress(ctx, tx, done)
	})
	if err != nil {
		c.rules.set(b.organizationID, nil)
		return outcome{}, nil, err
	}
	c.rules.set(b.organizationID, set)
	c.leases.extended(b.organizationID, b.lease, extension)
	b.pins.report(ctx, c.log, b.organizationID)
	c.reported(ctx, b.organizationID, done)
	c.metrics.reconciled(ctx, time.Since(start), done, c.now(), b.times)
	if done.setAside > 0 {
		c.queue.add(b.organizationID) // the next turn finds out when they are due
	}
	return done, set, nil
}

func countMessages(b batch) int {
	distinct := map[string]bool{}
	for _, id := range b.causes {
		distinct[id] = true
	}
	if b.cause != "" {
		distinct[b.cause] = true
	}
	return len(distinct)
}

// writeDifferences changes what the batch's users hold to what they should hold.
func (c *Core) writeDifferences(ctx context.Context, tx store.Tx, b batch, facts map[string]User, set *ruleSet, span trace.SpanContext, done *outcome) error {
	if len(b.userIDs) == 0 {
		return nil
	}
	now := c.now()
	holders, err := tx.Holders(ctx, b.userIDs)
	if err != nil {
		return err
	}
	aside, err := c.asideBefore(ctx, tx, b.userIDs, holders, facts)
	if err != nil {
		return err
	}
	var all []*difference
	for _, id := range b.userIDs {
		var u *User
		if user, exists := facts[id]; exists {
			u = &user
		}
		h, known := holders[id]
		if !known {
			h.New = true
		}
		if d, concerned := aside.difference(b, id, h, u, set, now); concerned {
			all = append(all, &d)
		}
	}
	done.users = len(all)
	retained, requeued, err := retainLastAdmin(ctx, tx, all)
	if err != nil {
		return err
	}
	done.requeued = requeued
	var changes []store.Change
	for _, d := range all {
		if err := d.write(ctx, tx); err != nil {
			return err
		}
		change := store.Change{UserID: d.userID, MessageID: b.messageOf(d.userID), SyncID: b.syncID, Traceparent: traceparent(span), Time: now}
		for _, grant := range d.removed {
			change.Grant, change.Kind = grant, store.Removed
			changes = append(changes, change)
		}
		for _, grant := range d.added {
			change.Grant, change.Kind = grant, store.Added
			changes = append(changes, change)
		}
		done.added += len(d.added)
		done.removed += len(d.removed)
	}
	if err := tx.AppendChanges(ctx, changes); err != nil {
		return err
	}
	report := store.Report{OrganizationID: b.organizationID, TraceID: traceID(span), Time: now}
	for _, d := range retained {
		done.retained = append(done.retained, d.userID)
		report.Kind, report.UserID, report.MessageID = store.ReportRetained, d.userID, b.messageOf(d.userID)
		if err := addReport(ctx, tx, report, done); err != nil {
			return err
		}
	}
	for _, d := range all {
		if !d.kept {
			continue
		}
		report.Kind, report.UserID, report.MessageID = store.ReportKept, d.userID, b.messageOf(d.userID)
		if d.present {
			done.kept = append(done.kept, d.userID)
		} else {
			report.Kind, done.keptGone = store.ReportKeptGone, append(done.keptGone, d.userID)
		}
		if err := addReport(ctx, tx, report, done); err != nil {
			return err
		}
	}
	for _, d := range all {
		if d.aside == nil {
			continue
		}
		done.setAside++
		done.waiting = firstOf(append(done.waiting, d.userID))
		if !aside.isNew(*d.aside) {
			continue
		}
		done.aside = append(done.aside, d.userID)
		report.Kind, report.UserID, report.MessageID, report.Detail = store.ReportSetAside, d.userID, d.aside.MessageID, d.aside.Detail
		if err := addReport(ctx, tx, report, done); err != nil {
			return err
		}
	}
	return nil
}

func addReport(ctx context.Context, tx store.Tx, r store.Report, done *outcome) error {
	r.ID = ids.New()
	room, err := tx.AddReport(ctx, r, maxReports)
	if !room {
		done.dropped++
	}
	return err
}

func (b *batch) messageOf(userID string) string {
	if id, ok := b.causes[userID]; ok {
		return id
	}
	return b.cause
}

// write writes one user's difference.
func (d *difference) write(ctx context.Context, tx store.Tx) error {
	if d.known {
		if err := tx.DeleteSetAside(ctx, []string{d.userID}); err != nil {
			return err
		}
	}
	if !d.present {
		return d.end(ctx, tx)
	}
	if d.aside != nil {
		if err := tx.PutSetAside(ctx, *d.aside); err != nil {
			return err
		}
	}
	if d.rewrites() {
		if err := tx.PutHolder(ctx, d.after); err != nil {
			return err
		}
	}
	for _, s := range d.dropped {
		if err := tx.DeleteSource(ctx, d.userID, s); err != nil {
			return err
		}
	}
	for _, s := range d.changed {
		if err := tx.PutSource(ctx, d.userID, s); err != nil {
			return err
		}
	}
	return nil
}

// end deletes everything that is stored about a user that identity does not have: the id is never used again.
func (d *difference) end(ctx context.Context, tx store.Tx) error {
	if d.before.Suspended {
		if err := tx.Resume(ctx, d.userID); err != nil {
			return err
		}
	}
	if d.before.New {
		return nil
	}
	return tx.DeleteHolder(ctx, d.userID)
}

// rewrites reports whether the holder itself changes, besides its sources.
func (d *difference) rewrites() bool {
	b, a := d.before, d.after
	return b.New || b.Active != a.Active || b.DirectoryID != a.DirectoryID || b.Detached != a.Detached || b.Digest != a.Digest ||
		!b.UnknownAsOf.Equal(a.UnknownAsOf) || b.RuleAccess != a.RuleAccess
}

// retainLastAdmin retains one user's access if rules would otherwise leave the organization without an Organization Admin. It
// returns the users with newly retained access. If somebody became an admin, it requeues the users with retained access, because
// theirs is no longer needed. Call it before anything is written.
func retainLastAdmin(ctx context.Context, tx store.Tx, all []*difference) (retained []*difference, requeued int, err error) {
	var gains, losses int
	var losers []*difference
	for _, d := range all {
		if slices.Contains(d.added, adminGrant) {
			gains++
		}
		if slices.Contains(d.removed, adminGrant) {
			losses++
			if d.free {
				losers = append(losers, d)
			}
		}
	}
	if gains > 0 {
		if requeued, err = requeueRetained(ctx, tx, all); err != nil {
			return nil, 0, err
		}
	}
	if len(losers) == 0 {
		return nil, requeued, nil
	}
	now, err := tx.CountEffective(ctx, adminGrant, losses+1)
	if err != nil || now+gains-losses > 0 {
		return nil, requeued, err
	}
	// Choose a user with already retained access: the last admin should not change with each batch.
	keep := losers[max(0, slices.IndexFunc(losers, (*difference).retainsAlready))]
	if keep.retain() {
		retained = append(retained, keep)
	}
	return retained, requeued, nil
}

// requeueRetained requeues users with retained access for settling, except those in dealtWith, and returns how many.
func requeueRetained(ctx context.Context, tx store.Tx, dealtWith []*difference) (int, error) {
	users, err := tx.RetainedUsers(ctx)
	if err != nil {
		return 0, err
	}
	users = slices.DeleteFunc(users, func(id string) bool {
		return slices.ContainsFunc(dealtWith, func(d *difference) bool { return d.userID == id })
	})
	return len(users), tx.Requeue(ctx, users)
}

// reported logs what was reported, after the commit.
func (c *Core) reported(ctx context.Context, organizationID string, done outcome) {
	if len(done.retained)+len(done.aside)+len(done.kept)+len(done.keptGone) == 0 {
		return
	}
	for _, id := range done.aside {
		c.log.LogAttrs(ctx, slog.LevelWarn, "a user could not be reconciled and is set aside",
			slog.String("organization", organizationID), slog.String("user", id))
	}
	for _, id := range done.retained {
		c.log.LogAttrs(ctx, slog.LevelWarn, "Usher retains the last organization admin although no rule gives the role any more",
			slog.String("organization", organizationID), slog.String("user", id))
	}
	for _, id := range done.kept {
		c.log.LogAttrs(ctx, slog.LevelWarn, "a user was deactivated and keeps the role of an organization admin, because its grant is marked keep",
			slog.String("organization", organizationID), slog.String("user", id))
		c.metrics.kept.Add(ctx, 1)
	}
	for _, id := range done.keptGone {
		c.log.LogAttrs(ctx, slog.LevelWarn, "a user was deleted, and with it the role of an organization admin by a grant that was marked keep",
			slog.String("organization", organizationID), slog.String("user", id))
	}
	if done.dropped > 0 {
		c.log.LogAttrs(ctx, slog.LevelError, "too many reports wait: some were dropped",
			slog.String("organization", organizationID), slog.Int("dropped", done.dropped))
		c.metrics.reportsDropped.Add(ctx, int64(done.dropped))
	}
	wait.Poke(c.reports)
}
