package scim

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// before is the document that the cases of this file change.
const before = `{"userName":"bjensen","name":{"familyName":"Jensen","givenName":"Barbara"},"title":"Guide","active":true,` +
	`"emails":[{"value":"b@work","type":"work","primary":true},{"value":"b@home","type":"home"}],` +
	`"` + EnterpriseUserSchema + `":{"department":"Tours","manager":{"value":"m1","$ref":"https://h/Users/m1"}}}`

const extension = `"` + EnterpriseUserSchema + `"`

func TestPatch(t *testing.T) {
	const rest = `"name":{"familyName":"Jensen","givenName":"Barbara"},"title":"Guide","active":true,`
	const emails = `"emails":[{"value":"b@work","type":"work","primary":true},{"value":"b@home","type":"home"}]`
	const enterprise = extension + `:{"department":"Tours","manager":{"value":"m1","$ref":"https://h/Users/m1"}}`
	// Each case is valid in strict mode: these are the RFC's own operations.
	for _, c := range []struct{ name, ops, want string }{
		{"add to an unassigned attribute sets it", `[{"op":"add","path":"nickName","value":"Babs"}]`,
			`{"userName":"bjensen","name":{"familyName":"Jensen","givenName":"Barbara"},"nickName":"Babs","title":"Guide","active":true,` + emails + `,` + enterprise + `}`},
		{"add to a singular attribute replaces it", `[{"op":"add","path":"title","value":"Boss"}]`,
			strings.Replace(before, "Guide", "Boss", 1)},
		{"add to a multi-valued attribute appends", `[{"op":"add","path":"emails","value":[{"value":"b@other","type":"other"}]}]`,
			strings.Replace(before, `"home"}]`, `"home"},{"value":"b@other","type":"other"}]`, 1)},
		{"add of an existing value changes nothing", `[{"op":"add","path":"emails","value":[{"type":"home","value":"b@home"}]}]`, before},
		{"add of a primary value takes primary from the other", `[{"op":"add","path":"emails","value":[{"value":"x","primary":true}]}]`,
			strings.Replace(before, `"primary":true},{"value":"b@home","type":"home"}]`, `"primary":false},{"value":"b@home","type":"home"},{"value":"x","primary":true}]`, 1)},
		{"add of an existing value, now primary, moves primary", `[{"op":"add","path":"emails","value":[{"value":"b@home","type":"home","primary":true}]}]`,
			strings.Replace(before, `"primary":true},{"value":"b@home","type":"home"}]`, `"primary":false},{"value":"b@home","type":"home","primary":true}]`, 1)},
		{"add to a complex attribute sets the sub-attributes given", `[{"op":"add","path":"name","value":{"middleName":"Jane"}}]`,
			strings.Replace(before, `"Barbara"}`, `"Barbara","middleName":"Jane"}`, 1)},
		{"add without a path sets and appends", `[{"op":"add","value":{"title":"Boss","emails":[{"value":"x"}]}}]`,
			strings.Replace(strings.Replace(before, "Guide", "Boss", 1), `"home"}]`, `"home"},{"value":"x"}]`, 1)},
		{"add of null adds nothing", `[{"op":"add","path":"title","value":null},{"op":"add","path":"name","value":null},{"op":"add","path":"emails","value":[]}]`, before},
		{"add with a value filter sets sub-attributes of what it selects", `[{"op":"add","path":"emails[type eq \"home\"]","value":{"display":"Home"}}]`,
			strings.Replace(before, `{"value":"b@home",`, `{"value":"b@home","display":"Home",`, 1)},
		{"replace of a singular attribute", `[{"op":"replace","path":"active","value":false}]`,
			strings.Replace(before, `"active":true`, `"active":false`, 1)},
		{"replace of a sub-attribute is within its attribute", `[{"op":"replace","path":"name.middleName","value":"Jane"}]`,
			strings.Replace(before, `"Barbara"}`, `"Barbara","middleName":"Jane"}`, 1)},
		{"replace of a complex attribute leaves sub-attributes that are not given", `[{"op":"replace","path":"name","value":{"givenName":"Babs"}}]`,
			strings.Replace(before, "Barbara", "Babs", 1)},
		{"replace of a multi-valued attribute replaces all values", `[{"op":"replace","path":"emails","value":[{"value":"x"}]}]`,
			`{"userName":"bjensen",` + rest + `"emails":[{"value":"x"}],` + enterprise + `}`},
		{"replace with a value filter replaces what it selects", `[{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"x","type":"other"}}]`,
			strings.Replace(before, `{"value":"b@home","type":"home"}`, `{"value":"x","type":"other"}`, 1)},
		{"replace of a sub-attribute with a value filter", `[{"op":"replace","path":"emails[type eq \"work\" and value co \"@work\"].value","value":"x"}]`,
			strings.Replace(before, `b@work`, `x`, 1)},
		{"replace of primary moves it", `[{"op":"replace","path":"emails[type eq \"home\"].primary","value":true}]`,
			strings.Replace(before, `"primary":true},{"value":"b@home","type":"home"}]`, `"primary":false},{"value":"b@home","type":"home","primary":true}]`, 1)},
		{"replace with null makes unassigned", `[{"op":"replace","path":"title","value":null},{"op":"replace","path":"emails","value":[]},{"op":"replace","path":"name","value":null}]`,
			`{"userName":"bjensen","active":true,` + enterprise + `}`},
		{"replace with null inside makes a sub-attribute unassigned", `[{"op":"replace","path":"name","value":{"givenName":null}}]`,
			strings.Replace(before, `,"givenName":"Barbara"`, ``, 1)},
		{"replace without a path sets each attribute given", `[{"op":"replace","value":{"active":false,"emails":[{"value":"x"}],"name":{"givenName":"Babs"}}}]`,
			`{"userName":"bjensen","name":{"familyName":"Jensen","givenName":"Babs"},"title":"Guide","active":false,"emails":[{"value":"x"}],` + enterprise + `}`},
		{"replace without a path reaches into an extension", `[{"op":"replace","value":{` + extension + `:{"department":"Sales"}}}]`,
			strings.Replace(before, "Tours", "Sales", 1)},
		{"a path that is an extension's URN", `[{"op":"add","path":` + extension + `,"value":{"costCenter":"4130"}}]`,
			strings.Replace(before, `:{"department"`, `:{"costCenter":"4130","department"`, 1)},
		{"a path with an extension's URN", `[{"op":"replace","path":"` + EnterpriseUserSchema + `:department","value":"Sales"}]`,
			strings.Replace(before, "Tours", "Sales", 1)},
		{"a path with the core schema's URN", `[{"op":"replace","path":"` + UserSchema + `:userName","value":"babs"},{"op":"replace","path":"` + UserSchema + `:name.givenName","value":"Babs"}]`,
			strings.Replace(strings.Replace(before, "bjensen", "babs", 1), "Barbara", "Babs", 1)},
		{"another manager drops the reference to the former", `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager","value":{"value":"m2"}}]`,
			strings.Replace(before, `{"value":"m1","$ref":"https://h/Users/m1"}`, `{"value":"m2"}`, 1)},
		{"another manager's value drops the reference to the former", `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager.value","value":"m2"}]`,
			strings.Replace(before, `{"value":"m1","$ref":"https://h/Users/m1"}`, `{"value":"m2"}`, 1)},
		{"the same manager keeps the reference", `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager.value","value":"m1"}]`, before},
		{"remove of an attribute", `[{"op":"remove","path":"title"}]`, strings.Replace(before, `"title":"Guide",`, ``, 1)},
		{"remove of a sub-attribute", `[{"op":"remove","path":"name.givenName"}]`, strings.Replace(before, `,"givenName":"Barbara"`, ``, 1)},
		{"remove of the last sub-attribute removes the attribute", `[{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name.familyName"}]`,
			strings.Replace(before, `"name":{"familyName":"Jensen","givenName":"Barbara"},`, ``, 1)},
		{"remove with a value filter", `[{"op":"remove","path":"emails[type eq \"work\"]"}]`,
			strings.Replace(before, `{"value":"b@work","type":"work","primary":true},`, ``, 1)},
		{"remove of a sub-attribute with a value filter", `[{"op":"remove","path":"emails[type eq \"work\"].primary"}]`,
			strings.Replace(before, `,"primary":true`, ``, 1)},
		{"remove of a sub-attribute in every value", `[{"op":"remove","path":"emails.type"}]`,
			strings.Replace(strings.Replace(before, `"type":"work",`, ``, 1), `,"type":"home"`, ``, 1)},
		{"remove of all values by a filter removes the attribute", `[{"op":"remove","path":"emails[value pr]"}]`,
			strings.Replace(before, emails+",", ``, 1)},
		{"remove with a value filter that selects nothing changes nothing", `[{"op":"remove","path":"emails[type eq \"other\"]"}]`, before},
		{"remove of what is unassigned changes nothing", `[{"op":"remove","path":"nickName"},{"op":"remove","path":"photos"},{"op":"remove","path":"photos.value"}]`, before},
		{"remove of an extension", `[{"op":"remove","path":` + extension + `}]`, strings.Replace(before, `,`+enterprise, ``, 1)},
		{"remove of all of an extension's attributes removes the extension", `[{"op":"remove","path":"` + EnterpriseUserSchema + `:manager"},{"op":"remove","path":"` + EnterpriseUserSchema + `:department"}]`,
			strings.Replace(before, `,`+enterprise, ``, 1)},
		{"operations follow one another", `[{"op":"remove","path":"emails"},{"op":"add","path":"emails","value":[{"value":"x"}]},{"op":"add","path":"emails","value":[{"value":"y"}]}]`,
			`{"userName":"bjensen",` + rest + `"emails":[{"value":"x"},{"value":"y"}],` + enterprise + `}`},
		{"filters compare as the attribute's caseExact says", `[{"op":"replace","path":"emails[TYPE EQ \"HOME\"].value","value":"x"}]`,
			strings.Replace(before, `b@home`, `x`, 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			old := user(t, before)
			oldJSON := string(old.JSON())
			mode := Strict
			if !strings.Contains(c.ops, `"path"`) && c.ops != "[]" {
				mode = Tolerant // strict mode wants a path
			}
			r, err := UserType().Patch(old, operations(t, c.ops), Options{Mode: mode})
			requireNoError(t, err)
			requireEqual(t, "document", attributes(r.Document), c.want)
			requireEqual(t, "changed", r.Changed, c.want != before)
			requireEqual(t, "quirks", r.Quirks, nil)
			requireEqual(t, "ignored", r.Ignored, nil)
			requireUnmodified(t, old, oldJSON)
		})
	}
}

