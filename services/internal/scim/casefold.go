package scim

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Casefold maps strings that differ only by case to one string. It is for comparing attributes whose caseExact is false (RFC
// 7643 §2.2), and for their uniqueness.
//
// It is Unicode's simple case folding, rune by rune: "ſ", "S" and "s" become equal, and so do "K" (the Kelvin sign) and "k",
// and "ς" and "σ"; "ß" equals "ẞ" but not "ss". It does not normalise: "é" as one rune and as two stay different, and so do
// the dotted and dotless Turkish letters. Casefold(Casefold(s)) equals Casefold(s). Bytes that are not UTF-8 become U+FFFD.
func Casefold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return s[:i] + casefoldRest(s[i:])
		}
	}
	return s
}

func casefoldRest(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		b.WriteRune(foldRune(r))
	}
	return b.String()
}

// foldRune returns the same rune for r and all runes that differ from it by case: the lower case of the smallest one. A rune
// without another case stays as it is; "İ" also stays, although its lower case is "i".
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	smallest := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		smallest = min(smallest, other)
	}
	if smallest == r && unicode.SimpleFold(r) == r {
		return r
	}
	return unicode.ToLower(smallest)
}

// sameName compares attribute names, operators and URNs, which are ASCII and
// case-insensitive (RFC 7643 §2.1). The Kelvin sign is no "k" here.
func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
