package failedevents_test

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/failedevents"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func TestFailedEventsOfAnErasedOrganizationAreGoneEvenLateOnes(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]func(t *testing.T) func(*failedevents.Config){
		"SQLite": func(*testing.T) func(*failedevents.Config) { return func(*failedevents.Config) {} },
		"PostgreSQL": func(t *testing.T) func(*failedevents.Config) {
			url := kit.Postgres(t, "failedevents", failedevents.Migrate)
			return func(c *failedevents.Config) { c.DatabasePath, c.DatabaseURL = "", secret.Text(url) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, on(t))
			w.run(t)
			theirs := w.at(1, -1)
			theirs.OrganizationId = "other"
			w.add(t, w.at(1, -3), w.at(2, -2), theirs)

			w.erasures.Erase("acme", w.now)
			wait(t, "it has confirmed that it keeps nothing", func() bool { return w.erasures.Confirmed("acme") })
			w.lists(t, "acme", 0)
			w.add(t, w.at(3, -1), w.at(4, 1)) // one arrives late, and one after everything else
			lists := w.erasures.Lists()
			wait(t, "it has looked again", func() bool { return w.erasures.Lists() > lists+2 })
			w.lists(t, "acme", 0)

			w.erasures.End("acme")
			lists = w.erasures.Lists()
			wait(t, "it has learned of the end", func() bool { return w.erasures.Lists() > lists+2 })
			w.add(t, w.at(3, 0), w.at(5, 2), w.at(6, 3))
			w.lists(t, "acme", 2)
			w.lists(t, "other", 1)
			if n := w.sum(t, "usher_failedevents_erased_events_dropped_total"); n != 2 {
				t.Errorf("%d events were counted as dropped", n)
			}
		})
	}
}

// at returns a failed event, seconds from now.
func (w *world) at(n, seconds int) *failedeventsv1.FailedEvent {
	e := w.event(n)
	e.FailTime = timestamppb.New(w.now.Add(time.Duration(seconds) * time.Second))
	return e
}

// run runs the service until the test ends.
func (w *world) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.service.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// lists fails the test unless an organization has count failed events.
func (w *world) lists(t *testing.T, organization string, count int) {
	t.Helper()
	r, err := w.events.ListFailedEvents(admin(t.Context(), organization), &failedeventsv1.ListFailedEventsRequest{OrganizationId: organization})
	if err != nil || len(r.GetFailedEvents()) != count {
		t.Errorf("of %s there are %v: %v", organization, r.GetFailedEvents(), err)
	}
}

// sum returns the value of a counter.
func (w *world) sum(t *testing.T, counter string) (sum int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.metrics.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if data, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == counter {
				for _, point := range data.DataPoints {
					sum += point.Value
				}
			}
		}
	}
	return sum
}

// wait polls until ok.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}
