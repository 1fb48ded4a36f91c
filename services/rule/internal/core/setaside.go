package core

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// neverKnown is the UnknownAsOf of a user without any known state: the zero time would mean that the user is not set aside.
var neverKnown = time.UnixMicro(1).UTC()

// KnownAsOf returns the AsOf of a user who is set aside; the zero time if nothing is known.
func KnownAsOf(unknownAsOf time.Time) time.Time {
	if !unknownAsOf.After(neverKnown) {
		return time.Time{}
	}
	return unknownAsOf
}

// asides contains the users of a batch who are already set aside, and the organization's settings.
type asides struct {
	before   map[string]store.SetAside
	settings store.Settings
	core     *Core
}

// asideBefore reads them, if the batch concerns any.
func (c *Core) asideBefore(ctx context.Context, tx store.Tx, userIDs []string, holders map[string]store.Holder, facts map[string]User) (a asides, err error) {
	a.core = c
	var was []string
	concerned := false
	for _, id := range userIDs {
		if h := holders[id]; !h.UnknownAsOf.IsZero() {
			was = append(was, id)
		}
		concerned = concerned || facts[id].Unknown != ""
	}
	if len(was) > 0 {
		if a.before, err = tx.SetAsideUsers(ctx, was); err != nil {
			return a, err
		}
	}
	if len(was) > 0 || concerned {
		a.settings, err = tx.Settings(ctx)
	}
	return a, err
}

// difference computes what a batch writes for a user. concerned is false if the batch does not concern the user.
func (a asides) difference(b batch, id string, h store.Holder, u *User, set *ruleSet, now time.Time) (d difference, concerned bool) {
	before, was := a.before[id]
	m := b.mode
	switch {
	case b.applying && !was:
		return d, false
	case b.applying:
		d = difference{userID: id, present: true, free: true, before: h, after: h}
		d.after.RuleAccess = ruleAccessBy(a.settings)
		d.transitions()
		return d, true
	case m == store.Settle && h.New:
		return d, false
	case u != nil && u.free() && u.Unknown != "" && (m != store.Settle || anyRetained(h)):
		return a.setAside(b, id, h, *u, before, now), true
	case m == store.Changed && u != nil && !h.New && u.Unknown == "" && h.Digest == digest(*u):
		if !was {
			return d, false
		}
		m = store.Settle // apply nothing that was not applied before
	}
	d = compare(id, h, u, m, set, now)
	if was && u != nil && u.free() && b.mode < before.Mode {
		// This batch did less than the user waits for.
		d.known, d.after.UnknownAsOf, d.after.RuleAccess = false, h.UnknownAsOf, h.RuleAccess
		d.transitions()
	}
	return d, true
}

func anyRetained(h store.Holder) bool {
	for _, s := range h.Sources {
		if s.Retained {
			return true
		}
	}
	return false
}

// setAside makes a user wait if only its status is known: existing, active, and not detached. The user keeps its sources.
func (a asides) setAside(b batch, id string, h store.Holder, u User, before store.SetAside, now time.Time) difference {
	next := store.SetAside{
		UserID: id, Mode: max(b.mode, before.Mode), MessageID: b.messageOf(id), SyncID: b.syncID, Detail: u.Unknown,
		Attempts: before.Attempts + 1, AsOf: b.asOf, CreateTime: now,
	}
	if len(b.links) == 1 {
		next.Traceparent = b.links[0]
	}
	if before.UserID != "" {
		next.AsOf, next.CreateTime = before.AsOf, before.CreateTime
		if next.MessageID == "" {
			next.MessageID, next.Traceparent = before.MessageID, before.Traceparent
		}
		if next.SyncID == "" {
			next.SyncID = before.SyncID
		}
	}
	if next.AsOf.Before(neverKnown) {
		next.AsOf = neverKnown
	}
	next.RetryTime = now.Add(wait.Backoff(a.core.config.UserRetryDelay, a.core.config.MaxUserRetryDelay, next.Attempts))
	d := difference{userID: id, present: true, free: true, before: h, after: h, aside: &next}
	d.after.UserID, d.after.New, d.after.Active, d.after.Detached, d.after.DirectoryID = id, false, true, false, u.DirectoryID
	d.after.UnknownAsOf, d.after.RuleAccess = next.AsOf, ruleAccessBy(a.settings)
	d.noteKept(now)
	d.transitions()
	return d
}

// ruleAccessBy returns what the settings do with the rule access of a user who is set aside.
func ruleAccessBy(s store.Settings) store.RuleAccess {
	if s.WhenUnknown == store.SuspendUnknown {
		return store.RuleAccessSuspended
	}
	return store.RuleAccessCounts
}

// isNew reports whether the user was not set aside before, or by another message.
func (a asides) isNew(next store.SetAside) bool {
	before, was := a.before[next.UserID]
	return !was || before.MessageID != next.MessageID
}

// retry retries the due users who are set aside, if they wait for the same mode as the first one.
func (s *step) retry(ctx context.Context) (again bool, err error) {
	set, err := s.ruleSet(ctx, s.organizationID)
	if err != nil {
		return false, err
	}
	first := s.work.Due[0]
	b := s.batch(first.Mode, set, nil)
	b.causes, b.syncID, b.links, b.repeats = map[string]string{}, first.SyncID, []string{first.Traceparent}, true
	for _, a := range s.work.Due {
		if a.Mode == first.Mode && a.SyncID == first.SyncID && a.Traceparent == first.Traceparent {
			b.userIDs = append(b.userIDs, a.UserID)
			b.causes[a.UserID] = a.MessageID
		}
	}
	_, err = s.reconcile(ctx, b)
	return true, err
}

// apply applies the current settings to the access of users who are set aside.
func (s *step) apply(ctx context.Context) (again bool, err error) {
	set, err := s.ruleSet(ctx, s.organizationID)
	if err != nil {
		return false, err
	}
	b := s.batch(store.Settle, set, s.work.Unsettled)
	b.applying = true
	_, _, err = s.commit(ctx, b, nil)
	return true, err
}
