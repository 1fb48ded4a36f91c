package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each command in a runbook exists, with its flags: somebody types it at night.
func TestRunbooksNameCommandsThatExist(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../../../../deploy/runbooks/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("there are no runbooks: %v", err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if !strings.HasPrefix(line, "    usher ") {
				continue
			}
			command, rest, err := newRoot(&client{}).Find(words[1:])
			if err != nil || !command.Runnable() {
				t.Errorf("%s: %s is no command: %v", filepath.Base(page), strings.TrimSpace(line), err)
				continue
			}
			command.Flags().AddFlagSet(command.InheritedFlags())
			if err := command.ParseFlags(rest); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(page), strings.TrimSpace(line), err)
			}
			if err := command.ValidateArgs(command.Flags().Args()); err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(page), strings.TrimSpace(line), err)
			}
		}
	}
}
