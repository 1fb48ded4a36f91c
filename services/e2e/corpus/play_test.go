package corpus

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const testKey = "corpus-test-key"

// load makes a scenario from steps.
func load(t *testing.T, steps string) Scenario {
	t.Helper()
	text := `{"name": "okta/x", "title": "t", "idp": "okta", "source": ["https://example.com"], "steps": ` + steps + `}`
	scenarios, err := Load(fstest.MapFS{"okta/x.json": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return scenarios[0]
}

func TestPlaySendsWhatTheFileSays(t *testing.T) {
	var seen []string
	var headers []http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		headers = append(headers, r.Header)
		w.Header().Set("Content-Type", "application/scim+json; charset=utf-8")
		w.Header().Set("Location", "https://elsewhere/Users/i%22d")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id": "i\"d /+", "nested": [{"v": "second"}]}`)
	}))
	defer server.Close()

	s := load(t, `[
		{"name": "1", "method": "POST", "path": "/Users", "body": {"b": 1,  "a": "Add"}, "headers": {"X-Own": "{{baseUrl}}", "Accept": "*/*"},
		 "expect": {"status": [200, 201], "save": {"id": "/id", "v": "/nested/0/v"}, "headers": {"location": "*/Users/i%22d"}, "distinct": ["id", "v"]}},
		{"name": "2", "method": "PATCH", "path": "/Users/{{id}}?filter=x%20eq%20%22{{v}}%22", "body": {"path": "members[value eq \"{{v}}\"]", "value": "{{id}}"},
		 "expect": {"status": 201, "json": {"id": "{{id}}"}, "absent": ["/password"]}},
		{"name": "3", "method": "GET", "path": "/Users", "expect": {"status": 201}}
	]`)
	trace, err := Play(t.Context(), server.Client(), server.URL+"/scim/", testKey, s)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`POST /scim/Users {"b": 1,  "a": "Add"}`,
		`PATCH /scim/Users/i%22d%20%2F%2B?filter=x%20eq%20%22second%22 {"path": "members[value eq \"second\"]", "value": "i\"d /+"}`,
		`GET /scim/Users `,
	}
	for i := range want {
		if seen[i] != want[i] {
			t.Errorf("sent\n%s, want\n%s", seen[i], want[i])
		}
	}
	for i, h := range headers {
		if h.Get("Authorization") != "Bearer "+testKey {
			t.Errorf("request %d has no key", i+1)
		}
		if hasBody := i < 2; (h.Get("Content-Type") == "application/scim+json; charset=utf-8") != hasBody {
			t.Errorf("request %d has Content-Type %q", i+1, h.Get("Content-Type"))
		}
	}
	if headers[0].Get("X-Own") != server.URL+"/scim" || headers[0].Get("Accept") != "*/*" || headers[1].Get("Accept") != mediaType {
		t.Errorf("headers %v and %v", headers[0], headers[1])
	}
	if len(trace.Steps) != 3 || trace.Steps[2].Status != 201 || trace.Scenario != "okta/x" {
		t.Errorf("trace %+v", trace)
	}
	if raw, _ := json.Marshal(trace); strings.Contains(string(raw), testKey) {
		t.Error("the key is in the trace")
	}
}

func TestPlayStopsAtTheFirstMismatch(t *testing.T) {
	for _, c := range []struct{ name, expect, contentType, body, want string }{
		{"another status", `{"status": 204}`, mediaType, `{}`, "status 200, want [204]"},
		{"another value", `{"status": 200, "json": {"a": 2}}`, mediaType, `{"a": 1}`, "/a is 1, want 2"},
		{"a value that should not be there", `{"status": 200, "absent": ["/a"]}`, mediaType, `{"a": 1}`, "/a is there"},
		{"nothing to save", `{"status": 200, "save": {"x": "/b"}}`, mediaType, `{"a": 1}`, "nothing to save at /b"},
		{"a number to save", `{"status": 200, "save": {"x": "/a"}}`, mediaType, `{"a": 1}`, "nothing to save at /a"},
		{"a missing header", `{"status": 200, "headers": {"ETag": "*"}}`, mediaType, `{}`, "header ETag"},
		{"equal values", `{"status": 200, "save": {"x": "/a", "y": "/b"}, "distinct": ["x", "y"]}`, mediaType, `{"a": "1", "b": "1"}`, "are both"},
		{"no JSON", `{"status": 200}`, mediaType, `<html>`, "no JSON"},
		{"another media type", `{"status": 200}`, "text/html", `{}`, "Content-Type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests++
				w.Header().Set("Content-Type", c.contentType)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			s := load(t, `[{"name": "first", "method": "GET", "path": "/Users", "expect": `+c.expect+`},
				{"name": "second", "method": "GET", "path": "/Users", "expect": {"status": 200}}]`)
			trace, err := Play(t.Context(), server.Client(), server.URL, testKey, s)
			var mismatch *MismatchError
			if !errors.As(err, &mismatch) {
				t.Fatalf("error %v", err)
			}
			if text := err.Error(); !strings.Contains(text, c.want) || !strings.Contains(text, `okta/x, step "first"`) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if requests != 1 || len(trace.Steps) != 1 || mismatch.Result.Answer != c.body {
				t.Errorf("%d requests, trace %+v", requests, trace)
			}
		})
	}
}

func TestPlaySaysWhenThereIsNoAnswer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	s := load(t, `[{"name": "first", "method": "GET", "path": "/Users", "expect": {"status": 200}}]`)
	trace, err := Play(t.Context(), http.DefaultClient, server.URL, testKey, s)
	var mismatch *MismatchError
	if err == nil || errors.As(err, &mismatch) || len(trace.Steps) != 1 {
		t.Errorf("error %v, trace %+v", err, trace)
	}
}
