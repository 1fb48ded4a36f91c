package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// Summarizing keys reads no key that has ended. The planner of an empty database would read the table: it is told that scanning is dear.
func TestSummarizingReadsOnlyValidKeys(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), pgdb.Server{URL: kit.Postgres(t, "directory", Migrate)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	tx, err := s.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off`); err != nil {
		t.Fatal(err)
	}
	rows, err := tx.Query(t.Context(), `EXPLAIN `+shared.SummarizeKeys, "acme", []string{"d1"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(steps, "\n")
	if strings.Count(plan, "using keys_unrevoked on keys") != 3 || strings.Contains(plan, "Seq Scan") ||
		strings.Count(plan, "(expire_time >") != 2 || strings.Count(plan, "(expire_time = 0)") != 1 {
		t.Error(plan)
	}
}
