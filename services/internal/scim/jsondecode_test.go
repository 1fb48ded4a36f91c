package scim

import (
	"fmt"
	"strings"
	"testing"
)

func TestBodiesThatAreRefused(t *testing.T) {
	deep := strings.Repeat(`[`, 100_000)
	manyKeys := func(last string) string {
		var b strings.Builder
		b.WriteString(`{"userName":"a"`)
		for i := range 40 {
			fmt.Fprintf(&b, `,"x%d":1`, i)
		}
		return b.String() + `,"` + last + `":1}`
	}
	for _, c := range []struct {
		name, body string
		want       ErrorType
		says       string
	}{
		{"an empty body", ``, InvalidSyntax, "ends where a value"},
		{"an array", `[]`, InvalidSyntax, "must be a JSON object, not an array"},
		{"null", `null`, InvalidSyntax, "not null"},
		{"text after the end", `{"userName":"a"} x`, InvalidSyntax, "after the end"},
		{"a second value", `{"userName":"a"}{}`, InvalidSyntax, "after the end"},
		{"a comma too many", `{"userName":"a",}`, InvalidSyntax, "key in double quotes"},
		{"an array that does not end", `{"emails":[{"value":"a"}`, InvalidSyntax, "comma or the end of the array"},
		{"no colon", `{"userName" "a"}`, InvalidSyntax, "colon"},
		{"a repeated key", `{"userName":"a","userName":"b"}`, InvalidSyntax, `"userName" is repeated`},
		{"a key repeated in another case", `{"userName":"a","USERNAME":"b"}`, InvalidSyntax, `"userName" and "USERNAME" differ only by case`},
		{"a repeated key inside", `{"userName":"a","name":{"givenName":"a","givenname":"b"}}`, InvalidSyntax, "name.givenname: "},
		{"a repeated key among many", manyKeys("X7"), InvalidSyntax, `"x7" and "X7"`},
		{"nesting that is deep", `{"userName":"a","x":` + deep, InvalidSyntax, "nest deeper than 32"},
		{"objects nesting deep", strings.Repeat(`{"a":`, 100_000), InvalidSyntax, "nest deeper than 32"},
		{"invalid UTF-8", "{\"userName\":\"a\xff\"}", InvalidSyntax, "userName: "},
		{"invalid UTF-8 beside an escape", "{\"userName\":\"\\n\xff\"}", InvalidSyntax, "UTF-8"},
		{"half a surrogate pair", `{"userName":"\ud800"}`, InvalidSyntax, "surrogate"},
		{"two first halves of a surrogate pair", `{"userName":"\ud800\ud800"}`, InvalidSyntax, "surrogate"},
		{"a NUL character", `{"name":{"givenName":"a\u0000b"}}`, InvalidValue, "name.givenName: "},
		{"a raw control character", "{\"userName\":\"a\nb\"}", InvalidSyntax, "control character"},
		{"an unknown escape", `{"userName":"\x"}`, InvalidSyntax, "escape"},
		{"a short unicode escape", `{"userName":"\u12"}`, InvalidSyntax, "hexadecimal"},
		{"a string that does not end", `{"userName":"a`, InvalidSyntax, "closing quote"},
		{"a number with a leading zero", `{"x":01}`, InvalidSyntax, "comma or the end"},
		{"a number that ends in a point", `{"x":1.}`, InvalidSyntax, "digit"},
		{"a number without an exponent's digits", `{"x":1e}`, InvalidSyntax, "digit"},
		{"a lone minus", `{"x":-}`, InvalidSyntax, "digit"},
		{"NaN", `{"x":NaN}`, InvalidSyntax, "value is expected"},
		{"a string that is too long", `{"userName":"a","title":"` + strings.Repeat("x", 300<<10) + `"}`, InvalidValue, "title: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := UserType().New([]byte(c.body), Options{})
			e := requireError(t, err, c.want)
			if !strings.Contains(e.Detail, c.says) {
				t.Errorf("detail %q does not say %q", e.Detail, c.says)
			}
		})
	}
}

func TestStringsAreReadExactly(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"escapes", `\"\\\/\b\f\n\r\tA`, "\"\\/\b\f\n\r\tA"},
		{"a surrogate pair", `\ud83d\ude00`, "😀"},
		{"text beyond ASCII", "Zoë 😀", "Zoë 😀"},
		{"a line separator", "a\u2028b", "a\u2028b"},
		{"HTML", "<b>&</b>", "<b>&</b>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := user(t, `{"userName":"`+c.in+`"}`)
			got, _ := d.Str("userName")
			requireEqual(t, "userName", got, c.want)
			stored, err := ParseStored(UserType(), d.JSON())
			requireNoError(t, err)
			got, _ = stored.Str("userName")
			requireEqual(t, "userName after storing", got, c.want)
		})
	}
}

func TestLimitsAreConfiguration(t *testing.T) {
	for _, c := range []struct {
		name, body string
		limits     Limits
	}{
		{"depth", `{"userName":"a","name":{"givenName":"b"}}`, Limits{BodyDepth: 1}},
		{"string length", `{"userName":"abcd"}`, Limits{StringBytes: 3}},
		{"key length", `{"userName":"abcd"}`, Limits{KeyBytes: 3}},
		{"values of an attribute", `{"userName":"a","emails":[{"value":"a"},{"value":"b"}]}`, Limits{ValuesPerAttribute: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := UserType().New([]byte(c.body), Options{})
			requireNoError(t, err)
			if _, err = UserType().New([]byte(c.body), Options{Limits: c.limits}); err == nil {
				t.Fatal("the limit was exceeded")
			}
		})
	}
}

