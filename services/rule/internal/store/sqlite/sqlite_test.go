package sqlite_test

import (
	"database/sql"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/rule/internal/store"
	"github.com/usher-scim/usher/services/rule/internal/store/sqlite"
	"github.com/usher-scim/usher/services/rule/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	var paths sync.Map // by store
	open := func(t *testing.T, path string) store.Store {
		t.Helper()
		s, err := sqlite.Open(t.Context(), path, slog.New(slog.DiscardHandler), noop.NewTracerProvider())
		if err != nil {
			t.Fatal(err)
		}
		paths.Store(s, path)
		return s
	}
	shut := func(t *testing.T, s store.Store) {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	storetest.Run(t, storetest.Engine{
		Open: func(t *testing.T) store.Store {
			path := filepath.Join(t.TempDir(), "rule.db")
			s := open(t, path)
			t.Cleanup(func() { shut(t, s) })
			return s
		},
		Reopen: func(t *testing.T, s store.Store) store.Store {
			shut(t, s)
			path, _ := paths.Load(s)
			again := open(t, path.(string))
			t.Cleanup(func() { shut(t, again) })
			return again
		},
		Rows: func(t *testing.T, s store.Store, organizationID string) map[string]int {
			path, _ := paths.Load(s)
			return rows(t, path.(string), organizationID)
		},
	})
}

// rows counts the rows of an organization in each table that has organizations.
func rows(t *testing.T, path, organizationID string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables []string
	found, err := db.QueryContext(t.Context(), `SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.name = 'organization_id'`)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var table string
		if err := found.Scan(&table); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, table)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for _, table := range tables {
		var n int
		if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM `+table+` WHERE organization_id = ?`, organizationID).Scan(&n); err != nil {
			t.Fatal(err)
		}
		all[table] = n
	}
	return all
}
