// Package wait is how goroutines wait: for some time, longer after each failure, or for another goroutine's signal.
package wait

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Sleep waits for d, and says whether it did; false when the context ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Backoff is how long to wait after so many failures in a row, at least 1. It doubles from first up to most, and is random
// between half of that and all of it: those who failed together must not come back together.
func Backoff(first, most time.Duration, failures int) time.Duration {
	delay := most
	if doublings := failures - 1; first < most>>doublings {
		delay = first << doublings
	}
	return delay/2 + rand.N(delay/2+1) //nolint:gosec // nobody gains by guessing it
}

// Poke wakes the one who receives from a channel that holds one. A poke that nobody has received yet counts for both.
func Poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Signal wakes everybody who waits whenever something new is there. The zero value is ready.
type Signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// Wait gives a channel that closes at the next Notify. Take it before looking for what is new, so that nothing is missed.
func (s *Signal) Wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Notify wakes all who wait.
func (s *Signal) Notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
