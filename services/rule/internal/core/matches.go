package core

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

const (
	// countingTime is how long one call counts.
	countingTime = 5 * time.Second
	// countingAtOnce is how many counts of an organization go on at a time. Further ones wait.
	countingAtOnce = 4
	// countAge is how long a count is used again.
	countAge = time.Minute
	// maxCounts is how many counts are kept.
	maxCounts = 4096
	// maxPinnedGroups is how many groups identity counts at once.
	maxPinnedGroups = 1000
)

// RuleCount is the count of one rule.
type RuleCount struct {
	RuleID string
	MatchCount
}

// CountMatches counts whom rules match now, in the order of the ids. It leaves out missing rules. remaining are the rules for which there was
// no time.
func (c *Core) CountMatches(ctx context.Context, organizationID string, ids []string) (counts []RuleCount, remaining []string, err error) {
	set, err := c.store.RuleSet(ctx, organizationID)
	if err != nil {
		return nil, nil, err
	}
	byID := make(map[string]store.Rule, len(set.Rules))
	for _, r := range set.Rules {
		byID[r.ID] = r
	}
	var rules []store.Rule
	for _, id := range ids {
		if r, exists := byID[id]; exists {
			rules = append(rules, r)
			delete(byID, id) // count it once
		}
	}
	found, errs := make([]*MatchCount, len(rules)), make([]error, len(rules))
	counting, cancel := context.WithTimeout(ctx, countingTime)
	defer cancel()
	var workers sync.WaitGroup
	next := make(chan int, len(rules))
	for n := range rules {
		next <- n
	}
	close(next)
	for range min(countingAtOnce, len(rules)) {
		workers.Go(func() {
			for n := range next {
				if counting.Err() != nil {
					continue
				}
				if count, err := c.countRule(counting, organizationID, rules[n]); err == nil {
					found[n] = &count
				} else if counting.Err() == nil && !fault.Is(err, fault.Deadline) {
					errs[n] = err
					cancel() // the answer is this error
				}
			}
		})
	}
	workers.Wait()
	if err := cmp.Or(ctx.Err(), cmp.Or(errs...)); err != nil {
		return nil, nil, err
	}
	for n, r := range rules {
		if found[n] == nil {
			remaining = append(remaining, r.ID)
			continue
		}
		counts = append(counts, RuleCount{RuleID: r.ID, MatchCount: *found[n]})
	}
	return counts, remaining, nil
}

// countRule counts the users that a rule matches.
func (c *Core) countRule(ctx context.Context, organizationID string, r store.Rule) (MatchCount, error) {
	q := queryOf(r.Match)
	for _, pin := range r.Pins {
		if pin.State == store.Pinned {
			q.GroupIDs = append(q.GroupIDs, pin.GroupID)
		}
	}
	count, err := c.counted(ctx, organizationID, r.ID, r.Match.Kind, q)
	if fault.Is(err, fault.InvalidFilter) {
		// The schema with its attributes was removed: the rule matches nobody.
		return MatchCount{Time: c.now()}, nil
	}
	return count, err
}

func queryOf(m store.Match) (q MatchQuery) {
	switch m.Kind {
	case store.MatchRoleValue:
		q.RoleValue = m.Value
	case store.MatchFilter:
		q.Filter = m.Value
	}
	return q
}

// PreviewRule counts whom a rule with this match would match, and returns the groups that it would pin. The metadata position of
// fault.InvalidFilter is the place of the error.
func (c *Core) PreviewRule(ctx context.Context, organizationID string, m store.Match) (count MatchCount, groupIDs []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, countingTime)
	defer cancel()
	q := queryOf(m)
	switch m.Kind {
	case store.MatchFilter:
		if err := c.identity.CheckFilter(ctx, organizationID, m.Value); err != nil {
			return count, nil, placed(err, m.Value)
		}
	case store.MatchGroup:
		groups, err := c.oldestGroups(ctx, organizationID, m.Value)
		if err != nil {
			return count, nil, err
		}
		for _, g := range groups {
			q.GroupIDs = append(q.GroupIDs, g.ID)
		}
	}
	count, err = c.counted(ctx, organizationID, "", m.Kind, q)
	return count, q.GroupIDs, placed(err, m.Value)
}