// requireUnmodified checks the tree of a document, not only its bytes.
func requireUnmodified(t *testing.T, d *Document, json string) {
	t.Helper()
	requireEqual(t, "the old document", string(d.JSON()), json)
	requireEqual(t, "the old document's tree", string(newDocument(d.t, d.root, 0).JSON()), json)
}

func TestPatchRefuses(t *testing.T) {
	for _, c := range []struct {
		name, ops  string
		mode       Mode
		want       ErrorType
		path, says string
	}{
		{"an unknown op", `[{"op":"add","path":"title","value":"x"},{"op":"move","path":"title"}]`, Tolerant, InvalidSyntax, "op", `Operation 2: op is "move"`},
		{"a capital op in strict mode", `[{"op":"Add","path":"title","value":"x"}]`, Strict, InvalidSyntax, "op", `"Add"`},
		{"remove without a path", `[{"op":"remove"}]`, Tolerant, NoTarget, "", "needs a path"},
		{"remove of the whole resource by its URN", `[{"op":"remove","path":"` + UserSchema + `"}]`, Tolerant, NoTarget, UserSchema, "whole User"},
		{"remove of a required attribute", `[{"op":"remove","path":"userName"}]`, Tolerant, Mutability, "userName", "required"},
		{"replace of a required attribute by null", `[{"op":"replace","path":"userName","value":null}]`, Tolerant, InvalidValue, "userName", "required"},
		{"replace of a required attribute by blanks", `[{"op":"replace","value":{"userName":"  "}}]`, Tolerant, InvalidValue, "userName", "required"},
		{"a path to id", `[{"op":"replace","path":"id","value":"x"}]`, Tolerant, Mutability, "id", "read-only"},
		{"a path to meta", `[{"op":"remove","path":"meta"}]`, Tolerant, Mutability, "meta", "read-only"},
		{"a path into meta", `[{"op":"replace","path":"meta.version","value":"x"}]`, Tolerant, Mutability, "meta", "read-only"},
		{"a path to a user's groups", `[{"op":"add","path":"groups","value":[{"value":"g"}]}]`, Tolerant, Mutability, "groups", "read-only"},
		{"a path to schemas", `[{"op":"add","path":"schemas","value":["urn:x"]}]`, Tolerant, Mutability, "schemas", "read-only"},
		{"a path to the manager's name", `[{"op":"add","path":"` + EnterpriseUserSchema + `:manager.displayName","value":"x"}]`, Tolerant, Mutability, EnterpriseUserSchema + ":manager.displayName", "read-only"},
		{"an operation without a path in strict mode", `[{"op":"replace","value":{"title":"x"}}]`, Strict, InvalidSyntax, "path", "\"path\" is missing"},
		{"text that is no JSON object, without a path", `[{"op":"replace","value":"[{}]"}]`, Tolerant, InvalidValue, "", "not a string"},
		{"JSON text in JSON text, without a path", `[{"op":"replace","value":"\"{}\""}]`, Tolerant, InvalidValue, "", "not a string"},
		{"a path to an unknown attribute", `[{"op":"add","path":"zip","value":"x"}]`, Tolerant, InvalidPath, "zip", `no attribute "zip"`},
		{"a path to an unknown sub-attribute", `[{"op":"add","path":"name.zip","value":"x"}]`, Tolerant, InvalidPath, "name.zip", "no attribute"},
		{"a path to an unknown extension", `[{"op":"add","path":"urn:acme:2.0:User:zip","value":"x"}]`, Tolerant, InvalidPath, "urn:acme:2.0:User:zip", "no attribute"},
		{"a path that can't be read", `[{"op":"add","path":"emails[type eq \"work\"","value":"x"}]`, Tolerant, InvalidFilter, "emails", "at byte 21"},
		{"a path with an unknown filter attribute", `[{"op":"remove","path":"emails[zip eq \"work\"]"}]`, Tolerant, InvalidFilter, "zip", "no sub-attribute"},
		{"a filter on a singular attribute", `[{"op":"remove","path":"name[givenName eq \"work\"]"}]`, Tolerant, InvalidPath, "name", "not a multi-valued"},
		{"add without a value", `[{"op":"add","path":"title"}]`, Tolerant, InvalidValue, "title", "needs a value"},
		{"replace without a value", `[{"op":"replace","path":"emails[type eq \"work\"].value"}]`, Tolerant, InvalidValue, "emails", "needs a value"},
		{"add without path and value", `[{"op":"add"}]`, Tolerant, InvalidValue, "", "needs a value"},
		{"a path-less value that is no object", `[{"op":"replace","value":"x"}]`, Tolerant, InvalidValue, "", "not a string"},
		{"a value of the wrong type", `[{"op":"replace","path":"name","value":"Bob"}]`, Tolerant, InvalidValue, "name", "name must be an object, not a string"},
		{"a value of the wrong type inside", `[{"op":"replace","path":"emails[type eq \"work\"].primary","value":"maybe"}]`, Tolerant, InvalidValue, "emails.primary", "true or false"},
		{"a filter that selects nothing in strict mode", `[{"op":"replace","path":"emails[type eq \"other\"].value","value":"x"}]`, Strict, NoTarget, "emails", "matches"},
		{"add with a filter that selects nothing in strict mode", `[{"op":"add","path":"emails[type eq \"other\"].value","value":"x"}]`, Strict, NoTarget, "emails", "matches"},
		{"a filter that selects nothing and describes nothing", `[{"op":"replace","path":"emails[type sw \"o\"].value","value":"x"}]`, Tolerant, NoTarget, "emails", "matches"},
		{"a filter that names a value that isn't there", `[{"op":"add","path":"roles[value eq \"Admin\"].display","value":"x"}]`, Tolerant, NoTarget, "roles", "matches"},
		{"a sub-attribute of no value in strict mode", `[{"op":"replace","path":"photos.type","value":"photo"}]`, Strict, NoTarget, "photos.type", "no value of photos"},
		{"remove with a value in strict mode", `[{"op":"remove","path":"emails","value":[{"value":"b@work"}]}]`, Strict, InvalidValue, "emails", "takes no value"},
		{"the core schema as a string", `[{"op":"add","path":"` + UserSchema + `","value":"x"}]`, Tolerant, InvalidValue, UserSchema, "must be an object"},
		{"an extension as a string", `[{"op":"replace","path":` + extension + `,"value":"x"}]`, Tolerant, InvalidValue, EnterpriseUserSchema, "must be an object"},
		{"an unknown key in an extension in strict mode", `[{"op":"add","path":` + extension + `,"value":{"zip":1}}]`, Strict, InvalidSyntax, EnterpriseUserSchema + ":zip", "no attribute"},
		{"an unknown key in a complex attribute in strict mode", `[{"op":"add","path":"name","value":{"zip":1}}]`, Strict, InvalidSyntax, "name.zip", "no attribute"},
		{"two values selected to be primary in strict mode", `[{"op":"replace","path":"emails[value pr].primary","value":true}]`, Strict, InvalidValue, "emails", "can be primary"},
		{"a value that can't be stored, also in a remove", `[{"op":"remove","path":"title","value":"\u0000"}]`, Tolerant, InvalidValue, "", "U+0000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			old := user(t, before)
			oldJSON := string(old.JSON())
			// The first operation succeeds; it must have no effect.
			ops := operations(t, `[{"op":"replace","path":"emails[type eq \"work\"].display","value":"half done"},`+c.ops[1:])
			_, err := UserType().Patch(old, ops, Options{Mode: c.mode})
			e := requireError(t, err, c.want)
			requireEqual(t, "path", e.Path, c.path)
			if !strings.Contains(e.Detail, strings.Replace(c.says, "Operation 2", "Operation 3", 1)) || !strings.HasPrefix(e.Detail, "Operation ") {
				t.Errorf("detail %q does not say %q", e.Detail, c.says)
			}
			requireUnmodified(t, old, oldJSON)
		})
	}
}

