// Package simulate plays an identity provider against any SCIM 2.0 Base URL: it sends what Microsoft Entra ID or Okta would
// send for an invented organization, first all users and groups (the initial cycle), then changes (incremental cycles), and
// returns the expected result.
//
// The users, groups and changes depend only on Config's IdP, Users, Groups, Seed and Cycles. The requests depend on these and
// on the state of the server: like an IdP, the simulation searches for a resource before it creates it, reads it before it
// changes it, and sends only the differences. So an interrupted run can be completed by a new run with the same
// configuration: it plays the same cycles again, uses existing resources, and ends in the same state.
//
// The plan of users and changes, the two dialects, and the client's retries belong here. The comparison of the result with a
// server does not: callers do it, with Expectation.
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

// NoCycles, as Config.Cycles, plays only the initial cycle.
const NoCycles = -1

// Defaults of Config.
const (
	DefaultCycles      = 2
	DefaultConcurrency = 4
	DefaultTimeout     = 30 * time.Second
)

// Errors that end a run early, for errors.Is.
var (
	// ErrStopped: the run has sent Config.StopAfter requests.
	ErrStopped = errors.New("stopped after the configured number of requests")
	// ErrUnauthorized: the server answered 401 or 403, so retries are useless.
	ErrUnauthorized = errors.New("the server refused the API key")
	// ErrConnectionTest: the server's response to the first request was not that of a SCIM server.
	ErrConnectionTest = errors.New("the connection test failed")
)

// Config is the configuration of a simulation. IdP, Users, BaseURL and Key are required.
type Config struct {
	IdP    IdP
	Users  int // users in the initial cycle, at least 1; later cycles add some
	Groups int // groups in the initial cycle, 0 or more; the default rules name the first five
	Seed   uint64
	Cycles int // incremental cycles after the initial one: 0 means DefaultCycles, NoCycles means none

	BaseURL string      // of the SCIM server, http or https, with or without a final slash
	Key     secret.Text // sent as a bearer token

	HTTPClient  *http.Client  // nil means a client of the simulation's own
	Concurrency int           // requests in progress at a time: 0 means DefaultConcurrency
	Timeout     time.Duration // of one attempt: 0 means DefaultTimeout
	Retry       RetryPolicy

	// Progress, if set, is called at the beginning of each pass and after each resource, by one goroutine at a time.
	Progress func(Progress)

	// StopAfter ends the run with ErrStopped after this many requests, including retries. 0 means never.
	StopAfter int
}

// Simulation is one organization and its changes, ready to be sent. It is safe for concurrent use, but two runs against one
// server at the same time disturb each other, as two IdPs would.
type Simulation struct {
	cfg  Config
	base *url.URL
	plan *plan
}

// New checks the configuration and makes the plan. Its error contains every problem.
func New(cfg Config) (*Simulation, error) {
	base, err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	cfg = cfg.withDefaults()
	return &Simulation{cfg: cfg, base: base, plan: newPlan(cfg.IdP, cfg.Users, cfg.Groups, cfg.Cycles, cfg.Seed)}, nil
}

// Run sends everything and waits for the end. The report is never nil, also with an error.
//
// The error is nil if the run reached its end; then Report.Unsettled counts what the server refused. Otherwise it is the
// context's error, ErrStopped, ErrUnauthorized or ErrConnectionTest, wrapped.
func (s *Simulation) Run(ctx context.Context) (*Report, error) {
	r := newRun(s)
	err := r.all(ctx)
	report := r.rec.report(r.unsettled(), s.Expect())
	if err != nil {
		return report, fmt.Errorf("simulating %s: %w", s.cfg.IdP, err)
	}
	return report, nil
}

// Expect returns the state of a server after all cycles, if it was empty before.
func (s *Simulation) Expect() *Expectation { return s.plan.expectation(len(s.plan.cycles) - 1) }

// ExpectAfterInitial returns the state of a server after the initial cycle, if it was empty before.
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
