package core

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// freshness knows, from identity's activity alone, as of when each organization's access is known. Every process follows the
// activity, so any of them can say it, without a call.
//
// The activity says that all that identity acknowledged before a time is at or before a cursor, and which organizations have new
// records. An organization that is not among them has nothing new, so its access is as fresh as the activity. One that is among
// them lags until its checkpoint, which the store keeps, has come to that cursor.
type freshness struct {
	mu      sync.Mutex
	asOf    time.Time // of the activity; zero before its first word
	lagging map[string]lag
	since   time.Time // the beginning
	anew    bool      // some lag up to wherever the feed begins
}

// lag is of an organization that may have records which access does not include yet.
type lag struct {
	upTo   feed.Cursor // the newest of them is not after this
	asOf   time.Time   // access includes what identity acknowledged before this; zero when that is only in the store
	stored time.Time   // what the store last said of that
	ended  bool        // it has come to upTo, and is kept only while what is stored is newer than the activity
	erased bool        // it is being erased: nobody waits for it
}

func newFreshness(now time.Time) *freshness {
	return &freshness{lagging: map[string]lag{}, since: now}
}

// recent is how old the activity's last word is at most while identity can be reached. When it is older, another process may know
// better, and may have told the store.
const recent = 2 * time.Second

// mark is what freshness knows of an organization at a moment. Take it before reading the store: what the store then says is not
// older.
type mark struct {
	activity time.Time
	lagging  bool
	lag      lag
}

func (f *freshness) mark(organizationID string) mark {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, lagging := f.lagging[organizationID]
	return mark{activity: f.asOf, lagging: lagging, lag: l}
}

// known gives what asOf does where the store need not be looked at; ok is false where it must be.
func (m mark) known(now time.Time) (asOf time.Time, ok bool) {
	asOf = m.activity
	if m.lag.ended && asOf.Before(m.lag.stored) {
		asOf = m.lag.stored
	}
	return asOf, (m.lag.ended || !m.lagging) && now.Sub(asOf) < recent
}

// asOf gives the time before which all that identity acknowledged is in access that is read with, or after, this progress.
func (m mark) asOf(p store.Progress) time.Time {
	known := m.activity
	if m.lagging && !m.lag.caughtUp(p) {
		known = m.lag.asOf
	}
	if known.Before(p.AsOf) {
		return p.AsOf
	}
	return known
}

// caughtUp says that the records of the organization are dealt with, and all that they led to.
func (l lag) caughtUp(p store.Progress) bool {
	if p.Behind {
		return false
	}
	checkpoint, err := feed.Parse(p.Checkpoint)
	return err == nil && checkpoint.Epoch == l.upTo.Epoch && !checkpoint.Before(l.upTo)
}

// fromTheBeginning is the epoch of a place that is not known yet: the beginning of a feed that has not been heard.
const fromTheBeginning = "-"

// follows says that the activity is followed from a cursor: what lies before it may not be dealt with, of any organization. With
// an empty cursor it is followed from the beginning, of whichever epoch that is.
func (f *freshness) follows(organizationIDs map[string]bool, after string) error {
	upTo, err := feed.Parse(after)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if after == "" {
		upTo.Epoch, f.anew = fromTheBeginning, true
	}
	for id := range organizationIDs {
		l := f.lagging[id]
		l.upTo, l.ended = upTo, false
		f.lagging[id] = l
	}
	return nil
}

// hears takes one word of the activity.
func (f *freshness) hears(a Activity) error {
	upTo, err := feed.Parse(a.Cursor)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.anew {
		for id, l := range f.lagging {
			if l.upTo.Epoch == fromTheBeginning {
				l.upTo.Epoch = upTo.Epoch
				f.lagging[id] = l
			}
		}
		f.anew = false
	}
	for _, id := range a.OrganizationIDs {
		l, lagging := f.lagging[id]
		if !lagging || l.ended {
			l.asOf, l.ended = f.asOf, false
		}
		l.upTo = upTo
		f.lagging[id] = l
	}
	if f.asOf.Before(a.AsOf) {
		f.asOf = a.AsOf
	}
	return nil
}

// progressed takes what the store says of an organization.
func (f *freshness) progressed(organizationID string, p store.Progress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, lagging := f.lagging[organizationID]
	switch {
	case !lagging:
	case l.caughtUp(p) && !f.asOf.Before(p.AsOf):
		delete(f.lagging, organizationID)
	default:
		l.stored, l.ended, l.erased = p.AsOf.Truncate(time.Microsecond), l.caughtUp(p), p.Erasing // as the store keeps it
		f.lagging[organizationID] = l
	}
}

// silent says that an organization lags though nothing of it is enqueued, and that its owner has written nothing for a while.
func (f *freshness) silent(organizationID string, p store.Progress) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, lagging := f.lagging[organizationID]
	return lagging && !p.Behind && !p.Erasing && p.AsOf.Before(f.asOf.Add(-refreshEvery/2))
}

// laggards are the organizations that lag, in any order.
func (f *freshness) laggards() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := make([]string, 0, len(f.lagging))
	for id := range f.lagging {
		ids = append(ids, id)
	}
	return ids
}

// oldest gives as of when the access of the organization that lags most is known.
func (f *freshness) oldest() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldest := f.asOf
	if oldest.IsZero() {
		oldest = f.since
	}
	for _, l := range f.lagging {
		if l.ended || l.erased {
			continue
		}
		known := l.asOf
		if known.Before(l.stored) {
			known = l.stored
		}
		if known.IsZero() {
			known = f.since
		}
		if known.Before(oldest) {
			oldest = known
		}
	}
	return oldest
}

// refreshEvery is how often it is found out how far the organizations are that lag.
const refreshEvery = time.Second

// refresh finds out, now and then, how far the organizations are that lag: other processes may work on them.
func (c *Core) refresh(ctx context.Context) {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := c.refreshLaggards(ctx); err != nil && ctx.Err() == nil {
			c.log.LogAttrs(ctx, slog.LevelWarn, "reading how far organizations are failed and is tried again", slog.Any("error", err))
		}
	}
}

// refreshLaggards asks the store, and identity about those that are silent.
func (c *Core) refreshLaggards(ctx context.Context) error {
	const some = 1000
	asking, stop := context.WithTimeout(ctx, refreshEvery)
	defer stop()
	for ids := range slices.Chunk(c.fresh.laggards(), some) {
		all, err := c.store.Progress(ctx, ids)
		if err != nil {
			return err
		}
		for id, p := range all {
			c.fresh.progressed(id, p)
			if asking.Err() != nil || !c.fresh.silent(id, p) {
				continue
			}
			if err := c.verify(asking, id, p); err != nil && !fault.Is(err, fault.CursorExpired) {
				stop() // identity has no time for that now
			}
		}
	}
	return nil
}

// verify asks identity whether an organization has records that access does not include. Its owner says nothing while there is
// nothing to do: neither of records from before this process began to follow, nor that it has looked as far as this process heard.
func (c *Core) verify(ctx context.Context, organizationID string, p store.Progress) error {
	page, err := c.identity.Changes(ctx, organizationID, p.Checkpoint, 1)
	if err != nil || len(page.Records) > 0 {
		return err
	}
	p.Checkpoint = page.Next
	c.fresh.progressed(organizationID, p)
	return nil
}
