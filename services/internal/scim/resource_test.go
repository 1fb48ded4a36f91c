package scim

import (
	"fmt"
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	for _, c := range []struct {
		name, body, want string
		ignored, quirks  []string
	}{
		{
			name: "a userName alone is enough, and need not be an e-mail address",
			body: `{"schemas":["` + UserSchema + `"],"userName":"bjensen"}`,
			want: `{"userName":"bjensen"}`,
		},
		{
			name: "a userName stays as it was sent",
			body: `{"schemas":["` + UserSchema + `"],"userName":" BJensen "}`,
			want: `{"userName":" BJensen "}`,
		},
		{
			name: "names of attributes come in any case and in any order",
			body: `{"USERNAME":"a","Name":{"GIVENNAME":"g","familyname":"f"},"schemas":["` + UserSchema + `"],"externalid":"7"}`,
			want: `{"externalId":"7","userName":"a","name":{"familyName":"f","givenName":"g"}}`,
		},
		{
			name: "null, empty arrays and empty objects are unassigned",
			body: `{"schemas":["` + UserSchema + `"],"userName":"a","title":null,"emails":[],"name":{"givenName":null},"roles":[null,{}],"` + EnterpriseUserSchema + `":{}}`,
			want: `{"userName":"a"}`,
			// An object without attributes needs no extension in `schemas`.
			quirks: []string{QuirkExtensionUndeclared},
		},
		{
			name: "an empty string is a value",
			body: `{"schemas":["` + UserSchema + `"],"userName":"a","title":""}`,
			want: `{"userName":"a","title":""}`,
		},
		{
			name:    "read-only values are ignored and listed",
			body:    `{"schemas":["` + UserSchema + `"],"userName":"a","id":"1","meta":{"version":"x"},"groups":[{"value":"g"}]}`,
			want:    `{"userName":"a"}`,
			ignored: []string{"id", "meta", "groups"},
		},
		{
			name:    "unknown attributes are ignored and listed",
			body:    `{"schemas":["` + UserSchema + `"],"userName":"a","__proto__":{"x":1},"name":{"nick":"n"},"urn:acme:2.0:User":{"y":1},"emails":[{"value":"a","verified":true}]}`,
			want:    `{"userName":"a","emails":[{"value":"a"}]}`,
			ignored: []string{"__proto__", "name.nick", "urn:acme:2.0:User", "emails.verified"},
		},
		{
			name:   "a missing schemas is tolerated",
			body:   `{"userName":"a"}`,
			want:   `{"userName":"a"}`,
			quirks: []string{QuirkSchemasMissing},
		},
		{
			name:    "schemas of SCIM 1.1 are tolerated",
			body:    `{"schemas":["urn:scim:schemas:core:1.0"],"userName":"a"}`,
			want:    `{"userName":"a"}`,
			ignored: []string{"schemas.urn:scim:schemas:core:1.0"},
			quirks:  []string{QuirkSchemasMissing},
		},
		{
			name:    "a long name of a schema is cut, and stays a text",
			body:    `{"schemas":["` + UserSchema + `","` + strings.Repeat("a", 127) + `é"],"userName":"a"}`,
			want:    `{"userName":"a"}`,
			ignored: []string{"schemas." + strings.Repeat("a", 127) + "\uFFFD"},
		},
		{
			name:   "an extension needs no announcement",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","` + EnterpriseUserSchema + `":{"department":"d"}}`,
			want:   `{"userName":"a","` + EnterpriseUserSchema + `":{"department":"d"}}`,
			quirks: []string{QuirkExtensionUndeclared},
		},
		{
			name:   "booleans come as strings",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","active":"False","emails":[{"value":"a","primary":"True"}]}`,
			want:   `{"userName":"a","active":false,"emails":[{"value":"a","primary":true}]}`,
			quirks: []string{QuirkBooleanAsString},
		},
		{
			name:   "the JSON of objects, and of an array of them, is text",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","name":"{\"givenName\":\"g\"}","emails":" [{\"value\":\"x\",\"primary\":\"True\"}]","photos":["{\"value\":\"p\"}"]}`,
			want:   `{"userName":"a","name":{"givenName":"g"},"emails":[{"value":"x","primary":true}],"photos":[{"value":"p"}]}`,
			quirks: []string{QuirkJSONText, QuirkBooleanAsString},
		},
		{
			name:   "roles keep the JSON that they are, and what begins like JSON and is none is a plain value",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","emails":["{x"],"roles":["{\"value\":\"Designer\"}"]}`,
			want:   `{"userName":"a","emails":[{"value":"{x"}],"roles":[{"value":"{\"value\":\"Designer\"}"}]}`,
			quirks: []string{QuirkStringAsValue},
		},
		{
			name:   "the JSON of an object with only unknown keys stays a plain value",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","entitlements":["{\"app\":\"x\",\"id\":\"7\"}"]}`,
			want:   `{"userName":"a","entitlements":[{"value":"{\"app\":\"x\",\"id\":\"7\"}"}]}`,
			quirks: []string{QuirkStringAsValue},
		},
		{
			name:   "dotted keys, URN keys and filter keys name what paths name",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","name.givenName":"g","` + EnterpriseUserSchema + `:department":"d","emails[type eq \"work\"].value":"w","` + UserSchema + `:title":"t"}`,
			want:   `{"userName":"a","name":{"givenName":"g"},"title":"t","emails":[{"value":"w","type":"work"}],"` + EnterpriseUserSchema + `":{"department":"d"}}`,
			quirks: []string{QuirkDottedKey, QuirkURNKey, QuirkFilterKey, QuirkCreatedByFilter},
		},
		{
			name:   "a manager is a string",
			body:   `{"schemas":["` + UserSchema + `","` + EnterpriseUserSchema + `"],"userName":"a","` + EnterpriseUserSchema + `":{"manager":"26118915"}}`,
			want:   `{"userName":"a","` + EnterpriseUserSchema + `":{"manager":{"value":"26118915"}}}`,
			quirks: []string{QuirkStringAsValue},
		},
		{
			name:   "a manager is an empty string",
			body:   `{"schemas":["` + UserSchema + `","` + EnterpriseUserSchema + `"],"userName":"a","` + EnterpriseUserSchema + `":{"manager":""}}`,
			want:   `{"userName":"a"}`,
			quirks: []string{QuirkEmptyAsUnassigned},
		},
		{
			name:   "a manager is a reference",
			body:   `{"schemas":["` + UserSchema + `","` + EnterpriseUserSchema + `"],"userName":"a","` + EnterpriseUserSchema + `":{"manager":{"$ref":"../Users/26118915"}}}`,
			want:   `{"userName":"a","` + EnterpriseUserSchema + `":{"manager":{"value":"26118915","$ref":"../Users/26118915"}}}`,
			quirks: []string{QuirkValueFromRef},
		},
		{
			name:    "a manager's name is read-only (RFC 7643 §4.3)",
			body:    `{"schemas":["` + UserSchema + `","` + EnterpriseUserSchema + `"],"userName":"a","` + EnterpriseUserSchema + `":{"manager":{"value":"1","displayName":"M"}}}`,
			want:    `{"userName":"a","` + EnterpriseUserSchema + `":{"manager":{"value":"1"}}}`,
			ignored: []string{EnterpriseUserSchema + ":manager.displayName"},
		},
		{
			name:   "roles are plain strings",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","roles":["Designer",{"value":"Developer"}]}`,
			want:   `{"userName":"a","roles":[{"value":"Designer"},{"value":"Developer"}]}`,
			quirks: []string{QuirkStringAsValue},
		},
		{
			name:   "one value stands where an array belongs",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","emails":{"value":"a"}}`,
			want:   `{"userName":"a","emails":[{"value":"a"}]}`,
			quirks: []string{QuirkSingleAsArray},
		},
		{
			name:   "an array of one object stands where an object belongs",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","name":[{"givenName":"g"}]}`,
			want:   `{"userName":"a","name":{"givenName":"g"}}`,
			quirks: []string{QuirkArrayAsSingle},
		},
		{
			name:   "of several primary values the first one stays",
			body:   `{"schemas":["` + UserSchema + `"],"userName":"a","emails":[{"value":"a"},{"value":"b","primary":true},{"value":"c","primary":true}]}`,
			want:   `{"userName":"a","emails":[{"value":"a"},{"value":"b","primary":true},{"value":"c","primary":false}]}`,
			quirks: []string{QuirkSeveralPrimaries},
		},
		{
			name: "equal values count once",
			body: `{"schemas":["` + UserSchema + `"],"userName":"a","emails":[{"value":"a","type":"work"},{"type":"work","value":"a"},{"value":"a"}]}`,
			want: `{"userName":"a","emails":[{"value":"a","type":"work"},{"value":"a"}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := UserType().New([]byte(c.body), Options{})
			requireNoError(t, err)
			requireEqual(t, "document", attributes(r.Document), c.want)
			requireEqual(t, "ignored", r.Ignored, c.ignored)
			requireEqual(t, "quirks", r.Quirks, c.quirks)
			requireEqual(t, "changed", r.Changed, true)
		})
	}
}

func TestSchemasAreComputed(t *testing.T) {
	d := user(t, `{"schemas":["`+EnterpriseUserSchema+`","`+UserSchema+`"],"userName":"a"}`)
	requireEqual(t, "without the extension", string(d.JSON()), `{"schemas":["`+UserSchema+`"],"userName":"a"}`)
	d = user(t, `{"userName":"a","`+strings.ToUpper(EnterpriseUserSchema)+`":{"division":"d"}}`)
	requireEqual(t, "with the extension", string(d.JSON()),
		`{"schemas":["`+UserSchema+`","`+EnterpriseUserSchema+`"],"userName":"a","`+EnterpriseUserSchema+`":{"division":"d"}}`)
}

func TestAPasswordIsAcceptedAndNotKept(t *testing.T) {
	r, err := UserType().New([]byte(`{"userName":"a","password":"t1meMa$heen"}`), Options{})
	requireNoError(t, err)
	requireEqual(t, "password", r.Password, true)
	requireEqual(t, "ignored", r.Ignored, nil)
	requireEqual(t, "document", attributes(r.Document), `{"userName":"a"}`)
	r, err = UserType().Patch(r.Document, operations(t, `[{"op":"replace","path":"password","value":"x"}]`), Options{})
	requireNoError(t, err)
	requireEqual(t, "password in a PATCH", r.Password, true)
	requireEqual(t, "changed", r.Changed, false)
	_, err = UserType().New([]byte(`{"userName":"a","password":{"x":"secret"}}`), Options{})
	if e := requireError(t, err, InvalidValue); strings.Contains(e.Detail, "secret") {
		t.Errorf("the detail tells the password: %s", e.Detail)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       ErrorType
		path, says string
	}{
		{"no userName", `{"displayName":"a"}`, InvalidValue, "userName", "userName is required"},
		{"a userName of null", `{"userName":null}`, InvalidValue, "userName", "required"},
		{"a blank userName", `{"userName":" \t\u00a0"}`, InvalidValue, "userName", "required"},
		{"a userName that is an object", `{"userName":{}}`, InvalidValue, "userName", "userName must be a string, not an object"},
		{"a userName that no database indexes", `{"userName":"` + strings.Repeat("x", 1025) + `"}`, InvalidValue, "userName", "longer than 1024"},
		{"a name that is a string", `{"userName":"a","name":"Bob"}`, InvalidValue, "name", "name must be an object, not a string"},
		{"an active that is a number", `{"userName":"a","active":1}`, InvalidValue, "active", "active must be true or false, not a number"},
		{"an active that is a word", `{"userName":"a","active":"yes"}`, InvalidValue, "active", "true or false"},
		{"an e-mail that is a number", `{"userName":"a","emails":[7]}`, InvalidValue, "emails", "Each value of emails must be an object, not a number"},
		{"an e-mail in two arrays", `{"userName":"a","emails":[["a"]]}`, InvalidValue, "emails", "not an array"},
		{"an e-mail whose value is a boolean", `{"userName":"a","emails":[{"value":true}]}`, InvalidValue, "emails.value", "must be a string"},
		{"a userName in an array", `{"userName":["a"]}`, InvalidValue, "userName", "userName must be a string, not an array"},
		{"an employee's number that is one", `{"userName":"a","` + EnterpriseUserSchema + `":{"employeeNumber":7}}`, InvalidValue, EnterpriseUserSchema + ":employeeNumber", "must be a string, not a number"},
		{"two userNames in an array", `{"userName":["a","b"]}`, InvalidValue, "userName", "not an array"},
		{"an extension that is a string", `{"userName":"a","` + EnterpriseUserSchema + `":"x"}`, InvalidValue, EnterpriseUserSchema, "must be an object"},
		{"a Group's schema", `{"schemas":["` + GroupSchema + `"],"userName":"a"}`, InvalidValue, "schemas", "names a Group"},
		{"schemas that is a number", `{"schemas":1,"userName":"a"}`, InvalidSyntax, "schemas", "array of URNs"},
		{"schemas of numbers", `{"schemas":[1],"userName":"a"}`, InvalidSyntax, "schemas", "must contain URNs"},
		{"more values than an attribute may have", `{"userName":"a","emails":[` + strings.Repeat(`"a",`, 1000) + `"a"]}`, InvalidValue, "emails", "more than 1000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := UserType().New([]byte(c.body), Options{})
			e := requireError(t, err, c.want)
			requireEqual(t, "path", e.Path, c.path)
			if !strings.Contains(e.Detail, c.says) {
				t.Errorf("detail %q does not say %q", e.Detail, c.says)
			}
		})
	}
}

func TestStrictRefusesWhatTolerantReads(t *testing.T) {
	const head = `{"schemas":["` + UserSchema + `","` + EnterpriseUserSchema + `"],"userName":"a",`
	for _, c := range []struct {
		name, body string
		want       ErrorType
	}{
		{"no schemas", `{"userName":"a"}`, InvalidSyntax},
		{"schemas without the core schema", `{"schemas":["` + EnterpriseUserSchema + `"],"userName":"a"}`, InvalidSyntax},
		{"an unknown schema", `{"schemas":["` + UserSchema + `","urn:x:y"],"userName":"a"}`, InvalidSyntax},
		{"an extension that is not announced", `{"schemas":["` + UserSchema + `"],"userName":"a","` + EnterpriseUserSchema + `":{"department":"d"}}`, InvalidSyntax},
		{"an unknown attribute", head + `"zip":1}`, InvalidSyntax},
		{"an unknown sub-attribute", head + `"name":{"zip":1}}`, InvalidSyntax},
		{"an unknown extension attribute", head + `"` + EnterpriseUserSchema + `":{"zip":1}}`, InvalidSyntax},
		{"a boolean as a string", head + `"active":"True"}`, InvalidValue},
		{"the JSON of an object as text", head + `"name":"{\"givenName\":\"g\"}"}`, InvalidValue},
		{"a dotted key", head + `"name.givenName":"g"}`, InvalidSyntax},
		{"a URN key", head + `"` + EnterpriseUserSchema + `:department":"d"}`, InvalidSyntax},
		{"a manager as a string", head + `"` + EnterpriseUserSchema + `":{"manager":"1"}}`, InvalidValue},
		{"a role as a string", head + `"roles":["a"]}`, InvalidValue},
		{"one value for an array", head + `"emails":{"value":"a"}}`, InvalidValue},
		{"an array for one value", head + `"name":[{"givenName":"g"}]}`, InvalidValue},
		{"two primary values", head + `"emails":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, InvalidValue},
		{"a certificate that is no base64", head + `"x509Certificates":[{"value":"-----BEGIN"}]}`, InvalidValue},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := UserType().New([]byte(c.body), Options{})
			requireNoError(t, err)
			_, err = UserType().New([]byte(c.body), Options{Mode: Strict})
			requireError(t, err, c.want)
		})
	}
}

