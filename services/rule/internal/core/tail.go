package core

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// tailRecords is how many of an organization's newest records are kept for those who watch. Who is further behind reads for
// itself.
const tailRecords = 2 * watchPage

// tails read the access feeds that somebody watches: one reader an organization, however many watch. The zero value is ready.
type tails struct {
	mu sync.Mutex
	by map[string]*tail
}

// tail is what the reader of one organization's feed has read last.
type tail struct {
	epoch    string // of all cursors here
	watchers int    // guarded by the tails' mu
	cancel   context.CancelFunc
	ended    chan struct{}

	mu      sync.Mutex
	from    feed.Cursor    // every record after it, up to at, is in changes
	changes []store.Change // the newest
	aging   int            // how many of changes are there since the last bookmark
	at      feed.Cursor    // up to which the feed was read
	err     error          // why it is not read any more
	more    chan struct{}  // closes with the next change, and with err
}

// watchTail joins those who watch an organization's feed, from a cursor that the store has just given. Leave it in the end.
func (c *Core) watchTail(organizationID string, at feed.Cursor) *tail {
	c.tails.mu.Lock()
	defer c.tails.mu.Unlock()
	t := c.tails.by[organizationID]
	if t == nil || t.epoch != at.Epoch { // who watches a database that is gone learns that from its own reader
		t = &tail{epoch: at.Epoch, ended: make(chan struct{}), from: at, at: at, more: make(chan struct{})}
		var ctx context.Context
		// It reads for all who watch, so for no call's time or trace.
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

// leaveTail leaves them. The last one who leaves ends the reader, and waits for that.
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

// forget lets nobody else join. The lock is held.
func (ts *tails) forget(organizationID string, t *tail) {
	if ts.by[organizationID] == t {
		delete(ts.by, organizationID)
	}
}

// readTail reads an organization's feed until nobody watches it, or it cannot be read.
func (c *Core) readTail(ctx context.Context, organizationID string, t *tail) {
	defer close(t.ended)
	// The cursor of a quiet feed goes on for bookmarks: one from long ago may be older than what is kept.
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

// after gives the changes after a cursor that are kept. Without any it gives the cursor up to which there are none, and a
// channel that closes when that is over. behind says that the cursor is before what is kept.
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

// add takes what was read, up to a cursor. Those who were given changes may still read them: none is overwritten.
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

// age drops what was there at the last bookmark: all but who reads slowly have it.
func (t *tail) age() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drop(t.aging)
	t.aging = len(t.changes)
}

// drop forgets the oldest changes, if n is above 0.
func (t *tail) drop(n int) {
	if n <= 0 {
		return
	}
	t.from = t.changes[n-1].Cursor
	if t.changes = t.changes[n:]; len(t.changes) == 0 {
		t.changes = nil // nothing is held for a quiet organization
	}
	t.aging = max(0, t.aging-n)
}

// end tells all who watch why there is no more.
func (t *tail) end(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	close(t.more)
}
