package iprange_test

import (
	"testing"

	"github.com/usher-scim/usher/services/internal/iprange"
)

func TestRangesHaveOneForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.1.2.3":             "10.1.2.3/32",
		"10.1.2.3/8":           "10.0.0.0/8",
		"0.0.0.0/0":            "0.0.0.0/0",
		"2001:DB8:0::1":        "2001:db8::1/128",
		"2001:db8::1/32":       "2001:db8::/32",
		"::ffff:10.1.2.3":      "10.1.2.3/32",
		"::ffff:10.1.2.3/104":  "10.0.0.0/8",
		"::ffff:0.0.0.0/96":    "0.0.0.0/0",
		"::ffff:10.1.2.3/95":   "", // more than all IPv4 addresses
		"":                     "",
		"/8":                   "",
		"10.1.2.3/":            "",
		"10.1.2.3/33":          "",
		"10.1.2":               "",
		" 10.1.2.3":            "",
		"10.1.2.3:80":          "",
		"fe80::1%eth0":         "",
		"fe80::1%eth0/64":      "",
		"::ffff:10.1.2.3%eth0": "",
		"vendor.example.com":   "",
	} {
		got, err := iprange.Parse(text)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %s, %v, want %q", text, got, err, want)
		}
	}
}
