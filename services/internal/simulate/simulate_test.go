package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/secret"
)

func config(f *fakeServer, idp IdP, users, groups int) Config {
	return Config{
		IdP: idp, Users: users, Groups: groups, Seed: 42, BaseURL: f.URL, Key: testKey, HTTPClient: f.Client(),
		Retry: RetryPolicy{Attempts: 25, Wait: func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil }},
	}
}

func mustNew(t *testing.T, cfg Config) *Simulation {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mustEnd runs a simulation to its end, and compares the server with the expectation.
func mustEnd(t *testing.T, f *fakeServer, cfg Config) *Report {
	t.Helper()
	s := mustNew(t, cfg)
	report, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, failure := range report.Failures {
		t.Errorf("failure: %+v", failure)
	}
	if report.Unsettled != 0 {
		t.Errorf("%d resources are unsettled", report.Unsettled)
	}
	mustMatch(t, f, s.Expect())
	return report
}

func mustMatch(t *testing.T, f *fakeServer, want *Expectation) {
	t.Helper()
	got := f.state()
	got.IdP, got.Tenant = want.IdP, want.Tenant
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the server has another state:\n got %s\nwant %s", asJSON(got), asJSON(want))
	}
}

func asJSON(v any) string {
	raw, _ := json.MarshalIndent(v, "", " ")
	return string(raw)
}

func TestServerEndsAsExpected(t *testing.T) {
	for _, idp := range []IdP{Entra, Okta} {
		for _, size := range []struct{ users, groups, cycles int }{
			{1, 0, 0}, {2, 5, 3}, {20, 5, 0}, {20, 5, NoCycles}, {100, 12, 0}, {100, 12, 6}, {40, 140, 2},
		} {
			t.Run(fmt.Sprintf("%s with %d users, %d groups, %d cycles", idp, size.users, size.groups, size.cycles), func(t *testing.T) {
				f := newFakeServer(t)
				cfg := config(f, idp, size.users, size.groups)
				cfg.Cycles = size.cycles
				for seed := range uint64(3) {
					cfg.Seed = seed
					f.users, f.groups, f.members = map[string]document{}, map[string]document{}, map[string]map[string]bool{}
					report := mustEnd(t, f, cfg)
					if report.Retries != 0 || report.Requests == 0 {
						t.Errorf("%d requests and %d retries", report.Requests, report.Retries)
					}
				}
			})
		}
	}
}

func TestExpectAfterInitialIsTheServerAfterTheInitialCycle(t *testing.T) {
	for _, idp := range []IdP{Entra, Okta} {
		t.Run(string(idp), func(t *testing.T) {
			f := newFakeServer(t)
			cfg := config(f, idp, 50, 9)
			want := mustNew(t, cfg).ExpectAfterInitial()
			cfg.Cycles = NoCycles
			mustEnd(t, f, cfg)
			mustMatch(t, f, want)
			if len(want.Users) != 50 || len(want.Groups) != 9 {
				t.Errorf("%d users and %d groups", len(want.Users), len(want.Groups))
			}
		})
	}
}

func TestPlanIsDeterministic(t *testing.T) {
	f := newFakeServer(t)
	base := config(f, Entra, 60, 11)
	first := asJSON(mustNew(t, base).Expect())
	for _, c := range []struct {
		name  string
		alter func(*Config)
		same  bool
	}{
		{"same configuration, same plan", func(*Config) {}, true},
		{"concurrency, key and retries are no part of the plan", func(c *Config) {
			c.Concurrency, c.Key, c.Retry.Attempts = 9, "other", 2
		}, true},
		{"another seed, another plan", func(c *Config) { c.Seed++ }, false},
		{"another IdP, another plan", func(c *Config) { c.IdP = Okta }, false},
		{"another cycle, another end", func(c *Config) { c.Cycles = 3 }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := base
			c.alter(&cfg)
			if got := asJSON(mustNew(t, cfg).Expect()) == first; got != c.same {
				t.Errorf("same plan: %t, want %t", got, c.same)
			}
		})
	}
	t.Run("more cycles leave the earlier ones as they were", func(t *testing.T) {
		longer := base
		longer.Cycles = 5
		p := mustNew(t, longer).plan
		if asJSON(p.expectation(DefaultCycles)) != first {
			t.Error("cycle 2 of 5 is not cycle 2 of 2")
		}
	})
}

