package inflight

import (
	"context"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/usher-scim/usher/services/internal/fault"
)

// longestWait is how long work waits for its turn.
const longestWait = 10 * time.Second

// Turns limits how much work of one directory, or of another key, goes on at a time, and how much of this is large. Further work waits, first
// come, first served. So a directory that sends much at once only delays itself, and the processor and the database stay free for others.
// It is safe for concurrent use.
type Turns struct {
	atOnce, large int64

	mu sync.Mutex
	by map[string]*queue
}

// queue is the work of one directory.
type queue struct {
	goingOn *semaphore.Weighted
	large   *semaphore.Weighted // large work takes this first, so that small work does not wait behind it
	all     int                 // pieces of work, including those that wait
}

// NewTurns creates turns. One directory has atOnce turns at a time, and a quarter of them, but at least one, for large work.
func NewTurns(atOnce int) *Turns {
	return &Turns{atOnce: int64(atOnce), large: max(1, int64(atOnce)/4), by: map[string]*queue{}}
}

// Turn is the turn of one piece of work. Only one goroutine at a time may call its methods.
type Turn struct {
	turns     *Turns
	directory string
	queue     *queue
	bytes     int // of its body, that were read

	mu        sync.Mutex
	large     bool // the work is large
	mine      bool // it is its turn
	mineLarge bool // it has one of the turns for large work
	ended     bool
	reads     int // of its body, that have ended
}

// Wait waits for a turn, which lasts until End. It waits 10 seconds at most; then the error is a fault.Limit. If the context ends first,
// the error is that of the context.
func (t *Turns) Wait(ctx context.Context, directory string) (*Turn, error) {
	turn := &Turn{turns: t, directory: directory, queue: t.join(directory), mine: true}
	if err := reserve(ctx, turn.queue.goingOn); err != nil {
		t.leave(directory, turn.queue)
		return nil, err
	}
	return turn, nil
}

// reserve waits for one unit of a semaphore, as Wait does.
func reserve(ctx context.Context, s *semaphore.Weighted) error {
	if s.TryAcquire(1) {
		return nil
	}
	waiting, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	if s.Acquire(waiting, 1) == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.New(fault.Limit, "The directory has reached its limit of requests at a time, and this one waited %s for its turn. "+
		"Send fewer at a time.", longestWait).Retry(retryAfter).With(BudgetKey, TurnsBudget)
}

// Grow declares that the work is large: it may use the processor for a long time. It releases its turn, and waits for a turn for large
// work. The errors are those of Wait. After an error, the work must not continue, but End must still be called.
func (t *Turn) Grow(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.large {
		return nil
	}
	t.pause()
	t.large = true
	return t.goOn(ctx)
}

// End releases the turn. It must be called once.
func (t *Turn) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.pause()
	t.turns.leave(t.directory, t.queue)
}

// pause lets other work of the directory continue.
func (t *Turn) pause() {
	if t.mine {
		t.queue.goingOn.Release(1)
		t.mine = false
	}
	if t.mineLarge {
		t.queue.large.Release(1)
		t.mineLarge = false
	}
}

// goOn waits for a turn, if the work does not have one.
func (t *Turn) goOn(ctx context.Context) error {
	if t.large && !t.mineLarge {
		if err := t.take(ctx, t.queue.large, &t.mineLarge); err != nil {
			return err
		}
	}
	if t.mine {
		return nil
	}
	return t.take(ctx, t.queue.goingOn, &t.mine)
}

// take waits for one unit of a semaphore. The turn is locked before and after, but not during the wait.
func (t *Turn) take(ctx context.Context, from *semaphore.Weighted, has *bool) error {
	t.mu.Unlock()
	err := reserve(ctx, from)
	t.mu.Lock()
	if err == nil && t.ended { // otherwise nobody would release it
		from.Release(1)
		return context.Canceled
	}
	*has = err == nil
	return err
}

// promptly is how soon the next part of a body should arrive.
const promptly = 50 * time.Millisecond

// smallBody is how many bytes a body may have before its work is large.
const smallBody = 64 << 10

// Body returns a body that pauses the turn while it waits for data, so that a client that sends slowly does not keep a turn from others.
// After 64 KiB, its work is large.
func (t *Turn) Body(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	return &pausing{ReadCloser: body, ctx: ctx, turn: t}
}

type pausing struct {
	io.ReadCloser
	ctx  context.Context //nolint:containedctx // Read has no other way to know when to give up
	turn *Turn
}

func (p *pausing) Read(into []byte) (int, error) {
	t := p.turn
	before := t.reads // only Read changes it
	late := time.AfterFunc(promptly, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.reads == before { // otherwise it is too late: the read has ended
			t.pause()
		}
	})
	n, err := p.ReadCloser.Read(into)
	late.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads++
	if t.bytes += n; t.bytes > smallBody && !t.large {
		t.pause()
		t.large = true
	}
	if !t.mine && !t.ended {
		if err := t.goOn(p.ctx); err != nil {
			return 0, err
		}
	}
	return n, err
}

func (t *Turns) join(directory string) *queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.by[directory]
	if q == nil {
		q = &queue{goingOn: semaphore.NewWeighted(t.atOnce), large: semaphore.NewWeighted(t.large)}
		t.by[directory] = q
	}
	q.all++
	return q
}

func (t *Turns) leave(directory string, q *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q.all--; q.all == 0 {
		delete(t.by, directory)
	}
}
