package core

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// mode says how much of a user's access a reconcile may touch.
type mode int

const (
	// full applies the rules: the user's own message, or a rule sync.
	full mode = iota
	// changed applies the rules to users whose facts are others than when the rules were last applied: records were lost.
	changed
	// settle only follows what the user has become, and ends what is held no longer. It applies no changed rule.
	settle
)

// adminGrant is what at least one user of an organization keeps.
var adminGrant = store.Grant{RoleID: store.OrganizationAdmin}

// difference is what has to be written for one user.
type difference struct {
	userID  string
	present bool         // identity has the user
	free    bool         // the user is active and not detached: nothing but rules can take access away
	known   bool         // there is a holder
	rewrite bool         // the holder beside its sources
	holder  store.Holder // without sources
	put     []store.Source
	drop    []store.Source
	added   []store.Grant
	removed []store.Grant
}

// compare works out what has to be written so that a user, nil when identity has none, holds what it should.
func compare(userID string, h store.Holder, known bool, u *User, m mode, set *ruleSet, now time.Time) difference {
	d := difference{userID: userID, present: u != nil, known: known}
	if u == nil {
		d.drop = h.Sources
		d.transitions(h, nil, false)
		return d
	}
	d.free = u.Active && !u.Detached
	var desired map[sourceKey]struct{}
	if d.free {
		desired = set.desired(*u)
	}
	var keep []store.Source
	for _, s := range h.Sources {
		_, given := desired[sourceKey{grant: s.Grant, rule: s.RuleID}]
		switch {
		case s.Kind == store.FromHand || u.Detached || m == settle && u.Active && !given && !s.Held:
			keep = append(keep, s)
		case given:
			if s.Held {
				s.Held = false
				d.put = append(d.put, s)
			}
			keep = append(keep, s)
			delete(desired, sourceKey{grant: s.Grant, rule: s.RuleID})
		default:
			d.drop = append(d.drop, s)
		}
	}
	d.holder = store.Holder{UserID: userID, Active: u.Active, Digest: h.Digest}
	if m != settle {
		d.holder.Digest = digest(*u)
		for key := range desired {
			s := store.Source{Grant: key.grant, Kind: store.FromRule, RuleID: key.rule, CreateTime: now}
			d.put, keep = append(d.put, s), append(keep, s)
		}
	}
	d.rewrite = !known || h.Active != d.holder.Active || h.Digest != d.holder.Digest
	d.transitions(h, keep, u.Active)
	return d
}

// transitions compares effective access before and after: what one more source gives, or one less, is none.
func (d *difference) transitions(before store.Holder, after []store.Source, active bool) {
	was, is := map[store.Grant]bool{}, map[store.Grant]bool{}
	if before.Active {
		for _, s := range before.Sources {
			was[s.Grant] = true
		}
	}
	if active {
		for _, s := range after {
			is[s.Grant] = true
		}
	}
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

func compareGrants(a, b store.Grant) int {
	return cmp.Or(cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.RoleID, b.RoleID))
}

// hold keeps what made the user an Organization Admin and says whether that is new.
func (d *difference) hold() (isNew bool) {
	d.removed = slices.DeleteFunc(d.removed, func(g store.Grant) bool { return g == adminGrant })
	d.drop = slices.DeleteFunc(d.drop, func(s store.Source) bool {
		if s.Grant != adminGrant {
			return false
		}
		if !s.Held {
			isNew, s.Held = true, true
			d.put = append(d.put, s)
		}
		return true
	})
	return isNew
}

func (d *difference) holdsAlready() bool {
	return slices.ContainsFunc(d.drop, func(s store.Source) bool { return s.Grant == adminGrant && s.Held })
}

// batch is users who are reconciled in one transaction, with what is kept about how far the work is.
type batch struct {
	organizationID string
	lease          store.Lease
	mode           mode
	userIDs        []string // each once
	facts          map[string]User
	pins           *pinning
	causes         map[string]string // message IDs by user
	cause          string            // the message ID of all others, or empty
	syncID         string
	links          []string // traceparents of what caused it
	times          []time.Time

	// check, when set, can refuse the batch before anything is written.
	check func(ctx context.Context, tx store.Tx) error
	// progress writes how far the work is.
	progress func(ctx context.Context, tx store.Tx, done outcome) error
}

// outcome counts what a batch did.
type outcome struct {
	users    int
	added    int
	removed  int
	requeued int      // users to be settled
	held     []string // users whose access is held from now on
	dropped  int      // reports for which there was no room
}

