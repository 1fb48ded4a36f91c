package boundaries

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gen/ must be what the protos generate. CI asks .ci/fresh; this shows that it notices.
func TestAnEditedProtoIsNoticed(t *testing.T) {
	t.Parallel()
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
	for name, c := range map[string]struct {
		edit func(text string) string
		ok   bool
	}{
		"as it stands":       {func(text string) string { return text }, true},
		"a field more":       {func(text string) string { return text + "\n// Planted is one.\nmessage Planted {}\n" }, false},
		"a comment edited":   {func(text string) string { return strings.Replace(text, "// Principal is", "// A principal is", 1) }, false},
		"without a comment":  {func(text string) string { return text + "\nmessage Planted {}\n" }, false},
		"a field renumbered": {func(text string) string { return strings.Replace(text, "subject = 4", "subject = 9", 1) }, false},
	} {
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
			out, err := exec.CommandContext(t.Context(), filepath.Join(repository, ".ci", "fresh"), folder).CombinedOutput()
			if ok := err == nil; ok != c.ok {
				t.Errorf("fresh: %v, want %v\n%s", ok, c.ok, out)
			}
		})
	}
}