func TestErrorsContainNoPersonalValue(t *testing.T) {
	for _, ops := range []string{
		`[{"op":"replace","path":"emails[value eq \"secret\"].value","value":{"secret":1}}]`,
		`[{"op":"replace","path":"emails[value eq \"secret\"","value":"x"}]`,
		`[{"op":"replace","path":"emails[zip eq \"secret\"]","value":"x"}]`,
		`[{"op":"replace","path":"zip[value eq \"secret\"]","value":"x"}]`,
		`[{"op":"replace","path":"emails[value gt secret]","value":"x"}]`,
		`[{"op":"replace","path":"emails[primary eq \"secret\"]","value":"x"}]`,
		`[{"op":"add","path":"active","value":"secret"}]`,
		`[{"op":"add","path":"emails[value eq \"secret\"]"}]`,
	} {
		t.Run(ops, func(t *testing.T) {
			_, err := UserType().Patch(user(t, before), operations(t, ops), Options{})
			if err == nil {
				t.Fatal("it was taken")
			}
			if told, _ := json.Marshal(err); strings.Contains(string(told), "secret") {
				t.Errorf("the error tells it: %s", told)
			}
		})
	}
}

func TestPatchThatChangesNothingGivesTheSameDocument(t *testing.T) {
	old := user(t, before)
	for _, ops := range []string{
		`[]`,
		`[{"op":"replace","value":{"active":true,"title":"Guide"}}]`,
		`[{"op":"replace","path":"title","value":"x"},{"op":"replace","path":"title","value":"Guide"}]`,
		`[{"op":"remove","path":"nickName"}]`,
		`[{"op":"replace","path":"emails","value":[{"type":"work","primary":"True","value":"b@work"},{"value":"b@home","type":"home"}]}]`,
	} {
		t.Run(ops, func(t *testing.T) {
			r, err := UserType().Patch(old, operations(t, ops), Options{})
			requireNoError(t, err)
			if r.Changed || r.Document != old {
				t.Fatalf("changed to %s", r.Document.JSON())
			}
		})
	}
}

