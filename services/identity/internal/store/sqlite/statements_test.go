package sqlite

import (
	"log/slog"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/internal/sqlfile/sqlfiletest"
)

func TestStatementsAreWhatTheDatabaseReads(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "identity.db")
	s, err := Open(t.Context(), path, slog.New(slog.DiscardHandler), noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sqlfiletest.SQLite(t, statements, path)
}
