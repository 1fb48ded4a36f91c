package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/failedevents/internal/store/storetest"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), pgdb.Server{URL: kit.Postgres(t, "failedevents", Migrate)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestNoTableKeepsRowsOfAnErasedOrganization(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	storetest.Erased(t, s, func(organizationID string) map[string]int {
		found, err := s.db.Query(t.Context(), `SELECT table_name FROM information_schema.columns
			WHERE table_schema = $1 AND column_name = 'organization_id'`, schema)
		if err != nil {
			t.Fatal(err)
		}
		tables, err := pgx.CollectRows(found, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]int{}
		for _, table := range tables {
			var n int
			err := s.db.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE organization_id = $1`, organizationID).Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
			all[table] = n
		}
		return all
	})
}

// A step of an erasure, or of deleting old tallies, reads no more than it deletes, whatever the planner estimates.
func TestErasingScansNothing(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tx, err := s.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), readByIndex); err != nil {
		t.Fatal(err)
	}
	for statement, args := range map[string][]any{
		shared.EraseEvents: {"acme", 9}, shared.EraseTallies: {"acme", 9}, shared.EraseActivity: {"acme", 9}, shared.DeleteTallies: {1, 9},
	} {
		rows, err := tx.Query(t.Context(), `EXPLAIN `+statement, args...)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "\n")
		if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Bitmap") || strings.Contains(plan, "Sort") || !strings.Contains(plan, "Tid Scan") {
			t.Errorf("%s:\n%s", statement, plan)
		}
	}
}
