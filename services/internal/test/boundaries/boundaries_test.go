package boundaries

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the services' module.
const root = "../../.."

// list reads the imports of every package, without those of tests, as `go list` sees them through an overlay.
func list(t *testing.T, overlay map[string]string) []Import {
	t.Helper()
	args := []string{"list", "-e", "-json=ImportPath,Imports"}
	if len(overlay) > 0 {
		replace := map[string]string{}
		for path, text := range overlay {
			file := filepath.Join(t.TempDir(), "planted.go")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			absolute, err := filepath.Abs(filepath.Join(root, path))
			if err != nil {
				t.Fatal(err)
			}
			replace[absolute] = file
		}
		text, err := json.Marshal(map[string]any{"Replace": replace})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "overlay.json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-overlay", file)
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, "./...", gen+"/...")...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []Import
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		for _, to := range p.Imports {
			all = append(all, Import{p.ImportPath, to})
		}
	}
}

func TestEveryImportIsAllowed(t *testing.T) {
	t.Parallel()
	imports := list(t, nil)
	if len(imports) < 500 {
		t.Fatalf("only %d imports were read", len(imports))
	}
	for _, violation := range Check(imports) {
		t.Error(violation)
	}
}

func TestAForbiddenImportIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, imports, why string }{
		"a service imports another": {
			"identity/planted.go", module + "rule", "a service calls another",
		},
		"a shared package imports a service": {
			"internal/rpc/planted.go", module + "identity", "only app",
		},
		"a shared package imports the wiring": {
			"internal/rpc/planted.go", module + "app", "does not know how services are wired",
		},
		"a service imports a test package": {
			"identity/planted.go", module + "internal/test/kit", "only tests",
		},
		"scim imports a package that is not the standard library's": {
			"internal/scim/planted.go", "github.com/google/uuid", "pure",
		},
		"the domain imports SQL": {
			"directory/internal/core/planted.go", "database/sql", "no SQL and no transport",
		},
		"an engine imports the other database": {
			"rule/internal/store/sqlite/planted.go", module + "internal/pgdb", "its own database",
		},
		"the domain imports PostgreSQL": {
			"rule/internal/core/planted.go", module + "internal/pgdb", "no SQL and no transport",
		},
		"the domain imports SQLite": {
			"identity/internal/core/planted.go", module + "internal/sqlitedb", "no SQL and no transport",
		},
		"the domain imports types of columns": {
			"directory/internal/core/planted.go", module + "internal/dbtype", "no SQL and no transport",
		},
		"the domain imports an engine": {
			"directory/internal/core/planted.go", module + "directory/internal/store/sqlite", "only the top-level package",
		},
		"a handler imports SQL": {
			"identity/internal/server/planted.go", "database/sql", "SQL lives in store",
		},
		"a shared package imports SQL": {
			"internal/rpc/planted.go", "database/sql", "SQL lives in store",
		},
		"the store imports the domain": {
			"identity/internal/store/planted.go", module + "identity/internal/core", "data flows one way",
		},
		"generated code imports ours": {
			"../gen/go/usher/common/v1/planted.go", module + "internal/fault", "only on its runtimes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Base(filepath.Dir(c.file))
			packageName := map[string]string{"v1": "commonv1"}[folder]
			if packageName == "" {
				packageName = folder
			}
			// Only the import graph counts: even a cycle that the compiler would refuse is listed.
			cmd := "package " + packageName + "\n\nimport _ \"" + c.imports + "\"\n"
			found := Check(list(t, map[string]string{c.file: cmd}))
			if !slices.ContainsFunc(found, func(v Violation) bool { return strings.Contains(v.Why, c.why) && v.To == c.imports }) {
				t.Errorf("the planted import of %s was not found: %v", c.imports, found)
			}
		})
	}
}
