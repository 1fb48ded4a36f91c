package boundaries

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// edited is an edit of a proto, and whether a check of CI passes after it.
type edited struct {
	edit func(text string) string
	ok   bool
}

// The files in gen/ must match the protos. CI runs .ci/fresh; this test shows that it notices edits.
func TestAnEditedProtoIsNoticed(t *testing.T) {
	t.Parallel()
	checkEdited(t, "fresh", map[string]edited{
		"as it stands":       {func(text string) string { return text }, true},
		"a field more":       {func(text string) string { return text + "\n// Planted is one.\nmessage Planted {}\n" }, false},
		"a comment edited":   {func(text string) string { return strings.Replace(text, "// Principal is", "// A principal is", 1) }, false},
		"without a comment":  {func(text string) string { return text + "\nmessage Planted {}\n" }, false},
		"a field renumbered": {func(text string) string { return strings.Replace(text, "subject = 4", "subject = 9", 1) }, false},
	})
}

// A change of the protos must not break clients. CI runs .ci/breaking; this test shows that it notices breaks, and nothing else.
func TestABreakOfTheContractIsNoticed(t *testing.T) {
	t.Parallel()
	checkEdited(t, "breaking", map[string]edited{
		"as it stands":       {func(text string) string { return text }, true},
		"a message more":     {func(text string) string { return text + "\n// Planted is one.\nmessage Planted {}\n" }, true},
		"a comment edited":   {func(text string) string { return strings.Replace(text, "// Principal is", "// A principal is", 1) }, true},
		"a field renumbered": {func(text string) string { return strings.Replace(text, "subject = 4", "subject = 9", 1) }, false},
		"a field renamed":    {func(text string) string { return strings.Replace(text, "subject = 4", "name = 4", 1) }, false},
		"a message renamed":  {func(text string) string { return strings.Replace(text, "message Principal {", "message Client {", 1) }, false},
	})
}

// checkEdited edits principal.proto and runs a check of CI on it.
func checkEdited(t *testing.T, check string, cases map[string]edited) {
	t.Helper()
	repository, err := filepath.Abs(filepath.Join(root, ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(repository, ".bin", ".stamp")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the tools that generate code are not installed, as CI does before its tests")
		}
		t.Skip("the tools that generate code are not installed: `make tools` does it, in some minutes")
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "proto")
			if err := os.CopyFS(folder, os.DirFS(filepath.Join(repository, "proto"))); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(folder, "usher", "common", "v1", "principal.proto")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.edit(string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), filepath.Join(repository, ".ci", check), folder).CombinedOutput()
			if ok := err == nil; ok != c.ok {
				t.Errorf("%s: %v, want %v\n%s", check, ok, c.ok, out)
			}
		})
	}
}
