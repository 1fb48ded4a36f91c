package core

import (
	"context"
	"errors"
	"maps"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// divide reconciles a batch that is too much for one read or one transaction, or that contains a part that fails. First it removes
// the access of inactive and deleted users: that needs only their status, and must not wait for the other users. Then it reconciles
// the others in halves, down to one user, and sets aside each user that fails alone. It writes the progress last, so that an
// interruption only repeats work.
func (c *Core) divide(ctx context.Context, b batch) (outcome, error) {
	status, err := c.statuses(ctx, b.organizationID, b.userIDs)
	if err != nil {
		return outcome{}, err
	}
	head, rest := b, []string(nil)
	head.userIDs, head.progress, head.times = nil, nil, nil
	for _, id := range b.userIDs {
		if u, exists := status[id]; exists && u.free() {
			rest = append(rest, id)
		} else {
			head.userIDs = append(head.userIDs, id)
		}
	}
	done, set, err := c.commit(ctx, head, status)
	if err != nil {
		return outcome{}, err
	}
	b.begin, b.pins = nil, newPinning(set, c.now())
	parts := b
	parts.progress, parts.times = nil, nil
	if err := c.parts(at(ctx, part), &parts, rest, status, &done); err != nil {
		return outcome{}, err
	}
	if b.progress == nil {
		return done, nil
	}
	b.userIDs, b.lease, b.pins = nil, parts.lease, parts.pins
	progress := b.progress
	b.progress = func(ctx context.Context, tx store.Tx, _ outcome) error { return progress(ctx, tx, done) }
	_, err = c.committed(ctx, &b, nil, nil)
	return done, err
}

// statuses reads which users exist, and whether they are active and detached.
func (c *Core) statuses(ctx context.Context, organizationID string, userIDs []string) (map[string]User, error) {
	all := make(map[string]User, len(userIDs))
	err := halving(ctx, c, userIDs, func(ctx context.Context, ids []string) (map[string]User, error) {
		return c.identity.Statuses(ctx, organizationID, ids)
	}, func(some map[string]User) { maps.Copy(all, some) })
	return all, err
}

// parts reconciles some users of a batch in smaller and smaller parts.
func (c *Core) parts(ctx context.Context, b *batch, userIDs []string, status map[string]User, done *outcome) error {
	if len(userIDs) == 0 {
		return nil
	}
	// A batch may take longer than the organization's lease lasts.
	lease, err := c.keep(ctx, b.organizationID)
	if err != nil {
		return err
	}
	b.lease = lease
	facts, err := c.users(ctx, *b, userIDs)
	if err == nil {
		var some outcome
		if some, err = c.committed(ctx, b, userIDs, facts); err == nil {
			done.plus(some)
			return nil
		}
	}
	if !divisible(ctx, err) {
		return err
	}
	if len(userIDs) == 1 {
		u := status[userIDs[0]]
		u.Unknown = whyUnknown(err)
		some, err := c.committed(ctx, b, userIDs, map[string]User{userIDs[0]: u})
		done.plus(some)
		return err
	}
	if err := c.parts(ctx, b, userIDs[:len(userIDs)/2], status, done); err != nil {
		return err
	}
	return c.parts(ctx, b, userIDs[len(userIDs)/2:], status, done)
}

// committed commits a part of a batch that has no new pins, with the current rules.
func (c *Core) committed(ctx context.Context, b *batch, userIDs []string, facts map[string]User) (outcome, error) {
	const tries = 3
	for n := 1; ; n++ {
		one := *b
		one.userIDs = userIDs
		done, _, err := c.commit(ctx, one, facts)
		if !errors.Is(err, errRulesChanged) || n == tries {
			return done, err
		}
		set, err := c.ruleSet(ctx, b.organizationID)
		if err != nil {
			return outcome{}, err
		}
		b.pins = newPinning(set, c.now())
		if len(userIDs) > 0 && !known(facts) {
			continue // no rule matters to a user that is set aside
		}
		if facts, err = c.users(ctx, *b, userIDs); err != nil {
			return outcome{}, err
		}
	}
}

// known reports whether the facts about at least one user determine what rules give.
func known(facts map[string]User) bool {
	for _, u := range facts {
		if u.Unknown == "" {
			return true
		}
	}
	return false
}

// whyUnknown describes, for people, why the facts of a user are unknown.
func whyUnknown(err error) string {
	var f *fault.Error
	switch {
	case !errors.As(err, &f) || f.Reason == fault.Deadline:
		return "Reading what the user is in, or writing what follows from it, took too long."
	case f.Reason == fault.Limit:
		return "A limit was exceeded: " + f.Message
	case f.Reason == fault.Internal:
		return "Reading what the user is in, or writing what follows from it, failed. The cause is in the logs."
	default:
		return "Reading what the user is in was refused (" + fault.ReasonName(f.Reason) + "): " + f.Message
	}
}
