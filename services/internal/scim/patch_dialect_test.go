package scim

import (
	"strings"
	"testing"
)

// Each quirk that tolerant mode understands has the effect of a standard form. Each case has the form of the client and the
// form of the RFC.
func TestDialectsEqualTheirStandardForm(t *testing.T) {
	for _, c := range []struct {
		name, dialect, standard string
		quirks, ignored         []string
	}{
		{
			name:     "capital ops",
			dialect:  `[{"op":"Add","path":"title","value":"x"},{"op":"REPLACE","path":"nickName","value":"y"},{"op":"Remove","path":"name"}]`,
			standard: `[{"op":"add","path":"title","value":"x"},{"op":"replace","path":"nickName","value":"y"},{"op":"remove","path":"name"}]`,
			quirks:   []string{QuirkOpCapitalised},
		},
		{
			name:     "a boolean as a string",
			dialect:  `[{"op":"replace","path":"active","value":"False"}]`,
			standard: `[{"op":"replace","path":"active","value":false}]`,
			quirks:   []string{QuirkBooleanAsString},
		},
		{
			name:     "a boolean as a string in a filter",
			dialect:  `[{"op":"replace","path":"emails[primary eq \"True\"].value","value":"x"}]`,
			standard: `[{"op":"replace","path":"emails[primary eq true].value","value":"x"}]`,
		},
		{
			name:     "an empty path",
			dialect:  `[{"op":"replace","path":" ","value":{"active":false}}]`,
			standard: `[{"op":"replace","path":"active","value":false}]`,
		},
		{
			name:     "dotted keys",
			dialect:  `[{"op":"replace","value":{"name.givenName":"g","name.middleName":"m"}}]`,
			standard: `[{"op":"replace","path":"name","value":{"givenName":"g","middleName":"m"}}]`,
			quirks:   []string{QuirkDottedKey},
		},
		{
			name:     "URN keys",
			dialect:  `[{"op":"add","value":{"` + EnterpriseUserSchema + `:department":"d","` + EnterpriseUserSchema + `:manager.value":"m"}}]`,
			standard: `[{"op":"add","path":` + extension + `,"value":{"department":"d","manager":{"value":"m"}}}]`,
			quirks:   []string{QuirkURNKey},
		},
		{
			name:     "dotted keys in an extension",
			dialect:  `[{"op":"add","value":{` + extension + `:{"manager.value":"m"}}}]`,
			standard: `[{"op":"add","path":"` + EnterpriseUserSchema + `:manager","value":{"value":"m"}}]`,
			quirks:   []string{QuirkDottedKey},
		},
		{
			name:     "the core schema as a key",
			dialect:  `[{"op":"replace","value":{"` + UserSchema + `":{"title":"x"},"` + UserSchema + `:nickName":"y"}}]`,
			standard: `[{"op":"replace","path":"title","value":"x"},{"op":"replace","path":"nickName","value":"y"}]`,
			quirks:   []string{QuirkURNKey},
		},
		{
			name:     "filter keys",
			dialect:  `[{"op":"replace","value":{"emails[type eq \"home\"].value":"h","emails[type eq \"other\"].value":"o"}}]`,
			standard: `[{"op":"replace","path":"emails[type eq \"home\"].value","value":"h"},{"op":"add","path":"emails","value":[{"type":"other","value":"o"}]}]`,
			quirks:   []string{QuirkFilterKey, QuirkCreatedByFilter},
		},
		{
			name:     "a filter that describes what is to be created, by replace",
			dialect:  `[{"op":"replace","path":"addresses[type eq \"work\"].locality","value":"Oslo"}]`,
			standard: `[{"op":"add","path":"addresses","value":[{"type":"work","locality":"Oslo"}]}]`,
			quirks:   []string{QuirkCreatedByFilter},
		},
		{
			name:     "a filter that describes what is to be created, by add",
			dialect:  `[{"op":"add","path":"emails[type eq \"other\" and primary eq true].value","value":"o"}]`,
			standard: `[{"op":"add","path":"emails","value":[{"type":"other","value":"o","primary":true}]}]`,
			quirks:   []string{QuirkCreatedByFilter},
		},
		{
			name:     "a filter that describes a whole value",
			dialect:  `[{"op":"replace","path":"phoneNumbers[type eq \"mobile\"]","value":{"value":"5"}}]`,
			standard: `[{"op":"add","path":"phoneNumbers","value":[{"type":"mobile","value":"5"}]}]`,
			quirks:   []string{QuirkCreatedByFilter},
		},
		{
			name:     "Entra ID's primary role",
			dialect:  `[{"op":"Add","path":"roles[primary eq \"True\"].value","value":"{\"value\":\"Designer\"}"}]`,
			standard: `[{"op":"add","path":"roles","value":[{"primary":true,"value":"{\"value\":\"Designer\"}"}]}]`,
			quirks:   []string{QuirkOpCapitalised, QuirkBooleanAsString, QuirkCreatedByFilter},
		},
		{
			name:     "a sub-attribute of a value that isn't there",
			dialect:  `[{"op":"add","path":"photos.value","value":"http://p"}]`,
			standard: `[{"op":"add","path":"photos","value":[{"value":"http://p"}]}]`,
		},
		{
			name:     "a single value to append",
			dialect:  `[{"op":"add","path":"emails","value":{"value":"x"}}]`,
			standard: `[{"op":"add","path":"emails","value":[{"value":"x"}]}]`,
			quirks:   []string{QuirkSingleAsArray},
		},
		{
			name:     "roles as strings",
			dialect:  `[{"op":"replace","path":"roles","value":["Designer"]}]`,
			standard: `[{"op":"replace","path":"roles","value":[{"value":"Designer"}]}]`,
			quirks:   []string{QuirkStringAsValue},
		},
		{
			name:     "a manager as a string",
			dialect:  `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager","value":"m2"}]`,
			standard: `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager","value":{"value":"m2"}}]`,
			quirks:   []string{QuirkStringAsValue},
		},
		{
			name:     "a manager as an empty string",
			dialect:  `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager","value":""}]`,
			standard: `[{"op":"remove","path":"` + EnterpriseUserSchema + `:manager"}]`,
			quirks:   []string{QuirkEmptyAsUnassigned},
		},
		{
			name:     "a manager as a reference",
			dialect:  `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager","value":{"$ref":"https://h/Users/m2"}}]`,
			standard: `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager","value":{"$ref":"https://h/Users/m2","value":"m2"}}]`,
			quirks:   []string{QuirkValueFromRef},
		},
		{
			name:     "a manager as an array of one",
			dialect:  `[{"op":"add","path":"` + EnterpriseUserSchema + `:manager","value":[{"value":"m2"}]}]`,
			standard: `[{"op":"add","path":"` + EnterpriseUserSchema + `:manager","value":{"value":"m2"}}]`,
			quirks:   []string{QuirkArrayAsSingle},
		},
		{
			name:     "a manager without the URN, as an array of one",
			dialect:  `[{"op":"Add","path":"manager","value":[{"$ref":"https://h/Users/m2","value":"m2"}]}]`,
			standard: `[{"op":"add","path":"` + EnterpriseUserSchema + `:manager","value":{"$ref":"https://h/Users/m2","value":"m2"}}]`,
			quirks:   []string{QuirkOpCapitalised, QuirkPathWithoutURN, QuirkArrayAsSingle},
		},
		{
			name:     "attributes of the extension without its URN",
			dialect:  `[{"op":"replace","path":"Department","value":"d"},{"op":"add","path":"manager.value","value":"m2"},{"op":"remove","path":"costCenter"}]`,
			standard: `[{"op":"replace","path":"` + EnterpriseUserSchema + `:department","value":"d"},{"op":"add","path":"` + EnterpriseUserSchema + `:manager.value","value":"m2"}]`,
			quirks:   []string{QuirkPathWithoutURN},
		},
		{
			name:     "a dot after the extension's URN",
			dialect:  `[{"op":"replace","path":"` + EnterpriseUserSchema + `.manager","value":{"value":"m2"}},{"op":"add","path":"` + strings.ToUpper(EnterpriseUserSchema) + `.Department","value":"d"}]`,
			standard: `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager","value":{"value":"m2"}},{"op":"add","path":"` + EnterpriseUserSchema + `:department","value":"d"}]`,
			quirks:   []string{QuirkDotAfterURN},
		},
		{
			name:     "a dot after a URN, and a sub-attribute",
			dialect:  `[{"op":"replace","path":"` + EnterpriseUserSchema + `.manager.value","value":"m2"},{"op":"replace","path":"` + UserSchema + `.title","value":"t"}]`,
			standard: `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager.value","value":"m2"},{"op":"replace","path":"title","value":"t"}]`,
			quirks:   []string{QuirkDotAfterURN},
		},
		{
			name:     "a value selected by a filter replaced by an array of one",
			dialect:  `[{"op":"replace","path":"emails[type eq \"home\"]","value":[{"value":"x"}]}]`,
			standard: `[{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"x"}}]`,
			quirks:   []string{QuirkArrayAsSingle},
		},
		{
			name:     "a remove that lists values",
			dialect:  `[{"op":"Remove","path":"emails","value":[{"value":"B@HOME"}]}]`,
			standard: `[{"op":"remove","path":"emails[value eq \"b@home\"]"}]`,
			quirks:   []string{QuirkOpCapitalised, QuirkRemoveWithValue},
		},
		{
			name:     "a remove that lists values by different sub-attributes",
			dialect:  `[{"op":"remove","path":"emails","value":[{"value":"b@home","type":"HOME","display":"gone by now","primary":true},{"type":"home","value":"b@work"},{"type":"other"},"x"]}]`,
			standard: `[{"op":"remove","path":"emails[value eq \"b@home\"]"}]`,
			quirks:   []string{QuirkStringAsValue, QuirkRemoveWithValue},
		},
		{
			name:     "a remove that lists no values",
			dialect:  `[{"op":"remove","path":"emails","value":[]}]`,
			standard: `[]`,
			quirks:   []string{QuirkRemoveWithValue},
		},
		{
			name:     "a remove whose value is null",
			dialect:  `[{"op":"remove","path":"emails","value":null}]`,
			standard: `[{"op":"remove","path":"emails"}]`,
		},
		{
			name:     "a remove of a singular attribute with its value",
			dialect:  `[{"op":"remove","path":"title","value":"Guide"}]`,
			standard: `[{"op":"remove","path":"title"}]`,
		},
		{
			name:     "the JSON of an object, as text, for the value that a filter selects",
			dialect:  `[{"op":"replace","path":"emails[value eq \"b@home\"]","value":"{\"value\":\"c@home\",\"type\":\"home\",\"primary\":true}"}]`,
			standard: `[{"op":"replace","path":"emails[value eq \"b@home\"]","value":{"value":"c@home","type":"home","primary":true}}]`,
			quirks:   []string{QuirkJSONText},
		},
		{
			name:     "the JSON of an object, as text, for a value that a filter describes",
			dialect:  `[{"op":"add","path":"ims[type eq \"xmpp\"]","value":"{\"value\":\"i\"}"}]`,
			standard: `[{"op":"add","path":"ims","value":[{"type":"xmpp","value":"i"}]}]`,
			quirks:   []string{QuirkCreatedByFilter, QuirkJSONText},
		},
		{
			name:     "the JSON of an object, as text, for all values",
			dialect:  `[{"op":"replace","path":"emails","value":"{\"value\":\"c@home\",\"type\":\"home\"}"},{"op":"add","path":"photos","value":"{\"value\":\"http://p\",\"primary\":true}"}]`,
			standard: `[{"op":"replace","path":"emails","value":[{"value":"c@home","type":"home"}]},{"op":"add","path":"photos","value":[{"value":"http://p","primary":true}]}]`,
			quirks:   []string{QuirkJSONText, QuirkSingleAsArray},
		},
		{
			name:     "the JSON of an array, as text",
			dialect:  `[{"op":"replace","path":"emails","value":"[{\"value\":\"c@home\",\"type\":\"home\"}]"}]`,
			standard: `[{"op":"replace","path":"emails","value":[{"value":"c@home","type":"home"}]}]`,
			quirks:   []string{QuirkJSONText},
		},
		{
			name:     "the JSON of an object, as text, for an object",
			dialect:  `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager","value":"{\"value\":\"m2\",\"$ref\":\"../Users/m2\"}"},{"op":"add","path":"name","value":"[{\"givenName\":\"g\"}]"}]`,
			standard: `[{"op":"replace","path":"` + EnterpriseUserSchema + `:manager","value":{"value":"m2","$ref":"../Users/m2"}},{"op":"add","path":"name","value":{"givenName":"g"}}]`,
			quirks:   []string{QuirkJSONText, QuirkArrayAsSingle},
		},
		{
			name:     "the JSON of an object, as text, to be removed",
			dialect:  `[{"op":"remove","path":"emails","value":"{\"value\":\"b@home\"}"}]`,
			standard: `[{"op":"remove","path":"emails[value eq \"b@home\"]"}]`,
			quirks:   []string{QuirkJSONText, QuirkSingleAsArray, QuirkRemoveWithValue},
		},
		{
			name:     "the JSON of an object, as text, without a path",
			dialect:  `[{"op":"replace","value":"{\"schemas\":[\"` + UserSchema + `\"],\"title\":\"t\"}"}]`,
			standard: `[{"op":"replace","path":"title","value":"t"}]`,
			quirks:   []string{QuirkJSONText},
			ignored:  []string{"schemas"},
		},
		{
			name:     "read-only and unknown keys of a path-less value",
			dialect:  `[{"op":"replace","value":{"id":"1","schemas":["x"],"meta":{},"meta.version":"1","groups":[],"zip":1,"emails[zip eq 1].value":2,"urn:acme:x":1,"title":"t"}}]`,
			standard: `[{"op":"replace","path":"title","value":"t"}]`,
			quirks:   []string{QuirkDottedKey},
			ignored:  []string{"id", "schemas", "meta", "meta.version", "groups", "zip", "emails", "urn:acme:x"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := UserType().Patch(user(t, before), operations(t, c.dialect), Options{})
			requireNoError(t, err)
			want, err := UserType().Patch(user(t, before), operations(t, c.standard), Options{Mode: Strict})
			requireNoError(t, err)
			requireEqual(t, "document", attributes(got.Document), attributes(want.Document))
			requireEqual(t, "quirks", got.Quirks, c.quirks)
			requireEqual(t, "ignored", got.Ignored, c.ignored)
		})
	}
}