func TestInterruptedRunIsFinishedByAnother(t *testing.T) {
	for _, idp := range []IdP{Entra, Okta} {
		t.Run(string(idp), func(t *testing.T) {
			f := newFakeServer(t)
			whole := mustEnd(t, f, config(f, idp, 30, 9)).Requests
			for _, share := range []float64{0.01, 0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97} {
				t.Run(fmt.Sprintf("after %.0f%%", share*100), func(t *testing.T) {
					f := newFakeServer(t)
					cfg := config(f, idp, 30, 9)
					cfg.StopAfter = max(1, int(share*float64(whole)))
					report, err := mustNew(t, cfg).Run(t.Context())
					if !errors.Is(err, ErrStopped) || report.Requests != cfg.StopAfter {
						t.Fatalf("error %v after %d requests", err, report.Requests)
					}
					// Interrupt it a second time, unless the rest takes fewer requests.
					if _, err = mustNew(t, cfg).Run(t.Context()); err != nil && !errors.Is(err, ErrStopped) {
						t.Fatal(err)
					}
					cfg.StopAfter = 0
					mustEnd(t, f, cfg)
				})
			}
			t.Run("after all of it", func(t *testing.T) { mustEnd(t, f, config(f, idp, 30, 9)) })
		})
	}
}

func TestUnreliableServerConverges(t *testing.T) {
	for _, idp := range []IdP{Entra, Okta} {
		t.Run(string(idp), func(t *testing.T) {
			f := newFakeServer(t)
			f.trouble = unreliable(0.2)
			report := mustEnd(t, f, config(f, idp, 60, 9))
			if report.Retries == 0 || report.ByStatus[429] == 0 || report.ByStatus[503] == 0 || report.ByStatus[0] == 0 {
				t.Errorf("not much went wrong: %+v", report.ByStatus)
			}
		})
	}
}

func TestExistingUserIsAdopted(t *testing.T) {
	for _, c := range []struct {
		name string
		// blind: the search before the POST misses the user, so only the 409 reveals it.
		blind bool
	}{
		{"found by the search", false},
		{"found after a 409", true},
	} {
		for _, idp := range []IdP{Entra, Okta} {
			t.Run(string(idp)+" "+c.name, func(t *testing.T) {
				f := newFakeServer(t)
				cfg := config(f, idp, 6, 5)
				want := mustNew(t, cfg).ExpectAfterInitial().Users[0]
				f.users["old"] = document{"id": "old", "userName": want.UserName, "displayName": "Somebody", "active": true}
				misses := 0
				f.trouble = func(w http.ResponseWriter, r *http.Request) (bool, bool) {
					filter := r.URL.Query().Get("filter")
					if c.blind && misses == 0 && filter == equals("userName", want.UserName) {
						misses++
						answer(w, 200, document{"totalResults": 0, "Resources": []any{}})
						return true, false
					}
					return false, false
				}
				cfg.Concurrency = 1
				report := mustEnd(t, f, cfg)
				if f.users["old"] == nil && idp == Okta {
					t.Error("the user got another id")
				}
				if conflict := report.ByStatus[409]; (conflict > 0) != c.blind {
					t.Errorf("%d conflicts", conflict)
				}
			})
		}
	}
}

func TestUserThatVanishesIsCreatedAgain(t *testing.T) {
	for _, idp := range []IdP{Entra, Okta} {
		t.Run(string(idp), func(t *testing.T) {
			f := newFakeServer(t)
			var once sync.Once
			cfg := config(f, idp, 20, 5)
			cfg.Progress = func(p Progress) {
				if p.Cycle == 1 {
					once.Do(func() { // all of them, without the IdP's knowledge
						f.mu.Lock()
						defer f.mu.Unlock()
						clear(f.users)
						for _, set := range f.members {
							clear(set)
						}
					})
				}
			}
			s := mustNew(t, cfg)
			if _, err := s.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			// Users that are changed later must exist again; the IdP cannot know about the others.
			last := s.plan.cycles[len(s.plan.cycles)-1]
			for i, u := range last.users {
				if u.presence == present && u != s.plan.cycles[0].users[i] {
					if !slices.ContainsFunc(f.state().Users, func(e ExpectedUser) bool { return e.UserName == u.userName }) {
						t.Errorf("%s is missing", u.userName)
					}
				}
			}
		})
	}
}