func TestPatchChecksValuesThatParsePatchNeverSaw(t *testing.T) {
	for _, value := range []string{`{"title":"a","Title":"b"}`, `{"title":"a"`, "{\"title\":\"\xff\"}", `{} {}`, strings.Repeat(`{"a":`, 100_000)} {
		_, err := UserType().Patch(user(t, before), &PatchOp{Operations: []Operation{{Op: "replace", Value: json.RawMessage(value)}}}, Options{})
		requireError(t, err, InvalidSyntax)
	}
}

func TestPatchLimits(t *testing.T) {
	op := `{"op":"add","path":"title","value":"x"}`
	body := `{"schemas":["` + PatchOpSchema + `"],"Operations":[` + op + `,` + op + `]}`
	limits := Options{Limits: Limits{Operations: 1}}
	_, err := ParsePatch([]byte(body), limits)
	requireError(t, err, InvalidValue)
	_, err = UserType().Patch(user(t, before), operations(t, `[`+op+`,`+op+`]`), limits)
	requireError(t, err, InvalidValue)
	many := Options{Limits: Limits{ValuesPerAttribute: 3}}
	_, err = UserType().Patch(user(t, before), operations(t, `[{"op":"add","path":"emails","value":["x","y"]}]`), many)
	requireError(t, err, InvalidValue)
}

