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

// Turns bounds how much work of one directory goes on at a time, by its weight. The next work of it waits, first come, first served. So whoever sends
// much at once delays itself, and others find the processor and the database free. It is safe for concurrent use.
type Turns struct {
	atOnce int64

	mu sync.Mutex
	by map[string]*queue
}

// queue is the work of one directory.
type queue struct {
	goingOn *semaphore.Weighted
	all     int // pieces of work, those that wait included
}

// NewTurns makes turns. What goes on of one directory at a time weighs no more than atOnce.
func NewTurns(atOnce int) *Turns { return &Turns{atOnce: int64(atOnce), by: map[string]*queue{}} }

// Small and Large are the weights of work. Large work may take the processor for long: so little of it goes on at a time. Small work
// mostly waits for a commit, which it shares with what goes on beside it.
const (
	Small = 1
	Large = 4
)

// Turn is that of one piece of work.
type Turn struct {
	turns     *Turns
	directory string
	queue     *queue
	weight    int64

	mu    sync.Mutex
	mine  bool
	reads int // of its body, that have ended
}

// Wait gives work of a directory its turn, which lasts until its End. Work that weighs more than may go on goes on alone. It waits
// 10 seconds at most: then the error is a fault.Limit. It is the context's if that ends first.
func (t *Turns) Wait(ctx context.Context, directory string, weight int64) (*Turn, error) {
	turn := &Turn{turns: t, directory: directory, queue: t.join(directory), weight: min(weight, t.atOnce), mine: true}
	if turn.queue.goingOn.TryAcquire(turn.weight) {
		return turn, nil
	}
	waiting, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	if turn.queue.goingOn.Acquire(waiting, turn.weight) == nil {
		return turn, nil
	}
	t.leave(directory, turn.queue)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, fault.New(fault.Limit, "The directory has as many requests under way as it may have at a time, and the turn of this one "+
		"did not come in %s. Send fewer at a time.", longestWait).Retry(retryAfter).With(BudgetKey, TurnsBudget)
}

// End gives the turn back. It must be called once.
func (t *Turn) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pause()
	t.turns.leave(t.directory, t.queue)
}

// pause lets others of the directory go on.
func (t *Turn) pause() {
	if t.mine {
		t.queue.goingOn.Release(t.weight)
		t.mine = false
	}
}

// promptly is how soon a body that is under way gives more of itself.
const promptly = 50 * time.Millisecond

// Body gives a body whose reading pauses the turn while nothing comes: who sends slowly keeps no turn from others.
func (t *Turn) Body(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	return &pausing{ReadCloser: body, ctx: ctx, turn: t}
}

type pausing struct {
	io.ReadCloser
	ctx  context.Context //nolint:containedctx // Read has no other way to know when to give up
	turn *Turn
}

// Read implements io.Reader.
func (p *pausing) Read(into []byte) (int, error) {
	t := p.turn
	before := t.reads // only Read changes it
	late := time.AfterFunc(promptly, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.reads == before { // else it is too late: the read has ended
			t.pause()
		}
	})
	n, err := p.ReadCloser.Read(into)
	late.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reads++; t.mine {
		return n, err
	}
	if err := t.queue.goingOn.Acquire(p.ctx, t.weight); err != nil {
		return 0, err
	}
	t.mine = true
	return n, err
}

func (t *Turns) join(directory string) *queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.by[directory]
	if q == nil {
		q = &queue{goingOn: semaphore.NewWeighted(t.atOnce)}
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
