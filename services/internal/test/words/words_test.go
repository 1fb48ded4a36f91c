package words_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/test/words"
)

// root is the repository.
const root = "../../../.."

func TestHardTextsAreFound(t *testing.T) {
	t.Parallel()
	for text, found := range map[string]bool{
		"Which way.": true, "A hand.": true, "Why, at least one.": true, "Who could not carry it out.": true, "When.": true,
		"The roles. What is left out has its default.":     true,
		"The groups, of which there are few, and roles.":   true,
		"GrantAccess gives a role by hand.":                true,
		"Erasing organizations is the operator's alone.":   true,
		"Another name lets go of what is pinned.":          true,
		"Ids that are not there are left out.":             true,
		"The time of creation.":                            false,
		"Whether the user is active. Unset: not known.":    false,
		"The name `which`, or \"what is\" in a quotation.": false,
		"A user that is active when the call begins.":      false,
	} {
		if got := len(words.Problems(text)) > 0; got != found {
			t.Errorf("%q: found %v, want %v", text, words.Problems(text), found)
		}
	}
}

// files gives the paths of the files with an ending below folders of the repository.
func files(t *testing.T, ending string, folders ...string) (paths []string) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && strings.HasSuffix(path, ending) {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(paths) == 0 {
		t.Fatalf("there is no file with the ending %s in %v", ending, folders)
	}
	return paths
}

func TestTheCommentsOfTheProtosAreEasyToRead(t *testing.T) {
	t.Parallel()
	remedy := regexp.MustCompile(`^"(.*)"$`)
	for _, path := range files(t, ".proto", "proto") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var block []string
		check := func(line int) {
			for _, problem := range words.Problems(strings.Join(block, " ")) {
				t.Errorf("%s, before line %d: %s", path, line, problem)
			}
			block = nil
		}
		for i, line := range strings.Split(string(text), "\n") {
			comment, isComment := strings.CutPrefix(strings.TrimSpace(line), "//")
			switch quoted := remedy.FindStringSubmatch(strings.TrimSpace(line)); {
			case isComment && strings.TrimSpace(comment) != "":
				block = append(block, strings.TrimSpace(comment))
			case quoted != nil: // a part of a remedy
				block = append(block, quoted[1])
			default:
				check(i + 1)
			}
		}
	}
}

// errorMakers are functions whose first argument of text is read by users.
var errorMakers = map[string]bool{"fault.New": true, "fault.Invalid": true, "fault.Wrap": true, "errors.New": true, "fmt.Errorf": true}

func TestErrorsAreEasyToRead(t *testing.T) {
	t.Parallel()
	for _, path := range files(t, ".go", "services") {
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/test/") || strings.Contains(path, "test/") && strings.Contains(path, "storetest") {
			continue
		}
		positions := token.NewFileSet()
		file, err := parser.ParseFile(positions, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			selector, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, ok := selector.X.(*ast.Ident)
			if !ok || !errorMakers[of.Name+"."+selector.Sel.Name] {
				return true
			}
			for _, argument := range call.Args {
				literal, ok := argument.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					continue
				}
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				for _, problem := range words.Problems(text) {
					t.Errorf("%s: %s", positions.Position(literal.Pos()), problem)
				}
			}
			return true
		})
	}
}