func TestPatchBoundsItsWork(t *testing.T) {
	var emails, ops strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&emails, `,{"value":"%d"}`, i)
		fmt.Fprintf(&ops, `,{"op":"replace","path":"emails[value sw \"%d\" or value ew \"x\"].display","value":"x"}`, i)
	}
	full := user(t, `{"userName":"a","emails":[`+emails.String()[1:]+`]}`)
	_, err := UserType().Patch(full, operations(t, `[`+ops.String()[1:]+`]`), Options{})
	if e := requireError(t, err, InvalidValue); !strings.Contains(e.Detail, "too many values of emails") {
		t.Error(e.Detail)
	}
	_, err = UserType().Patch(user(t, before), operations(t, `[`+ops.String()[1:]+`]`), Options{})
	if e := requireError(t, err, NoTarget); !strings.HasPrefix(e.Detail, "Operation 1:") {
		t.Error(e.Detail)
	}
}

// A value is parsed once. It must not be copied and parsed for each of the values that it replaces.
func TestAValueForManyIsReadOnce(t *testing.T) {
	var photos, keys strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&photos, `,{"value":"%d","type":"photo"}`, i)
	}
	for i := range 5000 {
		fmt.Fprintf(&keys, `,"unknown%d":1`, i)
	}
	full := user(t, `{"userName":"a","photos":[`+photos.String()[1:]+`]}`)
	object := `{"value":"x"` + keys.String() + `}`
	strange := strconv.Quote(`{` + keys.String()[1:] + `}`) // stays a string
	for _, value := range []string{object, strconv.Quote(object), strange} {
		for _, op := range []string{"add", "replace"} {
			patch := operations(t, `[{"op":"`+op+`","path":"photos[type eq \"photo\"]","value":`+value+`}]`)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := UserType().Patch(full, patch, Options{})
			runtime.ReadMemStats(&after)
			requireNoError(t, err)
			if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 50 {
				t.Errorf("%s of %.20s: %d MiB were allocated", op, value, took)
			}
		}
	}
}

