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

// freshness computes, from identity's activity alone, the AsOf of each organization's access. Every process follows the activity, so
// each of them can answer without a call to another service.
//
// The activity says that everything that identity acknowledged before a time is at or before a cursor, and which organizations have
// new records. An organization without new records is as fresh as the activity. An organization with new records lags until its
// checkpoint, which the store contains, reaches that cursor.
type freshness struct {
	mu      sync.Mutex
	asOf    time.Time // of the activity; zero before the first report
	lagging map[string]lag
	since   time.Time // when this process began to follow
	anew    bool      // some lag up to the unknown beginning of the feed
}

// lag describes an organization that may have records which access does not include yet.
type lag struct {
	upTo   feed.Cursor // the newest of those records is not after this
	asOf   time.Time   // access includes what identity acknowledged before this; zero if only the store knows
	stored time.Time   // the last such time that the store returned
	ended  bool        // the organization has reached upTo; kept only while the stored time is newer than the activity
	erased bool        // it is being erased: nobody waits for it
}

func newFreshness(now time.Time) *freshness {
	return &freshness{lagging: map[string]lag{}, since: now}
}

// recent is the maximum age of the activity's last report while identity is reachable. If the report is older, another process may
// know a later time, and may have stored it.
const recent = 2 * time.Second

// mark is what freshness knows of an organization at a moment. Take it before you read the store, so that the store's data is not
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

// known returns the same time as asOf, if the store is not needed for it. Otherwise ok is false.
func (m mark) known(now time.Time) (asOf time.Time, ok bool) {
	asOf = m.activity
	if m.lag.ended && asOf.Before(m.lag.stored) {
		asOf = m.lag.stored
	}
	return asOf, (m.lag.ended || !m.lagging) && now.Sub(asOf) < recent
}

// asOf returns the AsOf of access that is read together with this progress, or after it.
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

// caughtUp reports whether the records of the organization, and all their consequences, are processed.
func (l lag) caughtUp(p store.Progress) bool {
	if p.Behind {
		return false
	}
	checkpoint, err := feed.Parse(p.Checkpoint)
	return err == nil && checkpoint.Epoch == l.upTo.Epoch && !checkpoint.Before(l.upTo)
}

// fromTheBeginning is the epoch of an unknown place: the beginning of a feed before its first report.
const fromTheBeginning = "-"

// follows notes that this process follows the activity from a cursor. Records before it may be unprocessed, for any organization. An
// empty cursor means the beginning of any epoch.
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

// hears processes one report of the activity.
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

// progressed processes what the store says about an organization.
func (f *freshness) progressed(organizationID string, p store.Progress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, lagging := f.lagging[organizationID]
	switch {
	case !lagging:
	case l.caughtUp(p) && !f.asOf.Before(p.AsOf):
		delete(f.lagging, organizationID)
	default:
		l.stored, l.ended, l.erased = p.AsOf.Truncate(time.Microsecond), l.caughtUp(p), p.Erasing // with the precision of the store
		f.lagging[organizationID] = l
	}
}

// silent reports whether an organization lags although nothing of it is enqueued, and its owner has written nothing for a while.
func (f *freshness) silent(organizationID string, p store.Progress) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, lagging := f.lagging[organizationID]
	return lagging && !p.Behind && !p.Erasing && p.AsOf.Before(f.asOf.Add(-refreshEvery/2))
}

// laggards returns the organizations that lag, in any order.
func (f *freshness) laggards() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	ids := make([]string, 0, len(f.lagging))
	for id := range f.lagging {
		ids = append(ids, id)
	}
	return ids
}

// oldest returns the AsOf of the organization that lags most.
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

// refreshEvery is how often a process reads the progress of the organizations that lag.
const refreshEvery = time.Second

// refresh regularly reads the progress of the organizations that lag: other processes may work on them.
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
			c.log.LogAttrs(ctx, slog.LevelWarn, "reading the progress of organizations failed and is retried", slog.Any("error", err))
		}
	}
}

// refreshLaggards reads the store, and asks identity about the silent organizations.
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
				stop() // identity is too busy for that now
			}
		}
	}
	return nil
}

// verify asks identity whether an organization has records that access does not include. The owner writes nothing while it has
// nothing to do. So the store does not say whether records from before this process began to follow exist, or whether the owner has
// read as far as the activity reports.
func (c *Core) verify(ctx context.Context, organizationID string, p store.Progress) error {
	page, err := c.identity.Changes(ctx, organizationID, p.Checkpoint, 1)
	if err != nil || len(page.Records) > 0 {
		return err
	}
	p.Checkpoint = page.Next
	c.fresh.progressed(organizationID, p)
	return nil
}
