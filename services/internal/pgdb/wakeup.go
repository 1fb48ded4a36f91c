package pgdb

import (
	"context"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
)

// Intervals of a Wakeup.
const (
	notifyEvery = 20 * time.Millisecond // a NOTIFY in each writing transaction would make commits wait for each other
	wakeupPoll  = time.Second           // a NOTIFY is lost while the connection is down
	delayedPoll = 10 * time.Millisecond // a record is readable as soon as no older transaction is open
)

// Wakeup tells a process that readers of a PostgreSQL feed can see something new, whichever process wrote it.
type Wakeup struct {
	db      *DB
	channel string
	// readEnd returns the end of what readers can see now, and whether an open transaction delays more.
	readEnd func(ctx context.Context) (seen uint64, delayed bool, err error)
	tell    func()

	wrote  chan struct{} // this process wrote
	heard  chan struct{} // another process wrote
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// NewWakeup starts to listen on a channel. It calls tell when the result of readEnd changes: to a later end, or to the end of a
// restored database, which may be lower. Close it before the pool.
func (p *DB) NewWakeup(channel string, readEnd func(ctx context.Context) (seen uint64, delayed bool, err error), tell func()) *Wakeup {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Wakeup{
		db: p, channel: channel, readEnd: readEnd, tell: tell, cancel: cancel,
		wrote: make(chan struct{}, 1), heard: make(chan struct{}, 1),
	}
	local := make(chan struct{}, 1)
	w.ended.Go(func() { p.Listen(ctx, channel, func(string) { wait.Poke(w.heard) }) })
	w.ended.Go(func() { w.notify(ctx, local) })
	w.ended.Go(func() { w.watch(ctx, local) })
	return w
}

// Wrote notes that this process has committed something.
func (w *Wakeup) Wrote() { wait.Poke(w.wrote) }

// Close stops the wakeup and waits.
func (w *Wakeup) Close() {
	w.cancel()
	w.ended.Wait()
}

// watch reads the end of the feed after each notification, and soon again while something is delayed.
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
		now, delayed, err := w.readEnd(ctx)
		if err == nil && now != seen {
			seen = now
			w.tell()
		}
		next := wakeupPoll
		if delayed {
			next = delayedPoll
		}
		pause.Reset(next)
	}
}

// notify notifies the other processes, at most once in notifyEvery.
func (w *Wakeup) notify(ctx context.Context, due <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-due:
		}
		// A process that misses the notification polls.
		_, _ = w.db.Exec(ctx, `SELECT pg_notify($1, '')`, w.channel)
		if !wait.Sleep(ctx, notifyEvery) {
			return
		}
	}
}
