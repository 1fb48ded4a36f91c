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

// pinning computes the new pins of a rule set. A rule pins one group per directory, by id. The pin stays when the group's name
// changes, until the group is deleted.
type pinning struct {
	set *ruleSet
	now time.Time

	changed map[int][]store.Pin // new pins of rules, by the rule's index in the set
	search  map[int]bool        // rules that must find their groups by name: a group was lost, or they never did
	events  []pinEvent
}

// pinEvent is one line of the log.
type pinEvent struct {
	text      string
	rule      string
	directory string
	group     string
	applies   bool // an enabled rule now begins to apply to the users of this group
}

func newPinning(set *ruleSet, now time.Time) *pinning {
	return &pinning{set: set, now: now, changed: map[int][]store.Pin{}, search: map[int]bool{}}
}

// pins returns the current pins of a rule, with the changes of this pinning.
func (p *pinning) pins(rule int) []store.Pin {
	if pins, ok := p.changed[rule]; ok {
		return pins
	}
	return p.set.rules[rule].Pins
}

// replace sets the pin of a directory.
func (p *pinning) replace(rule int, pin store.Pin, text string, applies bool) {
	pins := slices.DeleteFunc(slices.Clone(p.pins(rule)), func(other store.Pin) bool {
		return other.DirectoryID == pin.DirectoryID
	})
	pins = append(pins, pin)
	slices.SortFunc(pins, func(a, b store.Pin) int { return cmp.Compare(a.DirectoryID, b.DirectoryID) })
	p.changed[rule] = pins
	p.note(rule, pin, text, applies)
}

func (p *pinning) note(rule int, pin store.Pin, text string, applies bool) {
	p.events = append(p.events, pinEvent{
		text: text, rule: p.set.rules[rule].ID, directory: pin.DirectoryID, group: pin.GroupID,
		applies: applies && p.set.rules[rule].Enabled,
	})
}

// lost notes that a group is missing: rules that pin it wait for another one.
func (p *pinning) lost(groupID string) {
	for _, rule := range p.set.pinned[groupID] {
		for _, pin := range p.pins(rule) {
			if pin.GroupID == groupID && pin.State == store.Pinned {
				p.search[rule] = true
				p.replace(rule, store.Pin{DirectoryID: pin.DirectoryID, GroupID: groupID, State: store.Waiting, Time: p.now},
					"a rule lost its group and waits for another group with its name", false)
			}
		}
	}
}

// found notes the current state of an existing group.
func (p *pinning) found(g Group) {
	for _, rule := range p.set.pinned[g.ID] {
		p.follow(rule, g)
	}
	for _, rule := range p.set.named[scim.Casefold(g.DisplayName)] {
		if p.set.rules[rule].Unresolved {
			// Older groups of that name may exist. Searching by name finds the oldest.
			p.search[rule] = true
			continue
		}
		p.pin(rule, g, true)
	}
}

// follow updates a pin if its group exists again or has moved to another directory.
func (p *pinning) follow(rule int, g Group) {
	at := slices.IndexFunc(p.pins(rule), func(pin store.Pin) bool { return pin.GroupID == g.ID })
	if at < 0 {
		return
	}
	pin := p.pins(rule)[at]
	back := pin.State == store.Waiting
	if pin.DirectoryID == g.DirectoryID {
		if back {
			p.replace(rule, store.Pin{DirectoryID: g.DirectoryID, GroupID: g.ID, State: store.Pinned, Time: p.now},
				"a rule's group exists again", true)
		}
		return
	}
	// A new directory has replaced the old one and adopted its group.
	p.changed[rule] = slices.DeleteFunc(slices.Clone(p.pins(rule)), func(other store.Pin) bool { return other.GroupID == g.ID })
	moved := store.Pin{DirectoryID: g.DirectoryID, GroupID: g.ID, State: store.Pinned, Time: p.now}
	for _, other := range p.pins(rule) {
		if other.DirectoryID == g.DirectoryID && other.State == store.Pinned && other.GroupID < g.ID {
			// Both groups match this rule. The rule means the older one, as everywhere.
			p.note(rule, moved, "a rule's group moved to a directory in which the rule pins an older group, and is unpinned", false)
			return
		}
	}
	p.replace(rule, moved, "a rule's group moved to another directory", back)
}

// pin pins a group with the rule's name, unless the rule already pins a group in the same directory. first means that the rule
// now begins to apply to the group's users.
func (p *pinning) pin(rule int, g Group, first bool) {
	for _, pin := range p.pins(rule) {
		if pin.GroupID == g.ID || pin.DirectoryID == g.DirectoryID && pin.State == store.Pinned {
			return
		}
	}
	p.replace(rule, store.Pin{DirectoryID: g.DirectoryID, GroupID: g.ID, State: store.Pinned, Time: p.now},
		"a rule pinned a group", first)
}

// findGroups pins groups for the rules in search. touched contains the groups that changed in this batch.
func (c *Core) findGroups(ctx context.Context, organizationID string, p *pinning, touched map[string]bool) error {
	for rule := range p.search {
		groups, err := c.oldestGroups(ctx, organizationID, p.set.rules[rule].Match.Value)
		if err != nil {
			return err
		}
		for _, g := range groups {
			// A rule that never searched is new or changed. That alone changes nobody's access. The message does.
			p.pin(rule, g, touched[g.ID] || !p.set.rules[rule].Unresolved)
		}
	}
	return nil
}

// oldestGroups returns the oldest group of each directory with that displayName. Any number of groups may share a name, so each page
// has its own deadline.
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

// plan computes the new pins from these groups, as they were just read. A group without an entry in groups is missing.
func (c *Core) plan(ctx context.Context, organizationID string, p *pinning, groupIDs []string, groups map[string]Group) error {
	touched := make(map[string]bool, len(groupIDs))
	for _, id := range groupIDs {
		touched[id] = true
		if _, exists := groups[id]; !exists {
			p.lost(id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(groups)) { // the oldest first
		p.found(groups[id])
	}
	return c.findGroups(ctx, organizationID, p, touched)
}

// write writes the changed pins in a transaction and returns the new rule set.
func (p *pinning) write(ctx context.Context, tx store.Tx) (*ruleSet, error) {
	for rule := range p.search {
		// Store that the search happened, even if it found nothing.
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

// newlyApplied returns the groups with users that enabled rules now begin to apply to, each once, by id.
func (p *pinning) newlyApplied() []string {
	var groups []string
	for _, e := range p.events {
		if e.applies {
			groups = append(groups, e.group)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// report logs the events.
func (p *pinning) report(ctx context.Context, log *slog.Logger, organizationID string) {
	for _, e := range p.events {
		log.LogAttrs(ctx, slog.LevelInfo, e.text, slog.String("organization", organizationID), slog.String("rule", e.rule),
			slog.String("directory", e.directory), slog.String("group", e.group))
	}
}

// errRulesChanged means that a rule or pin changed after the caller read the rules that a commit builds on.
var errRulesChanged = errors.New("the rules have changed meanwhile")

// resolve finds and pins the groups of a rule that is new, or that has a new name. It changes nobody's access.
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
		if err := c.findGroups(ctx, organizationID, p, nil); err != nil {
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
