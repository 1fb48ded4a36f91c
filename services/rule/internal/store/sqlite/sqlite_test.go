package sqlite_test

import (
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
		s, err := sqlite.Open(t.Context(), path, noop.NewTracerProvider())
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
	})
}
