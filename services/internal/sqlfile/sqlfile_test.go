package sqlfile_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/usher-scim/usher/services/internal/sqlfile"
)

// load loads a statement, and returns the panic of Load.
func load(dialect sqlfile.Dialect, text string, arguments ...string) (converted, refused string) {
	defer func() {
		if p := recover(); p != nil {
			refused = fmt.Sprint(p)
		}
	}()
	folder := fstest.MapFS{"sql/s.sql": {Data: []byte(text)}}
	return sqlfile.In(folder, dialect).Load("s", arguments...), ""
}

func TestArgumentsBecomePositions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, postgres, sqlite string }{
		"each at the place of its name":     {"SELECT :b, :a, :b;", "SELECT $2, $1, $2", "SELECT ?2, ?1, ?2"},
		"used again between new ones":       {"SELECT :a, :a, :b, :a;", "SELECT $1, $1, $2, $1", "SELECT ?, ?1, ?, ?1"},
		"beside other signs":                {"SELECT (:a+:b)*f(:a);", "SELECT ($1+$2)*f($1)", "SELECT (?+?)*f(?1)"},
		"not in a string":                   {"SELECT :a, ':b ''', :b;", "SELECT $1, ':b ''', $2", "SELECT ?, ':b ''', ?"},
		"not in a quoted identifier":        {`SELECT :a AS ":b""", :b;`, `SELECT $1 AS ":b""", $2`, `SELECT ? AS ":b""", ?`},
		"not in comments, which go":         {"-- :x\nSELECT :a, -- it's :y\n\t/* \" :z */ :b;\n", "SELECT $1, $2", "SELECT ?, ?"},
		"not in a word":                     {"SELECT a_:a, 'x':b;", "SELECT a_$1, 'x'$2", "SELECT a_?, 'x'?"},
		"a semicolon in a string is no end": {"SELECT ';', :a, :b ;", "SELECT ';', $1, $2", "SELECT ';', ?, ?"},
		"a cast is none":                    {"SELECT :a::text, x::b, :b;", "SELECT $1::text, x::b, $2", ""},
		"a slice is none":                   {"SELECT x[1:2], :a, :b;", "SELECT x[1:2], $1, $2", ""},
		"not between dollars":               {"SELECT $$ :x ' $$, $t$ $$ :y $t$, :a, :b;", "SELECT $$ :x ' $$, $t$ $$ :y $t$, $1, $2", ""},
		"not after an escaped quote":        {`SELECT E'\' :x', :a, 'a\', :b;`, `SELECT E'\' :x', $1, 'a\', $2`, ""},
		"other strings have no escapes":     {`SELECT DATE'\', :a, e'\\', :b;`, `SELECT DATE'\', $1, e'\\', $2`, ""},
		"comments in comments":              {"SELECT :a /* /* */ :x */, :b;", "SELECT $1 , $2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for dialect, want := range map[sqlfile.Dialect]string{sqlfile.Postgres: c.postgres, sqlfile.SQLite: c.sqlite} {
				if want == "" {
					continue
				}
				if got, refused := load(dialect, c.text, "a", "b"); got != want || refused != "" {
					t.Errorf("got %q %s, want %q", got, refused, want)
				}
			}
		})
	}
}

func TestAFileMustBeOneStatementWithItsArguments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"an argument that is not named":        {"SELECT :a, :b, :c;", ":c is none of [a b]"},
		"a name that is not used":              {"SELECT :a;", ":b is not used"},
		"a name in a string alone":             {"SELECT :a, ':b';", ":b is not used"},
		"two statements":                       {"SELECT :a, :b; SELECT 1;", `after its end comes "SELECT"`},
		"no semicolon":                         {"SELECT :a, :b", "does not end with a semicolon"},
		"a string that does not end":           {"SELECT :a, :b, 'x;", "does not end"},
		"a comment that does not end":          {"SELECT :a, :b /* x;", "does not end"},
		"an identifier that does not end":      {`SELECT :a, :b AS "x;`, "does not end"},
		"a string between dollars without end": {"SELECT :a, :b, $t$ x $$;", "does not end"},
		"a position":                           {"SELECT :a, :b, $1;", `at "$1" has no name`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, refused := load(sqlfile.Postgres, c.text, "a", "b"); !strings.Contains(refused, c.want) {
				t.Errorf("got %q and %q, want %q", got, refused, c.want)
			}
		})
	}
	if _, refused := load(sqlfile.SQLite, "SELECT ?;"); !strings.Contains(refused, "has no name") {
		t.Errorf("got %q", refused)
	}
}

func TestUnusedFilesAreFound(t *testing.T) {
	t.Parallel()
	statements := sqlfile.In(fstest.MapFS{
		"sql/used.sql": {Data: []byte("SELECT 1;")}, "sql/unused.sql": {Data: []byte("SELECT 2;")},
	}, sqlfile.Postgres)
	statements.Load("used")
	if unused, err := statements.Unused(); err != nil || fmt.Sprint(unused) != "[sql/unused.sql]" {
		t.Errorf("got %v %v", unused, err)
	}
}
