package scim

import (
	"fmt"
	"strings"
	"testing"
)

const (
	badge  = "urn:example:params:Badge:2.0:User"
	campus = "urn:example:campus:1.0"
)

// badgeSchema has every kind of attribute that an extension may have.
const badgeSchema = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"` + badge + `","name":"Badge","attributes":[
	{"name":"number","type":"string","required":true,"caseExact":true,"mutability":"immutable"},
	{"name":"color"},
	{"name":"floors","type":"integer","multiValued":true},
	{"name":"valid","type":"boolean"},
	{"name":"since","type":"dateTime"},
	{"name":"weight","type":"decimal"},
	{"name":"seal","type":"binary","returned":"request"},
	{"name":"issuer","type":"reference","referenceTypes":["User"]},
	{"name":"printed","type":"string","mutability":"readOnly"},
	{"name":"doors","type":"complex","multiValued":true,"subAttributes":[
		{"name":"value","required":true},{"name":"type","canonicalValues":["in","out"]},{"name":"primary","type":"boolean"}]},
	{"name":"holder","type":"complex","subAttributes":[{"name":"color"},{"name":"clip","type":"boolean"}]}]}`

func parsedSchema(t testing.TB, definition string) *Schema {
	t.Helper()
	s, err := ParseSchema([]byte(definition))
	requireNoError(t, err)
	return s
}

func badged(t testing.TB) *ResourceType {
	t.Helper()
	extended, err := UserType().Extend(parsedSchema(t, badgeSchema), parsedSchema(t, `{"id":"`+campus+`","attributes":[{"name":"desk"}]}`))
	requireNoError(t, err)
	return extended
}

// badgedUser is a user with these attributes of the badge.
func badgedUser(t testing.TB, attributes string) *Document {
	t.Helper()
	r, err := badged(t).New([]byte(`{"schemas":["`+UserSchema+`","`+badge+`"],"userName":"a","`+badge+`":{`+attributes+`}}`), Options{Mode: Strict})
	requireNoError(t, err)
	return r.Document
}

func TestSchemasOfExtensionsAreWhatTheySay(t *testing.T) {
	s := parsedSchema(t, badgeSchema)
	again := parsedSchema(t, string(must(s.MarshalJSON())))
	requireEqual(t, "a schema that was rendered", string(must(again.MarshalJSON())), string(must(s.MarshalJSON())))
	color := s.Attributes[1]
	requireEqual(t, "what is left out", *color, *define("color", ""))
	requireEqual(t, "a binary value", s.Attributes[6].CaseExact, true)
	requireEqual(t, "a name that is left out", parsedSchema(t, `{"id":"urn:x:y:Z","attributes":[{"name":"a"}]}`).Name, "Z")
	withMeta := parsedSchema(t, string(must(s.Render("https://x"))))
	requireEqual(t, "meta is not kept", string(must(withMeta.MarshalJSON())), string(must(s.MarshalJSON())))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestSchemasThatAreRefused(t *testing.T) {
	of := func(attribute string) string {
		return `{"id":"urn:example:2.0:User","attributes":[{"name":"a"},` + attribute + `]}`
	}
	const long = "name that is too long "
	for _, c := range []struct {
		name, definition string
		want             ErrorType
		path, says       string
	}{
		{"no JSON", `{`, InvalidSyntax, "", "JSON"},
		{"an array", `[]`, InvalidSyntax, "", "must be a JSON object, not an array"},
		{"no id", `{"attributes":[{"name":"a"}]}`, InvalidValue, "id", "id must be a URN"},
		{"an id that is no URN", `{"id":"https://example.com","attributes":[{"name":"a"}]}`, InvalidValue, "id", "id must be a URN"},
		{"an id with a blank", `{"id":"urn:a:b c","attributes":[{"name":"a"}]}`, InvalidValue, "id", "id must be a URN"},
		{"an id with an empty part", `{"id":"urn:a::b","attributes":[{"name":"a"}]}`, InvalidValue, "id", "id must be a URN"},
		{"an id too long", `{"id":"urn:a:` + strings.Repeat("b", 200) + `","attributes":[{"name":"a"}]}`, InvalidValue, "id", "200"},
		{"a name too long", `{"name":"` + strings.Repeat(long, 50) + `"}`, InvalidValue, "name", "longer than 1000 bytes"},
		{"schemas of something else", `{"schemas":["urn:x:y"],"id":"urn:a:b","attributes":[{"name":"a"}]}`, InvalidSyntax, "schemas", schemaSchema},
		{"no attributes", `{"id":"urn:a:b"}`, InvalidSyntax, "attributes", "one or more"},
		{"attributes that are an object", `{"id":"urn:a:b","attributes":{}}`, InvalidSyntax, "attributes", "must be an array"},
		{"too many attributes", `{"id":"urn:a:b","attributes":[` + strings.Repeat(`{},`, 100) + `{}]}`, InvalidValue, "attributes", "more than 100 entries"},
		{"a member that schemas have not", `{"id":"urn:a:b","attribute":[]}`, InvalidSyntax, "attribute", "no part of a schema"},
		{"an attribute that is a string", of(`"b"`), InvalidSyntax, "attributes[1]", "must be an object, not a string"},
		{"an attribute without a name", of(`{}`), InvalidValue, "attributes[1].name", "must begin with a letter"},
		{"a name with a blank", of(`{"name":"b c"}`), InvalidValue, "attributes[1].name", "must begin with a letter"},
		{"a name with a dollar", of(`{"name":"$ref"}`), InvalidValue, "attributes[1].name", "must begin with a letter"},
		{"a name twice", of(`{"name":"A"}`), InvalidValue, "attributes[1].name", `another attribute, "A"`},
		{"a characteristic that is misspelled", of(`{"name":"b","mutabilty":"readOnly"}`), InvalidSyntax, "attributes[1].mutabilty", "no part of a schema"},
		{"a type that there is not", of(`{"name":"b","type":"number"}`), InvalidValue, "attributes[1].type", "integer"},
		{"a truth that is a string", of(`{"name":"b","multiValued":"true"}`), InvalidSyntax, "attributes[1].multiValued", "true or false"},
		{"complex without parts", of(`{"name":"b","type":"complex"}`), InvalidValue, "attributes[1].subAttributes", "must contain"},
		{"parts of a string", of(`{"name":"b","subAttributes":[{"name":"c"}]}`), InvalidValue, "attributes[1].subAttributes", "only a complex attribute"},
		{"complex in complex", of(`{"name":"b","type":"complex","subAttributes":[{"name":"c","type":"complex","subAttributes":[{"name":"d"}]}]}`),
			InvalidValue, "attributes[1].subAttributes[0].type", "cannot be"},
		{"too many parts", of(`{"name":"b","type":"complex","subAttributes":[` + strings.Repeat(`{},`, 50) + `{}]}`), InvalidValue, "attributes[1].subAttributes", "more than 50"},
		{"a secret", of(`{"name":"b","mutability":"writeOnly","returned":"never"}`), InvalidValue, "attributes[1].mutability", "writeOnly"},
		{"never returned", of(`{"name":"b","returned":"never"}`), InvalidValue, "attributes[1].returned", "never"},
		{"unique", of(`{"name":"b","uniqueness":"server"}`), InvalidValue, "attributes[1].uniqueness", "must be none"},
		{"immutable parts", of(`{"name":"b","type":"complex","subAttributes":[{"name":"c","mutability":"immutable"}]}`),
			InvalidValue, "attributes[1].subAttributes[0].mutability", "sub-attribute"},
		{"a mutability that there is not", of(`{"name":"b","mutability":"mutable"}`), InvalidValue, "attributes[1].mutability", "readWrite"},
		{"nests too deep", `{"id":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, InvalidSyntax, "id", "nest deeper"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSchema([]byte(c.definition))
			e := requireError(t, err, c.want)
			requireEqual(t, "path", e.Path, c.path)
			if !strings.Contains(e.Detail, c.says) {
				t.Errorf("detail %q does not say %q", e.Detail, c.says)
			}
		})
	}
}

