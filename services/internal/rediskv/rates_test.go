package rediskv

import (
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/testkit"
)

func TestProcessesShareARate(t *testing.T) {
	t.Parallel()
	url := testkit.Redis(t)
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

func TestAnyRateCanBeTaken(t *testing.T) {
	t.Parallel()
	rates := open(t, testkit.Redis(t), patient).Rates()
	for _, perSecond := range []float64{1e-300, 1e-9, 0.5, 1, 99.9, 1e6, 1e12} {
		directory := ids.New()
		for i := range 2 {
			// The second is one too many wherever the burst is one, and does not come again in the time that the test takes.
			_, ok, err := rates.Take(t.Context(), directory, perSecond, 1)
			if err != nil || (i == 0 && !ok) || (i == 1 && ok && perSecond < 1) {
				t.Errorf("%v a second, take %d: %v, %v", perSecond, i, ok, err)
			}
		}
	}
}

func BenchmarkTake(b *testing.B) {
	c, err := Open(b.Context(), Config{URL: testkit.Redis(b), Timeout: patient}, quiet())
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
