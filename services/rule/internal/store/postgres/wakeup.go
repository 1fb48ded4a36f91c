package postgres

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/pgdb"
	"github.com/usher-scim/usher/services/internal/wait"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

var (
	notify     = statements.Load("notify", "channel", "payloads")
	getCommits = statements.Load("get_commits", "organization_ids")
)

// The intervals of a wakeup.
const (
	notifyEvery    = 20 * time.Millisecond // a NOTIFY in each Update would make commits wait for each other
	notifyTimeout  = 2 * time.Second
	delayedPause   = 20 * time.Millisecond
	channel        = "usher_rule"
	maxNotifyBytes = 7000 // PostgreSQL takes less than 8000
)

// wakeup tells other processes which organizations this one has written to, and wakes callers that wait here for an organization that
// another process has written to. Polling finds notifications that are lost, because a connection broke or a process died.
type wakeup struct {
	db       *pgdb.DB
	signals  *store.Signals
	instance string // the name of this process as a sender
	poll     time.Duration

	mu      sync.Mutex
	written map[string]bool
	again   map[string]*time.Timer
	closed  bool
	others  func(organizationID string)
	due     chan struct{}
	cancel  context.CancelFunc
	ended   sync.WaitGroup
}

func newWakeup(db *pgdb.DB, signals *store.Signals, poll time.Duration) *wakeup {
	ctx, cancel := context.WithCancel(context.Background())
	w := &wakeup{
		db: db, signals: signals, instance: ids.New(), poll: poll, written: map[string]bool{}, again: map[string]*time.Timer{},
		due: make(chan struct{}, 1), cancel: cancel,
	}
	w.ended.Go(func() { w.notify(ctx) })
	w.ended.Go(func() { db.Listen(ctx, channel, w.hear) })
	w.ended.Go(func() { w.pollWaiting(ctx) })
	return w
}

// close sends the last notifications, and waits. It is safe to close twice.
func (w *wakeup) close() {
	w.cancel()
	w.ended.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for id, timer := range w.again {
		timer.Stop()
		delete(w.again, id)
	}
}

// onOthers sets the function to call with organizations that other processes write to.
func (w *wakeup) onOthers(fn func(organizationID string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.others = fn
}

// heard wakes callers after another process has written to an organization.
func (w *wakeup) heard(organizationID string) {
	w.signals.Notify(organizationID)
	w.mu.Lock()
	others := w.others
	w.mu.Unlock()
	if others != nil {
		others(organizationID)
	}
}

// wrote notes that this process has committed an Update of the organization.
func (w *wakeup) wrote(organizationID string) {
	w.mu.Lock()
	w.written[organizationID] = true
	w.mu.Unlock()
	wait.Poke(w.due)
}

// wakeSoon wakes callers that wait for the organization soon: an open transaction still delays a record.
func (w *wakeup) wakeSoon(organizationID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.again[organizationID] != nil {
		return
	}
	w.again[organizationID] = time.AfterFunc(delayedPause, func() {
		w.mu.Lock()
		delete(w.again, organizationID)
		w.mu.Unlock()
		w.signals.Notify(organizationID)
	})
}

// notify notifies the other processes, at most once in notifyEvery.
func (w *wakeup) notify(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			w.tell(context.WithoutCancel(ctx))
			return
		case <-w.due:
		}
		w.tell(ctx)
		wait.Sleep(ctx, notifyEvery)
	}
}

func (w *wakeup) tell(ctx context.Context) {
	w.mu.Lock()
	written := w.written
	w.written = map[string]bool{}
	w.mu.Unlock()
	if len(written) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	// A process that misses the notification polls.
	_, _ = w.db.Exec(ctx, notify, channel, w.payloads(written))
}

// payloads are lists of this instance and organizations, each short enough for one NOTIFY.
func (w *wakeup) payloads(written map[string]bool) []string {
	var all []string
	list, size := []string{w.instance}, 0
	end := func() {
		text, _ := json.Marshal(list) // a []string always marshals
		all = append(all, string(text))
		list, size = []string{w.instance}, 0
	}
	for id := range written {
		if size += len(id) + len(`"",`); size > maxNotifyBytes {
			end()
		}
		list = append(list, id)
	}
	end()
	return all
}

// hear processes a notification of another process.
func (w *wakeup) hear(payload string) {
	var list []string
	if err := json.Unmarshal([]byte(payload), &list); err != nil || len(list) == 0 || list[0] == w.instance {
		return // our own, or unknown
	}
	for _, id := range list[1:] {
		w.heard(id)
	}
}

// pollWaiting polls the organizations that callers wait for.
func (w *wakeup) pollWaiting(ctx context.Context) {
	seen := map[string]int64{} // commits
	for wait.Sleep(ctx, w.poll) {
		waiting := w.signals.Waiting()
		if len(waiting) == 0 {
			clear(seen)
			continue
		}
		rows, err := pgdb.ReadAll(ctx, w.db, commitsFields, getCommits, waiting)
		if err != nil {
			continue // try again next time
		}
		now := make(map[string]int64, len(waiting))
		for _, id := range waiting {
			now[id] = 0 // also one without any write
		}
		for _, o := range rows {
			now[o.id] = o.commits
		}
		for id, commits := range now {
			// An organization that is polled for the first time may have changed since a caller began to wait.
			if before, known := seen[id]; !known || before != commits {
				w.signals.Notify(id)
			}
		}
		seen = now
	}
}

type commitsOf struct {
	id      string
	commits int64
}

func commitsFields(o *commitsOf) []any { return []any{&o.id, &o.commits} }
