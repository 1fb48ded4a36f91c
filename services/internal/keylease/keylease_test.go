package keylease

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time of day and a monotonic clock that the test controls.
type clock struct{ nanos, monotonic atomic.Int64 }

func (c *clock) now() time.Time               { return time.Unix(0, c.nanos.Load()) }
func (c *clock) elapsed() time.Duration       { return time.Duration(c.monotonic.Load()) }
func (c *clock) advance(d time.Duration)      { c.move(d, d) }
func (c *clock) move(day, mono time.Duration) { c.nanos.Add(int64(day)); c.monotonic.Add(int64(mono)) }

func TestALeaseIsUsedUntilItsEnd(t *testing.T) {
	t.Parallel()
	c, asked := &clock{}, 0
	cache := New(func(context.Context, Digest) (Lease, error) {
		asked++
		return Lease{KeyID: "k", Until: c.now().Add(5 * time.Second)}, nil
	}, c.now)
	for i, step := range []struct {
		advance time.Duration
		asked   int
	}{{0, 1}, {4999 * time.Millisecond, 1}, {time.Millisecond, 2}, {5 * time.Second, 3}} {
		c.advance(step.advance)
		if _, err := cache.Lookup(t.Context(), Digest{1}); err != nil || asked != step.asked {
			t.Fatalf("step %d: asked %d times (error %v), want %d", i, asked, err, step.asked)
		}
	}
}

// Neither clock alone can extend a lease, or end it too late.
func TestALeaseEndsByTheFirstOfBothClocks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		day, monotonic time.Duration // how far each clock moves
		asked          int
	}{
		"before its end":                      {3999 * time.Millisecond, 3999 * time.Millisecond, 1},
		"at its end":                          {4 * time.Second, 4 * time.Second, 2},
		"a machine was suspended":             {time.Hour, 0, 2},
		"the time of day was set back":        {-time.Hour, 5 * time.Second, 2},
		"it was set back a moment ago":        {-time.Hour, 4999 * time.Millisecond, 1},
		"it runs slow":                        {time.Second, 5 * time.Second, 2},
		"it was set forward":                  {time.Hour, time.Millisecond, 2},
		"the clocks differ and none has come": {time.Millisecond, 4999 * time.Millisecond, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			moved, asked := &clock{}, 0
			cache := New(func(context.Context, Digest) (Lease, error) {
				asked++
				return Lease{KeyID: "k", Until: moved.now().Add(4 * time.Second)}, nil
			}, moved.now, WithElapsed(moved.elapsed))
			for range 2 {
				if _, err := cache.Lookup(t.Context(), Digest{1}); err != nil {
					t.Fatal(err)
				}
				moved.move(c.day, c.monotonic)
			}
			if asked != c.asked {
				t.Errorf("directory was asked %d times, want %d", asked, c.asked)
			}
		})
	}
}

// time.Time's own monotonic reading, which comparisons prefer, must not hide that the machine was suspended.
func TestTheTimeOfDayCountsThoughTimesHaveMonotonicReadings(t *testing.T) {
	t.Parallel()
	start, asked := time.Now(), 0
	day := start
	cache := New(func(context.Context, Digest) (Lease, error) {
		asked++
		return Lease{Until: start.Add(4 * time.Second)}, nil // still with its monotonic reading
	}, func() time.Time { return day })
	if _, err := cache.Lookup(t.Context(), Digest{1}); err != nil {
		t.Fatal(err)
	}
	day = start.Round(0).Add(time.Hour) // without a monotonic reading, as after a suspension only the time of day shows it
	if _, err := cache.Lookup(t.Context(), Digest{1}); !fault.Is(err, fault.Unavailable) || asked != 3 {
		t.Errorf("directory was asked %d times: %v", asked, err)
	}
}

func TestAnExpiredAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		takes  []time.Duration // how long each answer takes, with a lease of a second
		reason fault.Reason
	}{
		{"valid at once", []time.Duration{0}, 0},
		{"valid at the second time", []time.Duration{time.Second, 0}, 0},
		{"never valid", []time.Duration{time.Second, 2 * time.Second}, fault.Unavailable},
	} {
		moved, asked := &clock{}, 0
		cache := New(func(context.Context, Digest) (Lease, error) {
			until := moved.now().Add(time.Second)
			moved.advance(c.takes[asked])
			asked++
			return Lease{DirectoryID: "d", Until: until}, nil
		}, moved.now, WithElapsed(moved.elapsed))
		lease, err := cache.Lookup(t.Context(), Digest{1})
		if asked != len(c.takes) || (err == nil) != (c.reason == 0) || err != nil && !fault.Is(err, c.reason) {
			t.Errorf("%s: asked %d times: %v", c.name, asked, err)
		}
		if (err == nil) != (lease.DirectoryID == "d") {
			t.Errorf("%s: %+v with %v", c.name, lease, err)
		}
	}
}

