package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/identity/internal/store"
	"github.com/usher-scim/usher/services/identity/internal/store/sqlite"
	"github.com/usher-scim/usher/services/identity/internal/store/storetest"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (store.Store, storetest.Inside) {
		path := filepath.Join(t.TempDir(), "identity.db")
		s, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler), noop.NewTracerProvider())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s, storetest.Inside{
			Plant: func(organizationID string, nested []store.Edge) error { return plant(t, path, organizationID, nested) },
			Rows:  func(organizationID string) (map[string]int64, error) { return rows(t, path, organizationID) },
		}
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

// rows finds the tables in the file, so that none can be forgotten.
func rows(t *testing.T, path, organizationID string) (map[string]int64, error) {
	t.Helper()
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	found, err := db.QueryContext(t.Context(), `SELECT s.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c
		WHERE s.type = 'table' AND c.name = 'organization_id'`)
	tables, err := sqlitedb.Collect(found, err, func(scan func(...any) error) (name string, err error) { return name, scan(&name) })
	counts := map[string]int64{}
	for _, table := range tables {
		var n int64
		err = errors.Join(err, db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table+` WHERE organization_id = ?`, organizationID).Scan(&n))
		counts[table] = n
	}
	return counts, err
}
