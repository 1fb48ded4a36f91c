package scim

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// corpusSeeds are requests that identity providers really send, as seeds for fuzzing the parsers.
type corpusSeeds struct {
	bodies, patches [][]byte
	filters, paths  []string
}

// corpus reads the files of services/e2e/corpus itself, because this package imports no other package of Usher.
func corpus(f *testing.F) (seeds corpusSeeds) {
	f.Helper()
	files, err := filepath.Glob("../../e2e/corpus/*/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var scenario struct {
			Steps []struct {
				Path           string
				Body, Standard json.RawMessage
			}
		}
		if err := json.Unmarshal(text, &scenario); err != nil {
			f.Fatalf("%s: %v", file, err)
		}
		for _, step := range scenario.Steps {
			if at, err := url.Parse(step.Path); err == nil && at.Query().Has("filter") {
				seeds.filters = append(seeds.filters, at.Query().Get("filter"))
			}
			for _, body := range []json.RawMessage{step.Body, step.Standard} {
				if len(body) > 0 {
					seeds.take(body)
				}
			}
		}
	}
	if len(seeds.bodies) == 0 || len(seeds.patches) == 0 || len(seeds.filters) == 0 || len(seeds.paths) == 0 {
		f.Fatalf("of %d files of the corpus there are %d bodies, %d PATCHes, %d filters and %d paths", len(files),
			len(seeds.bodies), len(seeds.patches), len(seeds.filters), len(seeds.paths))
	}
	return seeds
}

func (s *corpusSeeds) take(body []byte) {
	patch, err := ParsePatch(body, Options{})
	if err != nil {
		s.bodies = append(s.bodies, body)
		return
	}
	s.patches = append(s.patches, body)
	for _, o := range patch.Operations {
		if o.Path != "" {
			s.paths = append(s.paths, o.Path)
		}
		if len(o.Value) > 0 && o.Value[0] == '{' {
			s.bodies = append(s.bodies, o.Value)
		}
	}
}