func TestParsePatch(t *testing.T) {
	const head = `{"schemas":["` + PatchOpSchema + `"],`
	want := []Operation{
		{Op: "Add", Path: "title", Value: json.RawMessage(`"x"`)},
		{Op: "remove", Path: `emails[type eq "work"]`},
		{Op: "replace", Value: json.RawMessage(`{"a": [1, {"b":"\"}"}]}`)},
		{Op: "replace", Path: "title", Value: json.RawMessage(`null`)},
	}
	list := `[{"op":"Add","path":"title","value":"x"}, {"path":"emails[type eq \"work\"]","op":"remove"},` +
		`{"op":"replace","path":null,"value":{"a": [1, {"b":"\"}"}]}},{"op":"replace","path":"title","value": null }]`
	for _, c := range []struct {
		name, body string
		strict     bool
		quirks     []string
	}{
		{"the PatchOp of RFC 7644 §3.5.2", head + `"Operations":` + list + `}`, true, nil},
		{"names in another case", strings.ToLower(head) + `"operations":` + list + `}`, true, nil},
		{"no schemas", `{"Operations":` + list + `}`, false, []string{QuirkSchemasMissing}},
		{"schemas of something else", `{"schemas":["urn:x"],"Operations":` + list + `}`, false, []string{QuirkSchemasMissing}},
		{"schemas of the resource that is one string", `{"schemas":"` + UserSchema + `","Operations":` + list + `}`, false, []string{QuirkSingleAsArray, QuirkSchemasMissing}},
		{"schemas that are one string", `{"schemas":"` + PatchOpSchema + `","Operations":` + list + `}`, false, []string{QuirkSingleAsArray}},
		{"a member that does not belong", head + `"x":[{}],"Operations":` + list + `}`, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			patch, err := ParsePatch([]byte(c.body), Options{})
			requireNoError(t, err)
			requireEqual(t, "operations", patch.Operations, want)
			requireEqual(t, "quirks", patch.Quirks, c.quirks)
			_, err = ParsePatch([]byte(c.body), Options{Mode: Strict})
			if c.strict {
				requireNoError(t, err)
			} else {
				requireError(t, err, InvalidSyntax)
			}
		})
	}
	t.Run("a single operation in tolerant mode", func(t *testing.T) {
		single, err := ParsePatch([]byte(head+`"Operations":{"op":"remove","path":"x"}}`), Options{})
		requireNoError(t, err)
		requireEqual(t, "PatchOp", single, &PatchOp{Operations: []Operation{{Op: "remove", Path: "x"}}, Quirks: []string{QuirkSingleAsArray}})
	})
}

