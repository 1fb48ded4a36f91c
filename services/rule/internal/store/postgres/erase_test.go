package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// An erasure step reads no rows of other organizations, and no more rows of its own than it erases.
func TestErasingScansNothing(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{Server: pgdb.Server{URL: kit.Postgres(t, "rule", Migrate), MaxConnections: 2}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Erase(t.Context(), "acme", time.Now(), func(ctx context.Context, tx store.Tx) error {
		for _, statement := range eraseStatements {
			o := tx.(*organizationTx)
			steps := ask(o.queue(), dbtype.Value[string], `EXPLAIN `+statement, "acme", 9)
			if err := o.send(ctx); err != nil {
				return err
			}
			plan := strings.Join(*steps, "\n")
			if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Bitmap") || strings.Contains(plan, "Sort") || !strings.Contains(plan, "Tid Scan") {
				t.Errorf("%s:\n%s", statement, plan)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
