// Package tally counts what is not worth a log line each, because anybody can cause as much of it as they like: requests
// that were refused before they were authenticated, and those over a rate.
package tally

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Tally is the counts since they were last logged. Its zero value is ready.
type Tally struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Add counts one. what comes from a closed set.
func (t *Tally) Add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	t.counts[what]++
}

// flush logs the counts since the last time, if there are any.
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
