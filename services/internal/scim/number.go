package scim

import (
	"cmp"
	"strconv"
	"strings"
)

// compareNumbers compares JSON numbers exactly. math/big would do the same, but write out all digits of 1e999999999.
func compareNumbers(a, b string) int {
	x, y := splitNumber(a), splitNumber(b)
	if x.sign != y.sign || x.sign == 0 {
		return cmp.Compare(x.sign, y.sign)
	}
	if c := cmp.Compare(x.point, y.point); c != 0 {
		return c * x.sign
	}
	return strings.Compare(x.digits, y.digits) * x.sign
}

// exactNumber is sign × 0.digits × 10^point, without zeros at either end of digits.
type exactNumber struct {
	sign   int
	digits string
	point  int64
}

func splitNumber(s string) exactNumber {
	n := exactNumber{sign: 1}
	if strings.HasPrefix(s, "-") {
		n.sign, s = -1, s[1:]
	}
	if e := strings.IndexAny(s, "eE"); e >= 0 {
		// An exponent out of range becomes the nearest int64, with room for the digits.
		exponent, _ := strconv.ParseInt(s[e+1:], 10, 62)
		n.point, s = exponent, s[:e]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	n.point += int64(len(whole))
	digits := strings.TrimLeft(whole+fraction, "0")
	n.point -= int64(len(whole) + len(fraction) - len(digits))
	n.digits = strings.TrimRight(digits, "0")
	if n.digits == "" {
		return exactNumber{}
	}
	return n
}
