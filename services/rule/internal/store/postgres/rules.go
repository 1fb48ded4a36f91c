package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

const ruleColumns = `organization_id, id, display_name, enabled, match_kind, match_value, unresolved, revision,
	create_time, update_time`

func scanRule(row pgx.CollectableRow) (store.Rule, error) {
	var r store.Rule
	var created, updated int64
	err := row.Scan(&r.OrganizationID, &r.ID, &r.DisplayName, &r.Enabled, &r.Match.Kind, &r.Match.Value, &r.Unresolved,
		&r.Revision, &created, &updated)
	r.CreateTime, r.UpdateTime = fromMicros(created), fromMicros(updated)
	return r, err
}

// ofRule is a grant or a pin with the rule that it belongs to.
type ofRule[T any] struct {
	rule  string
	value T
}

func scanGrant(row pgx.CollectableRow) (ofRule[store.Grant], error) {
	var g ofRule[store.Grant]
	err := row.Scan(&g.rule, &g.value.TenantID, &g.value.RoleID)
	return g, err
}

func scanPin(row pgx.CollectableRow) (ofRule[store.Pin], error) {
	var p ofRule[store.Pin]
	var at int64
	err := row.Scan(&p.rule, &p.value.DirectoryID, &p.value.GroupID, &p.value.State, &at)
	p.value.Time = fromMicros(at)
	return p, err
}

// Which rules are read: one, or those above an id; all when the limit is NULL.
const (
	oneRule  = `SELECT id FROM rules WHERE organization_id = $1 AND id = $2`
	rulePage = `SELECT id FROM rules WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3`
)

// askRules reads rules with their grants and pins. Call what it gives when the batch has been sent.
func askRules(b *pgx.Batch, which string, args ...any) func() []store.Rule {
	rules := ask(b, scanRule, `SELECT `+ruleColumns+` FROM rules WHERE organization_id = $1 AND id IN (`+which+`) ORDER BY id`, args...)
	grants := ask(b, scanGrant, `SELECT rule_id, tenant_id, role_id FROM rule_grants
		WHERE organization_id = $1 AND rule_id IN (`+which+`) ORDER BY rule_id, position`, args...)
	pins := ask(b, scanPin, `SELECT rule_id, directory_id, group_id, state, time FROM rule_pins
		WHERE organization_id = $1 AND rule_id IN (`+which+`) ORDER BY rule_id, directory_id`, args...)
	return func() []store.Rule {
		at := make(map[string]*store.Rule, len(*rules))
		for i := range *rules {
			r := &(*rules)[i]
			at[r.ID] = r
		}
		for _, g := range *grants {
			at[g.rule].Grants = append(at[g.rule].Grants, g.value)
		}
		for _, p := range *pins {
			at[p.rule].Pins = append(at[p.rule].Pins, p.value)
		}
		return *rules
	}
}

// Rule implements store.Store.
func (s *Store) Rule(ctx context.Context, organizationID, id string) (store.Rule, error) {
	var rules func() []store.Rule
	err := s.snapshot(ctx, func(b *pgx.Batch) { rules = askRules(b, oneRule, organizationID, id) })
	if err != nil {
		return store.Rule{}, err
	}
	return found(rules(), nil, "rule", id)
}

// Rules implements store.Store.
func (s *Store) Rules(ctx context.Context, organizationID, after string, limit int) ([]store.Rule, error) {
	var rules func() []store.Rule
	err := s.snapshot(ctx, func(b *pgx.Batch) { rules = askRules(b, rulePage, organizationID, after, limit) })
	if err != nil {
		return nil, err
	}
	return rules(), nil
}

