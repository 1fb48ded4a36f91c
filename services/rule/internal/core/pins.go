package core

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// pinning works out what becomes of a rule set's pins. A rule pins one group per directory, by id: whatever happens to
// the group's name, the pin stays, until the group is gone.
type pinning struct {
	set *ruleSet
	now time.Time

	changed map[int][]store.Pin // new pins of rules, by their place in the set
	search  map[int]bool        // rules whose name has to be looked up: a group was lost, or they never were
	events  []pinEvent
}

// pinEvent is one line of the log.
type pinEvent struct {
	text      string
	rule      string
	directory string
	group     string
	took      bool // the rule, which is enabled, reaches this group's users only now
}

func newPinning(set *ruleSet, now time.Time) *pinning {
	return &pinning{set: set, now: now, changed: map[int][]store.Pin{}, search: map[int]bool{}}
}

// pins are the pins of a rule as they have become.
func (p *pinning) pins(rule int) []store.Pin {
	if pins, ok := p.changed[rule]; ok {
		return pins
	}
	return p.set.rules[rule].Pins
}

// put writes a pin in the place of its directory's.
func (p *pinning) put(rule int, pin store.Pin, text string, took bool) {
	pins := slices.DeleteFunc(slices.Clone(p.pins(rule)), func(other store.Pin) bool {
		return other.DirectoryID == pin.DirectoryID
	})
	pins = append(pins, pin)
	slices.SortFunc(pins, func(a, b store.Pin) int { return cmp.Compare(a.DirectoryID, b.DirectoryID) })
	p.changed[rule] = pins
	p.note(rule, pin, text, took)
}

func (p *pinning) note(rule int, pin store.Pin, text string, took bool) {
	p.events = append(p.events, pinEvent{
		text: text, rule: p.set.rules[rule].ID, directory: pin.DirectoryID, group: pin.GroupID,
		took: took && p.set.rules[rule].Enabled,
	})
}

// gone notes that a group is not there any more: rules that pin it wait.
func (p *pinning) gone(groupID string) {
	for _, rule := range p.set.pinned[groupID] {
		for _, pin := range p.pins(rule) {
			if pin.GroupID == groupID && pin.State == store.Pinned {
				p.search[rule] = true
				p.put(rule, store.Pin{DirectoryID: pin.DirectoryID, GroupID: groupID, State: store.Waiting, Time: p.now},
					"a rule lost its group and waits for another of its name", false)
			}
		}
	}
}

// there notes a group as it is now.
func (p *pinning) there(g Group) {
	for _, rule := range p.set.pinned[g.ID] {
		p.held(rule, g)
	}
	for _, rule := range p.set.named[scim.Casefold(g.DisplayName)] {
		if p.set.rules[rule].Unresolved {
			// Older groups of the name may be there: looking them up finds the right one.
			p.search[rule] = true
			continue
		}
		p.take(rule, g, true)
	}
}

// held keeps a pin true to its group, which may be there again or have moved to another directory.
func (p *pinning) held(rule int, g Group) {
	at := slices.IndexFunc(p.pins(rule), func(pin store.Pin) bool { return pin.GroupID == g.ID })
	if at < 0 {
		return
	}
	pin := p.pins(rule)[at]
	back := pin.State == store.Waiting
	if pin.DirectoryID == g.DirectoryID {
		if back {
			p.put(rule, store.Pin{DirectoryID: g.DirectoryID, GroupID: g.ID, State: store.Pinned, Time: p.now},
				"a rule's group is there again", true)
		}
		return
	}
	// The directory was replaced and its group adopted.
	p.changed[rule] = slices.DeleteFunc(slices.Clone(p.pins(rule)), func(other store.Pin) bool { return other.GroupID == g.ID })
	moved := store.Pin{DirectoryID: g.DirectoryID, GroupID: g.ID, State: store.Pinned, Time: p.now}
	for _, other := range p.pins(rule) {
		if other.DirectoryID == g.DirectoryID && other.State == store.Pinned && other.GroupID < g.ID {
			// Both are of this rule; as everywhere, the older one is meant.
			p.note(rule, moved, "a rule's group came to a directory where the rule pins an older one, and is let go", false)
			return
		}
	}
	p.put(rule, moved, "a rule's group came to another directory", back)
}

// take pins a group of the rule's name, unless the rule pins one of its directory. first says that the rule reaches its
// users only now.
func (p *pinning) take(rule int, g Group, first bool) {
	for _, pin := range p.pins(rule) {
		if pin.GroupID == g.ID || pin.DirectoryID == g.DirectoryID && pin.State == store.Pinned {
			return
		}
	}
	p.put(rule, store.Pin{DirectoryID: g.DirectoryID, GroupID: g.ID, State: store.Pinned, Time: p.now},
		"a rule pinned a group", first)
}

