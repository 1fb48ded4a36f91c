package boundaries

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Invariant 16.
func TestNoTransactionCallsAnotherService(t *testing.T) {
	t.Parallel()
	patterns := make([]string, len(services))
	for i, service := range services {
		patterns[i] = "./" + service + "/..."
	}
	found, searched := remoteCalls(t, patterns...)
	if searched < 100 {
		t.Errorf("%d transactions: the search misses some", searched)
	}
	for _, call := range found {
		t.Errorf("a transaction calls another service: %s", call)
	}
}

func TestACallInATransactionIsFound(t *testing.T) {
	t.Parallel()
	const core = "internal/test/boundaries/testdata/planted/internal/core.(*Core)."
	want := []string{
		core + "Literal: core.Other.Read",
		core + "Named: (*Core).read: core.Other.Read",
		core + "Through: (*Core).through: (*Core).read: core.Other.Read",
		core + "inTransaction: directoryv1.DirectoryServiceClient.GetDirectory",
		"internal/test/boundaries/testdata/planted/internal/core.work.call: grpc.ClientConnInterface.Invoke",
	}
	if found, _ := remoteCalls(t, "./internal/test/boundaries/testdata/planted/..."); !slices.Equal(found, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
}

// remoteCalls checks packages as the compiler does, and searches them.
func remoteCalls(t *testing.T, patterns ...string) (found []string, searched int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export,DepOnly"}, patterns...)...)
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	exports, files := map[string]string{}, token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var packages []Package
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var listed struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
			DepOnly                 bool
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[listed.ImportPath] = listed.Export
		if listed.DepOnly {
			continue
		}
		// Its dependencies are listed before it.
		p := Package{Path: listed.ImportPath, Info: &types.Info{
			Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{},
		}}
		for _, name := range listed.GoFiles {
			file, err := parser.ParseFile(files, filepath.Join(listed.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			p.Files = append(p.Files, file)
		}
		if p.Types, err = (&types.Config{Importer: imports}).Check(p.Path, files, p.Files, p.Info); err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if found, searched, err = RemoteCalls(packages, imports); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d transactions in %d packages", searched, len(packages))
	return found, searched
}
