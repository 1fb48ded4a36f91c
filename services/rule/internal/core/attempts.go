package core

import (
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
)

// kind is a kind of work in an organization's turn. Each fails, and rests after a failure, alone.
type kind int

const (
	taking     kind = iota // becoming the owner and reading what there is to do
	resolving              // rules whose groups have to be looked up
	following              // the change feed
	protecting             // users of records that following does not come to
	expanding              // groups whose members have to be reconciled
	settling               // users whose manual access has to follow what they have become
	applying               // the settings, to users set aside
	retrying               // users set aside
	recovering             // the walk that makes up for lost records
	syncing                // a rule sync
	kinds
)

func (k kind) String() string {
	return [kinds]string{"taking", "resolving", "following", "protecting", "expanding", "settling", "applying", "retrying", "recovering", "syncing"}[k]
}

// attempts counts the failures in a row of each kind of work of each organization, and knows until when the kind rests.
type attempts struct {
	first, most time.Duration

	mu sync.Mutex
	by map[string]*[kinds]attempt
}

type attempt struct {
	failures int
	until    time.Time
}

func newAttempts(first, most time.Duration) *attempts {
	return &attempts{first: first, most: most, by: map[string]*[kinds]attempt{}}
}

// rests says whether a kind of work rests at a time.
func (a *attempts) rests(organizationID string, k kind, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.by[organizationID]
	return all != nil && now.Before(all[k].until)
}

// failing says whether a kind of work failed the last time.
func (a *attempts) failing(organizationID string, k kind) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.by[organizationID]
	return all != nil && all[k].failures > 0
}

// failed has a kind of work rest, longer with each failure in a row, and gives how many these are.
func (a *attempts) failed(organizationID string, k kind, now time.Time) (failures int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.by[organizationID]
	if all == nil {
		all = &[kinds]attempt{}
		a.by[organizationID] = all
	}
	all[k].failures++
	all[k].until = now.Add(wait.Backoff(a.first, a.most, all[k].failures))
	return all[k].failures
}

// succeeded forgets the failures of a kind of work. It is called also where there is no such work any more, or the organization would
// go on having turns for it.
func (a *attempts) succeeded(organizationID string, k kind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.by[organizationID]
	if all == nil {
		return
	}
	if all[k] = (attempt{}); *all == [kinds]attempt{} {
		delete(a.by, organizationID)
	}
}

// forget forgets all failures of an organization.
func (a *attempts) forget(organizationID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.by, organizationID)
}

// next gives when the first kind of work that rests may go on; the zero time when none rests.
func (a *attempts) next(organizationID string) (next time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.by[organizationID]
	if all == nil {
		return next
	}
	for _, k := range all {
		if !k.until.IsZero() && (next.IsZero() || k.until.Before(next)) {
			next = k.until
		}
	}
	return next
}
