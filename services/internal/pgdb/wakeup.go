package pgdb

import (
	"context"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
)

// Pauses of a Wakeup.
const (
	notifyEvery  = 20 * time.Millisecond // a NOTIFY in each writing transaction would make commits wait for each other
	wakeupPoll   = time.Second           // a NOTIFY is lost while the connection is down
	heldBackPoll = 10 * time.Millisecond // a record is seen as soon as no older transaction is open
)

// Wakeup tells a process when a feed on PostgreSQL has something new that its readers can see, whichever process wrote it.
type Wakeup struct {
	db      *DB
	channel string
	// look says how far readers see now, and whether there is more that an open transaction holds back.
	look func(ctx context.Context) (seen uint64, held bool, err error)
	tell func()

	wrote  chan struct{} // this process wrote
	heard  chan struct{} // another one did
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// NewWakeup starts to listen on a channel, and calls tell whenever look sees another end than before: further, or of a
// database that was restored, whose transactions may be lower. Close it before the pool.
func (p *DB) NewWakeup(channel string, look func(ctx context.Context) (seen uint64, held bool, err error), tell func()) *Wakeup {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Wakeup{
		db: p, channel: channel, look: look, tell: tell, cancel: cancel,
		wrote: make(chan struct{}, 1), heard: make(chan struct{}, 1),
	}
	local := make(chan struct{}, 1)
	w.ended.Go(func() { p.Listen(ctx, channel, func(string) { wait.Poke(w.heard) }) })
	w.ended.Go(func() { w.notify(ctx, local) })
	w.ended.Go(func() { w.watch(ctx, local) })
	return w
}

// Wrote says that this process has committed something.
func (w *Wakeup) Wrote() { wait.Poke(w.wrote) }

// Close stops it and waits.
func (w *Wakeup) Close() {
	w.cancel()
	w.ended.Wait()
}

// watch looks after each sign of something new, and soon again while something is held back.
func (w *Wakeup) watch(ctx context.Context, notify chan<- struct{}) {
	var seen uint64
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wrote:
			wait.Poke(notify)
		case <-w.heard:
		case <-pause.C:
		}
		now, held, err := w.look(ctx)
		if err == nil && now != seen {
			seen = now
			w.tell()
		}
		next := wakeupPoll
		if held {
			next = heldBackPoll
		}
		pause.Reset(next)
	}
}

// notify tells the other processes, not more often than notifyEvery.
func (w *Wakeup) notify(ctx context.Context, due <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-due:
		}
		// Who does not hear of it polls.
		_, _ = w.db.Exec(ctx, `SELECT pg_notify($1, '')`, w.channel)
		if !wait.Sleep(ctx, notifyEvery) {
			return
		}
	}
}
