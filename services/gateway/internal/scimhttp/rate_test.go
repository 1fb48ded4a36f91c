package scimhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rediskv"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// counted answers as the test sets it.
type counted struct {
	wait  time.Duration
	ok    bool
	err   error
	asked int
}

func (c *counted) Take(context.Context, string, float64, int) (time.Duration, bool, error) {
	c.asked++
	return c.wait, c.ok, c.err
}

func TestTheSharedCountDecidesWhileItAnswers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := &counted{ok: true}
	r := newRates(1, c)
	admitted := func(when string, want bool, wantWait time.Duration, asked int) {
		t.Helper()
		c.asked = 0
		if wait, ok := r.admit(t.Context(), "x", now); ok != want || wait != wantWait || c.asked != asked {
			t.Errorf("%s: %v, wait %s, asked %d times", when, ok, wait, c.asked)
		}
	}
	for range 3 {
		admitted("while it says yes", true, 0, 1)
	}
	c.ok, c.wait = false, time.Second
	admitted("when it says no", false, time.Second, 1)
	now = now.Add(999 * time.Millisecond)
	admitted("before it can say yes", false, time.Millisecond, 0)
	now = now.Add(time.Millisecond)
	c.err = errors.New("down")
	admitted("when it cannot tell", true, 0, 1)
	admitted("when it cannot tell again", false, time.Second, 1)
	c.ok, c.wait, c.err = true, 0, nil
	admitted("when it can tell again", true, 0, 1)
}

func TestGatewaysShareARateThroughRedis(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	gateways := make([]*rates, 2)
	clients := make([]*rediskv.Client, len(gateways))
	for i := range gateways {
		client, err := rediskv.Open(t.Context(), rediskv.Config{URL: server.URL(), Timeout: 5 * time.Second, Probe: 10 * time.Millisecond},
			rediskv.Dependencies{Log: slog.New(slog.DiscardHandler), Tracing: tracenoop.NewTracerProvider(), Meter: metricnoop.NewMeterProvider()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		clients[i], gateways[i] = client, newRates(0.01, client.Rates())
	}
	// The burst is one, and no more is allowed during the test: this is how many both gateways admit.
	admitted := func(when string, want int) {
		t.Helper()
		directory, in := ids.New(), 0
		for range 3 {
			for _, g := range gateways {
				if _, ok := g.admit(t.Context(), directory, time.Now()); ok {
					in++
				}
			}
		}
		if in != want {
			t.Errorf("%s: %d got in, want %d", when, in, want)
		}
	}
	admitted("at first", 1)
	server.Stop()
	admitted("without Redis", len(gateways))
	server.Restart()
	for _, client := range clients {
		deadline, every := time.After(20*time.Second), time.NewTicker(time.Millisecond)
		for !client.Up() {
			select {
			case <-deadline:
				t.Fatal("Redis does not come back")
			case <-every.C:
			}
		}
		every.Stop()
	}
	admitted("with Redis again", 1)
}

func TestEachDirectoryHasItsRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.RatePerSecond = 2 })
	for range 2 {
		if a := w.do("GET", "/Users", ""); a.Code != 200 {
			t.Fatal(a.Code)
		}
	}
	a := w.do("GET", "/Users", "")
	if a.Code != 429 || a.Header().Get("Retry-After") != "1" || a.scim.Status != "429" {
		t.Errorf("%d %v %s", a.Code, a.Header(), a.Body)
	}
	r := httptest.NewRequest("GET", "/scim/v2/"+other+"/Users", nil)
	r.Header.Set("Authorization", "Bearer "+w.keys[other].Reveal())
	if a := w.serve(r); a.Code != 200 {
		t.Errorf("another directory: %d", a.Code)
	}
	w.now = w.now.Add(500 * time.Millisecond)
	if a := w.do("GET", "/Users", ""); a.Code != 200 {
		t.Errorf("after a while: %d", a.Code)
	}
	if len(w.events.all()) != 0 {
		t.Error("a failed event was recorded")
	}
}

func TestRatesAreKeptForALimitedNumberOfDirectories(t *testing.T) {
	t.Parallel()
	r, now := newRates(1, nil), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range maxDirectories + 1 {
		if _, ok := r.admit(t.Context(), fmt.Sprint(i), now); !ok {
			t.Fatal(i)
		}
	}
	if len(r.by) > maxDirectories {
		t.Errorf("%d are remembered", len(r.by))
	}
	if wait, ok := r.admit(t.Context(), "x", now); !ok || wait != 0 {
		t.Error("a new one is not admitted")
	}
	later := now.Add(time.Hour)
	r.makeRoom(later)
	if _, ok := r.admit(t.Context(), "y", later); !ok {
		t.Error("a new one is not admitted")
	}
}
