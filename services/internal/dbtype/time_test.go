package dbtype_test

import (
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/internal/dbtype"
	"github.com/usher-scim/usher/services/internal/sqlitedb"
)

func TestTimesAreKeptToTheMicrosecond(t *testing.T) {
	t.Parallel()
	db, err := sqlitedb.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"),
		fstest.MapFS{"00001_init.sql": {Data: []byte("-- +goose Up\nSELECT 1;")}}, noop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for name, c := range map[string]struct{ in, want time.Time }{
		"none":              {time.Time{}, time.Time{}},
		"in UTC":            {time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)},
		"in another zone":   {time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)},
		"finer than stored": {time.Date(2026, 1, 2, 3, 4, 5, 999, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		"before 1970":       {time.Date(1960, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(1960, 1, 2, 3, 4, 5, 0, time.UTC)},
		"far away":          {time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)},
	} {
		got := time.Unix(1, 1)
		if err := db.QueryRow(t.Context(), `SELECT ?`, dbtype.Time(&c.in)).Scan(dbtype.Time(&got)); err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	if err := db.QueryRow(t.Context(), `SELECT 'yesterday'`).Scan(dbtype.Time(&time.Time{})); err == nil {
		t.Error("text was read as a time")
	}
}
