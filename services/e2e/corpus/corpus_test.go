package corpus

import (
	"encoding/json"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

func all(t *testing.T) []Scenario {
	t.Helper()
	scenarios, err := All()
	if err != nil {
		t.Fatal(err)
	}
	return scenarios
}

func TestEveryFileIsLoaded(t *testing.T) {
	count := 0
	_ = fs.WalkDir(files, ".", func(file string, entry fs.DirEntry, _ error) error {
		if path.Ext(file) == ".json" {
			count++
		}
		return nil
	})
	scenarios := all(t)
	if len(scenarios) != count || count == 0 {
		t.Errorf("%d scenarios of %d files", len(scenarios), count)
	}
	perIdP := map[string]int{}
	for i, s := range scenarios {
		perIdP[s.IdP]++
		if i > 0 && scenarios[i-1].Name >= s.Name {
			t.Errorf("%s is not after %s", s.Name, scenarios[i-1].Name)
		}
	}
	for _, idp := range identityProviders {
		if perIdP[idp] == 0 {
			t.Errorf("%s has no scenario", idp)
		}
	}
}

// Scenarios that need no directory of their own may share one, so no two of them may create the same resource.
func TestScenariosDoNotMeet(t *testing.T) {
	owner := map[string]string{}
	for _, s := range all(t) {
		for _, step := range s.Steps {
			if step.Method != "POST" {
				continue
			}
			var body struct {
				UserName    string
				ExternalID  string
				DisplayName string
			}
			if err := json.Unmarshal(step.Body, &body); err != nil {
				t.Fatalf("%s, step %q: %v", s.Name, step.Name, err)
			}
			names := []string{"userName " + body.UserName}
			if body.ExternalID != "" {
				names = append(names, "externalId "+body.ExternalID)
			}
			if step.Path == "/Groups" {
				names = []string{"group " + body.DisplayName}
			}
			for _, name := range names {
				name = strings.ToLower(name)
				if other := owner[name]; other != "" && other != s.Name {
					t.Errorf("%s is in %s and in %s", name, other, s.Name)
				}
				owner[name] = s.Name
			}
		}
	}
}

// A write without a check of its effect proves little: every scenario that writes also reads afterwards.
func TestEveryWriteIsVerified(t *testing.T) {
	for _, s := range all(t) {
		if last := s.Steps[len(s.Steps)-1]; last.Method != "GET" && last.Expect.JSON == nil {
			t.Errorf("%s ends with %s %s, unverified", s.Name, last.Method, last.Path)
		}
	}
}

const good = `{
	"name": "entra/x", "title": "t", "idp": "entra", "source": ["https://example.com/doc"],
	"steps": [
		{"name": "a", "method": "POST", "path": "/Users", "body": {}, "expect": {"status": 201, "save": {"id": "/id"}}},
		{"name": "b", "method": "GET", "path": "/Users/{{id}}", "expect": {"status": [200, 404], "json": {"id": "{{id}}"}}}
	]
}`

func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, replacement, want string }{
		{"a name that is not the file's", `"entra/x"`, `"entra/y"`, `must be "entra/x"`},
		{"a missing title", `"title": "t"`, `"title": ""`, "title is missing"},
		{"an unknown identity provider", `"idp": "entra"`, `"idp": "nobody"`, `idp "nobody"`},
		{"another folder's identity provider", `"idp": "entra"`, `"idp": "okta"`, `idp "okta"`},
		{"no source", `["https://example.com/doc"]`, `[]`, "source is missing"},
		{"a source that is no URL", `https://example.com/doc`, `the docs`, "not an https URL"},
		{"a name used twice", `"name": "b"`, `"name": "a"`, "is empty or taken"},
		{"a method that nobody uses", `"GET"`, `"TRACE"`, "method"},
		{"a write without a body", `"body": {}, `, ``, "must have a body"},
		{"a body where none belongs", `"GET",`, `"GET", "body": {},`, "must have none"},
		{"a refusal without a standard form", `"body": {}`, `"body": {}, "strict": {"status": 400, "scimType": "invalidSyntax"}`, "strict needs standard"},
		{"a refusal that is none", `"body": {}`, `"body": {}, "standard": {}, "strict": {"status": 201, "scimType": "x"}`, "strict needs standard"},
		{"a standard form without a body", `"GET",`, `"GET", "standard": {},`, "standard needs a body"},
		{"a path that is not escaped", `/Users/{{id}}`, `/Users?filter=a eq 1&x={{id}}`, "not escaped"},
		{"a path without a slash", `"/Users"`, `"Users"`, "does not begin with a slash"},
		{"a status that is none", `201`, `99`, "status 99"},
		{"no status", `"status": 201, `, ``, "no status"},
		{"a status in words", `201`, `"created"`, "neither a number"},
		{"a variable that nothing saved", `/Users/{{id}}`, `/Users/{{other}}`, "{{other}}"},
		{"a variable saved only later", `"body": {}`, `"body": {"x": "{{id}}"}`, "{{id}}"},
		{"a variable of an impossible name", `"save": {"id"`, `"save": {"i d"`, "not a valid name of a variable"},
		{"a variable that is taken", `"save": {"id"`, `"save": {"baseUrl"`, "is taken"},
		{"a pointer that is none", `"/id"`, `"id"`, "not a JSON pointer"},
		{"an absence without a pointer", `"save":`, `"absent": ["id"], "save":`, "not a JSON pointer"},
		{"distinct variables that nothing saved", `"save":`, `"distinct": ["q"], "save":`, `"q"`},
		{"a secret", `"body": {}`, `"headers": {"authorization": "Bearer x"}, "body": {}`, "secret"},
		{"a field that it doesn't know", `"title"`, `"titel"`, "titel"},
		{"something after the end", good, good + "{}", "after the scenario"},
		{"no steps", good[strings.Index(good, `"steps"`):], `"steps": []}`, "no steps"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.replacement, 1)
			if text == good {
				t.Fatal("the case changes nothing")
			}
			_, err := Load(fstest.MapFS{"entra/x.json": {Data: []byte(text)}})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "entra/x.json") {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	t.Run("but not what is in order", func(t *testing.T) {
		scenarios, err := Load(fstest.MapFS{"entra/x.json": {Data: []byte(good)}, "README.md": {Data: []byte("#")}})
		if err != nil || len(scenarios) != 1 {
			t.Errorf("%d scenarios, error %v", len(scenarios), err)
		}
	})
	t.Run("naming every file with a problem", func(t *testing.T) {
		_, err := Load(fstest.MapFS{"entra/1.json": {Data: []byte("{")}, "okta/2.json": {Data: []byte("{}")}})
		if err == nil || !strings.Contains(err.Error(), "entra/1.json") || !strings.Contains(err.Error(), "okta/2.json") {
			t.Errorf("error %v", err)
		}
	})
}

