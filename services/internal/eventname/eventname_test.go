package eventname_test

import (
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/eventname"
)

func TestANameIsCutBetweenRunes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                             "",
		"ann@example.com":              "ann@example.com",
		strings.Repeat("x", 200):       strings.Repeat("x", 200),
		strings.Repeat("x", 201):       strings.Repeat("x", 200),
		strings.Repeat("x", 199) + "é": strings.Repeat("x", 199),
		strings.Repeat("x", 198) + "é": strings.Repeat("x", 198) + "é",
		strings.Repeat("😀", 51):        strings.Repeat("😀", 50),
		"a\xffb":                       "a\uFFFDb",
	} {
		if got := eventname.Cut(name); got != want {
			t.Errorf("%q became %q", name, got)
		}
	}
}