// A body that says it is another type of message is not a PATCH, whatever it contains; in strict mode, neither is one that says it
// is a resource.
func TestAPatchIsNoOtherMessage(t *testing.T) {
	const list = `"urn:ietf:params:scim:api:messages:2.0:ListResponse"`
	for _, c := range []struct {
		schemas string
		want    [2]ErrorType // in tolerant and in strict mode, empty if it is accepted
	}{
		{`[` + list + `]`, [2]ErrorType{InvalidValue, InvalidValue}},
		{list, [2]ErrorType{InvalidValue, InvalidSyntax}},
		{`["` + strings.ToUpper("urn:ietf:params:scim:api:messages:2.0:Error") + `"]`, [2]ErrorType{InvalidValue, InvalidValue}},
		{`["urn:ietf:params:scim:api:messages:2.0:PatchOperation"]`, [2]ErrorType{InvalidValue, InvalidValue}},
		{`["` + PatchOpSchema + `",` + list + `]`, [2]ErrorType{InvalidValue, InvalidValue}},
		{`["` + UserSchema + `"]`, [2]ErrorType{"", InvalidValue}},
		{`["urn:x","` + GroupSchema + `"]`, [2]ErrorType{"", InvalidValue}},
		{`["` + EnterpriseUserSchema + `"]`, [2]ErrorType{"", InvalidValue}},
		{`["` + PatchOpSchema + `","` + UserSchema + `","urn:x"]`, [2]ErrorType{}},
		{`["urn:scim:schemas:core:1.0"]`, [2]ErrorType{"", InvalidSyntax}},
	} {
		for mode, want := range c.want {
			_, err := ParsePatch([]byte(`{"schemas":`+c.schemas+`,"Operations":[{"op":"remove","path":"title"}]}`), Options{Mode: Mode(mode)})
			if want == "" {
				requireNoError(t, err)
			} else {
				requireEqual(t, "path", requireError(t, err, want).Path, "schemas")
			}
		}
	}
}

