package scimhttp

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// tally counts what is not worth a line each, because anybody can cause as much of it as they like: requests that were
// refused before they were authenticated, and those over a rate.
type tally struct {
	mu     sync.Mutex
	counts map[string]int64
}

// rateLimited is the tally's word for a message over its directory's rate; the others are refusals.
const rateLimited = "rate_limited"

func (t *tally) add(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	t.counts[what]++
}

// flush logs the counts since the last time, if there are any.
func (t *tally) flush(ctx context.Context, log *slog.Logger) {
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
	slices.SortFunc(attributes, func(a, b slog.Attr) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	log.LogAttrs(ctx, slog.LevelWarn, "requests were refused", attributes...)
}

// run flushes at an interval, and a last time when its context ends.
func (t *tally) run(ctx context.Context, log *slog.Logger, every time.Duration) {
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
