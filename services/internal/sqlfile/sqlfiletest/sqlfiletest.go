// Package sqlfiletest checks that psql and sqlite3 understand the statements of a store in the same way as package sqlfile.
package sqlfiletest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/sqlfile"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// Postgres makes psql prepare each statement on a migrated schema, as in its file and as loaded: both must have the same arguments at
// the same positions. Every file must be used.
func Postgres(t testing.TB, statements *sqlfile.Statements, url, schema string) {
	t.Helper()
	var script strings.Builder
	each(t, statements, func(name, text string, arguments []string) {
		for i, argument := range arguments {
			fmt.Fprintf(&script, "\\set %s $%d\n", argument, i+1)
		}
		fmt.Fprintf(&script, "PREPARE \"%s\" AS %s\n", name, text)
		fmt.Fprintf(&script, "PREPARE \"%s loaded\" AS %s;\n", name, statements.Load(name, arguments...))
	})
	script.WriteString(`SELECT f.name, f.parameter_types, l.parameter_types
		FROM pg_prepared_statements f JOIN pg_prepared_statements l ON l.name = f.name || ' loaded'
		WHERE f.parameter_types <> l.parameter_types;`)
	psql := exec.CommandContext(t.Context(), kit.Program(t, "psql"), "--dbname="+url, "--no-psqlrc", "--quiet", "--tuples-only", "--set=ON_ERROR_STOP=1")
	psql.Env = append(os.Environ(), "PGOPTIONS=-c search_path="+schema)
	if differ := run(t, psql, script.String()); differ != "" {
		t.Errorf("statements whose arguments were loaded in other places than psql has them:\n%s", differ)
	}
}

// SQLite makes sqlite3 prepare each statement on a migrated file. Every file must be used.
func SQLite(t testing.TB, statements *sqlfile.Statements, path string) {
	t.Helper()
	var script strings.Builder
	script.WriteString(".output /dev/null\n") // errors are still printed
	each(t, statements, func(_, text string, arguments []string) {
		script.WriteString(".parameter clear\n")
		for _, argument := range arguments {
			fmt.Fprintf(&script, ".parameter set :%s 1\n", argument)
		}
		fmt.Fprintf(&script, "EXPLAIN %s\n", text)
	})
	run(t, exec.CommandContext(t.Context(), kit.Program(t, "sqlite3"), "-batch", "-bail", path), script.String())
}

// each calls fn with all statements.
func each(t testing.TB, statements *sqlfile.Statements, fn func(name, text string, arguments []string)) {
	t.Helper()
	unused, err := statements.Unused()
	if err != nil || len(unused) > 0 {
		t.Errorf("files that nothing uses: %v %v", unused, err)
	}
	names := statements.Names()
	if len(names) == 0 {
		t.Error("there is no statement")
	}
	for _, name := range names {
		text, arguments, err := statements.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		fn(name, text, arguments)
	}
}

// run sends a script to a command, and returns its output.
func run(t testing.TB, command *exec.Cmd, script string) string {
	t.Helper()
	command.Stdin = strings.NewReader(script)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command.Path, err, out)
	}
	return strings.TrimSpace(string(out))
}
