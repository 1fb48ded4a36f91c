// Package simulate plays an identity provider against any SCIM 2.0 Base URL: it sends what Microsoft Entra ID or Okta would
// send for a made-up organization, first everybody (the initial cycle), then changes (incremental cycles), and says what
// should result.
//
// Who exists and what changes follows from Config's IdP, Users, Groups, Seed and Cycles alone. What is sent follows from that
// and from what the server already holds: like an IdP, the simulation looks a resource up before it creates it, reads it
// before it changes it, and sends only what differs. So a run that was cut off is finished by running again with the same
// configuration: it walks through the same cycles again, adopts what is there, and ends in the same state.
//
// What belongs here: the plan of people and changes, the two dialects, and the client's patience (retries). What does not:
// comparing the result with a server; that is its caller's, over Expectation.
package simulate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/internal/secret"
)

// IdP names the identity provider to play.
type IdP string

// The identity providers that can be played.
const (
	Entra IdP = "entra" // Microsoft Entra ID's provisioning service
	Okta  IdP = "okta"  // Okta's SCIM client, with group push
)

// NoCycles as Config.Cycles asks for the initial cycle only.
const NoCycles = -1

// Defaults of Config.
const (
	DefaultCycles      = 2
	DefaultConcurrency = 4
	DefaultTimeout     = 30 * time.Second
)

// Errors that end a run early. Test with errors.Is.
var (
	// ErrStopped: Config.StopAfter requests were sent.
	ErrStopped = errors.New("stopped after the configured number of requests")
	// ErrUnauthorized: the server answered 401 or 403, which no retry mends.
	ErrUnauthorized = errors.New("the server refused the API key")
	// ErrConnectionTest: the server did not answer the first request as a SCIM server does.
	ErrConnectionTest = errors.New("the connection test failed")
)

// Config says what to play, and against whom. IdP, Users, BaseURL and Key are required.
type Config struct {
	IdP    IdP
	Users  int // people in the initial cycle, at least 1; later cycles add some
	Groups int // groups in the initial cycle, 0 or more; the first five are those that the default rules name
	Seed   uint64
	Cycles int // incremental cycles after the initial one: 0 means DefaultCycles, NoCycles means none

	BaseURL string      // of the SCIM server, http or https, with or without a slash at its end
	Key     secret.Text // sent as a bearer token

	HTTPClient  *http.Client  // nil means one of our own
	Concurrency int           // requests under way at once: 0 means DefaultConcurrency
	Timeout     time.Duration // of one attempt: 0 means DefaultTimeout
	Retry       RetryPolicy

	// Progress, if set, is called after each resource of a pass and at each pass's begin, by one goroutine at a time.
	Progress func(Progress)

	// StopAfter ends the run with ErrStopped once this many requests, retries included, were sent. 0 means never.
	StopAfter int
}

// Simulation is one organization and its changes, ready to be sent. It is safe for concurrent use, though two runs at once
// against one server get in each other's way as two IdPs would.
type Simulation struct {
	cfg  Config
	base *url.URL
	plan *plan
}

// New checks the configuration and makes the plan. Its error names every problem at once.
func New(cfg Config) (*Simulation, error) {
	base, err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	cfg = cfg.withDefaults()
	return &Simulation{cfg: cfg, base: base, plan: newPlan(cfg.IdP, cfg.Users, cfg.Groups, cfg.Cycles, cfg.Seed)}, nil
}

// Run sends everything and waits for the end. The report is never nil, also beside an error.
//
// The error is nil when the run went to its end, and then Report.Unsettled counts what the server would not take. Otherwise it
// is the context's, ErrStopped, ErrUnauthorized or ErrConnectionTest, wrapped.
func (s *Simulation) Run(ctx context.Context) (*Report, error) {
	r := newRun(s)
	err := r.all(ctx)
	report := r.rec.report(r.unsettled(), s.Expect())
	if err != nil {
		return report, fmt.Errorf("simulating %s: %w", s.cfg.IdP, err)
	}
	return report, nil
}

// Expect is what a server holds after all cycles, if it held nothing before.
func (s *Simulation) Expect() *Expectation { return s.plan.expectation(len(s.plan.cycles) - 1) }

// ExpectAfterInitial is what a server holds after the initial cycle, if it held nothing before.
func (s *Simulation) ExpectAfterInitial() *Expectation { return s.plan.expectation(0) }

func (c Config) validate() (*url.URL, error) {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }

	if c.IdP != Entra && c.IdP != Okta {
		problem("idp %q is neither %q nor %q", c.IdP, Entra, Okta)
	}
	if c.Users < 1 {
		problem("users is %d: at least 1 is needed", c.Users)
	}
	if c.Groups < 0 {
		problem("groups is %d: it can't be negative", c.Groups)
	}
	if c.Cycles < NoCycles {
		problem("cycles is %d: it can't be below %d", c.Cycles, NoCycles)
	}
	if c.Concurrency < 0 {
		problem("concurrency is %d: it can't be negative", c.Concurrency)
	}
	if c.Timeout < 0 {
		problem("timeout is %s: it can't be negative", c.Timeout)
	}
	if c.StopAfter < 0 {
		problem("stop-after is %d: it can't be negative", c.StopAfter)
	}
	if strings.TrimSpace(c.Key.Reveal()) == "" {
		problem("key is empty")
	} else if strings.ContainsAny(c.Key.Reveal(), "\r\n") {
		problem("key has a line break in it")
	}
	problems = append(problems, c.Retry.validate()...)

	base, err := url.Parse(c.BaseURL)
	switch {
	case err != nil:
		problem("base-url is no URL")
	case base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		problem("base-url %q is no absolute http or https URL", base.Redacted())
	case base.User != nil:
		problem("base-url has a user in it")
	case base.RawQuery != "" || base.Fragment != "":
		problem("base-url %q has a query or a fragment", base.Redacted())
	}
	return base, errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	switch c.Cycles {
	case 0:
		c.Cycles = DefaultCycles
	case NoCycles:
		c.Cycles = 0
	}
	if c.Concurrency == 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.HTTPClient == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = c.Concurrency
		c.HTTPClient = &http.Client{Transport: transport}
	}
	c.Retry = c.Retry.withDefaults()
	return c
}
