package inflight

import (
	"errors"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

func TestAReservationThatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		own      int64 // bytes that the directory has already reserved
		others   int64 // bytes that others have reserved
		reserve  int64
		reason   fault.Reason // 0: it fits
		budget   string
		ofDetail string
	}{
		{"all of its share", 0, 0, 40, 0, "", ""},
		{"a byte more than its share", 0, 0, 41, fault.Limit, ShareBudget, "40 bytes"},
		{"the rest of its share", 39, 0, 1, 0, "", ""},
		{"a byte more than the rest of its share", 39, 0, 2, fault.Limit, ShareBudget, "40 bytes"},
		{"the rest of all", 0, 90, 10, 0, "", ""},
		{"a byte more than the rest of all", 0, 90, 11, fault.Unavailable, TotalBudget, "100 bytes"},
		{"nothing when all is taken", 0, 100, 0, 0, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := New(100, 40)
			own, others := b.Open("a"), b.Open("b")
			own.Take(c.own)
			others.Take(c.others)
			before := b.Bytes()
			reserved := b.Open("a")
			err := reserved.Reserve(c.reserve)
			if c.reason == 0 {
				if err != nil || b.Bytes() != before+c.reserve {
					t.Errorf("%v, and %d bytes are reserved", err, b.Bytes())
				}
			} else {
				var f *fault.Error
				if !errors.As(err, &f) || f.Reason != c.reason || f.Metadata[BudgetKey] != c.budget || f.RetryAfter != time.Second ||
					!strings.Contains(f.Message, c.ofDetail) {
					t.Errorf("%v", err)
				}
				if b.Bytes() != before {
					t.Errorf("the refusal left %d bytes", b.Bytes()-before)
				}
			}
			for _, h := range []*Reservation{&reserved, &own, &others, &reserved} {
				h.Close()
			}
			if b.Bytes() != 0 || len(b.by) != 0 {
				t.Errorf("%d bytes are still reserved, by %v", b.Bytes(), b.by)
			}
		})
	}
}

func TestAPartOfOtherWorkReservesNothing(t *testing.T) {
	t.Parallel()
	var part Reservation
	if err := part.Reserve(1 << 40); err != nil {
		t.Error(err)
	}
	part.Take(1)
	part.Close()
}

func TestConcurrentReservationsKeepTheBudget(t *testing.T) {
	t.Parallel()
	b := New(100, 30)
	var working sync.WaitGroup
	for i := range 16 {
		working.Go(func() {
			for range 200 {
				reserved := b.Open(string(rune('a' + i%4)))
				for range 20 {
					if reserved.Reserve(7) != nil {
						break
					}
				}
				if reserved := b.Bytes(); reserved > 100 {
					t.Errorf("%d bytes are reserved", reserved)
				}
				reserved.Close()
			}
		})
	}
	working.Wait()
	if b.Bytes() != 0 || len(b.by) != 0 {
		t.Errorf("%d bytes are still reserved", b.Bytes())
	}
}

func TestReservingAllocatesNothing(t *testing.T) {
	b := New(1<<30, 1<<30)
	other := b.Open("directory")
	other.Take(1)
	if allocated := testing.AllocsPerRun(100, func() {
		reserved := b.Open("directory")
		_ = reserved.Reserve(1 << 10)
		reserved.Close()
	}); allocated > 0 {
		t.Errorf("%v allocations", allocated)
	}
}

// It changes the memory limit of the process, so it does not run in parallel.
func TestTheDefaultFollowsTheMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for limit, want := range map[int64]int64{1 << 30: 512 << 20, 100 << 20: 64 << 20, 1<<63 - 1: 256 << 20} {
		debug.SetMemoryLimit(limit)
		if got := Default(2, 64<<20); got != want {
			t.Errorf("with a limit of %d it is %d", limit, got)
		}
	}
}
