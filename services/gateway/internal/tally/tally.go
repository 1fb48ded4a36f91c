// Package tally counts requests that do not get a log line each, because anybody can cause any number of them: requests that were refused
// before they were authenticated, and requests over a rate.
package tally

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tally contains the counts since the last log line. Its zero value is ready to use.
type Tally struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Add counts one. The values of what come from a closed set.
func (t *Tally) Add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	t.counts[what]++
}

// flush logs the counts since the last flush, if there are any.
func (t *Tally) flush(ctx context.Context, log *slog.Logger) {
	t.mu.Lock()
	counts := t.counts
	t.counts = nil
	t.mu.Unlock()
	if len(counts) == 0 {
		return
	}
	var attributes []slog.Attr
	for what, count := range counts {
		attributes = append(attributes, slog.Int64(what, count))
	}
	slices.SortFunc(attributes, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	log.LogAttrs(ctx, slog.LevelWarn, "requests were refused", attributes...)
}

// Run logs the counts at an interval, and a last time when its context ends.
func (t *Tally) Run(ctx context.Context, log *slog.Logger, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.flush(ctx, log)
		case <-ctx.Done():
			t.flush(ctx, log)
			return
		}
	}
}
