package postgres

import (
	"testing"

	"github.com/usher-scim/usher/services/internal/sqlfile/sqlfiletest"
	"github.com/usher-scim/usher/services/internal/testkit"
)

func TestStatementsAreWhatTheDatabaseReads(t *testing.T) {
	t.Parallel()
	sqlfiletest.Postgres(t, statements, testkit.Postgres(t, "identity", Migrate), schema)
}
