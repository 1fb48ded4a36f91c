// Package wait lets goroutines wait: for some time, longer after each failure, or for a signal of another goroutine.
package wait

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Sleep waits for d. It returns false if the context ended first.
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

// Backoff returns how long to wait after so many failures in a row, at least 1. It doubles from first up to most, and is random between
// half and all of this, so that clients that failed together do not retry together.
func Backoff(first, most time.Duration, failures int) time.Duration {
	delay := most
	if doublings := failures - 1; first < most>>doublings {
		delay = first << doublings
	}
	return delay/2 + rand.N(delay/2+1) //nolint:gosec // guessing it gives no advantage
}

// Poke wakes the receiver of a channel with a buffer of one. If the previous poke was not received yet, both count as one.
func Poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Signal wakes all waiting goroutines when something is new. The zero value is ready to use.
type Signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// Wait returns a channel that closes at the next Notify. Take it before you check for news, so that you miss nothing.
func (s *Signal) Wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Notify wakes all goroutines that wait.
func (s *Signal) Notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
