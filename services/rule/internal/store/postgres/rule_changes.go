package postgres

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	noteRuleChange           = statements.Load("note_rule_change", "organization_id", "rule_id", "now", "most")
	beginRuleChanges         = statements.Load("begin_rule_changes", "organization_id")
	deleteEarlierRuleChanges = statements.Load("delete_earlier_rule_changes", "organization_id")
	clearEarlierRuleChanges  = statements.Load("clear_earlier_rule_changes", "organization_id")
	listRuleChanges          = statements.Load("list_rule_changes", "organization_id")
	listLoads                = statements.Load("list_loads", "organization_ids")
	countRuleChanges         = statements.Load("count_rule_changes", "organization_id")
)

func (s *Store) CountRuleChanges(ctx context.Context, organizationID string) (count int, oldest time.Time, err error) {
	err = s.db.QueryRow(ctx, countRuleChanges, organizationID).Scan(&count, dbtype.Time(&oldest))
	return count, oldest, pgdb.Reach(err)
}

func (s *Store) RuleChanges(ctx context.Context, organizationID string) ([]store.RuleChange, error) {
	return pgdb.ReadAll(ctx, s.db, store.RuleChangeFields, listRuleChanges, organizationID)
}

func (s *Store) Loads(ctx context.Context, organizationIDs []string) (map[string]store.Load, error) {
	all, err := pgdb.ReadAll(ctx, s.db, store.LoadFields, listLoads, organizationIDs)
	return store.LoadsByOrganization(all), err
}

func (t *organizationTx) NoteRuleChange(ctx context.Context, ruleID string, now time.Time, most int) error {
	return t.write(ctx, noteRuleChange, t.organization, ruleID, dbtype.Micros(now), most)
}

func (t *organizationTx) ForgetRuleChanges(ctx context.Context) error {
	if err := t.write(ctx, deleteEarlierRuleChanges, t.organization); err != nil {
		return err
	}
	return t.write(ctx, clearEarlierRuleChanges, t.organization)
}
