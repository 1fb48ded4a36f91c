package postgres

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/scope"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// A credential from before scopes has those of what it could do.
func TestOldCredentialsGetScopes(t *testing.T) {
	t.Parallel()
	first, err := embedded.ReadFile("migrations/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	old := tables()
	old.Migrations = fstest.MapFS{"00001_init.sql": {Data: first}}
	url := kit.Postgres(t, "directory_before_scopes", func(ctx context.Context, url string) error { return pgdb.Migrate(ctx, url, old) })
	before, err := pgdb.Open(t.Context(), pgdb.Server{URL: url}, old)
	if err != nil {
		t.Fatal(err)
	}
	for id, mayWrite := range map[string]bool{"reads": false, "writes": true} {
		if _, err := before.Exec(t.Context(), `INSERT INTO service_credentials VALUES ($1, '', '{}', true, $2, $3, 1, 0, 0)`, id, mayWrite, []byte(id)); err != nil {
			t.Fatal(err)
		}
	}
	before.Close()
	if err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), pgdb.Server{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for id, want := range map[string]string{"reads": "READ_PEOPLE, READ_ACCESS", "writes": "MANAGE_ORGANIZATIONS, GRANT_ACCESS, READ_PEOPLE, READ_ACCESS"} {
		var scopes int64
		if err := s.db.QueryRow(t.Context(), `SELECT scopes FROM service_credentials WHERE id = $1`, id).Scan(&scopes); err != nil || scope.Set(scopes).String() != want {
			t.Errorf("the credential that %s has the scopes %s, %v", id, scope.Set(scopes), err)
		}
	}
}
