package boundaries

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// invariant matches the line of ARCHITECTURE.md that begins an invariant. cited matches the line above a test that shows some.
var (
	invariant = regexp.MustCompile(`(?m)^(\d+)\. `)
	cited     = regexp.MustCompile(`(?m)^// Invariants? (\d+(?:, \d+)*)\.\nfunc Test`)
)

// Each invariant has a number, and a test that names it.
func TestEachInvariantHasATest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Invariants\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var numbers []int
	for _, found := range invariant.FindAllStringSubmatch(section, -1) {
		n, _ := strconv.Atoi(found[1]) // they are digits
		numbers = append(numbers, n)
		if n != len(numbers) {
			t.Errorf("invariant %d has the number %d", len(numbers), n)
		}
	}
	if len(numbers) < 10 {
		t.Fatalf("only %d invariants were read", len(numbers))
	}
	tests := map[int]int{}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		for _, found := range cited.FindAllStringSubmatch(string(code), -1) {
			for number := range strings.SplitSeq(found[1], ", ") {
				n, _ := strconv.Atoi(number) // they are digits
				if tests[n]++; !slices.Contains(numbers, n) {
					t.Errorf("%s names invariant %d, which does not exist", path, n)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		if tests[n] == 0 {
			t.Errorf("no test names invariant %d", n)
		}
	}
}