func TestStrictIgnoresReadOnlyValuesInBodies(t *testing.T) {
	r, err := UserType().New([]byte(`{"schemas":["`+UserSchema+`"],"id":"1","userName":"a","meta":{"version":"x"}}`), Options{Mode: Strict})
	requireNoError(t, err)
	requireEqual(t, "ignored", r.Ignored, []string{"id", "meta"})
}

func TestIgnoredIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"userName":"a"`)
	for i := range 10_000 {
		fmt.Fprintf(&b, `,"x%d":1`, i)
	}
	r, err := UserType().New([]byte(b.String()+`}`), Options{})
	requireNoError(t, err)
	requireEqual(t, "length", len(r.Ignored), mostIgnored+1)
	requireEqual(t, "last", r.Ignored[mostIgnored], "...")
}

func TestReplace(t *testing.T) {
	old := user(t, `{"userName":"a","title":"t","emails":[{"value":"e"}]}`)
	for _, c := range []struct {
		name, body, want string
		changed          bool
	}{
		{"what the body lacks becomes unassigned", `{"userName":"a"}`, `{"userName":"a"}`, true},
		{"the same in another order changes nothing", `{"emails":[{"value":"e"}],"title":"t","userName":"a"}`, attributes(old), false},
		{"read-only values are ignored", `{"id":"other","userName":"a","title":"t","emails":[{"value":"e"}],"meta":{}}`, attributes(old), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := UserType().Replace(old, []byte(c.body), Options{})
			requireNoError(t, err)
			requireEqual(t, "document", attributes(r.Document), c.want)
			requireEqual(t, "changed", r.Changed, c.changed)
			requireEqual(t, "members", r.Members, nil)
		})
	}
	t.Run("a required attribute can't be left out", func(t *testing.T) {
		_, err := UserType().Replace(old, []byte(`{"title":"t"}`), Options{})
		requireError(t, err, InvalidValue)
	})
}

func TestReadingValuesOfADocument(t *testing.T) {
	d := user(t, `{"userName":"A","active":false,"name":{"givenName":"g"},"`+EnterpriseUserSchema+`":{"department":"d","manager":{"value":"m"}}}`)
	for path, want := range map[string]string{
		"userName": "A", "USERNAME": "A", "name.givenName": "g", UserSchema + ":userName": "A",
		EnterpriseUserSchema + ":department": "d", EnterpriseUserSchema + ":manager.value": "m",
	} {
		t.Run(path, func(t *testing.T) {
			got, ok := d.Str(path)
			if !ok || got != want {
				t.Fatalf("got %q, %v", got, ok)
			}
		})
	}
	for _, path := range []string{"title", "name", "active", "nonsense", "", "a b", EnterpriseUserSchema} {
		t.Run("no string at "+path, func(t *testing.T) {
			if got, ok := d.Str(path); ok {
				t.Fatalf("got %q", got)
			}
		})
	}
	active, ok := d.Bool("active")
	requireEqual(t, "active", [2]bool{active, ok}, [2]bool{false, true})
	_, ok = d.Bool("userName")
	requireEqual(t, "a string is no boolean", ok, false)
}

func TestParseStoredRefusesWhatIsNotCanonical(t *testing.T) {
	for _, data := range []string{``, `{}`, `[]`, `{"userName":"a"}`, `{"schemas":[],"username":"a"}`, `{"schemas":[],"title":"a","userName":"a"}`, `{"schemas":[],"id":"a","zip":1}`} {
		t.Run(data, func(t *testing.T) {
			if _, err := ParseStored(UserType(), []byte(data)); err == nil {
				t.Fatal("it was read")
			}
		})
	}
}

func TestSearchValues(t *testing.T) {
	d := user(t, `{"userName":"a","emails":[{"value":"A@X.com","type":"Work","primary":true},{"type":"home"}],"phoneNumbers":[{"value":"+1 555"}],
		"photos":[{"value":"http://p"}],"roles":["Designer"],"entitlements":[{"value":"E1"}]}`)
	requireEqual(t, "values", d.SearchValues(), []SearchValue{
		{Attribute: "emails", Value: "a@x.com", Type: "work", Primary: true},
		{Attribute: "phoneNumbers", Value: "+1 555"},
		{Attribute: "entitlements", Value: "e1"},
		{Attribute: "roles", Value: "designer"},
	})
	requireEqual(t, "values of a group", len(group(t, `{"displayName":"g"}`).SearchValues()), 0)
}

func TestRoles(t *testing.T) {
	for _, c := range []struct {
		name, roles string
		want        []string
	}{
		{"plain strings", `["Designer","Developer"]`, []string{"Designer", "Developer"}},
		{"objects", `[{"value":"Designer","primary":true},{"display":"no value"}]`, []string{"Designer"}},
		{"Entra ID's JSON in the value", `[{"value":"{\"id\":\"18d1\",\"value\":\"Designer\",\"displayName\":\"Des\"}"}]`, []string{"Designer"}},
		{"Entra ID's JSON as a plain string", `["{\"id\":\"18d1\",\"value\":\"Designer\",\"displayName\":\"Des\"}"]`, []string{"Designer"}},
		{"repetitions by different spellings of the form", `["Designer",{"value":"{\"value\":\"Designer\"}"},{"value":"designer"}]`, []string{"Designer", "designer"}},
		{"what only looks like JSON", `["{Designer","{\"value\":7}"]`, []string{"{Designer", `{"value":7}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireEqual(t, "roles", user(t, `{"userName":"a","roles":`+c.roles+`}`).Roles(), c.want)
		})
	}
	t.Run("no roles", func(t *testing.T) { requireEqual(t, "roles", len(user(t, `{"userName":"a"}`).Roles()), 0) })
	t.Run("a group", func(t *testing.T) { requireEqual(t, "roles", len(group(t, `{"displayName":"a"}`).Roles()), 0) })
}
