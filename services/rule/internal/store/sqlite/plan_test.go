package sqlite

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/internal/sqlitedb"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// A page of access costs as much as it shows, however much access the organization or other users have.
func TestAPageOfAccessIsReadFromAnIndexInItsOrder(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "rule.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for set := range 8 {
		var filter store.AccessFilter
		want := "(organization_id=? AND user_id>?)"
		if set&1 != 0 {
			filter.RoleID, want = "designer", "(organization_id=? AND role_id=? AND user_id>?)"
		}
		if set&2 != 0 {
			filter.TenantID = "plant"
			if set&1 == 0 {
				want = "(organization_id=? AND tenant_id=? AND user_id>?)"
			}
		}
		if set&4 != 0 {
			filter.UserID, want = "ann", "(organization_id=? AND user_id=?)"
		}
		statement, args := accessPage("acme", filter, store.AccessKey{}, 10)
		rows, err := s.db.Query(t.Context(), `EXPLAIN QUERY PLAN `+statement, args...)
		steps, err := sqlitedb.Collect(rows, err, func(scan func(...any) error) (step string, err error) {
			var id, parent, unused int
			return step, scan(&id, &parent, &unused, &step)
		})
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "; ")
		if strings.Contains(plan, "FOR DISTINCT") || !strings.Contains(plan, want) {
			t.Errorf("%+v: %s", filter, plan)
		}
	}
}
