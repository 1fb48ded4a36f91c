package sqlitedb

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/internal/doctor"
	"github.com/usher-scim/usher/services/internal/doctor/doctortest"
)

func TestAnExaminationOfAFile(t *testing.T) {
	t.Parallel()
	migrations := fstest.MapFS{"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE meta (least_migration integer); INSERT INTO meta VALUES (1);")}}
	for name, c := range map[string]struct {
		change func(path string) error
		want   [][]string
	}{
		"open and well":  {func(path string) error { return os.Chmod(path, 0o600) }, nil},
		"no SQLite file": {func(path string) error { return os.WriteFile(path, make([]byte, 200), 0o600) }, [][]string{{"error", "is not a SQLite file", doctor.PageDisk}}},
		"too short":      {func(path string) error { return os.WriteFile(path, []byte("SQLite format 3\x00"), 0o600) }, [][]string{{"error", "cannot be read"}}},
		"in another mode": {func(path string) error {
			return os.WriteFile(path, append([]byte("SQLite format 3\x00\x10\x00\x01\x01"), make([]byte, 100)...), 0o600)
		}, [][]string{{"warning", "not in WAL mode"}}},
		"not there": {os.Remove, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "x.db")
			db, err := Open(t.Context(), path, migrations, noop.NewTracerProvider())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			r := &doctor.Report{}
			Examine(path, "x database", r)
			doctortest.Finds(t, r.Findings(), c.want...)
		})
	}
}