func TestImpossibleExtensionsAreRefused(t *testing.T) {
	schema := func(id string) *Schema { return parsedSchema(t, `{"id":"`+id+`","attributes":[{"name":"a"}]}`) }
	for name, schemas := range map[string][]*Schema{
		"the core schema":           {schema(UserSchema)},
		"another core schema":       {schema("urn:ietf:params:scim:schemas:core:2.0:Device")},
		"the enterprise extension":  {schema(strings.ToUpper(EnterpriseUserSchema))},
		"within a schema of SCIM's": {schema(EnterpriseUserSchema + ":x")},
		"one around a schema":       {schema("urn:ietf:params:scim:schemas:extension:enterprise:2.0")},
		"a message":                 {schema(PatchOpSchema)},
		"another message":           {schema("URN:ietf:params:scim:api:messages:2.0:ListResponse")},
		"one twice":                 {schema("urn:x:y"), schema("URN:X:Y")},
		"one in the other":          {schema("urn:x:y"), schema("urn:x:y:z")},
	} {
		_, err := UserType().Extend(schemas...)
		if e := requireError(t, err, InvalidValue); e.Path != "id" {
			t.Errorf("%s: the error is about %q", name, e.Path)
		}
	}
	var many []*Schema
	for i := range mostExtensions {
		many = append(many, schema(fmt.Sprintf("urn:x:y%d", i)))
	}
	_, err := UserType().Extend(many...)
	requireError(t, err, InvalidValue)
	extended, err := UserType().Extend(many[1:]...)
	requireNoError(t, err)
	r, err := extended.New([]byte(`{"userName":"a","urn:x:y19":{"a":"last"},"urn:x:y1":{"a":"first"}}`), Options{})
	requireNoError(t, err)
	requireEqual(t, "the document", string(r.Document.JSON()),
		`{"schemas":["`+UserSchema+`","urn:x:y1","urn:x:y19"],"userName":"a","urn:x:y1":{"a":"first"},"urn:x:y19":{"a":"last"}}`)
	if _, err := UserType().Extend(schema("urn:ietf:params:scim:schemas:extension:Custom:2.0:User")); err != nil {
		t.Error("the form that Microsoft recommends:", err)
	}
}

