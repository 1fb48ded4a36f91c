package core_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// slow is an identity service whose clock advances with each page of users.
type slow struct {
	core.Identity
	page func(n int) time.Duration // how long it takes until the nth page is read
	hook func(n int)
	fail bool // counting fails

	mu    sync.Mutex
	clock time.Time
	pages int
}

func (i *slow) now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.clock
}

func (i *slow) advance(by time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.clock = i.clock.Add(by)
}

func (i *slow) UserIDs(ctx context.Context, organizationID, pageToken string, limit int) (core.UserPage, error) {
	i.mu.Lock()
	i.pages++
	n := i.pages
	i.mu.Unlock()
	if i.hook != nil {
		i.hook(n)
	}
	i.advance(i.page(n))
	return i.Identity.UserIDs(ctx, organizationID, pageToken, limit)
}

func (i *slow) CountUsers(ctx context.Context, organizationID string) (int64, error) {
	if i.fail {
		return 0, fault.New(fault.Unavailable, "not now")
	}
	return i.Identity.CountUsers(ctx, organizationID)
}

// ended waits for the end of a rule sync.
func (p process) ended(id string) (s store.Sync) {
	p.t.Helper()
	wait(p.t, "the rule sync has ended", func() (ok bool) {
		var err error
		if s, err = p.Sync(p.t.Context(), acme, id); err != nil {
			p.t.Fatal(err)
		}
		return s.State != store.SyncRunning
	})
	return s
}

func TestTheEstimatedEndIsRightWithinAFactorOfTwo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		page    func(n int) time.Duration
		restart int // the page at which the process ends, for an hour
	}{
		"alone": {page: func(int) time.Duration { return time.Second }},
		"beside other organizations": {page: func(n int) time.Duration {
			if n%4 == 1 {
				return 5 * time.Second // the others' turns
			}
			return 50 * time.Millisecond
		}},
		"while it becomes slower": {page: func(n int) time.Duration { return time.Duration(n+100) * time.Millisecond }},
		"with a long stop": {page: func(n int) time.Duration {
			if n == 5 {
				return time.Hour
			}
			return time.Second
		}},
		"over a restart": {page: func(int) time.Duration { return time.Second }, restart: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			estimates(t, c.page, c.restart)
		})
	}
}

// estimates runs a rule sync of 1,000 users in 100 pages, and compares the estimates after a tenth of it with its end.
func estimates(t *testing.T, page func(n int) time.Duration, restart int) {
	t.Helper()
	identity, calls := inMemory(t)
	for range 1000 {
		identity.AddUser(acme, "d")
	}
	i := &slow{Identity: calls, page: page, clock: time.Now()}
	s := openSQLite(t)
	p := newProcess(t, s, i, i.now)
	started, err := p.StartSync(t.Context(), acme, "olga", requestid.Request{})
	if err != nil {
		t.Fatal(err)
	}
	if !p.EstimatedEnd(started).IsZero() {
		t.Error("the end is estimated before the first page")
	}
	type estimate struct {
		page      int
		now, end  time.Time
		usersDone int64
	}
	var all []estimate
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	i.hook = func(n int) {
		now, err := p.Sync(context.Background(), acme, started.ID)
		if err != nil {
			t.Error(err)
			return
		}
		if n > 10 {
			all = append(all, estimate{n, i.now(), p.EstimatedEnd(now), now.UsersDone})
		}
		if n == restart {
			cancel()
		}
	}
	if restart > 0 {
		if err := p.Run(ctx); err != nil {
			t.Fatal(err)
		}
		i.advance(time.Hour)
		p = newProcess(t, s, i, i.now)
		all = nil
	}
	p.run()
	end := p.ended(started.ID)
	if end.UsersTotal != 1000 || end.UsersDone != 1000 || !p.EstimatedEnd(end).IsZero() {
		t.Fatalf("the rule sync ended as %+v", end)
	}
	if len(all) < 40 {
		t.Fatalf("%d estimates", len(all))
	}
	for _, e := range all {
		if e.usersDone > 900 {
			break // a pause decides the rest alone
		}
		if restart > 0 && e.now.Equal(all[0].now) {
			continue // before the first page of the new process
		}
		left, want := e.end.Sub(e.now), end.EndTime.Sub(e.now)
		if left < want/2 || left > 2*want {
			t.Errorf("after %d users, it was to take %s, and took %s", e.usersDone, left, want)
		}
	}
}

func TestASyncWithoutANumberOfUsersRuns(t *testing.T) {
	t.Parallel()
	identity, calls := inMemory(t)
	for range 100 {
		identity.AddUser(acme, "d")
	}
	i := &slow{Identity: calls, page: func(int) time.Duration { return time.Second }, clock: time.Now(), fail: true}
	p := newProcess(t, openSQLite(t), i, i.now)
	started, err := p.StartSync(t.Context(), acme, "olga", requestid.Request{})
	if err != nil {
		t.Fatal(err)
	}
	p.run()
	end := p.ended(started.ID)
	if end.State != store.SyncDone || end.UsersDone != 100 || end.UsersTotal != 0 {
		t.Fatalf("the rule sync ended as %+v", end)
	}
	if end.State = store.SyncRunning; !p.EstimatedEnd(end).IsZero() {
		t.Error("the end is estimated without a number of users")
	}
}
