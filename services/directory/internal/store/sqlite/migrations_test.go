package sqlite

import (
	"path/filepath"
	"testing"
	"testing/fstest"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/internal/scope"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

// A credential from before scopes has those of what it could do.
func TestOldCredentialsGetScopes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "directory.db")
	first, err := embedded.ReadFile("migrations/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	old, err := sqlitedb.Open(t.Context(), path, fstest.MapFS{"00001_init.sql": {Data: first}}, noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	for id, mayWrite := range map[string]bool{"reads": false, "writes": true} {
		if _, err := old.Exec(t.Context(), `INSERT INTO service_credentials VALUES (?, '', '', 1, ?, ?, 1, 0, 0)`, id, mayWrite, []byte(id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for id, want := range map[string]string{"reads": "READ_PEOPLE, READ_ACCESS", "writes": "MANAGE_ORGANIZATIONS, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS"} {
		var scopes scope.Set
		if err := s.db.QueryRow(t.Context(), `SELECT scopes FROM service_credentials WHERE id = ?`, id).Scan(&scopes); err != nil || scopes.String() != want {
			t.Errorf("the credential that %s has the scopes %s, %v", id, scopes, err)
		}
	}
}
