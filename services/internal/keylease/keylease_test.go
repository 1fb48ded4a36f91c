package keylease

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time that the test moves.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

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

// An answer that directory gave before a revocation, and that arrives after it, must serve no request that started after.
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
	second := <-questions                                                // … so who comes later asks again,
	first.answer <- Lease{KeyID: "stale", Until: c.now().Add(time.Hour)} // though the first answer comes first
	if lease := <-before; lease.KeyID != "stale" {
		t.Errorf("the earlier request got %+v", lease)
	}
	third := lookup() // joins the second question: the stale answer was not stored
	second.answer <- Lease{Unknown: true, Until: c.now().Add(time.Hour)}
	if lease := <-after; !lease.Unknown {
		t.Errorf("a request after the revocation got %+v", lease)
	}
	if lease := <-third; !lease.Unknown {
		t.Errorf("the stale answer was stored: %+v", lease)
	}
}