// A name without a URN in a path means an extension's attribute only if no other attribute has that name.
func TestAPathWithoutAURNIsNotGuessed(t *testing.T) {
	extend := func(attributes ...string) *ResourceType {
		t.Helper()
		var schemas []*Schema
		for i, a := range attributes {
			schemas = append(schemas, parsedSchema(t, `{"id":"urn:x:y`+string(rune('1'+i))+`.z","attributes":[{"name":"`+a+`","multiValued":true}]}`))
		}
		extended, err := UserType().Extend(schemas...)
		requireNoError(t, err)
		return extended
	}
	for _, c := range []struct {
		name string
		of   *ResourceType
		path string
		mode Mode
		want ErrorType // empty if it is accepted
	}{
		{"of one extension", extend("color"), "color", Tolerant, ""},
		{"with a filter", extend("color"), `color[value eq "x"]`, Tolerant, ""},
		{"with a wrong filter", extend("color"), `color[shade eq "x"]`, Tolerant, InvalidFilter},
		{"with a dot after the URN", extend("color"), "urn:x:y1.z.color", Tolerant, ""},
		{"in strict mode", extend("color"), "color", Strict, InvalidPath},
		{"with a dot after the URN in strict mode", extend("color"), "urn:x:y1.z.color", Strict, InvalidPath},
		{"of two extensions", extend("color", "Color"), "color", Tolerant, InvalidPath},
		{"that the enterprise extension has, too", extend("department"), "department", Tolerant, InvalidPath},
		{"without such a part", extend("color"), "color.shade", Tolerant, InvalidPath},
		{"of none", extend("color"), "shade", Tolerant, InvalidPath},
		{"that the core has", extend("title"), "title.x", Tolerant, InvalidPath},
		{"with a dot after the URN of nothing", extend("color"), "urn:x:y3.z.color", Tolerant, InvalidPath},
		{"with two dots after the URN", extend("color"), "urn:x:y1.z..color", Tolerant, InvalidPath},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := document(t, c.of, `{"userName":"a","urn:x:y1.z":{"color":["x"]}}`)
			_, err := c.of.Patch(d, &PatchOp{Operations: []Operation{{Op: "remove", Path: c.path}}}, Options{Mode: c.mode})
			if c.want == "" {
				requireNoError(t, err)
			} else {
				requireError(t, err, c.want)
			}
		})
	}
	both := extend("title") // the core's attribute has precedence
	r, err := both.Patch(document(t, both, `{"userName":"a","title":"t","urn:x:y1.z":{"title":["x"]}}`),
		&PatchOp{Operations: []Operation{{Op: "remove", Path: "title"}}}, Options{})
	requireNoError(t, err)
	requireEqual(t, "document", attributes(r.Document), `{"userName":"a","urn:x:y1.z":{"title":["x"]}}`)
	requireEqual(t, "quirks", r.Quirks, nil)
}
