// Package corpus contains requests that identity providers really send, as files: sequences of SCIM requests, and the
// response of a tolerant server to each. Every file cites where its requests were seen. The package also plays the files
// against a server.
//
// Requests of a real identity provider, in its own dialect, with the effect that they must have, belong here. Requests that
// only a test would send do not. README.md says how to write a file.
package corpus

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

//go:embed */*.json
var files embed.FS

// identityProviders are the identity providers of the corpus; each has a folder.
var identityProviders = []string{"authentik", "entra", "jumpcloud", "keycloak", "okta", "onelogin", "ping", "sailpoint"}

// BaseURLVariable stands for the Base URL under test in a scenario: {{baseUrl}}.
const BaseURLVariable = "baseUrl"

// Scenario is one file: requests that are sent in order, each after the response to the previous one.
type Scenario struct {
	Name   string   `json:"name"`   // the file's path without .json, as in "entra/create-user"
	Title  string   `json:"title"`  // what it shows, as a sentence
	IdP    string   `json:"idp"`    // one of identityProviders, the same as the folder
	Source []string `json:"source"` // URLs where such requests are documented or reported; at least one
	// EmptyDirectory means that the scenario counts resources, so it needs an empty directory. The other scenarios can share
	// a directory.
	EmptyDirectory bool   `json:"emptyDirectory,omitempty"`
	Steps          []Step `json:"steps"`
}

// Step is one request and its response. Its strings may contain {{variables}} that earlier steps saved.
type Step struct {
	Name    string            `json:"name"` // unique in the scenario
	Method  string            `json:"method"`
	Path    string            `json:"path"`              // below the Base URL, escaped as sent, with the query
	Headers map[string]string `json:"headers,omitempty"` // added to Authorization, Accept, Content-Type and User-Agent, or in place of them
	Body    json.RawMessage   `json:"body,omitempty"`
	// Standard is the body with the same meaning in the RFC's form. See Scenario.Standard.
	Standard json.RawMessage `json:"standard,omitempty"`
	// Strict is how a strict directory refuses the body. nil means that the body has the same effect there. See
	// Scenario.Strict.
	Strict *Refusal `json:"strict,omitempty"`
	Expect Expect   `json:"expect"`
}

// Expect is what a response must contain.
type Expect struct {
	Status Statuses `json:"status"` // one of these
	// Headers by name. A value that begins with * is compared by its end; * alone accepts any value.
	Headers map[string]string `json:"headers,omitempty"`
	// JSON is a part of the body: an object may have other members; an array has exactly these elements, in any order; a
	// string that begins with * is compared by its end. [] also matches a missing member (RFC 7643 §2.5).
	JSON json.RawMessage `json:"json,omitempty"`
	// Absent lists JSON pointers (RFC 6901) to values that must be missing, null or empty.
	Absent []string `json:"absent,omitempty"`
	// Save maps variables to JSON pointers of values in the body.
	Save map[string]string `json:"save,omitempty"`
	// Distinct lists variables, saved here or earlier, that must all have different values.
	Distinct []string `json:"distinct,omitempty"`
}

// Refusal is a SCIM error (RFC 7644 §3.12).
type Refusal struct {
	Status   int    `json:"status"`
	ScimType string `json:"scimType"`
}

// Statuses is a list of HTTP statuses. A single one is written as a number.
type Statuses []int

// UnmarshalJSON accepts a number or an array of numbers.
func (s *Statuses) UnmarshalJSON(raw []byte) error {
	var one int
	if json.Unmarshal(raw, &one) == nil {
		*s = Statuses{one}
		return nil
	}
	var list []int
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("status is neither a number nor a list of numbers: %w", err)
	}
	*s = list
	return nil
}

// MarshalJSON writes one status as a number.
func (s Statuses) MarshalJSON() ([]byte, error) {
	if len(s) == 1 {
		return json.Marshal(s[0])
	}
	return json.Marshal([]int(s))
}

// Standard returns the scenario with every request in its RFC form, and the same expectations: a dialect has the same effect as
// its standard form. false means that the scenario has only one form.
func (s Scenario) Standard() (Scenario, bool) {
	s.Steps = slices.Clone(s.Steps)
	found := false
	for i := range s.Steps {
		if standard := s.Steps[i].Standard; standard != nil {
			s.Steps[i].Body, s.Steps[i].Standard, found = standard, nil, true
		}
	}
	return s, found
}

// Strict returns the scenario for a strict directory: each request that such a directory refuses is sent and must be
// refused, and is then sent in its standard form, with the expectations of the tolerant directory.
func (s Scenario) Strict() Scenario {
	var steps []Step
	for _, step := range s.Steps {
		if step.Strict != nil {
			refused := step
			body, _ := json.Marshal(map[string]string{"scimType": step.Strict.ScimType}) // a string always encodes
			refused.Name += ", which is refused"
			refused.Standard, refused.Strict = nil, nil
			refused.Expect = Expect{Status: Statuses{step.Strict.Status}, JSON: body}
			steps = append(steps, refused)
			step.Body = step.Standard
		}
		step.Standard, step.Strict = nil, nil
		steps = append(steps, step)
	}
	s.Steps = steps
	return s
}

