package scimhttp

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestADirectoryHasALimitOfMessagesAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.MessagesAtOnce, c.RequestTimeout = 1, 30*time.Second })
		underWay, err := w.handler.turns.Wait(t.Context(), directory)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		a := w.do("POST", "/Users", "{}")
		if a.Code != 429 || a.Header().Get("Retry-After") != "1" || time.Since(start) != 10*time.Second {
			t.Errorf("the next message got %d after %s: %s", a.Code, time.Since(start), a.Body)
		}
		if n := w.identity.count(); n != 0 {
			t.Errorf("identity was called %d times", n)
		}
		if n := w.measured()["usher_gateway_over_budget_total{budget=turns}"]; n != 1 {
			t.Errorf("counted %d times", n)
		}
		theirs := w.request("POST", "/Users", "{}", "Authorization", "Bearer "+w.keys[other].Reveal())
		theirs.URL.Path = "/scim/v2/" + other + "/Users"
		if a := w.serve(theirs); a.Code != 201 {
			t.Errorf("another directory got %d", a.Code)
		}
		underWay.End()
		if a := w.do("POST", "/Users", "{}"); a.Code != 201 {
			t.Errorf("once there is a turn it gets %d", a.Code)
		}
		if reserved := w.handler.config.InFlight.Bytes(); reserved != 0 {
			t.Errorf("%d bytes are not released", reserved)
		}
	})
}

// A message that may use the processor for a long time waits for one of the few turns for large work.
func TestFewLargeMessagesRunAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.MessagesAtOnce, c.RequestTimeout, c.MaxBodyBytes = 2, 30*time.Second, 1<<20 })
		underWay, err := w.handler.turns.Wait(t.Context(), directory)
		if err != nil {
			t.Fatal(err)
		}
		if err := underWay.Grow(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer underWay.End()
		user := func(bytes int) string {
			const start, end = `{"userName":"`, `"}`
			return start + strings.Repeat("a", bytes-len(start)-len(end)) + end
		}
		for name, c := range map[string]struct {
			method, path, body string
			large              bool
		}{
			"a usual page":                    {method: "GET", path: "/Users"},
			"a page of 200":                   {method: "GET", path: "/Users?count=200"},
			"a larger page":                   {method: "GET", path: "/Users?count=201", large: true},
			"a look-up":                       {method: "GET", path: "/Users?filter=userName%20Eq%20%22ann%20%5C%22and%5C%22%22"},
			"a filter of two comparisons":     {method: "GET", path: "/Users?filter=userName%20eq%20%22a%22%20or%20title%20eq%20%22b%22", large: true},
			"a filter that searches in texts": {method: "GET", path: "/Users?filter=userName%20co%20%22ann%22", large: true},
			"a sorted list":                   {method: "GET", path: "/Users?sortBy=userName", large: true},
			"a search":                        {method: "POST", path: "/Users/.search", body: `{"filter":"userName eq \"ann\""}`},
			"a search for a text":             {method: "POST", path: "/Users/.search", body: `{"filter":"userName co \"ann\""}`, large: true},
			"a body of 64 KiB":                {method: "POST", path: "/Users", body: user(64 << 10)},
			"a larger body":                   {method: "POST", path: "/Users", body: user(64<<10 + 1), large: true},
			"a resource":                      {method: "GET", path: "/Users/" + strings.Repeat("1", 20)},
		} {
			if a := w.do(c.method, c.path, c.body); (a.Code == 429) != c.large {
				t.Errorf("%s: got %d: %s", name, a.Code, a.Body)
			}
		}
	})
}
