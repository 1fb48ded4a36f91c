package scimhttp

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-scim/usher/services/internal/inflight"
)

func TestADirectoryHasSoManyMessagesUnderWayAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.MessagesAtOnce, c.RequestTimeout = 1, 30*time.Second })
		underWay, err := w.handler.turns.Wait(t.Context(), directory, inflight.Small)
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
		if held := w.handler.config.InFlight.Bytes(); held != 0 {
			t.Errorf("%d bytes are not given back", held)
		}
	})
}

// A list or a large body may take the processor for long, so it counts as several messages.
func TestFewerMessagesThatAreLargeAreUnderWayAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.MessagesAtOnce, c.RequestTimeout = inflight.Large, 30*time.Second })
		underWay, err := w.handler.turns.Wait(t.Context(), directory, inflight.Small)
		if err != nil {
			t.Fatal(err)
		}
		defer underWay.End()
		user := func(bytes int) string {
			const start, end = `{"userName":"`, `"}`
			return start + strings.Repeat("a", bytes-len(start)-len(end)) + end
		}
		for name, c := range map[string]struct {
			method, path, body string
			ofUnknownLength    bool
			large              bool
		}{
			"a list":                   {method: "GET", path: "/Users", large: true},
			"a search":                 {method: "POST", path: "/Users/.search", body: "{}", large: true},
			"a body of 64 KiB":         {method: "POST", path: "/Users", body: user(64 << 10)},
			"a larger body":            {method: "POST", path: "/Users", body: user(64<<10 + 1), large: true},
			"a body of unknown length": {method: "POST", path: "/Users", body: "{}", ofUnknownLength: true, large: true},
			"a resource":               {method: "GET", path: "/Users/" + strings.Repeat("1", 20)},
		} {
			request := w.request(c.method, c.path, c.body)
			if c.ofUnknownLength {
				request.ContentLength = -1
			}
			if a := w.serve(request); (a.Code == 429) != c.large {
				t.Errorf("%s: got %d: %s", name, a.Code, a.Body)
			}
		}
	})
}
