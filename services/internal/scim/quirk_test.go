package scim

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// declaredQuirks returns the constants of quirk.go, name to value: each of them needs an explanation.
func declaredQuirks(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "quirk.go", nil, 0)
	requireNoError(t, err)
	all := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Quirk") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		requireNoError(t, err)
		all[spec.Names[0].Name] = value
		return true
	})
	return all
}

func TestEachQuirkIsExplained(t *testing.T) {
	section := regexp.MustCompile(`^RFC 764[34] §\d(\.\d+)*$`)
	declared := declaredQuirks(t)
	if len(declared) < 16 {
		t.Fatalf("only %d quirks were found", len(declared))
	}
	seen := map[string]string{}
	for name, value := range declared {
		r := ExplainQuirk(value)
		if !strings.HasSuffix(r.Meaning, ".") || !section.MatchString(r.Specification) {
			t.Errorf("%s: %+v explains nothing", name, r)
		}
		if earlier, taken := seen[r.Meaning]; taken {
			t.Errorf("%s and %s mean the same", earlier, name)
		}
		seen[r.Meaning] = name
	}
	requireEqual(t, "of another version", ExplainQuirk("of-another-version"), QuirkExplanation{})
}
