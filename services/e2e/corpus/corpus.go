// Package corpus holds what identity providers really send, as files: sequences of SCIM requests with what a tolerant server
// answers to each, every file citing where its requests were seen. It also plays them against a server.
//
// What belongs here: requests of a real identity provider, in its own dialect, with the effect that they must have. What does
// not: requests that only a test would send. README.md says how to write a file.
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

// identityProviders are those of the corpus, a folder each.
var identityProviders = []string{"authentik", "entra", "jumpcloud", "keycloak", "okta", "onelogin", "ping", "sailpoint"}

// BaseURLVariable stands for the Base URL under test in a scenario: {{baseUrl}}.
const BaseURLVariable = "baseUrl"

// Scenario is one file: requests to be sent in order, each after the answer to the one before.
type Scenario struct {
	Name   string   `json:"name"`   // the file's path without .json, as in "entra/create-user"
	Title  string   `json:"title"`  // what it shows, in a sentence
	IdP    string   `json:"idp"`    // one of identityProviders, as the folder
	Source []string `json:"source"` // URLs where such requests are documented or reported; at least one
	// EmptyDirectory: it counts what is there, and so needs a directory that holds nothing. The others get along with
	// each other in one directory.
	EmptyDirectory bool   `json:"emptyDirectory,omitempty"`
	Steps          []Step `json:"steps"`
}

// Step is one request and the answer to it. Strings in it may hold {{variables}} that earlier steps saved.
type Step struct {
	Name    string            `json:"name"` // unique in the scenario
	Method  string            `json:"method"`
	Path    string            `json:"path"`              // below the Base URL, escaped as sent, with the query
	Headers map[string]string `json:"headers,omitempty"` // beside Authorization, Accept, Content-Type, User-Agent, or instead
	Body    json.RawMessage   `json:"body,omitempty"`
	// Standard is the body by which a client that keeps to the RFC would say the same. See Scenario.Standard.
	Standard json.RawMessage `json:"standard,omitempty"`
	// Strict is how a strict directory refuses the body. nil means that it has the same effect there. See Scenario.Strict.
	Strict *Refusal `json:"strict,omitempty"`
	Expect Expect   `json:"expect"`
}

// Expect is what an answer must be like.
type Expect struct {
	Status Statuses `json:"status"` // one of these
	// Headers by name. A value that begins with * is one by its end; * alone is any value.
	Headers map[string]string `json:"headers,omitempty"`
	// JSON is part of the body: an object may have further members; an array has exactly these elements, in any order; a
	// string that begins with * is one by its end. [] is also a member that is not there (RFC 7643 §2.5).
	JSON json.RawMessage `json:"json,omitempty"`
	// Absent lists JSON pointers (RFC 6901) to what must not be in the body, or be null or empty.
	Absent []string `json:"absent,omitempty"`
	// Save gives names to values of the body: variable to JSON pointer.
	Save map[string]string `json:"save,omitempty"`
	// Distinct lists variables, saved here or earlier, of which no two may be equal.
	Distinct []string `json:"distinct,omitempty"`
}

// Refusal is a SCIM error (RFC 7644 §3.12).
type Refusal struct {
	Status   int    `json:"status"`
	ScimType string `json:"scimType"`
}

// Statuses is a list of HTTP statuses, written as one number where there is one.
type Statuses []int

// UnmarshalJSON takes a number or an array of numbers.
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

// Standard is the scenario with every request in its RFC form, and the same expectations: a dialect equals its standard form in
// effect. false means that the scenario has no other form than its own.
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

// Strict is the scenario as a strict directory takes it: what it refuses is sent, must be refused, and is then sent in its
// standard form, with the expectations of the tolerant one.
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

// All answers the corpus that is built in, by name.
func All() ([]Scenario, error) { return Load(files) }

// Load reads and checks every .json file below a file system's root, and answers the scenarios by name. Its error names every
// problem of every file.
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
		return s, errors.New("there is something after the scenario")
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
		problem("name is %q, want %q, as the file", s.Name, want)
	}
	if s.Title == "" {
		problem("title is missing")
	}
	if !slices.Contains(identityProviders, s.IdP) || !strings.HasPrefix(s.Name, s.IdP+"/") {
		problem("idp %q is not the folder, or no identity provider of the corpus", s.IdP)
	}
	if len(s.Source) == 0 {
		problem("source is missing: say where such requests were seen")
	}
	for _, source := range s.Source {
		if u, err := url.Parse(source); err != nil || u.Scheme != "https" || u.Host == "" {
			problem("source %q is no https URL", source)
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
		problem("method %q is none that identity providers use", s.Method)
	}
	if writes != (s.Body != nil) {
		problem("a %s has a body, or has none, against its nature", s.Method)
	}
	if s.Standard != nil && s.Body == nil {
		problem("standard is there, and body is not")
	}
	if s.Strict != nil && (s.Standard == nil || s.Strict.Status < 400 || s.Strict.Status > 499 || s.Strict.ScimType == "") {
		problem("strict is there, and standard is not, or it is no SCIM error of a client")
	}
	if !strings.HasPrefix(s.Path, "/") || strings.ContainsAny(s.Path, " \"") {
		problem("path %q does not begin with a slash, or is not escaped", s.Path)
	}
	uses := []string{s.Path, string(s.Body), string(s.Standard)}
	for name, value := range s.Headers {
		if strings.EqualFold(name, "Authorization") {
			problem("headers hold a secret: the player sends the key that it is given")
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
			problem("status %d is none", status)
		}
	}
	for name, pointer := range e.Save {
		if !variableName.MatchString(name) || known[name] {
			problem("save: %q is no name for a variable, or is taken", name)
		}
		known[name] = true
		if !strings.HasPrefix(pointer, "/") {
			problem("save: %q is no JSON pointer", pointer)
		}
	}
	for _, pointer := range e.Absent {
		if !strings.HasPrefix(pointer, "/") {
			problem("absent: %q is no JSON pointer", pointer)
		}
	}
	for _, name := range e.Distinct {
		if !known[name] {
			problem("distinct: nothing saved %q", name)
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
			problems = append(problems, fmt.Errorf("nothing earlier saved {{%s}}", match[1]))
		}
	}
	return problems
}