func TestAnExtensionIsReadAsItsSchemaSays(t *testing.T) {
	extended := badged(t)
	for _, c := range []struct {
		name, attributes string
		want             string // the attributes, or the error's type
		path             string
	}{
		{"every type", `"number":"7","floors":[1,2],"valid":true,"since":"2026-01-02T03:04:05Z","weight":1.50,"issuer":"https://x/Users/1"`,
			`"number":"7","floors":[1,2],"valid":true,"since":"2026-01-02T03:04:05Z","weight":1.50,"issuer":"https://x/Users/1"`, ""},
		{"names in any case and order", `"COLOR":"red","Number":"7"`, `"number":"7","color":"red"`, ""},
		{"equal values", `"number":"7","floors":[1,1]`, `"number":"7","floors":[1]`, ""},
		{"read-only values", `"number":"7","printed":"x"`, `"number":"7"`, ""},
		{"a fraction", `"number":"7","floors":[1.5]`, "invalidValue", badge + ":floors"},
		{"a wrong time", `"number":"7","since":"yesterday"`, "invalidValue", badge + ":since"},
		{"a string for a boolean", `"number":"7","valid":"True"`, "invalidValue", badge + ":valid"},
		{"a string for an object", `"number":"7","holder":"x"`, "invalidValue", badge + ":holder"},
		{"what is required is missing", `"color":"red"`, "invalidValue", badge + ":number"},
		{"what is required is blank", `"number":" "`, "invalidValue", badge + ":number"},
		{"a part that is required is missing", `"number":"7","doors":[{"type":"in"}]`, "invalidValue", badge + ":doors.value"},
		{"two primaries", `"number":"7","doors":[{"value":"a","primary":true},{"value":"b","primary":true}]`, "invalidValue", badge + ":doors"},
		{"an attribute that it has not", `"number":"7","size":1`, "invalidSyntax", badge + ":size"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"schemas":["` + UserSchema + `","` + badge + `"],"userName":"a","` + badge + `":{` + c.attributes + `}}`
			r, err := extended.New([]byte(body), Options{Mode: Strict})
			if c.path != "" {
				requireEqual(t, "path", requireError(t, err, ErrorType(c.want)).Path, c.path)
				return
			}
			requireNoError(t, err)
			requireEqual(t, "attributes", attributes(r.Document), `{"userName":"a","`+badge+`":{`+c.want+`}}`)
			requireCanonical(t, r.Document)
		})
	}
	r, err := extended.New([]byte(`{"userName":"a","`+badge+`:number":"7","`+badge+`":{"valid":"True"}}`), Options{})
	requireNoError(t, err)
	requireEqual(t, "read tolerantly", attributes(r.Document), `{"userName":"a","`+badge+`":{"number":"7","valid":true}}`)
	r, err = UserType().New([]byte(`{"userName":"a","`+badge+`":{"number":"7"}}`), Options{})
	requireNoError(t, err)
	requireEqual(t, "without the extension", attributes(r.Document), `{"userName":"a"}`)
	requireEqual(t, "it is ignored", r.Ignored, []string{badge})
}

func TestAnExtensionIsPatched(t *testing.T) {
	old := badgedUser(t, `"number":"7","color":"red","floors":[1],"doors":[{"value":"a","type":"in"}]`)
	for _, c := range []struct {
		name, operation string
		want            string // the attributes, or the error's type
		path            string
	}{
		{"one attribute", `{"op":"replace","path":"` + badge + `:color","value":"blue"}`,
			`"number":"7","color":"blue","floors":[1],"doors":[{"value":"a","type":"in"}]`, ""},
		{"in any case", `{"op":"replace","path":"` + strings.ToUpper(badge) + `:COLOR","value":"blue"}`,
			`"number":"7","color":"blue","floors":[1],"doors":[{"value":"a","type":"in"}]`, ""},
		{"a value more", `{"op":"add","path":"` + badge + `:floors","value":[2,1]}`,
			`"number":"7","color":"red","floors":[1,2],"doors":[{"value":"a","type":"in"}]`, ""},
		{"a value by a filter", `{"op":"replace","path":"` + badge + `:doors[type eq \"in\"].value","value":"b"}`,
			`"number":"7","color":"red","floors":[1],"doors":[{"value":"b","type":"in"}]`, ""},
		{"a sub-attribute", `{"op":"add","path":"` + badge + `:holder.clip","value":true}`,
			`"number":"7","color":"red","floors":[1],"doors":[{"value":"a","type":"in"}],"holder":{"clip":true}`, ""},
		{"the extension as a whole", `{"op":"replace","path":"` + badge + `","value":{"color":null,"floors":[3]}}`,
			`"number":"7","floors":[3],"doors":[{"value":"a","type":"in"}]`, ""},
		{"the same immutable value", `{"op":"replace","path":"` + badge + `:number","value":"7"}`,
			`"number":"7","color":"red","floors":[1],"doors":[{"value":"a","type":"in"}]`, ""},
		{"another immutable value", `{"op":"replace","path":"` + badge + `:number","value":"8"}`, "mutability", badge + ":number"},
		{"no immutable value", `{"op":"remove","path":"` + badge + `"}`, "mutability", badge + ":number"},
		{"what is required", `{"op":"remove","path":"` + badge + `:number"}`, "mutability", badge + ":number"},
		{"a part that is required", `{"op":"remove","path":"` + badge + `:doors.value"}`, "mutability", badge + ":doors.value"},
		{"a read-only attribute", `{"op":"add","path":"` + badge + `:printed","value":"x"}`, "mutability", badge + ":printed"},
		{"an attribute that it has not", `{"op":"add","path":"` + badge + `:size","value":"x"}`, "invalidPath", badge + ":size"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := old.Type().Patch(old, operations(t, `[`+c.operation+`]`), Options{Mode: Strict})
			if c.path != "" {
				requireEqual(t, "path", requireError(t, err, ErrorType(c.want)).Path, c.path)
				return
			}
			requireNoError(t, err)
			requireEqual(t, "attributes", attributes(r.Document), `{"userName":"a","`+badge+`":{`+c.want+`}}`)
			requireCanonical(t, r.Document)
		})
	}
	t.Run("the first immutable value is taken", func(t *testing.T) {
		plain, err := old.Type().New([]byte(`{"userName":"a"}`), Options{})
		requireNoError(t, err)
		r, err := old.Type().Patch(plain.Document, operations(t, `[{"op":"add","path":"`+badge+`:number","value":"9"}]`), Options{})
		requireNoError(t, err)
		requireEqual(t, "attributes", attributes(r.Document), `{"userName":"a","`+badge+`":{"number":"9"}}`)
	})
	t.Run("an extension whose URN ends like no name", func(t *testing.T) {
		r, err := old.Type().Patch(old, operations(t, `[{"op":"add","path":"`+campus+`","value":{"desk":"1"}},{"op":"add","path":"`+campus+`:desk","value":"2"}]`), Options{Mode: Strict})
		requireNoError(t, err)
		desk, _ := r.Document.Str(campus + ":desk")
		requireEqual(t, "the desk", desk, "2")
	})
	t.Run("a PUT that lacks an immutable value", func(t *testing.T) {
		_, err := old.Type().Replace(old, []byte(`{"userName":"a"}`), Options{})
		requireEqual(t, "path", requireError(t, err, Mutability).Path, badge+":number")
		r, err := old.Type().Replace(old, []byte(`{"userName":"a","`+badge+`":{"number":"7"}}`), Options{})
		requireNoError(t, err)
		requireEqual(t, "attributes", attributes(r.Document), `{"userName":"a","`+badge+`":{"number":"7"}}`)
	})
}

func TestAnExtensionIsFilteredAndSorted(t *testing.T) {
	d := badgedUser(t, `"number":"7a","color":"Red","floors":[1,20],"valid":true,"since":"2026-01-02T03:04:05Z","weight":1.50,"doors":[{"value":"a","type":"in"}]`)
	for text, want := range map[string]bool{
		badge + `:color eq "RED"`:                              true,
		badge + `:number eq "7A"`:                              false,
		badge + `:number sw "7"`:                               true,
		badge + `:floors eq 20`:                                true,
		badge + `:floors gt 20`:                                false,
		badge + `:valid eq true`:                               true,
		badge + `:since lt "2026-01-02T04:04:05+01:00"`:        false,
		badge + `:since le "2026-01-02T04:04:05+01:00"`:        true,
		badge + `:weight eq 1.5`:                               true,
		badge + `:doors[type eq "in" and value eq "A"]`:        true,
		badge + `:doors.value ne "a"`:                          false,
		badge + `:holder pr`:                                   false,
		campus + ` pr`:                                         false,
		badge + ` pr`:                                          true,
		`schemas eq "` + badge + `"`:                           true,
		`userName eq "a" and not (` + badge + `:color co "x")`: true,
	} {
		f, err := ParseFilter(text, Limits{})
		requireNoError(t, err)
		requireNoError(t, d.Type().CheckFilter(f))
		requireEqual(t, text, f.Match(d.Type(), d, Envelope{}), want)
		if strings.HasPrefix(text, badge+":") {
			requireError(t, UserType().CheckFilter(f), InvalidFilter)
		}
	}
}

func TestAnExtensionIsShown(t *testing.T) {
	d := badgedUser(t, `"number":"7","seal":"AAAA","color":"red"`)
	show := func(of *ResourceType, only, except string) string {
		t.Helper()
		p, err := ParseProjection([]string{only}, []string{except})
		requireNoError(t, err)
		shown, err := of.RenderUser(nil, d.JSON(), Envelope{ID: "1"}, nil, p)
		requireNoError(t, err)
		text, _, whole := strings.Cut(string(shown), `,"meta"`)
		if !whole {
			text = strings.TrimSuffix(text, "}")
		}
		return text
	}
	const head = `{"schemas":["` + UserSchema + `","` + badge + `"],"id":"1"`
	requireEqual(t, "by default", show(d.Type(), "", ""), head+`,"userName":"a","`+badge+`":{"number":"7","color":"red"}`)
	requireEqual(t, "the attribute that is shown on request", show(d.Type(), badge+":seal", ""), head+`,"`+badge+`":{"seal":"AAAA"}`)
	requireEqual(t, "without an attribute", show(d.Type(), "", badge+":color"), head+`,"userName":"a","`+badge+`":{"number":"7"}`)
	requireEqual(t, "without the extension", show(d.Type(), "", badge), head+`,"userName":"a"`)
	requireEqual(t, "once the schema is gone", show(UserType(), "", ""), `{"schemas":["`+UserSchema+`"],"id":"1","userName":"a"`)
}

func TestValuesThatFitNoSchemaAnyMoreAreMissing(t *testing.T) {
	old := badgedUser(t, `"number":"7","color":"red","floors":[1],"doors":[{"value":"a","type":"in"}]`)
	changed, err := UserType().Extend(parsedSchema(t, `{"id":"`+badge+`","attributes":[
		{"name":"floors","type":"string"},{"name":"doors","type":"complex","multiValued":true,"subAttributes":[{"name":"value"}]},
		{"name":"color","type":"boolean"},{"name":"number","type":"string","multiValued":true}]}`))
	requireNoError(t, err)
	d, err := ParseStored(changed, old.JSON())
	requireNoError(t, err)
	shown, err := changed.RenderUser(nil, old.JSON(), Envelope{ID: "1"}, nil, Projection{})
	requireNoError(t, err)
	if want := `"` + badge + `":{"floors":"1","doors":[{"value":"a"}],"number":["7"]}`; !strings.Contains(string(shown), want) {
		t.Errorf("it is shown as %s, without %s", shown, want)
	}
	r, err := changed.Patch(d, operations(t, `[{"op":"replace","path":"title","value":"x"}]`), Options{})
	requireNoError(t, err)
	requireCanonical(t, r.Document)
	requireEqual(t, "after a write", attributes(r.Document), `{"userName":"a","title":"x","`+badge+`":{"floors":"1","doors":[{"value":"a"}],"number":["7"]}}`)

	d, err = ParseStored(UserType(), old.JSON())
	requireNoError(t, err)
	r, err = UserType().Patch(d, operations(t, `[{"op":"replace","path":"title","value":"x"}]`), Options{})
	requireNoError(t, err)
	requireEqual(t, "after a write without the schema", string(r.Document.JSON()), `{"schemas":["`+UserSchema+`"],"userName":"a","title":"x"}`)
}

func TestAGroupIsExtended(t *testing.T) {
	extended, err := GroupType().Extend(parsedSchema(t, `{"id":"urn:example:Cost:2.0:Group","attributes":[{"name":"center"}]}`))
	requireNoError(t, err)
	r, err := extended.New([]byte(`{"displayName":"g","urn:example:Cost:2.0:Group":{"center":"42"},"members":[{"value":"1"}]}`), Options{})
	requireNoError(t, err)
	shown, err := extended.RenderGroup(nil, r.Document.JSON(), Envelope{ID: "1"}, []Member{{Value: "1"}}, Projection{})
	requireNoError(t, err)
	want := `{"schemas":["` + GroupSchema + `","urn:example:Cost:2.0:Group"],"id":"1","displayName":"g","members":[{"value":"1"}],"urn:example:Cost:2.0:Group":{"center":"42"}`
	if !strings.HasPrefix(string(shown), want) {
		t.Errorf("got %s, want %s", shown, want)
	}
	requireEqual(t, "the members", r.Members, []MemberEdit{{Kind: ReplaceMembers, IDs: []string{"1"}}})
}

// awkward is a directory's own type with characteristics that an admin may define and SCIM's own schemas do not have.
func awkward(t testing.TB) *ResourceType {
	t.Helper()
	extended, err := UserType().Extend(parsedSchema(t, `{"id":"urn:example:v1.x","attributes":[
		{"name":"value"},{"name":"primary","type":"boolean"},{"name":"other","returned":"always"},{"name":"tags","multiValued":true},
		{"name":"links","type":"complex","multiValued":true,"subAttributes":[
			{"name":"value","type":"integer"},{"name":"$ref","type":"reference"},{"name":"primary"},{"name":"labels","multiValued":true}]}]}`))
	requireNoError(t, err)
	return extended
}

func awkwardUser(t testing.TB, attributes string) *Document {
	t.Helper()
	r, err := awkward(t).New([]byte(`{"userName":"a","urn:example:v1.x":{`+attributes+`}}`), Options{})
	requireNoError(t, err)
	requireCanonical(t, r.Document)
	return r.Document
}

func TestNamesThatMeanSomethingElsewhere(t *testing.T) {
	d := awkwardUser(t, `"other":"1","tags":["x","Y"],"links":[{"$ref":"https://x/y","primary":"z","labels":["p","q"]}]`)
	requireEqual(t, "no value is made of a reference where values are numbers", attributes(d),
		`{"userName":"a","urn:example:v1.x":{"other":"1","tags":["x","Y"],"links":[{"$ref":"https://x/y","primary":"z","labels":["p","q"]}]}}`)
	for text, want := range map[string]bool{
		`urn:example:v1.x pr`:                                         true, // although it ends like a sub-attribute
		`urn:example:v1.x:value pr`:                                   false,
		`urn:example:v1.x:links.labels eq "Q"`:                        true,
		`urn:example:v1.x:links[labels eq "q" and primary eq "z"]`:    true,
		`urn:example:v1.x:links[labels eq "q" and primary eq "else"]`: false,
		`urn:example:v1.x:links eq 1`:                                 false,
		`urn:example:v1.x:tags[value eq "y"]`:                         true,
		`urn:example:v1.x:tags[value sw "z"]`:                         false,
	} {
		f, err := ParseFilter(text, Limits{})
		requireNoError(t, err)
		requireNoError(t, d.Type().CheckFilter(f))
		requireEqual(t, text, f.Match(d.Type(), d, Envelope{}), want)
		requireEqual(t, text+" uses an attribute of the core", f.Uses("value") || f.Uses("links") || f.Uses("tags"), false)
	}
	for _, text := range []string{`urn:example:v1.x eq "1"`, `urn:example:v1.x:tags[type eq "y"]`, `urn:example:v1.x:other[value eq "y"]`} {
		f, err := ParseFilter(text, Limits{})
		requireNoError(t, err)
		requireError(t, d.Type().CheckFilter(f), InvalidFilter)
		requireEqual(t, text, f.Match(d.Type(), d, Envelope{}), false)
	}
}

func TestOneValueOfAList(t *testing.T) {
	old := awkwardUser(t, `"tags":["x","Y","z"]`)
	for _, c := range []struct {
		name, operation string
		mode            Mode
		want            string // the tags, or the error's type
	}{
		{"removed by a filter", `{"op":"remove","path":"urn:example:v1.x:tags[value eq \"y\"]"}`, Strict, `["x","z"]`},
		{"none that there is", `{"op":"remove","path":"urn:example:v1.x:tags[value eq \"q\"]"}`, Strict, `["x","Y","z"]`},
		{"replaced by a filter", `{"op":"replace","path":"urn:example:v1.x:tags[value eq \"y\"]","value":"w"}`, Strict, `["x","w","z"]`},
		{"replaced by an existing value", `{"op":"replace","path":"urn:example:v1.x:tags[value eq \"y\"]","value":"z"}`, Strict, `["x","z"]`},
		{"added by a filter", `{"op":"add","path":"urn:example:v1.x:tags[value eq \"y\"]","value":"w"}`, Strict, `["x","w","z"]`},
		{"replaced where there is none", `{"op":"replace","path":"urn:example:v1.x:tags[value eq \"q\"]","value":"w"}`, Tolerant, "noTarget"},
		{"the wrong type", `{"op":"replace","path":"urn:example:v1.x:tags[value eq \"x\"]","value":{}}`, Tolerant, "invalidValue"},
		{"a part of it", `{"op":"replace","path":"urn:example:v1.x:tags[value eq \"x\"].type","value":"w"}`, Tolerant, "invalidPath"},
		{"listed by a remove", `{"op":"remove","path":"urn:example:v1.x:tags","value":["X","z"]}`, Tolerant, `["Y"]`},
		{"listed by a remove, strictly", `{"op":"remove","path":"urn:example:v1.x:tags","value":["x"]}`, Strict, "invalidValue"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := old.Type().Patch(old, operations(t, `[`+c.operation+`]`), Options{Mode: c.mode})
			if !strings.HasPrefix(c.want, "[") {
				requireError(t, err, ErrorType(c.want))
				return
			}
			requireNoError(t, err)
			requireEqual(t, "attributes", attributes(r.Document), `{"userName":"a","urn:example:v1.x":{"tags":`+c.want+`}}`)
			requireCanonical(t, r.Document)
		})
	}
}

func TestALastValueThatIsRequiredStays(t *testing.T) {
	extended, err := UserType().Extend(parsedSchema(t, `{"id":"urn:x:y","attributes":[{"name":"a","multiValued":true,"required":true},{"name":"b"}]}`))
	requireNoError(t, err)
	made, err := extended.New([]byte(`{"userName":"a","urn:x:y":{"a":["1","2"],"b":"x"}}`), Options{})
	requireNoError(t, err)
	for _, path := range []string{`urn:x:y:a`, `urn:x:y:a[value pr]`} {
		_, err := extended.Patch(made.Document, operations(t, `[{"op":"remove","path":"`+path+`"}]`), Options{})
		requireEqual(t, path, requireError(t, err, Mutability).Path, "urn:x:y:a")
	}
	r, err := extended.Patch(made.Document, operations(t, `[{"op":"remove","path":"urn:x:y:a[value eq \"1\"]"}]`), Options{})
	requireNoError(t, err)
	requireEqual(t, "attributes", attributes(r.Document), `{"userName":"a","urn:x:y":{"a":["2"],"b":"x"}}`)
	r, err = extended.Patch(made.Document, operations(t, `[{"op":"remove","path":"urn:x:y"}]`), Options{})
	requireNoError(t, err)
	requireEqual(t, "without the extension", attributes(r.Document), `{"userName":"a"}`)
}

func TestAnExtensionShowsItsAlwaysReturnedAttributes(t *testing.T) {
	d := awkwardUser(t, `"other":"1","tags":["x"]`)
	for _, names := range [][2][]string{
		{{"userName"}, nil}, {nil, []string{"urn:example:v1.x"}}, {nil, []string{"urn:example:v1.x:tags", "urn:example:v1.x:other"}},
	} {
		p, err := ParseProjection(names[0], names[1])
		requireNoError(t, err)
		shown, err := d.Type().RenderUser(nil, d.JSON(), Envelope{ID: "1"}, nil, p)
		requireNoError(t, err)
		if !strings.Contains(string(shown), `"urn:example:v1.x":{"other":"1"}`) {
			t.Errorf("attributes=%v, excludedAttributes=%v show %s", names[0], names[1], shown)
		}
	}
}

// A schema that requires more than before must not stop an IdP from deactivating a user.
func TestANewRequirementAppliesToWrittenValues(t *testing.T) {
	old := badgedUser(t, `"number":"7","color":"red"`)
	changed, err := UserType().Extend(parsedSchema(t, `{"id":"`+badge+`","attributes":[
		{"name":"color","mutability":"readOnly"},{"name":"number"},{"name":"size","required":true}]}`))
	requireNoError(t, err)
	d, err := ParseStored(changed, old.JSON())
	requireNoError(t, err)
	r, err := changed.Patch(d, operations(t, `[{"op":"replace","path":"active","value":false}]`), Options{Mode: Strict})
	requireNoError(t, err)
	requireEqual(t, "what was sent before the attribute was read-only is gone", attributes(r.Document), `{"userName":"a","active":false,"`+badge+`":{"number":"7"}}`)
	_, err = changed.Patch(d, operations(t, `[{"op":"replace","path":"`+badge+`:number","value":"8"}]`), Options{})
	requireEqual(t, "path", requireError(t, err, InvalidValue).Path, badge+":size")
	_, err = changed.Replace(d, []byte(`{"userName":"a","`+badge+`":{"number":"7"}}`), Options{})
	requireEqual(t, "path", requireError(t, err, InvalidValue).Path, badge+":size")
}