// All returns the built-in corpus, by name.
func All() ([]Scenario, error) { return Load(files) }

// Load reads and checks every .json file below a file system's root, and returns the scenarios by name. Its error contains
// every problem of every file.
func Load(fsys fs.FS) ([]Scenario, error) {
	var scenarios []Scenario
	var problems []error
	err := fs.WalkDir(fsys, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) != ".json" {
			return err
		}
		raw, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		s, err := parse(file, raw)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", file, err))
			return nil
		}
		scenarios = append(scenarios, s)
		return nil
	})
	if err = errors.Join(append(problems, err)...); err != nil {
		return nil, fmt.Errorf("loading the corpus: %w", err)
	}
	slices.SortFunc(scenarios, func(a, b Scenario) int { return strings.Compare(a.Name, b.Name) })
	return scenarios, nil
}

func parse(file string, raw []byte) (Scenario, error) {
	var s Scenario
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return s, err
	}
	if decoder.More() {
		return s, errors.New("there is text after the scenario")
	}
	return s, s.validate(file)
}

// --- Checks ---

var variable = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

var variableName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*$`)

func (s Scenario) validate(file string) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if want := strings.TrimSuffix(file, ".json"); s.Name != want {
		problem("name is %q; it must be %q, as the file's", s.Name, want)
	}
	if s.Title == "" {
		problem("title is missing")
	}
	if !slices.Contains(identityProviders, s.IdP) || !strings.HasPrefix(s.Name, s.IdP+"/") {
		problem("idp %q is not the name of the folder, or not an identity provider of the corpus", s.IdP)
	}
	if len(s.Source) == 0 {
		problem("source is missing: it must say where such requests were seen")
	}
	for _, source := range s.Source {
		if u, err := url.Parse(source); err != nil || u.Scheme != "https" || u.Host == "" {
			problem("source %q is not an https URL", source)
		}
	}
	if len(s.Steps) == 0 {
		problem("there are no steps")
	}
	names := map[string]bool{}
	known := map[string]bool{BaseURLVariable: true}
	for i, step := range s.Steps {
		if step.Name == "" || names[step.Name] {
			problem("step %d: name %q is empty or taken", i+1, step.Name)
		}
		names[step.Name] = true
		for _, err := range step.validate(known) {
			problem("step %q: %w", step.Name, err)
		}
	}
	return errors.Join(problems...)
}

// validate checks one step, and adds to known the variables that it saves.
func (s Step) validate(known map[string]bool) []error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	writes := s.Method == http.MethodPost || s.Method == http.MethodPut || s.Method == http.MethodPatch
	if !writes && s.Method != http.MethodGet && s.Method != http.MethodDelete {
		problem("method %q is not used by identity providers", s.Method)
	}
	if writes != (s.Body != nil) {
		problem("a %s must have a body, or must have none", s.Method)
	}
	if s.Standard != nil && s.Body == nil {
		problem("standard needs a body")
	}
	if s.Strict != nil && (s.Standard == nil || s.Strict.Status < 400 || s.Strict.Status > 499 || s.Strict.ScimType == "") {
		problem("strict needs standard, a status from 400 to 499 and a scimType")
	}
	if !strings.HasPrefix(s.Path, "/") || strings.ContainsAny(s.Path, " \"") {
		problem("path %q does not begin with a slash, or is not escaped", s.Path)
	}
	uses := []string{s.Path, string(s.Body), string(s.Standard)}
	for name, value := range s.Headers {
		if strings.EqualFold(name, "Authorization") {
			problem("headers contain a secret: the player adds its own key")
		}
		uses = append(uses, value)
	}
	for _, text := range uses {
		problems = append(problems, unknown(text, known)...)
	}
	return append(problems, s.Expect.validate(known)...)
}

func (e Expect) validate(known map[string]bool) []error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if len(e.Status) == 0 {
		problem("expect has no status")
	}
	for _, status := range e.Status {
		if status < 200 || status > 599 {
			problem("status %d is not an HTTP status", status)
		}
	}
	for name, pointer := range e.Save {
		if !variableName.MatchString(name) || known[name] {
			problem("save: %q is not a valid name of a variable, or is taken", name)
		}
		known[name] = true
		if !strings.HasPrefix(pointer, "/") {
			problem("save: %q is not a JSON pointer", pointer)
		}
	}
	for _, pointer := range e.Absent {
		if !strings.HasPrefix(pointer, "/") {
			problem("absent: %q is not a JSON pointer", pointer)
		}
	}
	for _, name := range e.Distinct {
		if !known[name] {
			problem("distinct: no step saved %q", name)
		}
	}
	uses := []string{string(e.JSON)}
	for _, value := range e.Headers {
		uses = append(uses, value)
	}
	for _, text := range uses {
		problems = append(problems, unknown(text, known)...)
	}
	return problems
}

func unknown(text string, known map[string]bool) []error {
	var problems []error
	for _, match := range variable.FindAllStringSubmatch(text, -1) {
		if !known[match[1]] {
			problems = append(problems, fmt.Errorf("no earlier step saved {{%s}}", match[1]))
		}
	}
	return problems
}
