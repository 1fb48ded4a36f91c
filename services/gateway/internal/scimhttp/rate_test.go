package scimhttp

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rediskv"
	"github.com/usher-scim/usher/services/internal/testkit"
)

// counted answers as it is told to.
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

func TestTheSharedCountDecidesWhileItCanTell(t *testing.T) {
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
	server := testkit.StartRedis(t)
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
	// A burst of one, and no more for as long as the test takes: so many of both gateways get in.
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