func TestNumbersCompareExactly(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1", "1.0", 0}, {"100", "1e2", 0}, {"-0", "0", 0}, {"0.1", "1E-1", 0}, {"2", "10", -1}, {"-2", "-10", 1},
		{"9007199254740993", "9007199254740992", 1}, {"1e999999999999999999999", "1e-999999999999999999999", 1}, {"-1", "1", -1},
		{"0", "-1e9", 1}, {"0.00012", "0.000119", 1},
	} {
		t.Run(c.a+" with "+c.b, func(t *testing.T) {
			requireEqual(t, "order", compareNumbers(c.a, c.b), c.want)
			requireEqual(t, "reverse order", compareNumbers(c.b, c.a), -c.want)
		})
	}
}

// Values that no schema knows are skipped, and refused for the same reasons as values that are stored.
func TestSkippedValuesAreCheckedLikeStoredOnes(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	many := func(n int) string { return `[0` + strings.Repeat(`,0`, n-1) + `]` }
	for _, text := range []string{
		`1`, `"a"`, `true`, `null`, `{}`, `[]`, `{"a":{"b":[1,{"c":"\u00e4"}]}}`, `"\ud83d\ude00"`, "\"\xe4\"", `"\ud800"`, `"\x"`, `"\u12"`, "\"\n\"",
		`"a`, `1.`, `1e`, `-`, `01`, `NaN`, `{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"a" 1}`, `{"a":1,}`, `{a:1}`, `[1,]`, `[1 2]`, `[`, `{`, `{"a":[{"b":"\u0000"}]}`,
		deep(30), deep(31), deep(32), many(19_000), many(19_995), many(20_001), `{"a":{` + manyKeys(30, "x") + `}}`, `{"a":{` + manyKeys(30, "X7") + `}}`,
		`"` + strings.Repeat("x", 256<<10) + `"`, `"` + strings.Repeat("x", 256<<10+1) + `"`, `"` + strings.Repeat(`\n`, 256<<10) + `"`, `"` + strings.Repeat(`\n`, 256<<10+1) + `"`,
		strings.Repeat("1", 256<<10), strings.Repeat("1", 256<<10+1),
	} {
		body := `{"userName":"a","x":` + text + `}`
		_, kept := decodeJSON(body, Limits{}.withDefaults())
		_, skipped := UserType().New([]byte(body), Options{})
		if fmt.Sprint(kept) != fmt.Sprint(skipped) {
			t.Errorf("%.60s is refused by %v where it is kept, and by %v where it is not", text, kept, skipped)
		}
	}
}

// manyKeys returns the members of an object, the last of them with this name.
func manyKeys(n int, last string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"x%d":1,`, i)
	}
	return b.String() + `"` + last + `":1`
}

func TestTheValuesOfAMessageAreLimited(t *testing.T) {
	limits := Options{Limits: Limits{Values: 20}}
	zeros := func(n int) string { return `[0` + strings.Repeat(`,0`, n-1) + `]` }
	person := user(t, `{"userName":"a"}`)
	for _, c := range []struct {
		name       string
		most, over func() error
	}{
		{
			"what nobody knows", // the object, userName and x
			func() error {
				_, err := UserType().New([]byte(`{"userName":"a","x":`+zeros(17)+`}`), limits)
				return err
			},
			func() error {
				_, err := UserType().New([]byte(`{"userName":"a","x":`+zeros(18)+`}`), limits)
				return err
			},
		},
		{
			"what is kept",
			func() error {
				_, err := UserType().New([]byte(`{"userName":"a","emails":["`+strings.Repeat(`a","`, 16)+`b"]}`), limits)
				return err
			},
			func() error {
				_, err := UserType().New([]byte(`{"userName":"a","emails":["`+strings.Repeat(`a","`, 17)+`b"]}`), limits)
				return err
			},
		},
		{
			"the operations of a PATCH together",
			func() error {
				_, err := UserType().Patch(person, operations(t, `[{"op":"add","value":{"x":`+zeros(8)+`}},{"op":"add","value":{"x":`+zeros(8)+`}}]`), limits)
				return err
			},
			func() error {
				_, err := UserType().Patch(person, operations(t, `[{"op":"add","value":{"x":`+zeros(8)+`}},{"op":"add","value":{"x":`+zeros(9)+`}}]`), limits)
				return err
			},
		},
		{
			"each member by itself",
			func() error {
				_, err := GroupType().New([]byte(`{"displayName":"a","members":[`+strings.Repeat(`{"value":"a","x":`+zeros(14)+`},`, 50)+`"b"]}`), limits)
				return err
			},
			func() error {
				_, err := GroupType().New([]byte(`{"displayName":"a","members":[`+strings.Repeat(`{"value":"a","x":`+zeros(15)+`},`, 50)+`{"value":"a","x":`+zeros(20)+`}]}`), limits)
				return err
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireNoError(t, c.most())
			if e := requireError(t, c.over(), InvalidValue); !strings.Contains(e.Detail, "There are more than 20 values.") {
				t.Error(e.Detail)
			}
		})
	}
}