func TestParsePatchRefuses(t *testing.T) {
	const head = `{"schemas":["` + PatchOpSchema + `"],`
	for _, c := range []struct {
		name, body string
		mode       Mode
		says       string
	}{
		{"an array", `[]`, Tolerant, "JSON object"},
		{"nothing", ``, Tolerant, "JSON object"},
		{"no Operations", head + `"x":1}`, Tolerant, `needs "Operations"`},
		{"no operations in strict mode", head + `"Operations":[]}`, Strict, "one or more"},
		{"Operations that is a string", head + `"Operations":"x"}`, Tolerant, "Operations must be an array."},
		{"schemas that are an object in strict mode", `{"schemas":{},"Operations":[{"op":"remove","path":"x"}]}`, Strict, "schemas must be an array of URNs, not an object"},
		{"an operation that is a string", head + `"Operations":["x"]}`, Tolerant, "Operation 1: It must be an object."},
		{"an operation without op", head + `"Operations":[{"op":"add"},{"path":"x"}]}`, Tolerant, `Operation 2: "op" is missing.`},
		{"an op that is a number", head + `"Operations":[{"op":1}]}`, Tolerant, `"op" must be a string`},
		{"a path that is a number", head + `"Operations":[{"op":"add","path":1}]}`, Tolerant, `"path" must be a string`},
		{"a member of an operation that does not belong", head + `"Operations":[{"op":"add","from":"x"}]}`, Strict, `It has "from"`},
		{"an operation with two values", head + `"Operations":[{"op":"add","value":1,"Value":2}]}`, Tolerant, "differ only by case"},
		{"a value that does not end", head + `"Operations":[{"op":"add","value":[1}]}`, Tolerant, "comma or the end of the array"},
		{"a value that nests deep", head + `"Operations":[{"op":"add","value":` + strings.Repeat("[", 100_000), Tolerant, "nest deeper"},
		{"a value that nests deep in objects", head + `"Operations":[{"op":"add","value":` + strings.Repeat(`{"a":`, 100_000), Tolerant, "nest deeper"},
		{"text after the end", head + `"Operations":[]} x`, Tolerant, "after the end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParsePatch([]byte(c.body), Options{Mode: c.mode})
			if e := requireError(t, err, InvalidSyntax); !strings.Contains(e.Detail, c.says) {
				t.Errorf("detail %q does not say %q", e.Detail, c.says)
			}
		})
	}
}
