package postgres

import (
	"testing"

	"github.com/usher-scim/usher/services/internal/sqlfile/sqlfiletest"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func TestStatementsAreWhatTheDatabaseReads(t *testing.T) {
	t.Parallel()
	sqlfiletest.Postgres(t, statements, kit.Postgres(t, "identity", Migrate), schema)
}
