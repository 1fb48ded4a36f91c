package sqlite

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	isErasing              = statements.Load("is_erasing", "organization_id")
	getErasure             = statements.Load("get_erasure", "organization_id")
	beginErasure           = statements.Load("begin_erasure", "asked", "organization_id")
	listErasures           = statements.Load("list_erasures")
	endErasure             = statements.Load("end_erasure", "organization_id", "asked")
	listFirstSources       = statements.Load("list_first_sources", "organization_id", "limit")
	resetOrganization      = statements.Load("reset_organization", "organization_id")
	eraseHolders           = statements.Load("erase_holders", "organization_id", "limit")
	eraseSetAside          = statements.Load("erase_set_aside", "organization_id", "limit")
	eraseSuspensions       = statements.Load("erase_suspensions", "organization_id", "limit")
	eraseRequeued          = statements.Load("erase_requeued", "organization_id", "limit")
	eraseExpansions        = statements.Load("erase_expansions", "organization_id", "limit")
	eraseRuleGrants        = statements.Load("erase_rule_grants", "organization_id", "limit")
	eraseRulePins          = statements.Load("erase_rule_pins", "organization_id", "limit")
	eraseRuleChanges       = statements.Load("erase_rule_changes", "organization_id", "limit")
	eraseRules             = statements.Load("erase_rules", "organization_id", "limit")
	eraseTenants           = statements.Load("erase_tenants", "organization_id", "limit")
	eraseSyncs             = statements.Load("erase_syncs", "organization_id", "limit")
	eraseReports           = statements.Load("erase_reports", "organization_id", "limit")
	eraseClosedDirectories = statements.Load("erase_closed_directories", "organization_id", "limit")
	eraseRequests          = statements.Load("erase_requests", "organization_id", "limit")
)

// notErasing refuses an organization that is being erased.
func notErasing(ctx context.Context, tx *sqlitedb.Tx, organizationID string) error {
	var erasing bool
	err := tx.QueryRow(ctx, isErasing, organizationID).Scan(&erasing)
	if err == nil && erasing {
		err = store.Erasing(organizationID)
	}
	return err
}

func (s *Store) Erase(ctx context.Context, organizationID string, asked time.Time, fn func(context.Context, store.Tx) error) error {
	_, err := s.db.Erase(ctx, func(ctx context.Context, tx *sqlitedb.Tx) (deleted int64, err error) {
		if err := s.know(ctx, tx, organizationID); err != nil {
			return 0, err
		}
		var erasing, erased int64
		err = tx.QueryRow(ctx, getErasure, organizationID).Scan(&erasing, &erased)
		if err != nil {
			return 0, err
		}
		if erased == dbtype.Micros(asked) {
			return 0, store.ErasureEnded(organizationID)
		}
		if erasing < dbtype.Micros(asked) {
			if _, err := tx.Exec(ctx, beginErasure, dbtype.Micros(asked), organizationID); err != nil {
				return 0, err
			}
		}
		t := &organizationTx{tx: tx, organization: organizationID, epoch: s.epoch}
		err = fn(ctx, t)
		return t.deleted, err
	})
	if err == nil {
		s.wrote(organizationID)
	}
	return err
}

func (s *Store) Marked(ctx context.Context) (map[string]time.Time, error) {
	all, err := sqlitedb.ReadAll(ctx, s.db, store.MarkFields, listErasures)
	return store.AskedByOrganization(all), err
}

func (s *Store) Unmark(ctx context.Context, organizationID string, asked time.Time) error {
	return s.write(ctx, organizationID, func(ctx context.Context, tx *sqlitedb.Tx) error {
		_, err := tx.Exec(ctx, endErasure, organizationID, dbtype.Micros(asked))
		return err
	})
}

func (t *organizationTx) FirstSources(ctx context.Context, limit int) ([]store.Holder, error) {
	sources, err := sqlitedb.ReadAll(ctx, t.tx, store.SourceOfHolderFields, listFirstSources, t.organization, limit)
	return store.HoldersOf(sources), err
}

// eraseStatements delete the first rows of an organization, from one table each.
var eraseStatements = [...]string{
	eraseHolders, eraseSetAside, eraseSuspensions, eraseRequeued, eraseExpansions, eraseRuleGrants, eraseRulePins, eraseRules,
	eraseTenants, eraseSyncs, eraseReports, eraseClosedDirectories, eraseRequests, eraseRuleChanges,
}

func (t *organizationTx) EraseRows(ctx context.Context, limit int) (erased int, err error) {
	for _, statement := range eraseStatements {
		if erased >= limit {
			break
		}
		n, err := t.tx.Exec(ctx, statement, t.organization, limit-erased)
		if err != nil {
			return 0, err
		}
		erased += int(n)
	}
	t.deleted += int64(erased)
	if erased > 0 {
		return erased, t.nextGeneration(ctx)
	}
	// It writes nothing to an organization that is already reset.
	_, err = t.tx.Exec(ctx, resetOrganization, t.organization)
	return 0, err
}