// reconcile computes what the batch's users should hold and writes the difference, with the records of the access feed
// and the progress, in one transaction under the lease. It answers errRulesChanged when what it builds on is out of date;
// then nothing is written, and the caller begins again.
func (c *Core) reconcile(ctx context.Context, b batch) (done outcome, err error) {
	start := time.Now()
	ctx, span := c.tracer.Start(ctx, "reconcile", trace.WithNewRoot(), trace.WithLinks(linksTo(b.links)...),
		trace.WithAttributes(attribute.String("usher.organization_id", b.organizationID), attribute.Int("usher.users", len(b.userIDs)),
			attribute.Int("usher.messages", countMessages(b))))
	defer span.End()
	if len(b.userIDs) > 0 {
		ctx, cancel := c.called(ctx)
		b.facts, err = c.identity.Users(ctx, b.organizationID, b.userIDs, b.pins.set.filters)
		cancel()
		if err != nil {
			return outcome{}, err
		}
	}
	var set *ruleSet
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
		if err := c.writeDifferences(ctx, tx, b, set, span.SpanContext(), &done); err != nil {
			return err
		}
		return b.progress(ctx, tx, done)
	})
	if err != nil {
		c.rules.put(b.organizationID, nil)
		return outcome{}, err
	}
	c.rules.put(b.organizationID, set)
	c.leases.extended(b.organizationID, b.lease, extension)
	b.pins.report(ctx, c.log, b.organizationID)
	c.reported(ctx, b.organizationID, done)
	c.metrics.reconciled(ctx, time.Since(start), done, c.now(), b.times)
	return done, nil
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

// writeDifferences brings what the batch's users hold to what they should hold.
func (c *Core) writeDifferences(ctx context.Context, tx store.Tx, b batch, set *ruleSet, span trace.SpanContext, done *outcome) error {
	if len(b.userIDs) == 0 {
		return nil
	}
	now := c.now()
	holders, err := tx.Holders(ctx, b.userIDs)
	if err != nil {
		return err
	}
	var all []*difference
	for _, id := range b.userIDs {
		var u *User
		if facts, there := b.facts[id]; there {
			u = &facts
		}
		h, known := holders[id]
		if b.mode == settle && !known || b.mode == changed && u != nil && known && h.Digest == digest(*u) {
			continue
		}
		d := compare(id, h, known, u, b.mode, set, now)
		all = append(all, &d)
	}
	done.users = len(all)
	held, requeued, err := keepLastAdmin(ctx, tx, all)
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
	for _, d := range held {
		done.held = append(done.held, d.userID)
		room, err := tx.AddReport(ctx, store.Report{OrganizationID: b.organizationID, ID: ids.New(), UserID: d.userID,
			MessageID: b.messageOf(d.userID), TraceID: traceID(span), Time: now}, maxReports)
		if err != nil {
			return err
		}
		if !room {
			done.dropped++
		}
	}
	return nil
}

func (b *batch) messageOf(userID string) string {
	if id, ok := b.causes[userID]; ok {
		return id
	}
	return b.cause
}

// write writes one user's difference.
func (d *difference) write(ctx context.Context, tx store.Tx) error {
	if !d.present {
		if !d.known {
			return nil
		}
		return tx.DeleteHolder(ctx, d.userID)
	}
	if d.rewrite {
		if err := tx.PutHolder(ctx, d.holder); err != nil {
			return err
		}
	}
	for _, s := range d.drop {
		if err := tx.DeleteSource(ctx, d.userID, s); err != nil {
			return err
		}
	}
	for _, s := range d.put {
		if err := tx.PutSource(ctx, d.userID, s); err != nil {
			return err
		}
	}
	return nil
}

// keepLastAdmin holds one user's access when rules would otherwise leave the organization without an Organization Admin,
// and gives those whose access is held from now on. Where somebody became one, users whose access is held are requeued:
// they are needed no longer. It comes before anything is written.
func keepLastAdmin(ctx context.Context, tx store.Tx, all []*difference) (held []*difference, requeued int, err error) {
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
		if requeued, err = requeueHeld(ctx, tx, all); err != nil {
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
	// Who is held already stays so, rather than that the last admin changes with each batch.
	keep := losers[max(0, slices.IndexFunc(losers, (*difference).holdsAlready))]
	if keep.hold() {
		held = append(held, keep)
	}
	return held, requeued, nil
}

// requeueHeld has users settled whose access is held, but for those who are dealt with already, and says how many.
func requeueHeld(ctx context.Context, tx store.Tx, dealtWith []*difference) (int, error) {
	users, err := tx.HeldUsers(ctx)
	if err != nil {
		return 0, err
	}
	users = slices.DeleteFunc(users, func(id string) bool {
		return slices.ContainsFunc(dealtWith, func(d *difference) bool { return d.userID == id })
	})
	return len(users), tx.Requeue(ctx, users)
}

// reported follows up on what was held, after the commit.
func (c *Core) reported(ctx context.Context, organizationID string, done outcome) {
	if len(done.held) == 0 {
		return
	}
	for _, id := range done.held {
		c.log.LogAttrs(ctx, slog.LevelWarn, "the last organization admin is held, though no rule gives it any more",
			slog.String("organization", organizationID), slog.String("user", id))
	}
	if done.dropped > 0 {
		c.log.LogAttrs(ctx, slog.LevelError, "too many reports wait: some were dropped",
			slog.String("organization", organizationID), slog.Int("dropped", done.dropped))
		c.metrics.reportsDropped.Add(ctx, int64(done.dropped))
	}
	select {
	case c.reports <- struct{}{}:
	default:
	}
}
