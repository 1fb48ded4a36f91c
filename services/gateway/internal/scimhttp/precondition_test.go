package scimhttp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestEntityTags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		values []string
		want   []int64
		any    bool
		bad    bool
	}{
		{name: "a weak one", values: []string{`W/"3"`}, want: []int64{3}},
		{name: "a strong one", values: []string{`"3"`}, want: []int64{3}},
		{name: "a list", values: []string{`W/"3", "4" ,W/"5"`}, want: []int64{3, 4, 5}},
		{name: "several headers", values: []string{`W/"3"`, `"4"`}, want: []int64{3, 4}},
		{name: "empty elements", values: []string{`, ,"4",,`}, want: []int64{4}},
		{name: "any", values: []string{" * "}, any: true},
		{name: "tags that were never given out", values: []string{`"abc", "007", "-1", "0", "+1", "1e3", "99999999999999999999"`}},
		{name: "empty", values: []string{""}},
		{name: "not quoted", values: []string{"3"}, bad: true},
		{name: "half quoted", values: []string{`"3`}, bad: true},
		{name: "only weak", values: []string{`W/`}, bad: true},
		{name: "weak in lower case", values: []string{`w/"3"`}, bad: true},
		{name: "no comma", values: []string{`"3" "4"`}, bad: true},
		{name: "any among others", values: []string{`*, "3"`}, bad: true},
	} {
		tags, ok := parseEntityTags(c.values)
		if ok == c.bad || tags.any != c.any || !slices.Equal(tags.versions, c.want) {
			t.Errorf("%s: %+v, %v", c.name, tags, ok)
		}
	}
}

func FuzzEntityTags(f *testing.F) {
	for _, seed := range []string{`W/"3"`, `"3", W/"4"`, "*", `W/`, `"`, `,,"12"`, `"a,b", "2"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		tags, ok := parseEntityTags([]string{value})
		if !ok && (tags.any || len(tags.versions) > 0) {
			t.Fatal("what could not be read says something")
		}
		for _, version := range tags.versions {
			if version <= 0 || !strings.Contains(value, fmt.Sprintf(`"%d"`, version)) {
				t.Fatalf("version %d is not in %q", version, value)
			}
		}
		// Only a header that says so means "any version".
		if versions, err := parseIfMatch([]string{value}); err == nil && len(versions) == 0 && strings.Trim(value, " \t") != "*" {
			t.Fatalf("%q means any version", value)
		}
	})
}
