package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// Limits of a rule's parts, as in the contract. Lengths are in characters.
const (
	maxDisplayName = 200
	maxMatchValue  = 1000
	maxGrants      = 100
	maxSlug        = 63
)

// RuleUpdate contains new values for a rule. A nil field does not change.
type RuleUpdate struct {
	DisplayName *string
	Enabled     *bool
	Match       *store.Match
	Grants      []store.Grant // an empty list that is not nil is refused: a rule must give something
}

// CreateRule adds a rule and finds the groups that it means. It changes nobody's access.
func (c *Core) CreateRule(ctx context.Context, r store.Rule, request requestid.Request) (store.Rule, error) {
	if err := checkOrganization(r.OrganizationID); err != nil {
		return store.Rule{}, err
	}
	if r.DisplayName == "" {
		r.DisplayName = nameOf(r.Match)
	}
	if err := checkRule(r); err != nil {
		return store.Rule{}, err
	}
	if err := c.checkFilter(ctx, r.OrganizationID, &r.Match); err != nil {
		return store.Rule{}, err
	}
	now := c.now()
	r.ID, r.Revision, r.CreateTime, r.UpdateTime = ids.New(), 1, now, now
	// The follower finds later groups by their records, and a search after this commit finds existing groups. So no group is missed
	// in between.
	r.Pins, r.Unresolved = nil, r.Match.Kind == store.MatchGroup
	err := c.store.Update(ctx, r.OrganizationID, func(ctx context.Context, tx store.Tx) error {
		return requestid.Once(ctx, tx, request, now, func(id string) (err error) {
			r, err = tx.Rule(ctx, id)
			return err
		}, func() (string, error) { return r.ID, addRule(ctx, tx, r) })
	})
	if err != nil {
		return store.Rule{}, err
	}
	return c.resolved(ctx, r)
}

func addRule(ctx context.Context, tx store.Tx, r store.Rule) error {
	count, err := tx.CountRules(ctx)
	if err != nil {
		return err
	}
	if count >= maxRules {
		return fault.New(fault.Limit, "the organization has %d rules, which is the maximum", count)
	}
	for _, g := range r.Grants {
		if err := checkGrant(ctx, tx, g); err != nil {
			return err
		}
	}
	if err := noteChange(ctx, tx, r.Enabled, r.ID, r.CreateTime); err != nil {
		return err
	}
	return tx.PutRule(ctx, r)
}

// maxRuleChanges is how many rules with a change that waits for a rule sync are counted at most. Deleted rules count, too.
const maxRuleChanges = 10_000

// noteChange notes that a rule sync has something to apply, if it has.
func noteChange(ctx context.Context, tx store.Tx, applies bool, ruleID string, now time.Time) error {
	if !applies {
		return nil
	}
	return tx.NoteRuleChange(ctx, ruleID, now, maxRuleChanges)
}

// resolved finds the groups of a rule that was just written. If that fails, the organization's owner does it later.
func (c *Core) resolved(ctx context.Context, r store.Rule) (store.Rule, error) {
	if !r.Unresolved {
		return r, nil
	}
	if err := c.resolve(ctx, r.OrganizationID, r.ID); err != nil {
		c.log.LogAttrs(ctx, slog.LevelWarn, "finding a rule's groups failed and is retried",
			slog.String("organization", r.OrganizationID), slog.String("rule", r.ID), slog.Any("error", err))
		c.queue.add(r.OrganizationID)
		return r, nil
	}
	return c.store.Rule(ctx, r.OrganizationID, r.ID)
}

// Rule reads one rule.
func (c *Core) Rule(ctx context.Context, organizationID, id string) (store.Rule, error) {
	return c.store.Rule(ctx, organizationID, id)
}

// Rules lists rules by id, after one, at most limit.
func (c *Core) Rules(ctx context.Context, organizationID, after string, limit int) ([]store.Rule, error) {
	return c.store.Rules(ctx, organizationID, after, limit)
}

// UpdateRule changes a rule, unless permit refuses the old rule. It changes nobody's access.
func (c *Core) UpdateRule(ctx context.Context, organizationID, id string, update RuleUpdate, permit func(store.Rule) error) (store.Rule, error) {
	if err := c.checkUpdate(ctx, organizationID, id, update.Match); err != nil {
		return store.Rule{}, err
	}
	var r store.Rule
	err := c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		before, err := tx.Rule(ctx, id)
		if err != nil {
			return err
		}
		if err := permit(before); err != nil {
			return err
		}
		if r = update.apply(before); sameRule(before, r) {
			return nil
		}
		if err := checkRule(r); err != nil {
			return err
		}
		if update.Grants != nil {
			for _, g := range r.Grants {
				if err := checkGrant(ctx, tx, g); err != nil {
					return err
				}
			}
		}
		r.Revision++
		r.UpdateTime = c.now()
		if err := noteChange(ctx, tx, appliesOtherwise(before, r), id, r.UpdateTime); err != nil {
			return err
		}
		return tx.PutRule(ctx, r)
	})
	if err != nil {
		return store.Rule{}, err
	}
	return c.resolved(ctx, r)
}

// apply returns the updated rule. A new name removes the pins.
func (u RuleUpdate) apply(r store.Rule) store.Rule {
	before := r.Match
	if u.Match != nil {
		r.Match = *u.Match
	}
	if u.DisplayName != nil {
		r.DisplayName = *u.DisplayName
	}
	if u.Enabled != nil {
		r.Enabled = *u.Enabled
	}
	if u.Grants != nil {
		r.Grants = u.Grants
	}
	if r.Match.Kind != before.Kind || scim.Casefold(r.Match.Value) != scim.Casefold(before.Value) {
		r.Pins, r.Unresolved = nil, r.Match.Kind == store.MatchGroup
	}
	return r
}

