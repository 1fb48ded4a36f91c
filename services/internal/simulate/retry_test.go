package simulate

import (
	"context"
	"net/http"
	"testing"
	"time"
)

func TestDelay(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	policy := RetryPolicy{
		BaseDelay: time.Second, MaxDelay: 20 * time.Second, Now: func() time.Time { return now },
	}.withDefaults()
	for _, c := range []struct {
		name    string
		attempt int
		header  string
		want    time.Duration
	}{
		{"after the first attempt the base delay", 1, "", time.Second},
		{"doubled after the second", 2, "", 2 * time.Second},
		{"doubled again after the third", 3, "", 4 * time.Second},
		{"never above the maximum", 12, "", 20 * time.Second},
		{"Retry-After in seconds", 1, "7", 7 * time.Second},
		{"Retry-After of nothing", 5, "0", 0},
		{"Retry-After beyond the maximum", 1, "86400", 20 * time.Second},
		{"Retry-After beyond any duration", 1, "9223372036854775807", 20 * time.Second},
		{"Retry-After as a date", 1, now.Add(9 * time.Second).Format(http.TimeFormat), 9 * time.Second},
		{"Retry-After as a date that is past", 1, now.Add(-time.Hour).Format(http.TimeFormat), 0},
		{"Retry-After that is neither is ignored", 2, "soon", 2 * time.Second},
		{"a negative Retry-After is ignored", 1, "-3", time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{}
			if c.header != "" {
				header.Set("Retry-After", c.header)
			}
			if got := policy.delay(c.attempt, header); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestWaitsAsTheServerAsks(t *testing.T) {
	f := newFakeServer(t)
	refused := 0
	f.trouble = func(w http.ResponseWriter, _ *http.Request) (bool, bool) {
		if refused++; refused > 3 {
			return false, false
		}
		w.Header().Set("Retry-After", "11")
		w.WriteHeader(http.StatusTooManyRequests)
		return true, false
	}
	cfg := config(f, Entra, 1, 0)
	cfg.Concurrency = 1
	var waits []time.Duration
	cfg.Retry.Wait = func(_ context.Context, d time.Duration) bool {
		waits = append(waits, d)
		return true
	}
	report := mustEnd(t, f, cfg)
	if len(waits) != 3 || waits[0] != 11*time.Second || report.Retries != 3 || report.ByStatus[429] != 3 {
		t.Errorf("waits %v, report %+v", waits, report)
	}
}
