package inflight

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// longestWait is how long work waits for its turn.
const longestWait = 10 * time.Second

// Turns bounds how much work of one directory goes on at a time. The next work of it waits, first come, first served. So whoever sends
// much at once delays itself, and others find the processor and the database free. It is safe for concurrent use.
type Turns struct {
	atOnce int

	mu sync.Mutex
	by map[string]*queue
}

// queue is the work of one directory.
type queue struct {
	goingOn chan struct{} // filled by each piece of work that goes on
	all     int           // pieces of work, those that wait included
}

// NewTurns makes turns of which one directory has so many at once.
func NewTurns(atOnce int) *Turns { return &Turns{atOnce: atOnce, by: map[string]*queue{}} }

// Turn is that of one piece of work.
type Turn struct {
	turns     *Turns
	directory string
	queue     *queue

	mu    sync.Mutex
	mine  bool
	reads int // of its body, that have ended
}

// Wait gives work of a directory its turn, which lasts until its End. It waits 10 seconds at most: then the error is a
// fault.Limit. It is the context's if that ends first.
func (t *Turns) Wait(ctx context.Context, directory string) (*Turn, error) {
	turn := &Turn{turns: t, directory: directory, queue: t.join(directory), mine: true}
	select {
	case turn.queue.goingOn <- struct{}{}:
		return turn, nil
	default:
	}
	timer := time.NewTimer(longestWait)
	defer timer.Stop()
	select {
	case turn.queue.goingOn <- struct{}{}:
		return turn, nil
	case <-ctx.Done():
		t.leave(directory, turn.queue)
		return nil, ctx.Err()
	case <-timer.C:
		t.leave(directory, turn.queue)
		return nil, fault.New(fault.Limit, "The directory has %d requests under way, which is as many as it may have at a time, and none of them "+
			"has ended for %s. Send fewer at a time.", t.atOnce, longestWait).Retry(retryAfter).With(BudgetKey, TurnsBudget)
	}
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
		<-t.queue.goingOn
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
	select {
	case t.queue.goingOn <- struct{}{}:
		t.mine = true
		return n, err
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	}
}

func (t *Turns) join(directory string) *queue {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.by[directory]
	if q == nil {
		q = &queue{goingOn: make(chan struct{}, t.atOnce)}
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
