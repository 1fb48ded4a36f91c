package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

// Summarizing keys reads no key that has ended.
func TestSummarizingReadsOnlyValidKeys(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "directory.db"), noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	rows, err := s.db.Query(t.Context(), `EXPLAIN QUERY PLAN `+shared.SummarizeKeys, "acme", `["d1"]`, 1)
	steps, err := sqlitedb.Collect(rows, err, func(scan func(...any) error) (step string, err error) {
		var id, parent, unused int
		return step, scan(&id, &parent, &unused, &step)
	})
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(steps, "; ")
	if strings.Count(plan, "keys_unrevoked (organization_id=? AND directory_id=? AND expire_time>?)") != 2 ||
		strings.Count(plan, "keys_unrevoked (organization_id=? AND directory_id=? AND expire_time=?)") != 1 ||
		strings.Contains(plan, "SCAN keys") {
		t.Error(plan)
	}
}
