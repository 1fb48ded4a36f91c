package scimhttp

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestADirectoryHasSoManyMessagesUnderWayAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.AtOnce, c.RequestTimeout = 1, 30*time.Second })
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
		if held := w.handler.config.InFlight.Bytes(); held != 0 {
			t.Errorf("%d bytes are not given back", held)
		}
	})
}