// placed adds to fault.InvalidFilter where the error is. Identity checks a filter with the same parser; if no schema has the filter's
// attributes, it answers with the error by the standard schema.
func placed(err error, filter string) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Reason != fault.InvalidFilter || f.Metadata["position"] != "" {
		return err
	}
	parsed, wrong := scim.ParseFilter(filter, scim.Limits{})
	if wrong == nil {
		wrong = scim.UserType().CheckFilter(parsed)
	}
	var at *scim.Error
	if errors.As(wrong, &at) && at.Offset >= 0 {
		return f.With("position", strconv.Itoa(at.Offset))
	}
	return err
}

// counted counts matching users, or returns a count of the last minute. Concurrent calls share a count.
func (c *Core) counted(ctx context.Context, organizationID, ruleID string, kind store.MatchKind, q MatchQuery) (MatchCount, error) {
	if kind == store.MatchGroup && len(q.GroupIDs) == 0 {
		return MatchCount{Time: c.now()}, nil
	}
	slices.Sort(q.GroupIDs)
	more := len(q.GroupIDs) > maxPinnedGroups
	q.GroupIDs = q.GroupIDs[:min(len(q.GroupIDs), maxPinnedGroups)]
	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", organizationID, ruleID, q.RoleValue, q.Filter, q.GroupIDs))
	return c.counts.get(ctx, key, c.now, func() (MatchCount, error) {
		turn, err := c.counting.Wait(ctx, organizationID)
		if err != nil {
			return MatchCount{}, fault.Wrap(err, fault.Deadline, "there was no time to count")
		}
		defer turn.End()
		calling, cancel := c.called(ctx)
		defer cancel()
		count, err := c.identity.CountMatching(calling, organizationID, q)
		count.AtLeast, count.Time = count.AtLeast || more, c.now()
		return count, err
	})
}

// countKey is a digest of what was counted: a rule can have many groups.
type countKey = [sha256.Size]byte

// counts keeps counts for a while.
type counts struct {
	mu sync.Mutex
	by map[countKey]*counting
}

// counting is a count that is under way until done is closed.
type counting struct {
	done  chan struct{}
	count MatchCount
	err   error
}

// get returns a count by its key: a kept one, that of a call that counts now, or a new one.
func (k *counts) get(ctx context.Context, key countKey, now func() time.Time, count func() (MatchCount, error)) (MatchCount, error) {
	for {
		one, mine := k.join(key, now())
		if mine {
			defer close(one.done)
			one.err = context.Canceled // for those who wait, if count panics
			one.count, one.err = count()
			return one.count, one.err
		}
		select {
		case <-ctx.Done():
			return MatchCount{}, fault.Wrap(ctx.Err(), fault.Deadline, "there was no time to count")
		case <-one.done:
		}
		// A call that was cancelled, or had less time, says nothing about this one.
		if one.err == nil || !fault.Is(one.err, fault.Deadline) && !errors.Is(one.err, context.Canceled) {
			return one.count, one.err
		}
	}
}

// join returns the valid count of a key. mine means that there was none: the caller must count.
func (k *counts) join(key countKey, now time.Time) (one *counting, mine bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if one, exists := k.by[key]; exists && one.valid(now) {
		return one, false
	}
	if k.by == nil {
		k.by = map[countKey]*counting{}
	}
	if len(k.by) >= maxCounts {
		for other, one := range k.by {
			if one.ended() {
				delete(k.by, other)
				break
			}
		}
	}
	one = &counting{done: make(chan struct{})}
	k.by[key] = one
	return one, true
}

func (o *counting) ended() bool {
	select {
	case <-o.done:
		return true
	default:
		return false
	}
}

// valid reports whether the count is under way, or succeeded lately.
func (o *counting) valid(now time.Time) bool {
	return !o.ended() || o.err == nil && now.Sub(o.count.Time) < countAge
}
