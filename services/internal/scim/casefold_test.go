package scim

import (
	"testing"
	"unicode"
)

func TestCasefold(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"ASCII capitals become small", "BJensen@Example.COM", "bjensen@example.com"},
		{"what is folded stays the same string", "bjensen@example.com", "bjensen@example.com"},
		{"accented capitals become small", "ÉMILE ÅSA", "émile åsa"},
		{"the long s meets s", "Aſk", "ask"},
		{"the Kelvin sign meets k", "\u212Aelvin", "kelvin"},
		{"the Angstrom sign meets å", "\u212Bsa", "åsa"},
		{"a final sigma meets sigma", "ΟΔΟΣ οδος", "οδοσ οδοσ"},
		{"capital sharp s meets sharp s, and not ss", "STRAẞE", "straße"},
		{"a dotted capital I stays apart from i", "İi", "İi"},
		{"a dotless small i stays apart from i", "ıI", "ıi"},
		{"composed and decomposed stay apart", "e\u0301É", "e\u0301é"},
		{"bytes that are not UTF-8 become the replacement character", "A\xff", "a\uFFFD"},
		{"nothing is nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) { requireEqual(t, "folded", Casefold(c.in), c.want) })
	}
}

func TestEveryRuneFoldsLikeItsOtherCases(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		folded := foldRune(r)
		if again := foldRune(folded); again != folded {
			t.Fatalf("%U folds to %U, which folds to %U", r, folded, again)
		}
		if other := unicode.SimpleFold(r); foldRune(other) != folded {
			t.Fatalf("%U folds to %U, its other case %U to %U", r, folded, other, foldRune(other))
		}
	}
}
