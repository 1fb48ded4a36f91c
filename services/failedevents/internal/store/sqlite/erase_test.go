package sqlite

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/failedevents/internal/store/storetest"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "failedevents.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
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
		rows, err := s.db.Query(t.Context(), `SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
			WHERE m.type = 'table' AND c.name = 'organization_id'`)
		tables, err := sqlitedb.Collect(rows, err, func(scan func(...any) error) (table string, err error) { return table, scan(&table) })
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]int{}
		for _, table := range tables {
			var n int
			err := s.db.QueryRow(t.Context(), `SELECT count(*) FROM `+table+` WHERE organization_id = ?`, organizationID).Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
			all[table] = n
		}
		return all
	})
}

// An erasure step reads no more than it erases.
func TestErasingScansNothing(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for _, statement := range []string{shared.EraseEvents, shared.EraseTallies, shared.EraseActivity} {
		if plan := planOf(t, s, statement, "acme", 9); strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", statement, plan)
		}
	}
}
