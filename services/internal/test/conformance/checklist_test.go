// Package conformance connects sentences of the SCIM RFCs with the tests that check them: checklist.md.
package conformance

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// row is a row of the checklist.
type row struct {
	rfc, section, level, what string
	tests                     []string
}

// rows reads the tables of the checklist.
func rows(text string) (all []row, err error) {
	rfc := ""
	for number, line := range strings.Split(text, "\n") {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			rfc, _, _ = strings.Cut(heading, ":")
		}
		if !strings.HasPrefix(line, "| §") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ")
		if len(cells) != 4 || rfc == "" {
			return nil, fmt.Errorf("line %d has %d cells of 4, below %q", number+1, len(cells), rfc)
		}
		r := row{rfc: rfc, section: cells[0], level: cells[1], what: cells[2]}
		for test := range strings.SplitSeq(cells[3], "; ") {
			r.tests = append(r.tests, strings.TrimSpace(test))
		}
		all = append(all, r)
	}
	return all, nil
}

// tests are the tests of a folder: the strings in each function, and those outside of functions, where tables may be.
type tests struct {
	functions map[string]map[string]bool
	outside   map[string]bool
}

func testsOf(folder string) (tests, error) {
	found := tests{functions: map[string]map[string]bool{}, outside: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return found, err
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return found, err
		}
		for _, declared := range parsed.Decls {
			into := found.outside
			if function, ok := declared.(*ast.FuncDecl); ok && function.Recv == nil {
				into = map[string]bool{}
				found.functions[function.Name.Name] = into
			}
			ast.Inspect(declared, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, _ := strconv.Unquote(literal.Value) // the file was parsed: it is a string
					into[text] = true
				}
				return true
			})
		}
	}
	return found, nil
}

// repository contains the tests of each folder below a root, which are read once.
type repository struct {
	root    string
	folders map[string]tests
}

func (r repository) tests(folder string) (tests, error) {
	if read, ok := r.folders[folder]; ok {
		return read, nil
	}
	read, err := testsOf(filepath.Join(r.root, folder))
	r.folders[folder] = read
	return read, err
}

// missing says what a row lacks, or is empty.
func missing(r row, in repository, divergences string) string {
	for _, test := range r.tests {
		if test == "divergence" {
			if !strings.Contains(divergences, "| "+r.rfc+" "+r.section+" |") {
				return "divergences.md has no row of " + r.rfc + " " + r.section
			}
			continue
		}
		name, inner, cased := strings.Cut(test, ": ")
		folder, function, ok := strings.Cut(name, ".")
		if !ok || !strings.HasPrefix(function, "Test") && !strings.HasPrefix(function, "Fuzz") {
			return fmt.Sprintf("%q names no test", test)
		}
		found, err := in.tests(folder)
		switch {
		case err != nil:
			return err.Error()
		case found.functions[function] == nil:
			return fmt.Sprintf("%s has no %s", folder, function)
		case cased && !found.functions[function][inner] && !found.outside[inner]:
			return fmt.Sprintf("%s has no case %q", name, inner)
		}
	}
	return ""
}

func TestEveryRowHasItsTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("checklist.md")
	if err != nil {
		t.Fatal(err)
	}
	divergences, err := os.ReadFile("../../../decisions/divergences.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := rows(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 180 {
		t.Errorf("only %d rows were read", len(all))
	}
	in := repository{"../../..", map[string]tests{}}
	for _, r := range all {
		if r.level != "MUST" && r.level != "SHOULD" && r.level != "SHALL" {
			t.Errorf("%s %s: %q is no level", r.rfc, r.section, r.level)
		}
		if lacks := missing(r, in, string(divergences)); lacks != "" {
			t.Errorf("%s %s, %s: %s", r.rfc, r.section, r.what, lacks)
		}
	}
}

func TestARowWithoutATestIsFound(t *testing.T) {
	t.Parallel()
	const own, other = "internal/test/conformance.TestARowWithoutATestIsFound", "internal/test/conformance.TestEveryRowHasItsTests"
	for _, c := range []struct{ name, tests, want string }{
		{"a test", own, ""},
		{"a case of it", own + ": a case of it", ""},
		{"no test", "internal/test/conformance.rows", `"internal/test/conformance.rows" names no test`},
		{"nothing", "", `"" names no test`},
		{"nothing more", own + "; ", `"" names no test`},
		{"a test that is not there", "internal/test/conformance.TestNobodyWrote", "internal/test/conformance has no TestNobodyWrote"},
		{"a folder that is not there", own + "; internal/nowhere.TestX", "internal/nowhere has no TestX"},
		{"a case that is not there", own + ": a case " + "of nothing", own + ` has no case "a case of nothing"`},
		{"a case of another test", other + ": a case of it", other + ` has no case "a case of it"`},
		{"a divergence", "divergence", ""},
		{"a divergence of another section", "divergence", "divergences.md has no row of RFC 2 §9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rfc := "RFC 1"
			if c.name == "a divergence of another section" {
				rfc = "RFC 2"
			}
			all, err := rows("## " + rfc + ": of tests\n| §9 | MUST | to be there | " + c.tests + " |\n")
			if err != nil || len(all) != 1 {
				t.Fatalf("%v, %v", all, err)
			}
			if got := missing(all[0], repository{"../../..", map[string]tests{}}, "| RFC 1 §9 | x |"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if _, err := rows("## RFC 1: of tests\n| §9 | to be there | " + own + " |"); err == nil {
		t.Error("a row without a level is read")
	}
}
