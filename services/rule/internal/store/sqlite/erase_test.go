package sqlite

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

// An erasure step reads no rows of other organizations, and no more rows of its own than it erases.
func TestErasingScansNothing(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "rule.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, statement := range eraseStatements {
		rows, err := s.db.Query(t.Context(), `EXPLAIN QUERY PLAN `+statement, "acme", 9)
		steps, err := sqlitedb.Collect(rows, err, func(scan func(...any) error) (step string, err error) {
			var id, parent, unused int
			return step, scan(&id, &parent, &unused, &step)
		})
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "; ")
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", statement, plan)
		}
	}
}
