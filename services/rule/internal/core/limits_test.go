package core_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
	"github.com/usher-scim/usher/services/rule/internal/remote"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// newCore creates a core on its own database, with an empty identity service.
func newCore(t *testing.T, events core.FailedEvents) (*core.Core, store.Store) {
	t.Helper()
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: tracenoop.NewTracerProvider()})
	if err != nil {
		t.Fatal(err)
	}
	identitytest.New().Register(channel)
	s := openSQLite(t)
	c, err := core.New(core.Config{Workers: 1, FeedRetention: time.Hour, Tuning: core.Tuning{
		BatchSize: 10, BatchesPerTurn: 1, SyncPageSize: 10, LeaseDuration: time.Second, CallTimeout: 5 * time.Second,
		RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond, BookmarkInterval: time.Second, SweepInterval: time.Second,
		RecheckInterval: time.Second, UserRetryDelay: time.Millisecond, MaxUserRetryDelay: time.Second,
	}}, s, remote.NewIdentity(channel.As(commonv1.Caller_CALLER_RULE)), events, slog.New(slog.DiscardHandler), tracenoop.NewTracerProvider(),
		noop.NewMeterProvider(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c, s
}

func TestAnOrganizationHasAThousandRulesAtMost(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, s := newCore(t, nil)
	r := store.Rule{OrganizationID: acme, Match: store.Match{Kind: store.MatchRoleValue, Value: "v"},
		Grants: []store.Grant{{RoleID: store.OrganizationAdmin}}}
	err := s.Update(ctx, acme, func(ctx context.Context, tx store.Tx) error {
		for n := range 999 {
			one := r
			one.ID = fmt.Sprintf("rule-%d", n)
			if err := tx.PutRule(ctx, one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateRule(ctx, r, requestid.Request{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateRule(ctx, r, requestid.Request{}); !fault.Is(err, fault.Limit) {
		t.Fatalf("got %v, not LIMIT", err)
	}
}

// choosy is a failedevents service that always refuses some failed events.
type choosy struct {
	refuses []string
	taken   []string
}

func (f *choosy) Record(_ context.Context, events []core.FailedEvent) error {
	for _, e := range events {
		if slices.Contains(f.refuses, e.ID) {
			return fault.New(fault.InvalidRequest, "no")
		}
	}
	for _, e := range events {
		f.taken = append(f.taken, e.ID)
	}
	return nil
}

func TestAReportThatIsNeverAcceptedDelaysNoOther(t *testing.T) {
	t.Parallel()
	events := &choosy{refuses: []string{"e2", "e6"}}
	c, s := newCore(t, events)
	err := s.Update(t.Context(), acme, func(ctx context.Context, tx store.Tx) error {
		for n := range 8 {
			if _, err := tx.AddReport(ctx, store.Report{OrganizationID: acme, ID: fmt.Sprintf("e%d", n), Time: time.Now()}, 100); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		left, err := s.Reports(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		select {
		case <-deadline.C:
			t.Fatalf("left are %v", left)
		case <-tick.C:
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(events.taken, []string{"e0", "e1", "e3", "e4", "e5", "e7"}) {
		t.Fatalf("taken were %v", events.taken)
	}
}
