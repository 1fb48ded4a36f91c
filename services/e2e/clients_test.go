package e2e

import (
	"context"
	"sync"
	"testing"
	"time"
)

// sent is one request, and how it ended.
type sent struct {
	to     *directory
	start  time.Time // before anything of it was sent
	took   time.Duration
	status int
	err    error
}

// clients send requests, each the next one when the one before is answered.
type clients struct {
	t       *testing.T
	quit    chan struct{}
	once    sync.Once
	working sync.WaitGroup

	mu       sync.Mutex
	requests []sent
}

// startClients starts one for each of these directories, the same one as often as it is there; each sends at most one
// request in every so much time. They end with the test, if not before.
func startClients(t *testing.T, every time.Duration, next func() (method, path, body string), to ...*directory) *clients {
	t.Helper()
	c := &clients{t: t, quit: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	for _, d := range to {
		c.working.Go(func() {
			tick := time.NewTicker(max(every, time.Nanosecond))
			defer tick.Stop()
			for {
				method, path, body := next()
				s := sent{to: d, start: time.Now()}
				var a answer
				a, s.err = d.try(ctx, method, path, body)
				s.took, s.status = time.Since(s.start), a.status
				c.mu.Lock()
				c.requests = append(c.requests, s)
				c.mu.Unlock()
				if s.err != nil {
					return
				}
				select {
				case <-tick.C:
				case <-c.quit:
					return
				}
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		c.end()
	})
	return c
}

// since gives what was sent to one directory from a time on, and has been answered.
func (c *clients) since(start time.Time, to *directory) (all []sent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.requests {
		if s.to == to && !s.start.Before(start) {
			all = append(all, s)
		}
	}
	return all
}

// end lets them finish, and gives all that they sent.
func (c *clients) end() []sent {
	c.once.Do(func() { close(c.quit) })
	c.working.Wait()
	return c.requests
}

// listing is a request that only reads.
func listing() (method, path, body string) { return "GET", "/Users?count=1", "" }

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("in 30 s it was never so that %s", what)
		}
	}
}