func sameRule(a, b store.Rule) bool {
	return a.DisplayName == b.DisplayName && a.Enabled == b.Enabled && a.Match == b.Match && slices.Equal(a.Grants, b.Grants)
}

// appliesOtherwise reports whether a rule may give other access after a change: a disabled rule gives none, and a display name does not count.
func appliesOtherwise(before, after store.Rule) bool {
	after.DisplayName = before.DisplayName
	return (before.Enabled || after.Enabled) && !sameRule(before, after)
}

// SetRuleEnabled enables or disables a rule. It changes nobody's access.
func (c *Core) SetRuleEnabled(ctx context.Context, organizationID, id string, enabled bool) (store.Rule, error) {
	return c.UpdateRule(ctx, organizationID, id, RuleUpdate{Enabled: &enabled}, func(store.Rule) error { return nil })
}

// DeleteRule deletes a rule. The access that it gave stays until its users are reconciled.
func (c *Core) DeleteRule(ctx context.Context, organizationID, id string) error {
	return c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		before, err := tx.Rule(ctx, id)
		if err != nil {
			return err
		}
		if err := noteChange(ctx, tx, before.Enabled, id, c.now()); err != nil {
			return err
		}
		return tx.DeleteRule(ctx, id)
	})
}

// checkUpdate checks the new filter of a rule, unless the rule already has it. An old filter may match nobody since its schema was
// removed, and must not prevent other changes of the rule.
func (c *Core) checkUpdate(ctx context.Context, organizationID, id string, m *store.Match) error {
	if m == nil || m.Kind != store.MatchFilter {
		return nil
	}
	before, err := c.store.Rule(ctx, organizationID, id)
	if err != nil || before.Match == *m {
		return err
	}
	return c.checkFilter(ctx, organizationID, m)
}

// checkFilter asks identity, which knows the schemas, whether a rule's filter can match users. Other matches need no check.
func (c *Core) checkFilter(ctx context.Context, organizationID string, m *store.Match) error {
	if m.Kind != store.MatchFilter {
		return nil
	}
	ctx, cancel := c.called(ctx)
	defer cancel()
	err := c.identity.CheckFilter(ctx, organizationID, m.Value)
	if f := (*fault.Error)(nil); errors.As(err, &f) && (f.Reason == fault.InvalidFilter || f.Reason == fault.InvalidRequest) {
		invalid := fault.Invalid("rule.filter.filter", "%s", strings.TrimSuffix(f.Message, "."))
		if errors.As(placed(err, m.Value), &f) && f.Metadata["position"] != "" {
			return invalid.With("position", f.Metadata["position"])
		}
		return invalid
	}
	return err
}

// nameOf makes a rule's display name from its match. It leaves a filter out: more people may read the name of a rule than its filter, which
// can contain names of users.
func nameOf(m store.Match) string {
	name := "Group " + m.Value
	switch m.Kind {
	case store.MatchRoleValue:
		name = "Role value " + m.Value
	case store.MatchFilter:
		name = "Users that match a filter"
	}
	if utf8.RuneCountInString(name) > maxDisplayName {
		name = string([]rune(name)[:maxDisplayName])
	}
	return name
}

// checkRule refuses a rule that breaks the contract, and names each field. The interceptor has already checked new rules. For an
// update it cannot know which fields count.
func checkRule(r store.Rule) error {
	f := fault.New(fault.InvalidRequest, "the rule is not valid")
	length := func(path, text string, least, most int) {
		if n := utf8.RuneCountInString(text); n < least || n > most {
			f.Fields = append(f.Fields, fault.Field{Path: path, Description: fmt.Sprintf("must have %d to %d characters", least, most)})
		}
	}
	length("rule.display_name", r.DisplayName, 1, maxDisplayName)
	switch r.Match.Kind {
	case store.MatchGroup:
		length("rule.group.display_name", r.Match.Value, 1, maxMatchValue)
	case store.MatchRoleValue:
		length("rule.role_value.value", r.Match.Value, 1, maxMatchValue)
	case store.MatchFilter:
		length("rule.filter.filter", r.Match.Value, 1, maxMatchValue)
	default:
		f.Fields = append(f.Fields, fault.Field{Path: "rule.match", Description: "must say whom the rule matches"})
	}
	if len(r.Grants) < 1 || len(r.Grants) > maxGrants {
		f.Fields = append(f.Fields, fault.Field{Path: "rule.grants", Description: fmt.Sprintf("must be 1 to %d", maxGrants)})
	}
	seen := map[store.Grant]bool{}
	for i, g := range r.Grants[:min(len(r.Grants), maxGrants)] {
		path := fmt.Sprintf("rule.grants[%d]", i)
		length(path+".role_id", g.RoleID, 1, maxSlug)
		length(path+".tenant_id", g.TenantID, 0, maxSlug)
		if seen[g] {
			f.Fields = append(f.Fields, fault.Field{Path: path, Description: "must be given once"})
		}
		seen[g] = true
	}
	if len(f.Fields) == 0 {
		return nil
	}
	f.Message = f.Fields[0].Path + ": " + f.Fields[0].Description
	return f
}
