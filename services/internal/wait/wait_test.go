package wait_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
)

func TestSleepEndsWithItsTimeOrItsContext(t *testing.T) {
	t.Parallel()
	if !wait.Sleep(t.Context(), time.Millisecond) || !wait.Sleep(t.Context(), 0) {
		t.Error("it did not wait for its time")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if wait.Sleep(ended, time.Hour) {
		t.Error("it waited although its context had ended")
	}
}

func TestBackoffDoublesUpToTheMost(t *testing.T) {
	t.Parallel()
	const first, most = 100 * time.Millisecond, time.Second
	for failures, want := range map[int]time.Duration{
		1: first, 2: 2 * first, 3: 4 * first, 4: 8 * first, 5: most, 6: most, 64: most, 65: most, math.MaxInt: most,
	} {
		for range 100 {
			if d := wait.Backoff(first, most, failures); d < want/2 || d > want {
				t.Fatalf("%d failures: %v, and %v to %v was expected", failures, d, want/2, want)
			}
		}
	}
	if d := wait.Backoff(time.Minute, time.Second, 1); d > time.Second {
		t.Errorf("the first is longer than the most: %v", d)
	}
}

func TestAPokeIsReceivedOnceAndNeverWaits(t *testing.T) {
	t.Parallel()
	c := make(chan struct{}, 1)
	for range 2 {
		wait.Poke(c)
	}
	<-c
	select {
	case <-c:
		t.Error("two pokes were received as two")
	default:
	}
	wait.Poke(c)
	<-c
}

func TestASignalWakesAllWaitingGoroutinesAndNoLaterOnes(t *testing.T) {
	t.Parallel()
	var s wait.Signal
	s.Notify() // without a waiting goroutine, it has no effect
	first := s.Wait()
	select {
	case <-first:
		t.Fatal("a signal from before was remembered")
	default:
	}
	var woken sync.WaitGroup
	for range 10 {
		ch := s.Wait()
		woken.Go(func() { <-ch })
	}
	s.Notify()
	woken.Wait()
	<-first
	select {
	case <-s.Wait():
		t.Error("who waits afterwards was woken")
	default:
	}
}
