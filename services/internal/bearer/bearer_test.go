package bearer

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	good := APIKey.New().Reveal()
	flipped := []byte(good)
	flipped[10] ^= 1
	for name, c := range map[string]struct {
		text string
		want bool
	}{
		"a new secret is one":                   {good, true},
		"a changed character is seen":           {string(flipped), false},
		"another prefix is none":                {"gho_" + good[4:], false},
		"a secret of another kind is none":      {ServiceCredential.New().Reveal(), false},
		"another kind's prefix makes it none":   {string(ServiceCredential) + good[4:], false},
		"the prefix alone is none":              {"ush_", false},
		"one character short is none":           {good[:len(good)-1], false},
		"one character long is none":            {good + "0", false},
		"nothing is none":                       {"", false},
		"the right length of anything is none":  {"ush_" + strings.Repeat("é", 24) + "x", false},
		"a checksum of another secret is wrong": {good[:47] + APIKey.New().Reveal()[47:], false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, ok := APIKey.Parse(c.text); ok != c.want {
				t.Errorf("Parse(%q) = %v, want %v", c.text, ok, c.want)
			}
		})
	}
}

func TestSecretsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		text := ServiceCredential.New().Reveal()
		if len(text) != 53 || seen[text] {
			t.Fatalf("%q is of the wrong length or was there before", text)
		}
		if _, ok := ServiceCredential.Parse(text); !ok {
			t.Fatalf("%q is not of its own kind", text)
		}
		seen[text] = true
	}
}