// look finds the groups of the rules that search for one. touched are those that a message was about.
func (c *Core) look(ctx context.Context, organizationID string, p *pinning, touched map[string]bool) error {
	for rule := range p.search {
		groups, err := c.oldestGroups(ctx, organizationID, p.set.rules[rule].Match.Value)
		if err != nil {
			return err
		}
		for _, g := range groups {
			// A rule that was never looked up is new or changed: by itself that changes nobody's access. The message does.
			p.take(rule, g, touched[g.ID] || !p.set.rules[rule].Unresolved)
		}
	}
	return nil
}

// oldestGroups gives the oldest group of that displayName of each directory. There may be any number of groups of one name, so
// each page has its own deadline.
func (c *Core) oldestGroups(ctx context.Context, organizationID, displayName string) ([]Group, error) {
	var oldest []Group
	met := map[string]bool{}
	for token := ""; ; {
		page, err := shrinking(ctx, c, maxUsers, func(ctx context.Context, limit int) (GroupPage, error) {
			return c.identity.GroupsNamed(ctx, organizationID, displayName, token, limit)
		})
		if err != nil {
			return nil, err
		}
		for _, g := range page.Groups {
			if !met[g.DirectoryID] {
				met[g.DirectoryID] = true
				oldest = append(oldest, g)
			}
		}
		if token = page.Next; token == "" {
			return oldest, nil
		}
	}
}

// plan works out what becomes of the pins by these groups, as they were just read: one that is missing is gone.
func (c *Core) plan(ctx context.Context, organizationID string, p *pinning, groupIDs []string, groups map[string]Group) error {
	touched := make(map[string]bool, len(groupIDs))
	for _, id := range groupIDs {
		touched[id] = true
		if _, there := groups[id]; !there {
			p.gone(id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(groups)) { // the oldest first
		p.there(groups[id])
	}
	return c.look(ctx, organizationID, p, touched)
}

// write puts the changed pins into a transaction and gives the set that it leads to.
func (p *pinning) write(ctx context.Context, tx store.Tx) (*ruleSet, error) {
	for rule := range p.search {
		// That it was looked up is to be kept, also where nothing was found.
		p.changed[rule] = p.pins(rule)
	}
	if len(p.changed) == 0 {
		return p.set, nil
	}
	for rule, pins := range p.changed {
		unresolved := p.set.rules[rule].Unresolved && !p.search[rule]
		if err := tx.PutPins(ctx, p.set.rules[rule].ID, pins, unresolved); err != nil {
			return nil, err
		}
	}
	generation, err := tx.Generation(ctx)
	if err != nil {
		return nil, err
	}
	next := p.set.withPins(p.changed, generation)
	for rule := range p.search {
		next.rules[rule].Unresolved = false
	}
	return next, nil
}

// taken are the groups whose users enabled rules reach only now, each once, by id.
func (p *pinning) taken() []string {
	var taken []string
	for _, e := range p.events {
		if e.took {
			taken = append(taken, e.group)
		}
	}
	slices.Sort(taken)
	return slices.Compact(taken)
}

// report writes what happened into the log.
func (p *pinning) report(ctx context.Context, log *slog.Logger, organizationID string) {
	for _, e := range p.events {
		log.LogAttrs(ctx, slog.LevelInfo, e.text, slog.String("organization", organizationID), slog.String("rule", e.rule),
			slog.String("directory", e.directory), slog.String("group", e.group))
	}
}

// errRulesChanged says that a rule or pin changed since what a commit builds on was read.
var errRulesChanged = errors.New("the rules have changed meanwhile")

// resolve looks up the groups of a rule that is new, or that has another name, and pins them. It changes nobody's access.
func (c *Core) resolve(ctx context.Context, organizationID, ruleID string) error {
	for {
		stored, err := c.store.RuleSet(ctx, organizationID)
		if err != nil {
			return err
		}
		set := compile(stored)
		at := slices.IndexFunc(set.rules, func(r store.Rule) bool { return r.ID == ruleID })
		if at < 0 || !set.rules[at].Unresolved {
			return nil
		}
		p := newPinning(set, c.now())
		p.search[at] = true
		if err := c.look(ctx, organizationID, p, nil); err != nil {
			return err
		}
		err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
			generation, err := tx.Generation(ctx)
			if err != nil {
				return err
			}
			if generation != set.generation {
				return errRulesChanged
			}
			_, err = p.write(ctx, tx)
			return err
		})
		if errors.Is(err, errRulesChanged) {
			continue
		}
		if err == nil {
			p.report(ctx, c.log, organizationID)
		}
		return err
	}
}