func TestRunEndsEarly(t *testing.T) {
	always := func(status int) func(http.ResponseWriter, *http.Request) (bool, bool) {
		return func(w http.ResponseWriter, _ *http.Request) (bool, bool) {
			w.Header().Set(messageIDHeader, "the-message")
			fail(w, status, "", "because")
			return true, false
		}
	}
	for _, c := range []struct {
		name    string
		trouble func(http.ResponseWriter, *http.Request) (bool, bool)
		want    error
		status  int
	}{
		{"401 is not retried", always(401), ErrUnauthorized, 401},
		{"403 is not retried", always(403), ErrUnauthorized, 403},
		{"404 at the Base URL fails the connection test", always(404), ErrConnectionTest, 404},
		{"503 to the end fails the connection test", always(503), ErrConnectionTest, 503},
		{"a page of HTML fails the connection test", func(w http.ResponseWriter, _ *http.Request) (bool, bool) {
			fmt.Fprint(w, "<html>")
			return true, false
		}, ErrConnectionTest, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFakeServer(t)
			f.trouble = c.trouble
			report, err := mustNew(t, config(f, Entra, 3, 5)).Run(t.Context())
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if len(report.Failures) != 1 || report.Failures[0].Status != c.status {
				t.Fatalf("failures %+v", report.Failures)
			}
			if c.status >= 400 && report.Failures[0].MessageID != "the-message" {
				t.Errorf("message id %q", report.Failures[0].MessageID)
			}
		})
	}
	t.Run("the context's end is the run's", func(t *testing.T) {
		f := newFakeServer(t)
		ctx, cancel := context.WithCancel(t.Context())
		cfg := config(f, Okta, 30, 5)
		cfg.Progress = func(p Progress) {
			if p.Done == 7 {
				cancel()
			}
		}
		if _, err := mustNew(t, cfg).Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestRefusedResourceIsReportedAndTheRestGoesOn(t *testing.T) {
	f := newFakeServer(t)
	cfg := config(f, Entra, 20, 5)
	victim := mustNew(t, cfg).Expect().Users[3].UserName
	f.trouble = func(w http.ResponseWriter, r *http.Request) (bool, bool) {
		if r.URL.Query().Get("filter") == equals("userName", victim) {
			fail(w, 400, "invalidFilter", "not this one")
			return true, false
		}
		return false, false
	}
	report, err := mustNew(t, cfg).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Unsettled == 0 || len(report.Failures) == 0 {
		t.Fatalf("unsettled %d, failures %v", report.Unsettled, report.Failures)
	}
	if got := report.Failures[0]; got.Status != 400 || got.Detail != "not this one" || got.Attempts != 1 {
		t.Errorf("failure %+v", got)
	}
	if got, want := len(f.state().Users), len(report.Expectation.Users)-1; got != want {
		t.Errorf("%d users, want %d", got, want)
	}
}

func TestRuleGroupsAreAlwaysThere(t *testing.T) {
	f := newFakeServer(t)
	for _, idp := range []IdP{Entra, Okta} {
		for seed := range uint64(20) {
			cfg := config(f, idp, 20, 5)
			cfg.Seed = seed
			e := mustNew(t, cfg).Expect()
			held := map[string]bool{}
			for _, roles := range e.Roles {
				for _, r := range roles {
					held[r] = true
				}
			}
			for _, g := range ruleGroups {
				if !slices.ContainsFunc(e.Groups, func(x ExpectedGroup) bool { return x.DisplayName == g.name }) {
					t.Errorf("%s seed %d: no group %s", idp, seed, g.name)
				}
			}
			if !held["Participant"] {
				t.Errorf("%s seed %d: nobody is a Participant", idp, seed)
			}
		}
	}
}

// The simulation must send everything that the two IdPs are known for.
func TestDialectsAreSpokenWhole(t *testing.T) {
	for _, c := range []struct {
		idp    IdP
		sends  []string
		spares []string
	}{
		{Entra, []string{
			`GET /Users?filter=userName%20eq%20%22`,
			`filter=externalId%20eq%20%22`,
			`GET /Groups?excludedAttributes=members&filter=displayName%20eq%20%22`,
			`?excludedAttributes=members null`,
			`"members":[]`,
			`{"op":"Add","path":"members","value":[{"value":"`,
			`{"op":"Remove","path":"members","value":[{"value":"`,
			`{"op":"remove","path":"members[value eq \"`,
			`{"op":"Replace","path":"active","value":"False"}`,
			`{"op":"Replace","path":"active","value":"True"}`,
			`{"op":"replace","path":"active","value":false}`,
			`"path":"emails[type eq \"work\"].value"`,
			`{"op":"Replace","path":"name.familyName"`,
			`"name.familyName":"`,
			`"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"`,
			`{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"`,
			`{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"`,
			`{"op":"Remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"}`,
			`:User:manager","value":{"value":"`,
			`"path":"roles","value":[{"value":"{\"id\":`,
			`"path":"displayName"`,
			`DELETE /Users/`,
			`DELETE /Groups/`,
		}, []string{`PUT `}},
		{Okta, []string{
			`GET /Users?startIndex=1&count=2`,
			`GET /Groups?startIndex=1&count=100`,
			`GET /Users?filter=userName%20eq%20%22`,
			`PUT /Users/`,
			`PUT /Groups/`,
			`{"op":"replace","value":{"active":false}}`,
			`{"op":"replace","value":{"active":true}}`,
			`{"op":"replace","value":{"displayName":"`,
			`{"op":"add","path":"members","value":[{"display":"`,
			`{"op":"remove","path":"members[value eq \"`,
			`DELETE /Groups/`,
			`"groups":[]`,
		}, []string{`DELETE /Users/`}},
	} {
		t.Run(string(c.idp), func(t *testing.T) {
			f := newFakeServer(t)
			cfg := config(f, c.idp, 150, 14)
			cfg.Cycles = 4
			mustEnd(t, f, cfg)
			all := strings.Join(f.requests(), "\n")
			for _, s := range c.sends {
				if !strings.Contains(all, s) {
					t.Errorf("never sends %s", s)
				}
			}
			for _, s := range c.spares {
				if strings.Contains(all, s) {
					t.Errorf("sends %s", s)
				}
			}
		})
	}
}

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := New(Config{
		IdP: "ping", Users: 0, Groups: -1, Cycles: -2, BaseURL: "ftp://x?y", Concurrency: -1, Timeout: -1, StopAfter: -1,
		Retry: RetryPolicy{Attempts: -1, BaseDelay: -1, MaxDelay: -1},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{
		"idp", "users", "groups", "cycles", "base-url", "concurrency", "timeout", "stop-after", "key", "retry attempts",
		"base delay", "max delay",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not speak of %s: %v", part, err)
		}
	}
	for _, bad := range []string{"", "example.com/scim", "http://", "https://u:p@host/", "https://host/#x", "https://host/?x=1", ":"} {
		if _, err := New(Config{IdP: Okta, Users: 1, BaseURL: bad, Key: "k"}); err == nil {
			t.Errorf("base URL %q is taken", bad)
		}
	}
	if _, err := New(Config{IdP: Okta, Users: 1, BaseURL: "https://h", Key: "a\nb"}); err == nil || strings.Contains(err.Error(), "a\nb") {
		t.Errorf("key with a line break: %v", err)
	}
}

func TestKeyShowsNowhere(t *testing.T) {
	f := newFakeServer(t)
	f.trouble = unreliable(0.5)
	cfg := config(f, Entra, 5, 5)
	cfg.Retry.Attempts = 2
	report, err := mustNew(t, cfg).Run(t.Context())
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", cfg.Key, "config", cfg.Key)
	marshalled, _ := json.Marshal(struct{ Key secret.Text }{cfg.Key})
	for _, text := range []string{
		asJSON(report), fmt.Sprint(err), fmt.Sprintf("%v %+v %#v %s", cfg.Key, cfg, cfg.Key, cfg.Key), log.String(), string(marshalled),
	} {
		if strings.Contains(text, testKey) {
			t.Errorf("the key is in %s", text)
		}
	}
}

func TestReportIsJSON(t *testing.T) {
	f := newFakeServer(t)
	report := mustEnd(t, f, config(f, Okta, 5, 5))
	raw, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, report) {
		t.Errorf("a report does not survive JSON:\n%s", raw)
	}
}

func TestProgressEndsAtTheTotal(t *testing.T) {
	f := newFakeServer(t)
	cfg := config(f, Entra, 20, 6)
	var seen []Progress
	cfg.Progress = func(p Progress) { seen = append(seen, p) }
	report := mustEnd(t, f, cfg)
	last := seen[len(seen)-1]
	if last.Cycle != 2 || last.Cycles != 2 || last.Phase != phaseGroups || last.Done != last.Total || last.Requests != report.Requests {
		t.Errorf("last progress %+v", last)
	}
}