// RuleSet implements store.Store.
func (s *Store) RuleSet(ctx context.Context, organizationID string) (set store.RuleSet, err error) {
	var rules func() []store.Rule
	err = s.snapshot(ctx, func(b *pgx.Batch) {
		b.Queue(`SELECT coalesce(max(generation), 0) FROM organizations WHERE organization_id = $1`, organizationID).
			QueryRow(func(row pgx.Row) error { return row.Scan(&set.Generation) })
		rules = askRules(b, rulePage, organizationID, "", nil)
	})
	if err != nil {
		return store.RuleSet{}, err
	}
	set.Rules = rules()
	return set, nil
}

// Generation implements store.Tx.
func (t *organizationTx) Generation(context.Context) (int64, error) { return t.row.generation, nil }

func (t *organizationTx) nextGeneration() { t.row.generation++ }

// Rule implements store.Tx.
func (t *organizationTx) Rule(ctx context.Context, id string) (store.Rule, error) {
	rules := askRules(t.queue(), oneRule, t.organization, id)
	if err := t.send(ctx); err != nil {
		return store.Rule{}, err
	}
	return found(rules(), nil, "rule", id)
}

// CountRules implements store.Tx.
func (t *organizationTx) CountRules(ctx context.Context) (int, error) {
	n := ask(t.queue(), pgx.RowTo[int], `SELECT count(*) FROM rules WHERE organization_id = $1`, t.organization)
	if err := t.send(ctx); err != nil {
		return 0, err
	}
	return (*n)[0], nil
}

// PutRule implements store.Tx.
func (t *organizationTx) PutRule(ctx context.Context, r store.Rule) error {
	err := t.write(ctx, `INSERT INTO rules (`+ruleColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (organization_id, id) DO UPDATE SET display_name = excluded.display_name, enabled = excluded.enabled,
		match_kind = excluded.match_kind, match_value = excluded.match_value, unresolved = excluded.unresolved,
		revision = excluded.revision, create_time = excluded.create_time, update_time = excluded.update_time`,
		t.organization, r.ID, r.DisplayName, r.Enabled, r.Match.Kind, r.Match.Value, r.Unresolved, r.Revision,
		micros(r.CreateTime), micros(r.UpdateTime))
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
	err = t.write(ctx, `INSERT INTO rule_grants (organization_id, rule_id, position, tenant_id, role_id)
		SELECT $1, $2, position, tenant_id, role_id
		FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS g (tenant_id, role_id, position)`,
		t.organization, r.ID, tenants, roles)
	if err != nil {
		return err
	}
	return t.PutPins(ctx, r.ID, r.Pins, r.Unresolved)
}

// PutPins implements store.Tx.
func (t *organizationTx) PutPins(ctx context.Context, ruleID string, pins []store.Pin, unresolved bool) error {
	t.nextGeneration()
	err := t.write(ctx, `UPDATE rules SET unresolved = $3 WHERE organization_id = $1 AND id = $2 AND unresolved <> $3`,
		t.organization, ruleID, unresolved)
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
		states, times = append(states, int32(p.State)), append(times, micros(p.Time)) //nolint:gosec // of a few values
	}
	return t.write(ctx, `INSERT INTO rule_pins (organization_id, rule_id, directory_id, group_id, state, time)
		SELECT $1, $2, p.* FROM unnest($3::text[], $4::text[], $5::integer[], $6::bigint[]) AS p`,
		t.organization, ruleID, directories, groups, states, times)
}

func (t *organizationTx) deleteGrants(ctx context.Context, ruleID string) error {
	return t.write(ctx, `DELETE FROM rule_grants WHERE organization_id = $1 AND rule_id = $2`, t.organization, ruleID)
}

func (t *organizationTx) deletePins(ctx context.Context, ruleID string) error {
	return t.write(ctx, `DELETE FROM rule_pins WHERE organization_id = $1 AND rule_id = $2`, t.organization, ruleID)
}

// DeleteRule implements store.Tx.
func (t *organizationTx) DeleteRule(ctx context.Context, id string) error {
	n, err := t.exec(ctx, `DELETE FROM rules WHERE organization_id = $1 AND id = $2`, t.organization, id)
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