func TestStandardForm(t *testing.T) {
	changed := 0
	for _, s := range all(t) {
		standard, ok := s.Standard()
		if !ok {
			continue
		}
		changed++
		for i, step := range standard.Steps {
			if step.Standard != nil {
				t.Errorf("%s, step %q: still has two forms", s.Name, step.Name)
			}
			if original := s.Steps[i]; original.Standard != nil && string(step.Body) != string(original.Standard) {
				t.Errorf("%s, step %q: sends another body", s.Name, step.Name)
			}
			// These quirks can be found in the text of a standard form.
			for _, quirk := range []string{`"op": "Add"`, `"op": "Replace"`, `"op": "Remove"`, `"True"`, `"False"`} {
				if strings.Contains(string(step.Body), quirk) {
					t.Errorf("%s, step %q: the standard form has %s", s.Name, step.Name, quirk)
				}
			}
		}
	}
	if changed < 10 {
		t.Errorf("only %d scenarios have a standard form", changed)
	}
}

func TestStatusesAreWrittenAsRead(t *testing.T) {
	for _, text := range []string{"201", "[200,204]"} {
		var s Statuses
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Fatal(err)
		}
		if back, err := json.Marshal(s); err != nil || string(back) != text {
			t.Errorf("%s becomes %s, error %v", text, back, err)
		}
	}
}
