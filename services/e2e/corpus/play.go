package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	mediaType   = "application/scim+json"
	stepTimeout = 30 * time.Second
	maxAnswer   = 16 << 20 // bytes
)

// Trace is what was sent and received, for a test's log. It never contains the key.
type Trace struct {
	Scenario string       `json:"scenario"`
	Steps    []StepResult `json:"steps"` // the steps that were sent; the last one is the failed one, if a step failed
}

// StepResult is one request and its response.
type StepResult struct {
	Name     string   `json:"name"`
	Method   string   `json:"method"`
	Path     string   `json:"path"` // as sent
	Sent     string   `json:"sent,omitempty"`
	Status   int      `json:"status"` // 0 without a response
	Answer   string   `json:"answer,omitempty"`
	Problems []string `json:"problems,omitempty"`
}

// MismatchError means that a response was not as expected. Later steps were not sent.
type MismatchError struct {
	Scenario string
	Result   StepResult
}

func (e *MismatchError) Error() string {
	r := e.Result
	return fmt.Sprintf("%s, step %q: %s %s answered %d: %s\n  sent:   %s\n  answer: %s",
		e.Scenario, r.Name, r.Method, r.Path, r.Status, strings.Join(r.Problems, "; "), r.Sent, r.Answer)
}

// Play sends a scenario's requests in order, and stops with a *MismatchError at the first unexpected response. Other errors
// mean that a request could not be sent or its response could not be read. The trace is never nil.
func Play(ctx context.Context, client *http.Client, baseURL, key string, s Scenario) (*Trace, error) {
	p := &player{
		client: client, base: strings.TrimSuffix(baseURL, "/"), key: key, agent: "usher-corpus (" + s.IdP + ")",
		vars: map[string]string{},
	}
	p.vars[BaseURLVariable] = p.base
	trace := &Trace{Scenario: s.Name}
	for _, step := range s.Steps {
		result, err := p.step(ctx, step)
		trace.Steps = append(trace.Steps, result)
		if err != nil {
			return trace, fmt.Errorf("%s, step %q: %w", s.Name, step.Name, err)
		}
		if len(result.Problems) > 0 {
			return trace, &MismatchError{Scenario: s.Name, Result: result}
		}
	}
	return trace, nil
}

type player struct {
	client *http.Client
	base   string
	key    string
	agent  string
	vars   map[string]string
}

func (p *player) step(ctx context.Context, step Step) (StepResult, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	result := StepResult{
		Name: step.Name, Method: step.Method,
		Path: p.fill(step.Path, insideURL), Sent: p.fill(string(step.Body), insideJSON),
	}
	req, err := http.NewRequestWithContext(ctx, step.Method, p.base+result.Path, strings.NewReader(result.Sent))
	if err != nil {
		return result, err
	}
	if step.Body == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", mediaType+"; charset=utf-8")
	}
	req.Header.Set("Accept", mediaType)
	req.Header.Set("User-Agent", p.agent)
	for name, value := range step.Headers {
		req.Header.Set(name, p.fill(value, verbatim))
	}
	req.Header.Set("Authorization", "Bearer "+p.key)

	answer, err := p.client.Do(req)
	if err != nil {
		return result, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return result, fmt.Errorf("reading the answer: %w", err)
	}
	result.Status, result.Answer = answer.StatusCode, string(raw)
	result.Problems = p.compare(step.Expect, answer, raw)
	return result, nil
}

// compare saves the variables of a step, and returns the differences from the expected response.
func (p *player) compare(want Expect, answer *http.Response, raw []byte) []string {
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	if !slices.Contains(want.Status, answer.StatusCode) {
		problem("status %d, want %v", answer.StatusCode, []int(want.Status))
		return problems // the rest would only repeat it
	}
	var body any
	if len(bytes.TrimSpace(raw)) > 0 {
		if err := json.Unmarshal(raw, &body); err != nil {
			problem("the body is no JSON: %v", err)
			return problems
		}
		if got := answer.Header.Get("Content-Type"); !strings.HasPrefix(got, mediaType) {
			problem("Content-Type %q, want %s", got, mediaType)
		}
	}
	for name, pointer := range want.Save {
		value, _ := at(body, pointer).(string)
		if value == "" {
			problem("nothing to save at %s", pointer)
			return problems
		}
		p.vars[name] = value
	}
	for name, value := range want.Headers {
		if got := answer.Header.Get(name); !sameText(p.fill(value, verbatim), got) {
			problem("header %s is %q, want %q", name, got, p.fill(value, verbatim))
		}
	}
	if want.JSON != nil {
		var part any
		if err := json.Unmarshal([]byte(p.fill(string(want.JSON), insideJSON)), &part); err != nil {
			problem("the expectation is no JSON once filled in: %v", err)
		} else {
			problems = append(problems, mismatches("", part, body)...)
		}
	}
	for _, pointer := range want.Absent {
		if value := at(body, pointer); !unassigned(value) {
			problem("%s is there", pointer)
		}
	}
	seen := map[string]string{}
	for _, name := range want.Distinct {
		if other, taken := seen[p.vars[name]]; taken {
			problem("%s and %s are both %q", other, name, p.vars[name])
		}
		seen[p.vars[name]] = name
	}
	return problems
}

// fill replaces the variables in a text. Load has checked that each is saved before it is used.
func (p *player) fill(text string, escape func(string) string) string {
	return variable.ReplaceAllStringFunc(text, func(match string) string { return escape(p.vars[match[2:len(match)-2]]) })
}

func verbatim(s string) string { return s }

// insideURL escapes a text for a path segment or a query value.
func insideURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// insideJSON escapes a text for use inside a JSON string.
func insideJSON(s string) string {
	quoted, _ := json.Marshal(s) // a string always encodes
	return string(quoted[1 : len(quoted)-1])
}
