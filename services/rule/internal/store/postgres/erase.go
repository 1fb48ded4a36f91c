package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	listErasures           = statements.Load("list_erasures")
	endErasure             = statements.Load("end_erasure", "organization_id", "asked")
	listFirstSources       = statements.Load("list_first_sources", "organization_id", "limit")
	readByIndex            = statements.Load("read_by_index")
	findErasable           = statements.Load("find_erasable", "organization_id")
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

func (s *Store) Erase(ctx context.Context, organizationID string, asked time.Time, fn func(context.Context, store.Tx) error) error {
	return s.changed(organizationID, s.update(ctx, organizationID, func(ctx context.Context, t *organizationTx) error {
		if t.row.erased == dbtype.Micros(asked) {
			return store.ErasureEnded(organizationID)
		}
		if t.row.erasing < dbtype.Micros(asked) {
			t.row.erasing, t.wrote = dbtype.Micros(asked), true
		}
		t.queue().Queue(readByIndex)
		return fn(ctx, t)
	}))
}

func (s *Store) Marked(ctx context.Context) (map[string]time.Time, error) {
	all, err := pgdb.ReadAll(ctx, s.db, store.MarkFields, listErasures)
	return store.AskedByOrganization(all), err
}

func (s *Store) Unmark(ctx context.Context, organizationID string, asked time.Time) error {
	_, err := s.db.Exec(ctx, endErasure, organizationID, dbtype.Micros(asked))
	return s.changed(organizationID, err)
}

func (t *organizationTx) FirstSources(ctx context.Context, limit int) ([]store.Holder, error) {
	sources := ask(t.queue(), store.SourceOfHolderFields, listFirstSources, t.organization, limit)
	if err := t.send(ctx); err != nil {
		return nil, err
	}
	return store.HoldersOf(*sources), nil
}

// eraseStatements delete the first rows of an organization, from one table each, in the order of findErasable's result.
var eraseStatements = [...]string{
	eraseHolders, eraseSetAside, eraseSuspensions, eraseRequeued, eraseExpansions, eraseRuleGrants, eraseRulePins, eraseRules,
	eraseTenants, eraseSyncs, eraseReports, eraseClosedDirectories, eraseRequests, eraseRuleChanges,
}

func (t *organizationTx) EraseRows(ctx context.Context, limit int) (int, error) {
	// Ask for all tables at once: an erased organization is checked each second.
	var left [len(eraseStatements)]bool
	var fields [len(left)]any
	for i := range left {
		fields[i] = &left[i]
	}
	t.queue().Queue(findErasable, t.organization).QueryRow(func(row pgx.Row) error { return row.Scan(fields[:]...) })
	if err := t.send(ctx); err != nil {
		return 0, err
	}
	erased := 0
	for i, statement := range eraseStatements {
		if !left[i] || erased >= limit {
			continue
		}
		n, err := t.exec(ctx, statement, t.organization, limit-erased)
		if err != nil {
			return 0, err
		}
		erased += int(n)
	}
	if erased > 0 {
		t.nextGeneration()
		return erased, nil
	}
	fresh := organizationRow{generation: t.row.generation, token: t.row.token, erasing: t.row.erasing, erased: t.row.erased}
	if t.row != fresh { // else write nothing
		t.row, t.wrote = fresh, true
		t.row.generation++
		t.row.token++
	}
	return 0, nil
}
