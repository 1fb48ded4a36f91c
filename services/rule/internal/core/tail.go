package core

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// tailRecords is how many of an organization's newest records are kept in memory for watchers. A watcher that is further behind
// reads from the store itself.
const tailRecords = 2 * watchPage

// tails reads the access feeds with watchers: one reader for each organization. The zero value is ready.
type tails struct {
	mu sync.Mutex
	by map[string]*tail
}

// tail contains the records that the reader of one organization's feed has read last.
type tail struct {
	epoch    string // of all cursors here
	watchers int    // guarded by the tails' mu
	cancel   context.CancelFunc
	ended    chan struct{}

	mu      sync.Mutex
	from    feed.Cursor    // every record after it, up to at, is in changes
	changes []store.Change // the newest
	aging   int            // how many of changes were read before the last bookmark
	at      feed.Cursor    // the cursor up to which the feed was read
	err     error          // why the reader ended
	more    chan struct{}  // closes at the next change, or with err
}

// watchTail adds a watcher of an organization's feed, with a cursor that the store has just returned. Call leaveTail in the end.
func (c *Core) watchTail(organizationID string, at feed.Cursor) *tail {
	c.tails.mu.Lock()
	defer c.tails.mu.Unlock()
	t := c.tails.by[organizationID]
	if t == nil || t.epoch != at.Epoch { // a watcher of a database that was replaced learns that from its own reader
		t = &tail{epoch: at.Epoch, ended: make(chan struct{}), from: at, at: at, more: make(chan struct{})}
		var ctx context.Context
		// The reader serves all watchers, so it has no call's deadline or trace.
		ctx, t.cancel = context.WithCancel(context.Background())
		go c.readTail(ctx, organizationID, t)
		if c.tails.by == nil {
			c.tails.by = map[string]*tail{}
		}
		c.tails.by[organizationID] = t
	}
	t.watchers++
	return t
}

// leaveTail removes a watcher. The last one stops the reader and waits for it.
func (c *Core) leaveTail(organizationID string, t *tail) {
	c.tails.mu.Lock()
	t.watchers--
	last := t.watchers == 0
	if last {
		c.tails.forget(organizationID, t)
	}
	c.tails.mu.Unlock()
	if last {
		t.cancel()
		<-t.ended
	}
}

// forget lets nobody else join. The caller has the lock.
func (ts *tails) forget(organizationID string, t *tail) {
	if ts.by[organizationID] == t {
		delete(ts.by, organizationID)
	}
}

// readTail reads an organization's feed until nobody watches it, or a read fails.
func (c *Core) readTail(ctx context.Context, organizationID string, t *tail) {
	defer close(t.ended)
	// The cursor of a quiet feed advances with each bookmark: an old cursor may expire.
	bookmarks := time.NewTicker(c.config.BookmarkInterval)
	defer bookmarks.Stop()
	for at := t.at; ; {
		changed := c.store.Changed(organizationID)
		changes, next, err := c.store.AccessChanges(ctx, organizationID, at, watchPage)
		if err != nil {
			c.tails.mu.Lock()
			c.tails.forget(organizationID, t)
			c.tails.mu.Unlock()
			t.end(err)
			return
		}
		at = next
		t.add(changes, at)
		if len(changes) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-bookmarks.C:
			t.age()
		case <-changed:
		}
	}
}

// after returns the kept changes after a cursor. If there are none, it returns the cursor up to which there are none, and a
// channel that closes at the next change. behind reports that the cursor is before the kept changes.
func (t *tail) after(at feed.Cursor) (changes []store.Change, next feed.Cursor, more <-chan struct{}, behind bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at.Before(t.from) {
		return nil, at, nil, true, nil
	}
	first := sort.Search(len(t.changes), func(i int) bool { return at.Before(t.changes[i].Cursor) })
	changes = t.changes[first:]
	switch {
	case len(changes) > 0:
		return changes, changes[len(changes)-1].Cursor, nil, false, nil
	case t.err != nil:
		return nil, at, nil, false, t.err
	case at.Before(t.at):
		at = t.at
	}
	return nil, at, t.more, false, nil
}

// add appends what was read, up to a cursor. Watchers may still read the slices that they got: add overwrites none.
func (t *tail) add(changes []store.Change, at feed.Cursor) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes, t.at = append(t.changes, changes...), at
	t.drop(len(t.changes) - tailRecords)
	if len(changes) > 0 {
		close(t.more)
		t.more = make(chan struct{})
	}
}

// age drops the changes from before the last bookmark: only slow watchers lack them.
func (t *tail) age() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(t.aging)
	t.aging = len(t.changes)
}

// drop removes the n oldest changes, if n is above 0.
func (t *tail) drop(n int) {
	if n <= 0 {
		return
	}
	t.from = t.changes[n-1].Cursor
	if t.changes = t.changes[n:]; len(t.changes) == 0 {
		t.changes = nil // keep no memory for a quiet organization
	}
	t.aging = max(0, t.aging-n)
}

// end tells all watchers why the reader ended.
func (t *tail) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	close(t.more)
}
