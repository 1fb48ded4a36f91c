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
		plan := s.plan(t, statement, args...)
		if strings.Contains(plan, "FOR DISTINCT") || !strings.Contains(plan, want) {
			t.Errorf("%+v: %s", filter, plan)
		}
	}
}

// plan returns the steps of a statement.
func (s *Store) plan(t *testing.T, statement string, args ...any) string {
	t.Helper()
	rows, err := s.db.Query(t.Context(), `EXPLAIN QUERY PLAN `+statement, args...)
	steps, err := sqlitedb.Collect(rows, err, func(scan func(...any) error) (step string, err error) {
		var id, parent, unused int
		return step, scan(&id, &parent, &unused, &step)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "; ")
}

// A page of the changes of a user or of a rule sync costs as much as it shows, too.
func TestAPageOfChangesIsReadFromAnIndexInItsOrder(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "rule.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for statement, want := range map[string]string{
		listAccessChangesOfUser: "INDEX access_feed_by_user (organization_id=? AND user_id=? AND sequence<?)",
		listAccessChangesOfSync: "INDEX access_feed_by_sync (organization_id=? AND sync_id=? AND sequence<?)",
	} {
		if plan := s.plan(t, statement, "acme", "x", 9, 10); !strings.HasSuffix(plan, want) {
			t.Errorf("%s is read by %s", statement, plan)
		}
	}
}
