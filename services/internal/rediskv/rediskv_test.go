package rediskv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func TestARedisBeyondThisMachineNeedsAPasswordAndTLS(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"redis://cache:6379":               "a password, TLS",
		"redis://:secret@cache:6379":       "TLS",
		"rediss://cache:6379":              "a password",
		"rediss://u:secret@10.0.0.1:6379":  "",
		"redis://127.0.0.1:6379":           "",
		"redis://[::1]:6379":               "",
		"redis://localhost":                "",
		"unix:///run/redis.sock?db=1":      "",
		"redis://127.0.0.1.example.com:63": "a password, TLS",
	} {
		c := Config{URL: url}
		o, err := c.complete()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(lacks(o), ", "); got != want {
			t.Errorf("%s lacks %q, want %q", url, got, want)
		}
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is a timeout that a slow machine does not reach. A test can wait for impatient.
const (
	patient   = 10 * time.Second
	impatient = 100 * time.Millisecond
)

// bundle is a client with its log.
type bundle struct {
	*Client
	t       *testing.T
	logs    *lines
	metrics *sdkmetric.ManualReader
}

// lines is a log for several goroutines.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// levels returns each line's level, in order.
func (l *lines) levels(t *testing.T) string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for line := range strings.Lines(l.text.String()) {
		var record struct{ Level string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		all = append(all, record.Level)
	}
	return strings.Join(all, " ")
}

func open(t *testing.T, url string, timeout time.Duration) *bundle {
	t.Helper()
	return openWith(t, Config{URL: url, Timeout: timeout, Probe: 20 * time.Millisecond})
}

func openWith(t *testing.T, c Config) *bundle {
	t.Helper()
	b := &bundle{t: t, logs: &lines{}, metrics: sdkmetric.NewManualReader()}
	var err error
	b.Client, err = Open(t.Context(), c, Dependencies{
		Log: slog.New(slog.NewJSONHandler(b.logs, nil)), Tracing: tracenoop.NewTracerProvider(),
		Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(b.metrics)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := b.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		}
	})
	return b
}

// is checks the state, as returned and as measured.
func (b *bundle) is(when string, up bool) {
	b.t.Helper()
	var all metricdata.ResourceMetrics
	if err := b.metrics.Collect(context.Background(), &all); err != nil {
		b.t.Fatal(err)
	}
	m := all.ScopeMetrics[0].Metrics[0]
	if value := m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value; m.Name != Up || b.Up() != up || (value == 1) != up {
		b.t.Errorf("%s: up is %v and %s is %d, want %v", when, b.Up(), m.Name, value, up)
	}
}

// says waits until the log has lines of these levels, and no others. A change of the state can be seen before its line.
func (b *bundle) says(levels string) {
	b.t.Helper()
	until(b.t, fmt.Sprintf("the log says %q", levels), func() bool { return b.logs.levels(b.t) == levels })
}

// becomes waits for a state.
func (b *bundle) becomes(up bool) {
	b.t.Helper()
	until(b.t, fmt.Sprintf("up is %v", up), func() bool { return b.Up() == up })
}

// until polls.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline, every := time.After(20*time.Second), time.NewTicker(time.Millisecond)
	defer every.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Fatalf("it never came about that %s", what)
		case <-every.C:
		}
	}
}

// ask asks one question, and reports whether Redis answered.
func (b *bundle) ask() bool {
	_, _, err := b.Rates().Take(context.Background(), "someone", 1e6, 1e6)
	return err == nil
}

// raw is a plain client to inspect Redis.
func raw(t *testing.T, url string) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAnInvalidAddressIsReportedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "localhost:6379", "http://hunter2@localhost", "redis://:hunter2@[::1", "redis://:hunter2%zz@localhost", "redis://:a/hunter2@localhost",
		"redis://localhost/hunter2", "redis://localhost/?hunter2=1", "unix://", "\x00hunter2",
	} {
		_, err := Open(t.Context(), Config{URL: url, Timeout: -1, Probe: -1}, quiet())
		for _, key := range []string{"redis_url", "the timeout", "the probe"} {
			if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), key) {
				t.Errorf("%q: %v", url, err)
			}
		}
	}
}

