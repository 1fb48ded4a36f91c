package rediskv

import (
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func TestProcessesShareARate(t *testing.T) {
	t.Parallel()
	url := kit.Redis(t)
	processes, directory := []Rates{open(t, url, patient).Rates(), open(t, url, patient).Rates()}, ids.New()
	const perSecond, burst = 0.01, 10
	taken, wait := 0, time.Duration(0)
	for i := range 3 * burst {
		w, ok, err := processes[i%2].Take(t.Context(), directory, perSecond, burst)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			taken++
		} else {
			wait = w
		}
	}
	if taken != burst || wait <= 50*time.Second || wait > 100*time.Second {
		t.Errorf("%d were taken together, want %d; the next after %s", taken, burst, wait)
	}
	if _, ok, err := processes[0].Take(t.Context(), ids.New(), perSecond, burst); !ok || err != nil {
		t.Errorf("another directory: %v, %v", ok, err)
	}
}

// A whole burst is accepted, whatever the rate, and not one message more.
func TestAWholeBurstIsAccepted(t *testing.T) {
	t.Parallel()
	rates := open(t, kit.Redis(t), patient).Rates()
	for _, c := range []struct {
		perSecond float64
		burst     int
		endless   bool // the test is too slow to reach the end of the burst
	}{
		{1e-300, 1, false}, {1e-9, 1, false}, {0.01, 1, false}, {0.03, 1, false}, {0.07, 1, false}, {0.003, 7, false}, {0.017, 100, false},
		{99.9, 1, true}, {1e6, 10, true}, {1e12, 10, true}, {1e300, 1, true},
	} {
		directory := ids.New()
		for i := range c.burst + 1 {
			_, ok, err := rates.Take(t.Context(), directory, c.perSecond, c.burst)
			if err != nil || ok != (i < c.burst) && !c.endless {
				t.Errorf("%v a second, %d of %d: %v, %v", c.perSecond, i+1, c.burst, ok, err)
			}
		}
	}
}

func TestAClockOfRedisThatWasSetBackLocksNobodyOut(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	b, directory := open(t, server.URL(), patient), ids.New()
	if _, ok, err := b.Rates().Take(t.Context(), directory, 100, 1); !ok || err != nil {
		t.Fatal(ok, err)
	}
	admin := raw(t, server.URL())
	keys, err := admin.Keys(t.Context(), "*"+directory).Result()
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	// Redis wrote this before, by a clock that was an hour ahead.
	if err := admin.Do(t.Context(), "incrbyfloat", keys[0], 3600).Err(); err != nil {
		t.Fatal(err)
	}
	if wait, ok, err := b.Rates().Take(t.Context(), directory, 100, 1); err == nil {
		t.Errorf("it says %v, after %s", ok, wait)
	}
	b.is("all the same", true)
}

func BenchmarkTake(b *testing.B) {
	c, err := Open(b.Context(), Config{URL: kit.Redis(b), Timeout: patient}, quiet())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	directory := ids.New()
	b.Run("one at a time", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := c.Rates().Take(b.Context(), directory, 1e6, 1e6); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("eight at a time", func(b *testing.B) {
		b.SetParallelism(4)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, _, err := c.Rates().Take(b.Context(), directory, 1e6, 1e6); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
