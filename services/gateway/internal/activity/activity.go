// Package activity counts the authenticated messages of each directory by hour and outcome. Its tallies are cumulative: it writes those that
// changed to the spool every few seconds, and again with higher counts when they change again.
package activity

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/internal/ids"
)

const (
	// writeEvery is how often changed tallies are written. A crash loses the counts since then.
	writeEvery = 10 * time.Second
	// maxTallies limits the memory. It is the number of directories that can send messages to one gateway in an hour.
	maxTallies = 50_000
)

// Outcome is how a message ended. The contract describes the outcomes.
type Outcome int

// The outcomes.
const (
	Accepted Outcome = iota
	Failed
	RateLimited
	outcomes
)

// Counter counts messages. It is safe for concurrent use.
type Counter struct {
	write   func([]*failedeventsv1.MessageTally) (written int, err error)
	dropped func(reason string, count int)
	log     *slog.Logger
	failing bool // only Write uses it

	mu      sync.Mutex
	tallies map[key]*tally
}

// key identifies the tally to which a message is added.
type key struct {
	directory string
	hour      int64 // since 1970
}

// tally contains the counts of a directory in an hour. Its id is new in each process, so that tallies of a process that ended are added.
type tally struct {
	id           string
	organization string
	counts       [outcomes]int64
	last         [outcomes]time.Time // when the last message arrived
	changed      bool                // since it was written
}

// The reasons why counts can be lost, as values of the metric's label.
const (
	lostTooMany   = "too_many"  // one message
	lostUnwritten = "unwritten" // a tally that had no room in the spool until the gateway stopped
)

// New creates a counter. write writes tallies to the spool, and returns how many of them, from the first, it has written. dropped counts
// what is lost: messages, or tallies.
func New(write func([]*failedeventsv1.MessageTally) (written int, err error), dropped func(reason string, count int), log *slog.Logger) *Counter {
	return &Counter{write: write, dropped: dropped, log: log, tallies: map[key]*tally{}}
}

// Count counts a message of a directory that arrived at a time.
func (c *Counter) Count(organizationID, directoryID string, outcome Outcome, at time.Time) {
	k := key{directoryID, hourOf(at)}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tallies[k]
	if t == nil {
		if len(c.tallies) >= maxTallies {
			c.dropped(lostTooMany, 1)
			return
		}
		t = &tally{id: ids.New(), organization: organizationID}
		c.tallies[k] = t
	}
	t.counts[outcome]++
	if at.After(t.last[outcome]) {
		t.last[outcome] = at
	}
	t.changed = true
}

func hourOf(t time.Time) int64 { return t.Unix() / int64(time.Hour/time.Second) }

// Run writes changed tallies until its context ends. Call Close after the last message.
func (c *Counter) Run(ctx context.Context, now func() time.Time) {
	ticker := time.NewTicker(writeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			c.Write(now())
		case <-ctx.Done():
			return
		}
	}
}

// Close writes what changed since the last Write. Call it after Run has returned.
func (c *Counter) Close(now time.Time) {
	if unwritten := c.Write(now); unwritten > 0 {
		c.dropped(lostUnwritten, unwritten)
	}
}

// Write writes the tallies that changed, and returns how many could not be written. These wait in memory for the next Write. It forgets
// written tallies of past hours.
func (c *Counter) Write(now time.Time) (unwritten int) {
	keys, tallies := c.take(hourOf(now))
	if len(tallies) == 0 {
		return 0
	}
	written, err := c.write(tallies)
	if failing := err != nil; failing != c.failing {
		c.failing = failing
		if failing {
			c.log.Warn("the counts of messages cannot be written to the spool; they wait in memory", slog.String("error", err.Error()))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range keys[written:] {
		c.tallies[k].changed = true
	}
	return len(keys) - written
}

// take returns the tallies that changed, and notes that they are written.
func (c *Counter) take(hour int64) (keys []key, all []*failedeventsv1.MessageTally) {
	var changed []tally
	c.mu.Lock()
	for k, t := range c.tallies {
		switch {
		case t.changed:
			t.changed = false
			keys, changed = append(keys, k), append(changed, *t)
		case k.hour < hour:
			delete(c.tallies, k)
		}
	}
	c.mu.Unlock()
	for i, t := range changed {
		all = append(all, t.message(keys[i]))
	}
	return keys, all
}

func (t tally) message(k key) *failedeventsv1.MessageTally {
	m := &failedeventsv1.MessageTally{
		Id: t.id, OrganizationId: t.organization, DirectoryId: k.directory,
		HourTime:      &timestamppb.Timestamp{Seconds: k.hour * int64(time.Hour/time.Second)},
		AcceptedCount: t.counts[Accepted], FailedCount: t.counts[Failed], RateLimitedCount: t.counts[RateLimited],
	}
	var last time.Time
	for _, at := range t.last {
		if at.After(last) {
			last = at
		}
	}
	m.LastMessageTime = timestamppb.New(last)
	if at := t.last[Accepted]; !at.IsZero() {
		m.LastAcceptedTime = timestamppb.New(at)
	}
	if at := t.last[Failed]; !at.IsZero() {
		m.LastFailedTime = timestamppb.New(at)
	}
	return m
}
