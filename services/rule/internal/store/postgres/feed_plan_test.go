package postgres

import (
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// A page of the changes of a user or of a rule sync costs as much as it shows.
func TestAPageOfChangesIsReadFromAnIndexInItsOrder(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Server: pgdb.Server{URL: kit.Postgres(t, "rule", Migrate), MaxConnections: 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for statement, want := range map[string]string{
		listAccessChangesOfUser: "Index Scan Backward using access_feed_by_user on access_feed",
		listAccessChangesOfSync: "Index Scan Backward using access_feed_by_sync on access_feed",
	} {
		steps, err := pgdb.ReadAll(t.Context(), s.db, dbtype.Value[string], `EXPLAIN `+statement, "acme", "x", int64(9), 10)
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(steps, "\n")
		if strings.Contains(plan, "Sort") || strings.Contains(plan, "Filter") || !strings.Contains(plan, want) {
			t.Errorf("%s:\n%s", statement, plan)
		}
	}
}
