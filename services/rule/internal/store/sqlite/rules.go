package sqlite

import (
	"context"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	listRules      = statements.Load("list_rules", "organization_id", "after", "limit")
	listRuleGrants = statements.Load("list_rule_grants", "organization_id", "first", "last")
	listRulePins   = statements.Load("list_rule_pins", "organization_id", "first", "last")
	getRule        = statements.Load("get_rule", "organization_id", "id")
	getGeneration  = statements.Load("get_generation", "organization_id")
	nextGeneration = statements.Load("next_generation", "organization_id")
	countRules     = statements.Load("count_rules", "organization_id")
	putRule        = statements.Load("put_rule", "organization_id", "id", "display_name", "enabled", "match_kind", "match_value",
		"unresolved", "revision", "create_time", "update_time")
	insertRuleGrant    = statements.Load("insert_rule_grant", "organization_id", "rule_id", "position", "tenant_id", "role_id")
	markRuleUnresolved = statements.Load("mark_rule_unresolved", "unresolved", "organization_id", "id")
	insertRulePin      = statements.Load("insert_rule_pin", "organization_id", "rule_id", "directory_id", "group_id", "state", "time")
	deleteRuleGrants   = statements.Load("delete_rule_grants", "organization_id", "rule_id")
	deleteRulePins     = statements.Load("delete_rule_pins", "organization_id", "rule_id")
	deleteRule         = statements.Load("delete_rule", "organization_id", "id")
)

// selectRules reads rules above an id with their grants and pins. A negative limit means all.
func selectRules(ctx context.Context, tx *sqlitedb.Tx, organizationID, after string, limit int) ([]store.Rule, error) {
	rules, err := sqlitedb.ReadAll(ctx, tx, store.RuleFields, listRules, organizationID, after, limit)
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	return withParts(ctx, tx, organizationID, rules)
}

// withParts adds the grants and pins of rules with adjacent ids.
func withParts(ctx context.Context, tx *sqlitedb.Tx, organizationID string, rules []store.Rule) ([]store.Rule, error) {
	first, last := rules[0].ID, rules[len(rules)-1].ID
	grants, err := sqlitedb.ReadAll(ctx, tx, store.RuleGrantFields, listRuleGrants, organizationID, first, last)
	if err != nil {
		return nil, err
	}
	pins, err := sqlitedb.ReadAll(ctx, tx, store.RulePinFields, listRulePins, organizationID, first, last)
	if err != nil {
		return nil, err
	}
	store.AddParts(rules, grants, pins)
	return rules, nil
}

func selectRule(ctx context.Context, tx *sqlitedb.Tx, organizationID, id string) (store.Rule, error) {
	r, err := sqlitedb.ReadOne(ctx, tx, store.RuleFields, fault.Missing("rule", id), getRule, organizationID, id)
	if err != nil {
		return r, err
	}
	rules, err := withParts(ctx, tx, organizationID, []store.Rule{r})
	if err != nil {
		return r, err
	}
	return rules[0], nil
}

func (s *Store) Rule(ctx context.Context, organizationID, id string) (r store.Rule, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqlitedb.Tx) (err error) {
		r, err = selectRule(ctx, tx, organizationID, id)
		return err
	})
	return r, err
}

func (s *Store) Rules(ctx context.Context, organizationID, after string, limit int) (rules []store.Rule, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqlitedb.Tx) (err error) {
		rules, err = selectRules(ctx, tx, organizationID, after, limit)
		return err
	})
	return rules, err
}

func (s *Store) RuleSet(ctx context.Context, organizationID string) (set store.RuleSet, err error) {
	err = s.db.Snapshot(ctx, func(ctx context.Context, tx *sqlitedb.Tx) (err error) {
		if set.Generation, err = generation(ctx, tx, organizationID); err != nil {
			return err
		}
		set.Rules, err = selectRules(ctx, tx, organizationID, "", -1)
		return err
	})
	return set, err
}

// generation returns 0 for an unknown organization.
func generation(ctx context.Context, tx *sqlitedb.Tx, organizationID string) (n int64, err error) {
	err = tx.QueryRow(ctx, getGeneration, organizationID).Scan(&n)
	return n, err
}

func (t *organizationTx) Generation(ctx context.Context) (int64, error) {
	return generation(ctx, t.tx, t.organization)
}

func (t *organizationTx) nextGeneration(ctx context.Context) error {
	_, err := t.tx.Exec(ctx, nextGeneration, t.organization)
	return err
}

func (t *organizationTx) Rule(ctx context.Context, id string) (store.Rule, error) {
	return selectRule(ctx, t.tx, t.organization, id)
}

func (t *organizationTx) CountRules(ctx context.Context) (n int, err error) {
	err = t.tx.QueryRow(ctx, countRules, t.organization).Scan(&n)
	return n, err
}

func (t *organizationTx) PutRule(ctx context.Context, r store.Rule) error {
	_, err := t.tx.Exec(ctx, putRule,
		t.organization, r.ID, r.DisplayName, r.Enabled, r.Match.Kind, r.Match.Value, r.Unresolved, r.Revision,
		dbtype.Micros(r.CreateTime), dbtype.Micros(r.UpdateTime))
	if err != nil {
		return err
	}
	if err := t.deleteGrants(ctx, r.ID); err != nil {
		return err
	}
	for i, g := range r.Grants {
		_, err := t.tx.Exec(ctx, insertRuleGrant, t.organization, r.ID, i, g.TenantID, g.RoleID)
		if err != nil {
			return err
		}
	}
	return t.PutPins(ctx, r.ID, r.Pins, r.Unresolved)
}

func (t *organizationTx) PutPins(ctx context.Context, ruleID string, pins []store.Pin, unresolved bool) error {
	if _, err := t.tx.Exec(ctx, markRuleUnresolved, unresolved, t.organization, ruleID); err != nil {
		return err
	}
	if err := t.deletePins(ctx, ruleID); err != nil {
		return err
	}
	for _, p := range pins {
		_, err := t.tx.Exec(ctx, insertRulePin, t.organization, ruleID, p.DirectoryID, p.GroupID, p.State, dbtype.Micros(p.Time))
		if err != nil {
			return err
		}
	}
	return t.nextGeneration(ctx)
}

func (t *organizationTx) deleteGrants(ctx context.Context, ruleID string) error {
	_, err := t.tx.Exec(ctx, deleteRuleGrants, t.organization, ruleID)
	return err
}

func (t *organizationTx) deletePins(ctx context.Context, ruleID string) error {
	_, err := t.tx.Exec(ctx, deleteRulePins, t.organization, ruleID)
	return err
}

func (t *organizationTx) DeleteRule(ctx context.Context, id string) error {
	n, err := t.tx.Exec(ctx, deleteRule, t.organization, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.Missing("rule", id)
	}
	if err := t.deleteGrants(ctx, id); err != nil {
		return err
	}
	if err := t.deletePins(ctx, id); err != nil {
		return err
	}
	return t.nextGeneration(ctx)
}
