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
	notify     = statements.Load("notify", "channel", "messages")
	getCommits = statements.Load("get_commits", "organization_ids")
)

// Pauses of a wakeup.
const (
	notifyEvery    = 20 * time.Millisecond // a NOTIFY in each Update would make commits wait for each other
	notifyTimeout  = 2 * time.Second
	heldBackPause  = 20 * time.Millisecond
	channel        = "usher_rule"
	maxNotifyBytes = 7000 // PostgreSQL takes less than 8000
)

// wakeup tells other processes which organizations this one has written, and wakes who waits here for one that another
// process has written. Who is not told, because a connection broke or a process died just then, is found by polling.
type wakeup struct {
	db       *pgdb.DB
	signals  *store.Signals
	instance string // this process, among those that notify
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
	w.ended.Go(func() { w.look(ctx) })
	return w
}

// close tells of what was written last, and waits. Closing twice is safe.
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

// onOthers has fn told of what other processes write.
func (w *wakeup) onOthers(fn func(organizationID string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.others = fn
}

// heard tells that another process has written an organization.
func (w *wakeup) heard(organizationID string) {
	w.signals.Notify(organizationID)
	w.mu.Lock()
	others := w.others
	w.mu.Unlock()
	if others != nil {
		others(organizationID)
	}
}

// wrote says that this process has committed an Update of the organization.
func (w *wakeup) wrote(organizationID string) {
	w.mu.Lock()
	w.written[organizationID] = true
	w.mu.Unlock()
	wait.Poke(w.due)
}

// lookAgain wakes who waits for the organization soon: a record is there that an open transaction still holds back.
func (w *wakeup) lookAgain(organizationID string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.again[organizationID] != nil {
		return
	}
	w.again[organizationID] = time.AfterFunc(heldBackPause, func() {
		w.mu.Lock()
		delete(w.again, organizationID)
		w.mu.Unlock()
		w.signals.Notify(organizationID)
	})
}

// notify tells the other processes, not more often than notifyEvery.
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
	// Who does not hear of it polls.
	_, _ = w.db.Exec(ctx, notify, channel, w.messages(written))
}

// messages are lists of this instance and organizations, each short enough for one NOTIFY.
func (w *wakeup) messages(written map[string]bool) []string {
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

// hear tells of what another process has written.
func (w *wakeup) hear(payload string) {
	var list []string
	if err := json.Unmarshal([]byte(payload), &list); err != nil || len(list) == 0 || list[0] == w.instance {
		return // our own, or nobody's
	}
	for _, id := range list[1:] {
		w.heard(id)
	}
}

// look polls the organizations that are waited for.
func (w *wakeup) look(ctx context.Context) {
	seen := map[string]int64{} // commits
	for wait.Sleep(ctx, w.poll) {
		waiting := w.signals.Waiting()
		if len(waiting) == 0 {
			clear(seen)
			continue
		}
		rows, err := pgdb.ReadAll(ctx, w.db, commitsFields, getCommits, waiting)
		if err != nil {
			continue // the next time
		}
		now := make(map[string]int64, len(waiting))
		for _, id := range waiting {
			now[id] = 0 // also one that nobody has written yet
		}
		for _, o := range rows {
			now[o.id] = o.commits
		}
		for id, commits := range now {
			// One that is looked at for the first time may have changed since somebody began to wait.
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
