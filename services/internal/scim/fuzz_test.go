package scim

import (
	"encoding/json"
	"testing"
)

// roomy accepts the canonical form of an accepted text, which may be longer.
var roomy = Limits{FilterBytes: 1 << 20}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		`userName eq "bjensen"`, `name.familyName co "O'Malley"`, `urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`,
		`title pr and userType eq "Employee" or not (active eq false)`, `meta.lastModified gt "2011-05-13T04:42:34Z"`,
		`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`,
		`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`,
		`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`,
		EnterpriseUserSchema + `:department eq "x"`, `a eq -1.5E+10`, `a eq null`, `a eq "\ud83d\ude00\u0000"`, `((((a pr))))`, `not(not(a pr))`,
		`members[value eq "1" or value eq "2"]`, `members[$ref ne "https://h/Users/a"]`, `a pr)`, `[`, `"`,
	} {
		f.Add(seed)
	}
	for _, seed := range corpus(f).filters {
		f.Add(seed)
	}
	d := user(f, before)
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := ParseFilter(text, Limits{})
		if err != nil {
			requireError(t, err, InvalidFilter)
			return
		}
		spelled := filter.String()
		again, err := ParseFilter(spelled, roomy)
		if err != nil {
			t.Fatalf("%q was spelled %q, which can't be read: %v", text, spelled, err)
		}
		requireEqual(t, "spelled again", again.String(), spelled)
		for _, of := range ResourceTypes() {
			requireEqual(t, "checked", of.CheckFilter(again) == nil, of.CheckFilter(filter) == nil)
		}
		requireEqual(t, "matched", again.Match(UserType(), d, Envelope{ID: "1"}), filter.Match(UserType(), d, Envelope{ID: "1"}))
		filter.MatchMember(Member{Value: "a"}, "https://h")
		for _, of := range ResourceTypes() {
			if of.CheckFilter(filter) == nil {
				filter.Condition(of)
			}
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		`members`, `name.familyName`, `addresses[type eq "work"]`, `members[value eq "2819c223-7f76-453a-919d-413861904646"]`,
		`members[value eq "2819c223"].displayName`, EnterpriseUserSchema, EnterpriseUserSchema + `:manager.value`,
		UserSchema + `:emails[type eq "]"].value`, `emails[`, `.`, `a:b`, `emails[0].value`, `roles[primary eq "True"].value`,
	} {
		f.Add(seed)
	}
	for _, seed := range corpus(f).paths {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := ParsePath(text, Limits{})
		if err != nil {
			return
		}
		again, err := ParsePath(path.String(), roomy)
		if err != nil {
			t.Fatalf("%q was spelled %q, which can't be read: %v", text, path, err)
		}
		requireEqual(t, "spelled again", again.String(), path.String())
		for _, of := range ResourceTypes() {
			_, first := of.resolvePath(path)
			_, second := of.resolvePath(again)
			requireEqual(t, "resolved", second == nil, first == nil)
		}
	})
}

func FuzzProjection(f *testing.F) {
	for _, seed := range []string{`userName,emails.value`, `emails[type eq "work"]`, `emails[type eq "a,]\"b"].value,name`, UserSchema + `:title`, `a[`, `,"],`} {
		f.Add(seed)
	}
	canonical := user(f, before).JSON()
	f.Fuzz(func(t *testing.T, list string) {
		p, err := ParseProjection([]string{list}, nil)
		if err != nil {
			requireError(t, err, InvalidValue)
			return
		}
		if again, err := ParseProjection(SplitNames(list), nil); err != nil {
			t.Fatalf("its names apart are not read: %v", err)
		} else {
			requireEqual(t, "its names apart", again, p)
		}
		rendered, err := UserType().RenderUser(nil, canonical, Envelope{ID: "1"}, nil, p)
		if err != nil || !json.Valid(rendered) {
			t.Fatalf("it renders %s, %v", rendered, err)
		}
	})
}

func FuzzDocument(f *testing.F) {
	for _, seed := range []string{
		before, renderedUser, entraUser, `{"displayName":"g","members":["a",{"value":"b","$ref":"../Groups/b"}]}`, `{"userName":["a"],"roles":"x"}`,
		`{"userName":"\u00e9\ud83d\ude00","__proto__":{},"name.givenName":"x","emails[type eq \"work\"].value":"y"}`,
		`{"userName":"a","emails":"[{\"value\":\"x\"},null]","name":"{\"givenName\":\"g\"}","photos":["{\"value\":[]}"]}`,
		`{"schemas":null,"userName":"a","emails":[{"primary":true},{"primary":"True"}],"title":1e400}`, `{"a":{"a":{"a":[[[[]]]]}}}`,
	} {
		f.Add([]byte(seed))
	}
	for _, seed := range corpus(f).bodies {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, of := range ResourceTypes() {
			r, err := of.New(body, Options{})
			if err != nil {
				continue
			}
			if !json.Valid(body) {
				t.Fatalf("encoding/json refuses what was accepted: %q", body)
			}
			requireCanonical(t, r.Document)
			r.Document.Roles()
			r.Document.SearchValues()
			if again, err := of.Replace(r.Document, body, Options{}); err != nil || again.Changed {
				t.Fatalf("the same body again changes the document: %v", err)
			}
			_, _ = of.New(body, Options{Mode: Strict})
		}
	})
}

