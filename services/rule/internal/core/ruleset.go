package core

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"
	"sync"

	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// sourceKey identifies what one rule gives.
type sourceKey struct {
	grant store.Grant
	rule  string
}

// ruleSet contains an organization's rules, indexed for reconciling. It never changes.
type ruleSet struct {
	generation int64
	rules      []store.Rule
	byGroup    map[string][]sourceKey // what enabled rules give to the users of a pinned group
	byValue    map[string][]sourceKey // what enabled rules give to users with a role value
	byFilter   map[string][]sourceKey // what enabled rules give to users who match a filter
	criteria   Criteria               // the keys of byValue and byFilter
	named      map[string][]int       // group rules by casefolded name
	pinned     map[string][]int       // group rules by the ids of their pins, also waiting ones
}

func compile(set store.RuleSet) *ruleSet {
	r := &ruleSet{
		generation: set.Generation, rules: set.Rules,
		byGroup: map[string][]sourceKey{}, byValue: map[string][]sourceKey{}, byFilter: map[string][]sourceKey{},
		named: map[string][]int{}, pinned: map[string][]int{},
	}
	for i, rule := range set.Rules {
		var gives []sourceKey
		if rule.Enabled {
			for _, grant := range rule.Grants {
				gives = append(gives, sourceKey{grant: grant, rule: rule.ID})
			}
		}
		switch rule.Match.Kind {
		case store.MatchRoleValue:
			if rule.Enabled {
				r.byValue[rule.Match.Value] = append(r.byValue[rule.Match.Value], gives...)
			}
			continue
		case store.MatchFilter:
			if rule.Enabled {
				r.byFilter[rule.Match.Value] = append(r.byFilter[rule.Match.Value], gives...)
			}
			continue
		}
		name := scim.Casefold(rule.Match.Value)
		r.named[name] = append(r.named[name], i)
		for _, pin := range rule.Pins {
			r.pinned[pin.GroupID] = append(r.pinned[pin.GroupID], i)
			if pin.State == store.Pinned {
				r.byGroup[pin.GroupID] = append(r.byGroup[pin.GroupID], gives...)
			}
		}
	}
	r.criteria = Criteria{RoleValues: slices.Sorted(maps.Keys(r.byValue)), Filters: slices.Sorted(maps.Keys(r.byFilter))}
	return r
}

// withPins returns the set with new pins for some rules, by the rule's index, and with a new generation.
func (r *ruleSet) withPins(pins map[int][]store.Pin, generation int64) *ruleSet {
	rules := slices.Clone(r.rules)
	for i, p := range pins {
		rules[i].Pins = p
	}
	return compile(store.RuleSet{Generation: generation, Rules: rules})
}

// desired returns what the rules give to a user with these facts.
func (r *ruleSet) desired(u User) map[sourceKey]struct{} {
	var all map[sourceKey]struct{}
	add := func(keys []sourceKey) {
		if len(keys) > 0 && all == nil {
			all = make(map[sourceKey]struct{}, len(keys))
		}
		for _, key := range keys {
			all[key] = struct{}{}
		}
	}
	for _, id := range u.GroupIDs {
		add(r.byGroup[id])
	}
	for _, value := range u.RoleValues {
		add(r.byValue[value])
	}
	for _, filter := range u.Matched {
		add(r.byFilter[filter])
	}
	return all
}

// digest changes if a user's facts change. The revision and its time represent the user's own attributes: after a restore, identity
// may reach the same revision again with another change. Groups change without the user.
func digest(u User) string {
	hash := sha256.New()
	flags := byte(0)
	if u.Active {
		flags |= 1
	}
	if u.Detached {
		flags |= 2
	}
	head := binary.BigEndian.AppendUint64([]byte{flags}, uint64(u.Revision)) //nolint:gosec // it is only compared
	hash.Write(binary.BigEndian.AppendUint64(head, uint64(u.UpdateTime.UnixMicro())))
	if u.free() {
		for _, id := range slices.Sorted(slices.Values(u.GroupIDs)) {
			hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(id))))
			hash.Write([]byte(id))
		}
	}
	return base64.RawStdEncoding.EncodeToString(hash.Sum(nil)[:12])
}

// maxRuleSets is how many organizations' compiled rules are cached. Others are read again.
const maxRuleSets = 256

// ruleSets caches compiled rules. They may be out of date: a commit checks the generation.
type ruleSets struct {
	mu sync.Mutex
	by map[string]*ruleSet
}

func (s *ruleSets) get(organizationID string) *ruleSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.by[organizationID]
}

// set caches a rule set, in place of any other one if there are too many. nil deletes it from the cache.
func (s *ruleSets) set(organizationID string, set *ruleSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set == nil {
		delete(s.by, organizationID)
		return
	}
	if s.by == nil {
		s.by = map[string]*ruleSet{}
	}
	if _, replaces := s.by[organizationID]; !replaces && len(s.by) >= maxRuleSets {
		for other := range s.by {
			delete(s.by, other)
			break
		}
	}
	s.by[organizationID] = set
}

// ruleSet returns an organization's rules, possibly slightly out of date.
func (c *Core) ruleSet(ctx context.Context, organizationID string) (*ruleSet, error) {
	if set := c.rules.get(organizationID); set != nil {
		return set, nil
	}
	stored, err := c.store.RuleSet(ctx, organizationID)
	if err != nil {
		return nil, err
	}
	set := compile(stored)
	c.rules.set(organizationID, set)
	return set, nil
}