func TestAnErrorIsNotRemembered(t *testing.T) {
	t.Parallel()
	c, fail := &clock{}, true
	cache := New(func(context.Context, Digest) (Lease, error) {
		if fail {
			return Lease{}, errors.New("unreachable")
		}
		return Lease{Until: c.now().Add(time.Second)}, nil
	}, c.now)
	if _, err := cache.Lookup(t.Context(), Digest{}); err == nil {
		t.Fatal("the error was lost")
	}
	fail = false
	if _, err := cache.Lookup(t.Context(), Digest{}); err != nil {
		t.Fatalf("the error was remembered: %v", err)
	}
}

// An answer from before a revocation that arrives after it must not serve a request that started after it.
func TestAnAnswerOlderThanAnInvalidationIsNotShared(t *testing.T) {
	t.Parallel()
	c := &clock{}
	type question struct{ answer chan Lease }
	questions := make(chan question)
	cache := New(func(context.Context, Digest) (Lease, error) {
		q := question{make(chan Lease)}
		questions <- q
		return <-q.answer, nil
	}, c.now)
	digest := Digest{7}
	lookup := func() <-chan Lease {
		result := make(chan Lease, 1)
		go func() {
			lease, _ := cache.Lookup(context.Background(), digest)
			result <- lease
		}()
		return result
	}
	before := lookup()
	first := <-questions // directory reads the key as valid …
	cache.Invalidate(digest)
	after := lookup()
	second := <-questions                                                // … so later calls ask again,
	first.answer <- Lease{KeyID: "stale", Until: c.now().Add(time.Hour)} // though the first answer arrives first
	if lease := <-before; lease.KeyID != "stale" {
		t.Errorf("the earlier request got %+v", lease)
	}
	third := lookup() // joins the second question: the stale answer is not cached
	second.answer <- Lease{Unknown: true, Until: c.now().Add(time.Hour)}
	if lease := <-after; !lease.Unknown {
		t.Errorf("a request after the revocation got %+v", lease)
	}
	if lease := <-third; !lease.Unknown {
		t.Errorf("the stale answer was stored: %+v", lease)
	}
}

func TestUnknownKeysDoNotReplaceKnownKeys(t *testing.T) {
	t.Parallel()
	c, asked := &clock{}, map[bool]int{}
	good := Digest{31: 1}
	cache := New(func(_ context.Context, digest Digest) (Lease, error) {
		asked[digest == good]++
		return Lease{KeyID: "k", Unknown: digest != good, Until: c.now().Add(4 * time.Second)}, nil
	}, c.now, WithElapsed(c.elapsed))
	for n := range maxUnknown + 10 {
		if _, err := cache.Lookup(t.Context(), Digest{byte(n), byte(n >> 8), byte(n >> 16)}); err != nil {
			t.Fatal(err)
		}
		if _, err := cache.Lookup(t.Context(), good); err != nil {
			t.Fatal(err)
		}
	}
	if asked[true] != 1 || len(cache.unknown) > maxUnknown {
		t.Errorf("directory was asked %d times of the good key; %d unknown ones are remembered", asked[true], len(cache.unknown))
	}
	if process := cache.Counts().Process; process != maxUnknown+9 {
		t.Errorf("%d look-ups were answered here", process)
	}
}

func TestAKeyIsSeenAfterItOpenedSomething(t *testing.T) {
	t.Parallel()
	c, revoked := &clock{}, false
	cache := New(func(_ context.Context, digest Digest) (Lease, error) {
		return Lease{KeyID: "k", Unknown: revoked || digest != Digest{31: 1}, Until: c.now().Add(time.Second)}, nil
	}, c.now, WithElapsed(c.elapsed))
	good, invented := Digest{31: 1}, Digest{31: 2}
	look := func(digest Digest) {
		t.Helper()
		if _, err := cache.Lookup(t.Context(), digest); err != nil {
			t.Fatal(err)
		}
	}
	seen := func(when string, digest Digest, want bool) {
		t.Helper()
		if got := cache.Seen(digest); got != want {
			t.Errorf("%s it is seen: %v", when, got)
		}
	}
	seen("before anything", good, false)
	look(good)
	look(invented)
	seen("while its lease holds", good, true)
	seen("while it is known that it opens nothing", invented, true)
	c.advance(time.Minute)
	seen("once its lease is over", good, true)
	seen("once it is no longer known that it opens nothing", invented, false)
	look(good)
	cache.Invalidate(good, invented)
	seen("once it was invalidated", good, true)
	seen("because it was invalidated", invented, false)
	revoked = true
	look(good)
	c.advance(time.Minute)
	seen("once it opens nothing any more", good, false)
}

func TestAnInvalidationAlsoConcernsKeysThatOpenNothing(t *testing.T) {
	t.Parallel()
	c, blocked := &clock{}, false
	cache := New(func(context.Context, Digest) (Lease, error) {
		return Lease{Unknown: !blocked, Blocked: blocked, Until: c.now().Add(time.Second)}, nil
	}, c.now)
	if lease, err := cache.Lookup(t.Context(), Digest{1}); err != nil || lease.Blocked {
		t.Fatalf("%+v, %v", lease, err)
	}
	blocked = true
	cache.Invalidate(Digest{1})
	if lease, err := cache.Lookup(t.Context(), Digest{1}); err != nil || !lease.Blocked {
		t.Errorf("a person who was just blocked: %+v, %v", lease, err)
	}
	cache.Close()
}