func TestAStartSucceedsWhileRedisIsDown(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	server.Stop()
	b := open(t, server.URL(), patient)
	b.is("at the start", false)
	if b.ask() {
		t.Error("a question was answered")
	}
	server.Restart()
	b.becomes(true)
	b.is("once it runs", true)
	if !b.ask() {
		t.Error("a question was not answered")
	}
	b.says("WARN INFO")
}

func TestEachChangeOfStateIsLoggedOnce(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	proxy := kit.StartProxy(t, "unix", server.Path())
	for name, c := range map[string]struct{ fail, mend func() }{
		"killed":   {server.Stop, server.Restart},
		"frozen":   {server.Freeze, server.Thaw},
		"cut":      {proxy.Cut, proxy.Mend},
		"replaced": {server.Restart, func() {}},
	} {
		timeout := patient
		if name == "frozen" {
			timeout = impatient
		}
		b := open(t, "redis://"+proxy.Addr(), timeout)
		b.is(name+": at first", true)
		if !b.ask() {
			t.Fatalf("%s: a question was not answered", name)
		}
		c.fail()
		if name != "replaced" {
			var asking sync.WaitGroup
			for range 20 {
				asking.Go(func() {
					if b.ask() {
						t.Errorf("%s: a question was answered", name)
					}
				})
			}
			asking.Wait()
			b.is(name, false)
		} else {
			b.ask() // the client may notice a broken connection or not
		}
		c.mend()
		b.becomes(true)
		until(t, "questions are answered", b.ask)
		if name != "replaced" || b.logs.levels(t) != "" {
			b.says("WARN INFO")
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNobodyWaitsForAFrozenRedisTwice(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	b := open(t, server.URL(), impatient)
	server.Freeze()
	start := time.Now()
	if certain := b.Invalidate(t.Context(), keylease.Digest{1}); certain {
		t.Error("invalidation is certain")
	}
	if waited := time.Since(start); waited > 10*impatient {
		t.Errorf("the first waited for %s", waited)
	}
	b.becomes(false)
	start = time.Now()
	for range 10_000 {
		b.ask()
		b.Invalidate(t.Context(), keylease.Digest{1})
		b.Leases().Get(t.Context(), keylease.Digest{1})
	}
	if waited := time.Since(start); waited > 10*impatient {
		t.Errorf("30,000 others waited for %s", waited)
	}
}

func TestACallerThatGivesUpSaysNothingAboutRedis(t *testing.T) {
	t.Parallel()
	b := open(t, kit.Redis(t), patient)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.Rates().Take(ctx, "x", 1, 1); err == nil {
		t.Error("it was answered")
	}
	b.is("afterwards", true)
}

// A Redis that answers but does not work is down. The probe decides that, not each command.
func TestAFullRedisIsDown(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	b, admin := open(t, server.URL(), patient), raw(t, server.URL())
	for _, step := range []struct {
		maxmemory string
		up        bool
	}{{"1", false}, {"0", true}} {
		if err := admin.ConfigSet(t.Context(), "maxmemory", step.maxmemory).Err(); err != nil {
			t.Fatal(err)
		}
		b.ask()
		b.becomes(step.up)
	}
	b.says("WARN INFO")
}

func TestSpansShowNoKey(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	c, err := Open(t.Context(), Config{URL: kit.Redis(t), Timeout: patient}, Dependencies{
		Log: slog.New(slog.DiscardHandler), Tracing: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)), Meter: metricnoop.NewMeterProvider(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	digest := keylease.Digest([]byte("0123456789abcdef0123456789abcdef"))
	now := c.Leases().Get(t.Context(), digest).Time
	c.Leases().Set(t.Context(), digest, keylease.Lease{OrganizationID: "acme"}, now.Add(time.Minute))
	c.Invalidate(t.Context(), digest)
	if _, _, err := c.Rates().Take(t.Context(), "acmes-directory", 1, 1); err != nil {
		t.Fatal(err)
	}
	told := fmt.Sprintf("%+v", spans.GetSpans())
	for _, secret := range []string{"3031323334", "01234567", "acme"} {
		if strings.Contains(told, secret) {
			t.Errorf("%s is in a span: %s", secret, told)
		}
	}
	if n := len(spans.GetSpans()); n < 4 {
		t.Errorf("there are only %d spans", n)
	}
}

func quiet() Dependencies {
	return Dependencies{
		Log: slog.New(slog.DiscardHandler), Tracing: tracenoop.NewTracerProvider(), Meter: metricnoop.NewMeterProvider(),
	}
}
