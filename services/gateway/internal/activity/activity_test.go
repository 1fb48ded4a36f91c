package activity

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
)

// written is a spool with little room.
type written struct {
	room    int
	tallies map[string]*failedeventsv1.MessageTally // by id, the newest
	writes  int
	lost    []string
}

func (w *written) write(tallies []*failedeventsv1.MessageTally) (int, error) {
	n := min(w.room, len(tallies))
	for _, t := range tallies[:n] {
		w.tallies[t.GetId()] = t
		w.writes++
	}
	if n < len(tallies) {
		return n, errors.New("full")
	}
	return n, nil
}

func (w *written) accepted() (sum int64) {
	for _, t := range w.tallies {
		sum += t.GetAcceptedCount()
	}
	return sum
}

func newCounter() (*Counter, *written, *strings.Builder) {
	w, logs := &written{room: 1e9, tallies: map[string]*failedeventsv1.MessageTally{}}, &strings.Builder{}
	return New(w.write, func(reason string, count int) { w.lost = append(w.lost, fmt.Sprint(reason, " ", count)) },
		slog.New(slog.NewTextHandler(logs, nil))), w, logs
}

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func TestOnlyChangedTalliesAreWritten(t *testing.T) {
	t.Parallel()
	c, w, _ := newCounter()
	for n := range 3 {
		c.Count("acme", fmt.Sprint("d", n), Accepted, start())
	}
	c.Write(start())
	c.Write(start())
	c.Count("acme", "d1", Accepted, start())
	c.Write(start())
	if w.writes != 4 || len(w.tallies) != 3 || w.accepted() != 4 {
		t.Errorf("%d writes of %d tallies with %d messages", w.writes, len(w.tallies), w.accepted())
	}
	next := start().Add(time.Hour)
	c.Write(next)
	if len(c.tallies) != 0 {
		t.Errorf("%d tallies of the past hour are left in memory", len(c.tallies))
	}
	// A message that began long ago, or a clock that goes back, changes no earlier tally.
	c.Count("acme", "d1", Accepted, start())
	c.Count("acme", "d1", Accepted, next)
	c.Close(next)
	if len(w.tallies) != 5 || w.accepted() != 6 {
		t.Errorf("%d tallies with %d messages", len(w.tallies), w.accepted())
	}
}

func TestTalliesWithoutRoomWait(t *testing.T) {
	t.Parallel()
	c, w, logs := newCounter()
	for n := range 10 {
		c.Count("acme", fmt.Sprint("d", n), Accepted, start())
	}
	w.room = 4
	for want := 6; want > 0; want -= 4 {
		if unwritten := c.Write(start().Add(2 * time.Hour)); unwritten != want {
			t.Errorf("%d are unwritten, want %d", unwritten, want)
		}
	}
	for n := range 10 {
		c.Count("acme", fmt.Sprint("d", n), Accepted, start()) // in a tally that waits, or in a written one
	}
	w.room = 100
	c.Close(start())
	// Four tallies of the past hour were written and forgotten, so that later messages are in new ones.
	if len(w.lost) != 0 || len(w.tallies) != 14 || w.accepted() != 20 {
		t.Errorf("%d tallies with %d messages; lost: %v", len(w.tallies), w.accepted(), w.lost)
	}
	if strings.Count(logs.String(), "cannot be written") != 1 {
		t.Errorf("logged: %s", logs)
	}
	w.room = 0
	c.Count("acme", "d0", Accepted, start())
	c.Close(start())
	if fmt.Sprint(w.lost) != "[unwritten 1]" {
		t.Errorf("lost: %v", w.lost)
	}
}

func TestTheMemoryOfTalliesIsLimited(t *testing.T) {
	t.Parallel()
	c, w, _ := newCounter()
	for n := range maxTallies + 2 {
		c.Count("acme", fmt.Sprint("d", n), Accepted, start())
	}
	c.Count("acme", "d0", Accepted, start())
	c.Write(start())
	if w.accepted() != maxTallies+1 || fmt.Sprint(w.lost) != "[too_many 1 too_many 1]" {
		t.Errorf("%d messages are counted; lost: %v", w.accepted(), w.lost)
	}
}

func TestManyMessagesAreCountedAtOnce(t *testing.T) {
	t.Parallel()
	c, w, _ := newCounter()
	const many, each = 8, 500
	var running sync.WaitGroup
	for n := range many {
		running.Go(func() {
			for i := range each {
				c.Count("acme", fmt.Sprint("d", i%7), Accepted, start().Add(time.Duration(i)*time.Second*10))
				if n == 0 && i%10 == 0 {
					c.Write(start().Add(time.Duration(i) * time.Second * 10))
				}
			}
		})
	}
	running.Wait()
	c.Close(start())
	if w.accepted() != many*each {
		t.Errorf("%d messages are counted, want %d", w.accepted(), many*each)
	}
}

func TestCountingAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts the allocations of the process
	c, _, _ := newCounter()
	if n := testing.AllocsPerRun(1000, func() { c.Count("acme", "0198a000-0000-7000-8000-0000000000d1", Accepted, start()) }); n != 0 {
		t.Errorf("a message allocates %v times", n)
	}
}

func BenchmarkCount(b *testing.B) {
	c, _, _ := newCounter()
	directories := make([]string, 1000)
	for i := range directories {
		directories[i] = fmt.Sprintf("0198a000-0000-7000-8000-%012d", i)
	}
	at := start()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			c.Count("acme", directories[i%len(directories)], Accepted, at)
		}
	})
}
