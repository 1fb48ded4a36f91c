package core_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// feedStore counts the reads of the access feed, and can make them fail.
type feedStore struct {
	store.Store
	reads atomic.Int64
	down  atomic.Bool
}

func (s *feedStore) AccessChanges(ctx context.Context, organizationID string, after feed.Cursor, limit int) ([]store.Change, feed.Cursor, error) {
	s.reads.Add(1)
	if s.down.Load() {
		return nil, feed.Cursor{}, fault.New(fault.Unavailable, "the database cannot be reached")
	}
	return s.Store.AccessChanges(ctx, organizationID, after, limit)
}

// write appends changes to the feed, for users with numbers from first on, in one transaction each.
func (s *feedStore) write(t *testing.T, first, count, each int) {
	t.Helper()
	for n := first; n < first+count; n += each {
		var changes []store.Change
		for i := range each {
			changes = append(changes, store.Change{
				UserID: fmt.Sprintf("u%d", n+i), Grant: store.Grant{TenantID: "plant", RoleID: "developer"}, Kind: store.Added, Time: time.Now(),
			})
		}
		if err := s.Update(t.Context(), acme, func(ctx context.Context, tx store.Tx) error { return tx.AppendChanges(ctx, changes) }); err != nil {
			t.Fatal(err)
		}
	}
}

// watcher records what a watch sends.
type watcher struct {
	mu        sync.Mutex
	users     []string
	bookmarks int
	block     chan struct{} // not nil: what it is sent waits until this closes
	err       error
}

func (w *watcher) send(changes []store.Change, _ string) error {
	if w.block != nil && len(changes) > 0 {
		<-w.block
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(changes) == 0 {
		w.bookmarks++
	}
	for _, c := range changes {
		w.users = append(w.users, c.UserID)
	}
	return nil
}

func (w *watcher) seen() (users, bookmarks int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.users), w.bookmarks
}

// inOrder reports whether it saw each of the first count users once, in order.
func (w *watcher) inOrder(count int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.users) != count {
		return fmt.Errorf("it saw %d changes of %d", len(w.users), count)
	}
	for i, user := range w.users {
		if user != fmt.Sprintf("u%d", i) {
			return fmt.Errorf("change %d is %s's", i, user)
		}
	}
	return nil
}

// watch starts count watches from the feed's beginning. They end with the test.
func watch(t *testing.T, p process, watchers ...*watcher) (wait func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	for _, w := range watchers {
		watching.Go(func() { w.err = p.WatchAccess(ctx, acme, "", w.send) })
	}
	t.Cleanup(func() {
		cancel()
		watching.Wait()
	})
	return watching.Wait
}

func newWatched(t *testing.T) (*feedStore, process) {
	t.Helper()
	s := &feedStore{Store: openSQLite(t)}
	_, identity := inMemory(t)
	return s, newProcess(t, s, identity, time.Now)
}

func TestManyWatchesReadTheFeedOnce(t *testing.T) {
	t.Parallel()
	s, p := newWatched(t)
	const before, after, count = 10, 30, 60
	s.write(t, 0, before, before)
	watchers := make([]*watcher, count)
	for i := range watchers {
		watchers[i] = &watcher{}
	}
	watch(t, p, watchers...)
	for i, w := range watchers {
		wait(t, fmt.Sprintf("watch %d has caught up", i), func() bool { users, bookmarks := w.seen(); return users == before && bookmarks > 0 })
	}
	reads := s.reads.Load()
	for n := before; n < before+after; n++ {
		s.write(t, n, 1, 1)
		for i, w := range watchers {
			wait(t, fmt.Sprintf("watch %d has seen change %d", i, n), func() bool { users, _ := w.seen(); return users == n+1 })
		}
	}
	for i, w := range watchers {
		if err := w.inOrder(before + after); err != nil {
			t.Errorf("watch %d: %v", i, err)
		}
	}
	// One read for each change, one that finds no more, and regularly one for a bookmark: not one for each watch.
	if reads := s.reads.Load() - reads; reads < after || reads > 3*after+60 {
		t.Errorf("%d watches of %d changes made %d reads", count, after, reads)
	}
}

func TestASlowWatchMissesNothing(t *testing.T) {
	t.Parallel()
	s, p := newWatched(t)
	slow, fast := &watcher{block: make(chan struct{})}, &watcher{}
	watch(t, p, slow, fast)
	for _, w := range []*watcher{slow, fast} {
		wait(t, "it has caught up", func() bool { _, bookmarks := w.seen(); return bookmarks > 0 })
	}
	const all = 2600 // more than is kept for those who watch
	s.write(t, 0, all, 50)
	wait(t, "the fast one has seen all", func() bool { users, _ := fast.seen(); return users == all })
	close(slow.block)
	wait(t, "the slow one has seen all", func() bool { users, _ := slow.seen(); return users >= all })
	for name, w := range map[string]*watcher{"slow": slow, "fast": fast} {
		if err := w.inOrder(all); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWatchesEndWhenTheFeedCannotBeRead(t *testing.T) {
	t.Parallel()
	s, p := newWatched(t)
	some := []*watcher{{}, {}, {}}
	ended := watch(t, p, some...)
	for _, w := range some {
		wait(t, "it has caught up", func() bool { _, bookmarks := w.seen(); return bookmarks > 0 })
	}
	s.down.Store(true)
	s.write(t, 0, 1, 1)
	ended()
	for _, w := range some {
		if !fault.Is(w.err, fault.Unavailable) {
			t.Errorf("it ended with %v", w.err)
		}
	}
	// The next watch has a working reader.
	s.down.Store(false)
	next := &watcher{}
	watch(t, p, next)
	s.write(t, 1, 1, 1)
	wait(t, "the next watch has seen all", func() bool { users, _ := next.seen(); return users == 2 })
}

func TestAWatchThatEndsLeavesTheOthers(t *testing.T) {
	t.Parallel()
	s, p := newWatched(t)
	stay := &watcher{}
	watch(t, p, stay)
	gone := errors.New("the client left")
	for range 20 {
		if err := p.WatchAccess(t.Context(), acme, "", func(changes []store.Change, _ string) error {
			if len(changes) == 0 {
				return gone
			}
			return nil
		}); !errors.Is(err, gone) {
			t.Fatal(err)
		}
	}
	s.write(t, 0, 3, 1)
	wait(t, "the one that stays has seen all", func() bool { users, _ := stay.seen(); return users == 3 })
}
