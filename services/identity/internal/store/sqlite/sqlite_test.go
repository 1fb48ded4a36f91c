package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/sqlite"
	"github.com/usher-scim/usher/services/identity/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (store.Store, storetest.Plant) {
		path := filepath.Join(t.TempDir(), "identity.db")
		s, err := sqlite.Open(t.Context(), path, noop.NewTracerProvider())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s, func(organizationID string, nested []store.Edge) error { return plant(t, path, organizationID, nested) }
	})
}

func plant(t *testing.T, path, organizationID string, nested []store.Edge) error {
	t.Helper()
	text, err := json.Marshal(nested)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(t.Context(), `INSERT INTO members (organization_id, group_id, member_id, member_group, carried)
		SELECT ?, value ->> 'Group', value ->> 'Member', 1, 0 FROM json_each(?)`, organizationID, string(text))
	return errors.Join(err, db.Close())
}
