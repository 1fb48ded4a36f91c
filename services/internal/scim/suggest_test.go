package scim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// unregisteredOf reads a body and returns what Suggest needs of it.
func unregisteredOf(t *testing.T, body string) []string {
	t.Helper()
	r, err := UserType().New([]byte(body), Options{})
	requireNoError(t, err)
	return r.Unregistered
}

func TestAttributesOfUnregisteredExtensionsAreNoted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       []string
	}{
		{"an object", `"urn:x:y:User":{"a":"v","b":[1],"c":{"d":true,"e":{"f":1}}}`, []string{
			"urn:x:y:User a string", "urn:x:y:User b decimal[]", "urn:x:y:User c complex", "urn:x:y:User c.d boolean",
		}},
		{"a path", `"urn:x:y:User:a":"v","urn:x:y:User:b.c":true`, []string{
			"urn:x:y:User a string", "urn:x:y:User b complex", "urn:x:y:User b.c boolean",
		}},
		{"values that tell nothing", `"urn:x:y:User":{"a":null,"b":[],"c":[null],"d":[["e"]]}`, nil},
		{"names that no attribute can have", `"urn:x:y:User":{"a b":1,"$ref":1,"":1},"urn:x:y z:User":{"a":1},"urn:x":{"a":1},"urn:":{"a":1}`, nil},
		{"no URN", `"zip":{"a":1}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			requireEqual(t, "noted", unregisteredOf(t, `{"userName":"a",`+c.body+`}`), c.want)
		})
	}
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf(`"a%d":1`, i))
	}
	requireEqual(t, "the most", len(unregisteredOf(t, `{"userName":"a","urn:x:y:User":{`+strings.Join(many, ",")+`}}`)), mostIgnored)
}

// Values are checked there as they are below any other unknown key.
func TestAnUnregisteredExtensionIsCheckedLikeOtherUnknownKeys(t *testing.T) {
	t.Parallel()
	for _, v := range []string{
		`{"a":1,"A":2}`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, `{"a":[{"b":1,"b":2}]}`, `{"a":nul}`, `{"a":[1,]}`, `{"a":1,}`, `[nope]`, `{"a":"\ud800"}`, `tru`, `-`,
		`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, `[` + strings.Repeat("1,", 300_000) + `1]`,
		`{"a":[` + strings.Repeat("1,", 300_000) + `1]}`, `{}`, `[]`, `[null,[],{}]`, `{"a":[[1],{"b":[{}]}]}`, `"` + strings.Repeat("x", 500_000) + `"`,
	} {
		read := func(key string) string {
			_, err := UserType().New([]byte(`{"userName":"a","`+key+`":`+v+`}`), Options{})
			if err == nil {
				return ""
			}
			return strings.ReplaceAll(err.Error(), key, "KEY")
		}
		requireEqual(t, shown(v), read("urn:x:y:User"), read("abc:x:y:User"))
	}
}

func TestSuggestedSchemasAreValid(t *testing.T) {
	t.Parallel()
	seen := []string{
		"urn:x:y:User a string", "urn:x:y:User A string[]", "urn:x:y:User b decimal", "urn:x:y:User b boolean", "urn:x:y:User b decimal[]",
		"urn:x:y:User c complex", "urn:x:y:User c.d string", "urn:x:y:User e complex", "urn:x:y:User f.g string", "urn:x:y:User:h i string", "urn:x:z m complex",
	}
	all := Suggest(append(seen, seen...))
	requireEqual(t, "how many", len(all), 1)
	definition, err := all[0].MarshalJSON()
	requireNoError(t, err)
	_, err = ParseSchema(definition)
	requireNoError(t, err)
	var got struct {
		Attributes []struct {
			Name, Type    string
			MultiValued   bool
			SubAttributes []struct{ Name, Type string }
		}
	}
	requireNoError(t, json.Unmarshal(definition, &got))
	requireEqual(t, "the schema", fmt.Sprint(all[0].ID, " ", got.Attributes), "urn:x:y:User [{A string true []} {c complex false [{d string}]}]")
}
