package console

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/test/words"
)

// guideHeadings are the sections of each guide, in order.
var guideHeadings = []string{
	"Before you begin", "Where each value goes", "Attribute mappings", "Groups", "How often it sends", "Find a message in its log",
	"Rotate the key", "Move from another identity provider", "Known quirks", "What deactivation does", "Sources",
}

var (
	headingPattern  = regexp.MustCompile(`(?m)^## (.*)$`)
	providerPattern = regexp.MustCompile(`(?m)^ {2}"?([a-z-]+)"?: "`)
	itemPattern     = regexp.MustCompile(`(?m)^- .*(?:\n {2}.*)*`)
	datePattern     = regexp.MustCompile(`\(copy of (?:\d{1,2} )?[A-Z][a-z]+ \d{4}\)|\(date of the copy not known\)`)
)

// providers are the identity providers that the console offers.
func providers(t *testing.T) []string {
	t.Helper()
	text := readText(t, "web", "src", "text", "setUp.ts")
	_, list, ok := strings.Cut(text, "export const providers = {")
	list, _, end := strings.Cut(list, "}")
	if !ok || !end {
		t.Fatal("setUp.ts has no list of providers")
	}
	names := []string{}
	for _, found := range providerPattern.FindAllStringSubmatch(list, -1) {
		names = append(names, found[1])
	}
	return names
}

func readText(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEachProviderHasAGuide(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("guides/*.md")
	if err != nil {
		t.Fatal(err)
	}
	guides := []string{}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".md"); name != "README" {
			guides = append(guides, name)
		}
	}
	want := providers(t)
	slices.Sort(want)
	if !slices.Equal(guides, want) {
		t.Errorf("the guides are %q, the providers %q", guides, want)
	}
}

// A reader knows one guide and finds the way in each. The values of the directory replace the two placeholders.
func TestGuidesHaveOneForm(t *testing.T) {
	t.Parallel()
	for _, provider := range providers(t) {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			guide := readText(t, "guides", provider+".md")
			headings := []string{}
			for _, found := range headingPattern.FindAllStringSubmatch(guide, -1) {
				headings = append(headings, found[1])
			}
			if !slices.Equal(headings, guideHeadings) {
				t.Errorf("the headings are %q, not %q", headings, guideHeadings)
			}
			for _, placeholder := range []string{"`BASE_URL`", "`API_KEY`"} {
				if !strings.Contains(guide, placeholder) {
					t.Errorf("%s is missing", placeholder)
				}
			}
			if lines := strings.Count(guide, "\n"); lines < 100 || lines > 200 {
				t.Errorf("%d lines: 100 to 200 are right", lines)
			}
			for _, problem := range words.Problems(guide) {
				t.Error(problem)
			}
			_, sources, _ := strings.Cut(guide, "## Sources\n")
			items := itemPattern.FindAllString(sources, -1)
			if len(items) == 0 {
				t.Error("it names no source")
			}
			for _, item := range items {
				if !datePattern.MatchString(strings.Join(strings.Fields(item), " ")) {
					t.Errorf("without a date: %q", item)
				}
			}
		})
	}
}