func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		`{"schemas":["` + PatchOpSchema + `"],"Operations":[{"op":"add","path":"title","value":"x"}]}`,
		`{"Operations":[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"x"},{"op":"Remove","path":"name"}]}`,
		`{"Operations":[{"op":"replace","value":{"name.givenName":"g","active":"False","` + EnterpriseUserSchema + `:manager":"1"}}]}`,
		`{"Operations":[{"op":"add","path":"emails","value":[{"value":"a","primary":true},"b"]},{"op":"remove","path":"emails","value":["b"]}]}`,
		`{"Operations":[{"op":"Add","path":"manager","value":[{"$ref":"/Users/m","value":"m"}]},{"op":"remove","path":"` + EnterpriseUserSchema + `.department"}]}`,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse","urn:x"],"Operations":[]}`,
		`{"operations":{"op":"remove","path":"members[value eq \"a\" or value eq \"b\"]"}}`,
		`{"Operations":[{"op":"replace","path":"emails[value eq \"b@home\"]","value":"{\"value\":\"c\",\"primary\":true}"},{"op":"remove","path":"active"}]}`,
		`{"Operations":[{"op":"remove","path":"members","value":"[{\"value\":\"a\"},{\"$ref\":\"/Users/b\"}]"}]}`,
		`{"Operations":[{"op":"remove","path":"members","value":[{"value":"a"}]},{"op":"add","path":"members","value":["a"]}]}`,
		`{"Operations":[{"op":"add","path":"` + EnterpriseUserSchema + `","value":{"manager":{"$ref":"../Users/1"}}}]}`,
	} {
		f.Add([]byte(seed))
	}
	for _, seed := range corpus(f).patches {
		f.Add(seed)
	}
	olds := []*Document{user(f, before), group(f, `{"displayName":"g"}`)}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, mode := range []Mode{Tolerant, Strict} {
			ops, err := ParsePatch(body, Options{Mode: mode})
			if err != nil {
				continue
			}
			for _, old := range olds {
				oldJSON := string(old.JSON())
				r, err := old.t.Patch(old, ops, Options{Mode: mode})
				requireEqual(t, "the old document", string(newDocument(old.t, old.root, 0).JSON()), oldJSON)
				if err == nil {
					requireCanonical(t, r.Document)
				}
			}
		}
	})
}

// FuzzSchema registers a schema, and reads a resource that has the extension.
func FuzzSchema(f *testing.F) {
	f.Add([]byte(badgeSchema), []byte(`{"userName":"a","`+badge+`":{"number":"7","doors":["a"],"holder":{"clip":"True"}}}`),
		badge+`:doors[value eq "a"].type`, badge+`:holder.clip eq true`, []byte(`"in"`))
	f.Add([]byte(`{"id":"`+campus+`","attributes":[{"name":"desk","multiValued":true}]}`), []byte(`{"userName":"a","`+campus+`":{"desk":"7"}}`),
		campus+`:desk[value eq "7"]`, campus+` eq "7"`, []byte(`"8"`))
	f.Add([]byte(`{"id":"urn:x:v1.x","attributes":[{"name":"value"},{"name":"l","type":"complex","multiValued":true,"subAttributes":[`+
		`{"name":"value","type":"integer"},{"name":"$ref","type":"reference"},{"name":"primary"}]}]}`),
		[]byte(`{"userName":"a","urn:x:v1.x":{"l":[{"$ref":"https://x/1"},{"value":2,"primary":"y"}]}}`), `urn:x:v1.x:l.$ref`, `urn:x:v1.x:l eq 2`, []byte(`"u/2"`))
	f.Fuzz(func(t *testing.T, definition, body []byte, path, filter string, value []byte) {
		s, err := ParseSchema(definition)
		if err != nil {
			return
		}
		rendered := string(must(s.MarshalJSON()))
		requireEqual(t, "a schema that was rendered", string(must(parsedSchema(t, rendered).MarshalJSON())), rendered)
		extended, err := UserType().Extend(s)
		if err != nil {
			return
		}
		r, err := extended.New(body, Options{})
		if err != nil {
			return
		}
		requireReadable(t, r.Document)
		if f, err := ParseFilter(filter, Limits{}); err == nil && extended.CheckFilter(f) == nil {
			f.Match(extended, r.Document, Envelope{})
		}
		for _, op := range []string{"add", "replace", "remove"} {
			if patched, err := extended.Patch(r.Document, &PatchOp{Operations: []Operation{{Op: op, Path: path, Value: value}}}, Options{}); err == nil {
				requireReadable(t, patched.Document)
			}
		}
	})
}

// requireReadable requires that a document can be read again as it is, and without its extension in any case.
func requireReadable(t *testing.T, d *Document) {
	t.Helper()
	requireCanonical(t, d)
	if _, err := ParseStored(UserType(), d.JSON()); err != nil {
		t.Fatalf("without the extension %s is not read: %v", d.JSON(), err)
	}
}
