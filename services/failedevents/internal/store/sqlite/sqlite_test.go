package sqlite_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/failedevents/internal/store/sqlite"
	"github.com/usher-scim/usher/services/failedevents/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "failedevents.db"), slog.New(slog.DiscardHandler), noop.NewTracerProvider())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}
