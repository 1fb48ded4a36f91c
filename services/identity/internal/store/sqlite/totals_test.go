package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/fstest"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/internal/sqldb"
)

func TestTotalsOfAFileFromBeforeTheyWereKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "identity.db")
	first, err := migrations.ReadFile("migrations/00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.OpenSQLite(t.Context(), path, fstest.MapFS{"00001_init.sql": {Data: first}}, noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(ctx context.Context, tx *sqldb.Tx) error {
		for n := range 5 {
			id, directory := fmt.Sprint("u", n), "d1"
			if n == 0 {
				directory = "d0"
			}
			if _, err := tx.Exec(ctx, `INSERT INTO users VALUES ('acme', ?1, ?2, ?1, ?1, '', '', 1, 1, '{}', 0, 0)`, id, directory); err != nil {
				return err
			}
			if n > 1 {
				continue
			}
			if _, err := tx.Exec(ctx, `INSERT INTO groups VALUES ('acme', ?1, 'd1', ?1, ?1, '', 1, '{}', 0, 0)`, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for directory, want := range map[string][2]int64{"d0": {1, 0}, "d1": {4, 2}, "d2": {0, 0}} {
		scope := store.Scope{OrganizationID: "acme", DirectoryID: directory}
		users, err := s.CountUsers(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		groups, err := s.CountGroups(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int64{users, groups}; got != want {
			t.Errorf("directory %s: got %d users and groups, want %d", directory, got, want)
		}
	}
}
