package core_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
	"github.com/usher-scim/usher/services/rule/internal/remote"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// process is one of the processes that share a store. Its leases of organizations last for an hour.
type process struct {
	t *testing.T
	*core.Core
}

func newProcess(t *testing.T, s store.Store, identity core.Identity, now func() time.Time) process {
	t.Helper()
	c, err := core.New(core.Config{Workers: 1, FeedRetention: time.Hour, Tuning: core.Tuning{
		BatchSize: 10, BatchesPerTurn: 4, SyncPageSize: 10, LeaseDuration: time.Hour, CallTimeout: 5 * time.Second,
		RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond, BookmarkInterval: time.Second, SweepInterval: time.Hour,
		RecheckInterval: time.Second, UserRetryDelay: time.Hour, MaxUserRetryDelay: time.Hour,
	}}, s, identity, nil, slog.New(slog.DiscardHandler), tracenoop.NewTracerProvider(), noop.NewMeterProvider(), now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return process{t, c}
}

// run runs the process until the test ends.
func (p process) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	p.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
	})
}

func inMemory(t *testing.T) (*identitytest.Identity, core.Identity) {
	t.Helper()
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: tracenoop.NewTracerProvider()})
	if err != nil {
		t.Fatal(err)
	}
	identity := identitytest.New()
	identity.Register(channel)
	return identity, remote.NewIdentity(channel.As(commonv1.Caller_CALLER_RULE))
}

// wait polls until ok.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// goesOn waits until the AsOf of an organization's answers is later than now.
func (p process) goesOn(organizationID string) {
	p.t.Helper()
	mark := time.Now()
	wait(p.t, "the time of "+organizationID+" has gone on", func() bool {
		status, err := p.Status(p.t.Context(), organizationID)
		if err != nil {
			p.t.Fatal(err)
		}
		return status.AsOf.After(mark)
	})
}

// late is an identity service whose activity a process receives late, and then all at once.
type late struct {
	core.Identity
	mu      sync.Mutex
	delayed bool
	some    []string // the organizations that it was not told of yet
}

func (l *late) delay(delayed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delayed = delayed
}

func (l *late) Activity(ctx context.Context, after string, on func(core.Activity) error) error {
	return l.Identity.Activity(ctx, after, func(a core.Activity) error {
		l.mu.Lock()
		l.some = append(l.some, a.OrganizationIDs...)
		if l.delayed {
			l.mu.Unlock()
			return nil
		}
		a.OrganizationIDs, l.some = l.some, nil
		l.mu.Unlock()
		return on(a)
	})
}

// Identity divides the activity differently for each process. A report about an organization may end after the checkpoint of the
// organization's owner, which has nothing more to do.
func TestTheAsOfAdvancesThoughAnotherProcessOwnsTheOrganization(t *testing.T) {
	t.Parallel()
	identity, calls := inMemory(t)
	s := openSQLite(t)
	owner := newProcess(t, s, calls, time.Now)
	hears := &late{Identity: calls}
	other := newProcess(t, s, hears, time.Now)
	identity.AddUser(acme, "d")
	owner.run()
	owner.goesOn(acme)
	other.run()
	other.goesOn(acme)

	hears.delay(true)
	identity.AddUser(acme, "d")
	cursor := identity.Cursor()
	wait(t, "its owner has dealt with the change", func() bool {
		all, err := s.Progress(t.Context(), []string{acme})
		if err != nil {
			t.Fatal(err)
		}
		return all[acme].Checkpoint == cursor
	})
	identity.AddUser("another", "e")
	owner.goesOn("another")
	hears.delay(false)
	other.goesOn(acme)
	owner.goesOn(acme)
}
