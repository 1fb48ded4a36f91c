package core

import (
	"sync"
	"time"

	"github.com/usher-scim/usher/services/internal/wait"
)

// kind is a kind of work in an organization's turn. Each kind fails, and pauses after a failure, independently of the others.
type kind int

const (
	taking     kind = iota // becoming the owner and reading the work
	resolving              // finding the groups of rules
	following              // the change feed
	protecting             // users of records that following does not reach
	expanding              // groups with members to reconcile
	settling               // users with manual access or retained access who changed
	applying               // the settings, to users who are set aside
	retrying               // users who are set aside
	recovering             // the walk that replaces lost records
	syncing                // a rule sync
	kinds
)

func (k kind) String() string {
	return [kinds]string{"taking", "resolving", "following", "protecting", "expanding", "settling", "applying", "retrying", "recovering", "syncing"}[k]
}

// attempts counts the consecutive failures of each kind of work of each organization, and stores when each kind may run again.
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

// rests reports whether a kind of work still pauses after a failure.
func (a *attempts) rests(organizationID string, k kind, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.by[organizationID]
	return all != nil && now.Before(all[k].until)
}

// failing reports whether a kind of work failed the last time.
func (a *attempts) failing(organizationID string, k kind) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.by[organizationID]
	return all != nil && all[k].failures > 0
}

// failed makes a kind of work pause, longer after each consecutive failure. It returns the number of consecutive failures.
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

// succeeded forgets the failures of a kind of work. Call it also when that work no longer exists: otherwise the organization would
// continue to get turns for it.
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

// next returns when the first paused kind of work may run again, or the zero time if none is paused.
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
