package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	getGeneration = statements.Load("get_generation", "organization_id")
	countRules    = statements.Load("count_rules", "organization_id")
	putRule       = statements.Load("put_rule", "organization_id", "id", "display_name", "enabled", "match_kind", "match_value",
		"unresolved", "revision", "create_time", "update_time")
	insertRuleGrants   = statements.Load("insert_rule_grants", "organization_id", "rule_id", "tenant_ids", "role_ids")
	markRuleUnresolved = statements.Load("mark_rule_unresolved", "organization_id", "id", "unresolved")
	insertRulePins     = statements.Load("insert_rule_pins", "organization_id", "rule_id", "directory_ids", "group_ids", "states",
		"times")
	deleteRuleGrants = statements.Load("delete_rule_grants", "organization_id", "rule_id")
	deleteRulePins   = statements.Load("delete_rule_pins", "organization_id", "rule_id")
	deleteRule       = statements.Load("delete_rule", "organization_id", "id")
	getRule          = statements.Load("get_rule", "organization_id", "id")
	getRuleGrants    = statements.Load("get_rule_grants", "organization_id", "rule_id")
	getRulePins      = statements.Load("get_rule_pins", "organization_id", "rule_id")
	listRules        = statements.Load("list_rules", "organization_id", "after", "limit")
	listRuleGrants   = statements.Load("list_rule_grants", "organization_id", "after", "limit")
	listRulePins     = statements.Load("list_rule_pins", "organization_id", "after", "limit")
)

// ruleStatements read rules, their grants and their pins.
type ruleStatements struct{ rules, grants, pins string }

// oneRule reads one rule. rulePage reads the rules above an id, all if the limit is NULL.
var (
	oneRule  = ruleStatements{getRule, getRuleGrants, getRulePins}
	rulePage = ruleStatements{listRules, listRuleGrants, listRulePins}
)

// askRules reads rules with their grants and pins. Call its result after the batch was sent.
func askRules(b *pgx.Batch, which ruleStatements, args ...any) func() []store.Rule {
	rules := ask(b, store.RuleFields, which.rules, args...)
	grants := ask(b, store.RuleGrantFields, which.grants, args...)
	pins := ask(b, store.RulePinFields, which.pins, args...)
	return func() []store.Rule {
		store.AddParts(*rules, *grants, *pins)
		return *rules
	}
}

func (s *Store) Rule(ctx context.Context, organizationID, id string) (store.Rule, error) {
	var rules func() []store.Rule
	err := s.snapshot(ctx, func(b *pgx.Batch) { rules = askRules(b, oneRule, organizationID, id) })
	if err != nil {
		return store.Rule{}, err
	}
	return found(rules(), nil, "rule", id)
}

func (s *Store) Rules(ctx context.Context, organizationID, after string, limit int) ([]store.Rule, error) {
	var rules func() []store.Rule
	err := s.snapshot(ctx, func(b *pgx.Batch) { rules = askRules(b, rulePage, organizationID, after, limit) })
	if err != nil {
		return nil, err
	}
	return rules(), nil
}

func (s *Store) RuleSet(ctx context.Context, organizationID string) (set store.RuleSet, err error) {
	var rules func() []store.Rule
	err = s.snapshot(ctx, func(b *pgx.Batch) {
		b.Queue(getGeneration, organizationID).
			QueryRow(func(row pgx.Row) error { return row.Scan(&set.Generation) })
		rules = askRules(b, rulePage, organizationID, "", nil)
	})
	if err != nil {
		return store.RuleSet{}, err
	}
	set.Rules = rules()
	return set, nil
}

func (t *organizationTx) Generation(context.Context) (int64, error) { return t.row.generation, nil }

func (t *organizationTx) nextGeneration() { t.row.generation++ }

func (t *organizationTx) Rule(ctx context.Context, id string) (store.Rule, error) {
	rules := askRules(t.queue(), oneRule, t.organization, id)
	if err := t.send(ctx); err != nil {
		return store.Rule{}, err
	}
	return found(rules(), nil, "rule", id)
}

func (t *organizationTx) CountRules(ctx context.Context) (int, error) {
	n := ask(t.queue(), dbtype.Value[int], countRules, t.organization)
	if err := t.send(ctx); err != nil {
		return 0, err
	}
	return (*n)[0], nil
}

func (t *organizationTx) PutRule(ctx context.Context, r store.Rule) error {
	err := t.write(ctx, putRule,
		t.organization, r.ID, r.DisplayName, r.Enabled, r.Match.Kind, r.Match.Value, r.Unresolved, r.Revision,
		dbtype.Micros(r.CreateTime), dbtype.Micros(r.UpdateTime))
	if err != nil {
		return err
	}
	if err := t.deleteGrants(ctx, r.ID); err != nil {
		return err
	}
	var tenants, roles []string
	for _, g := range r.Grants {
		tenants, roles = append(tenants, g.TenantID), append(roles, g.RoleID)
	}
	err = t.write(ctx, insertRuleGrants, t.organization, r.ID, tenants, roles)
	if err != nil {
		return err
	}
	return t.PutPins(ctx, r.ID, r.Pins, r.Unresolved)
}

func (t *organizationTx) PutPins(ctx context.Context, ruleID string, pins []store.Pin, unresolved bool) error {
	t.nextGeneration()
	err := t.write(ctx, markRuleUnresolved, t.organization, ruleID, unresolved)
	if err != nil {
		return err
	}
	if err := t.deletePins(ctx, ruleID); err != nil {
		return err
	}
	var directories, groups []string
	var states []int32
	var times []int64
	for _, p := range pins {
		directories, groups = append(directories, p.DirectoryID), append(groups, p.GroupID)
		states, times = append(states, int32(p.State)), append(times, dbtype.Micros(p.Time)) //nolint:gosec // of a few values
	}
	return t.write(ctx, insertRulePins, t.organization, ruleID, directories, groups, states, times)
}

func (t *organizationTx) deleteGrants(ctx context.Context, ruleID string) error {
	return t.write(ctx, deleteRuleGrants, t.organization, ruleID)
}

func (t *organizationTx) deletePins(ctx context.Context, ruleID string) error {
	return t.write(ctx, deleteRulePins, t.organization, ruleID)
}

func (t *organizationTx) DeleteRule(ctx context.Context, id string) error {
	n, err := t.exec(ctx, deleteRule, t.organization, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.Missing("rule", id)
	}
	t.nextGeneration()
	if err := t.deleteGrants(ctx, id); err != nil {
		return err
	}
	return t.deletePins(ctx, id)
}
