package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/spool"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a stand-in for the failedevents service.
type service struct {
	mu      sync.Mutex
	err     error              // of every call
	poison  map[string]bool    // ids of failed events that violate the contract
	taken   []string           // the accepted ids of failed events, in order
	tallies map[string][]int64 // the accepted counts, by id
	calls   int
	called  chan struct{} // receives one element per call while there is room
}

func newService() *service {
	return &service{poison: map[string]bool{}, tallies: map[string][]int64{}, called: make(chan struct{}, 10_000)}
}

func (s *service) RecordFailedEvents(_ context.Context, r *failedeventsv1.RecordFailedEventsRequest, _ ...grpc.CallOption) (*failedeventsv1.RecordFailedEventsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.called <- struct{}{} }()
	s.calls++
	if s.err != nil {
		return nil, rpc.Status(s.err).Err()
	}
	if len(r.GetFailedEvents()) > batch || len(r.GetTallies()) > batch {
		return nil, errors.New("too many")
	}
	for _, e := range r.GetFailedEvents() {
		if s.poison[e.GetId()] {
			return nil, rpc.Status(fault.New(fault.InvalidRequest, "no")).Err()
		}
	}
	for _, tally := range r.GetTallies() {
		if s.poison[tally.GetId()] {
			return nil, rpc.Status(fault.New(fault.InvalidRequest, "no")).Err()
		}
	}
	for _, tally := range r.GetTallies() {
		s.tallies[tally.GetId()] = append(s.tallies[tally.GetId()], tally.GetAcceptedCount())
	}
	for _, e := range r.GetFailedEvents() {
		s.taken = append(s.taken, e.GetId())
	}
	return &failedeventsv1.RecordFailedEventsResponse{}, nil
}

func (s *service) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// waitFor returns after a number of failed events were accepted.
func (s *service) waitFor(t *testing.T, count int) []string {
	t.Helper()
	for {
		s.mu.Lock()
		taken := append([]string(nil), s.taken...)
		s.mu.Unlock()
		if len(taken) >= count {
			return taken
		}
		select {
		case <-s.called:
		case <-time.After(10 * time.Second):
			t.Fatalf("%d of %d events were taken", len(taken), count)
		}
	}
}

func (s *service) waitForCalls(t *testing.T, count int) {
	t.Helper()
	for range count {
		select {
		case <-s.called:
		case <-time.After(10 * time.Second):
			t.Fatal("there was no call")
		}
	}
}

type bench struct {
	t        *testing.T
	folder   string
	spool    *spool.Spool
	service  *service
	recorder *Recorder
	logs     *strings.Builder
	reader   *sdkmetric.ManualReader
}

func newBench(t *testing.T, folder string, limits spool.Limits) *bench {
	t.Helper()
	s, err := spool.Open(folder, limits)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, folder: folder, spool: s, service: newService(), logs: &strings.Builder{}, reader: sdkmetric.NewManualReader()}
	instruments, err := metrics.New(sdkmetric.NewMeterProvider(sdkmetric.WithReader(b.reader)))
	if err != nil {
		t.Fatal(err)
	}
	b.recorder = New(s, b.service, instruments, slog.New(slog.NewTextHandler(&lockedWriter{to: b.logs}, nil)),
		Retry{First: time.Microsecond, Most: time.Millisecond, Call: 10 * time.Second})
	return b
}

type lockedWriter struct {
	mu sync.Mutex
	to *strings.Builder
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

// run delivers until the returned function is called, which waits for the end.
func (b *bench) run() (stop func()) {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	go func() { b.recorder.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

// count returns the values of a counter, by its `reason` if it has one.
func (b *bench) count(name string) map[string]int64 {
	b.t.Helper()
	var all metricdata.ResourceMetrics
	if err := b.reader.Collect(context.Background(), &all); err != nil {
		b.t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == name {
				for _, point := range sum.DataPoints {
					reason, _ := point.Attributes.Value("reason")
					if point.Value > 0 {
						counts[reason.AsString()] += point.Value
					}
				}
			}
		}
	}
	return counts
}

func (b *bench) record(ids ...string) {
	for _, id := range ids {
		b.recorder.Record(b.t.Context(), &failedeventsv1.FailedEvent{Id: id, OrganizationId: "acme"})
	}
}

func numbered(from, to int) (ids []string) {
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprintf("e%04d", i))
	}
	return ids
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("taken: %q, want %q", got, want)
	}
}

func TestEventsThatWaitAreDeliveredInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir(), spool.Limits{})
	want := numbered(0, 1201) // three batches
	b.record(want...)
	stop := b.run()
	same(t, b.service.waitFor(t, len(want)), want)
	b.record("later")
	same(t, b.service.waitFor(t, len(want)+1), append(want, "later"))
	stop()
	if got := b.count(metrics.FailedEventsDelivered)[""]; got != 1202 {
		t.Errorf("%d were counted as delivered", got)
	}
	if b.spool.Bytes() != 0 {
		t.Errorf("%d bytes are left in the spool", b.spool.Bytes())
	}
}

func TestEventsOutliveTheServiceAndTheProcess(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := newBench(t, folder, spool.Limits{SegmentBytes: 200})
	first.service.set(fault.New(fault.Unavailable, "down"))
	stop := first.run()
	first.record(numbered(0, 40)...)
	first.service.waitForCalls(t, 20)
	stop() // the spool is in the state that kill -9 would leave
	if taken := first.service.waitFor(t, 0); len(taken) != 0 {
		t.Fatalf("taken: %q", taken)
	}
	second := newBench(t, folder, spool.Limits{SegmentBytes: 200})
	stop = second.run()
	second.record(numbered(40, 50)...)
	same(t, second.service.waitFor(t, 50), numbered(0, 50))
	stop()
}

func TestDeliveryContinuesWhenTheServiceIsBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir(), spool.Limits{})
	for _, err := range []error{
		fault.New(fault.Unavailable, "down"), fault.New(fault.Internal, "broken"), fault.New(fault.NotAllowed, "not set up"),
		context.DeadlineExceeded,
	} {
		b.service.set(err)
		stop := b.run()
		b.record("a", "b")
		b.service.waitForCalls(t, 5)
		b.service.set(nil)
		same(t, b.service.waitFor(t, 2), []string{"a", "b"})
		stop()
		b.service.mu.Lock()
		b.service.taken = nil
		b.service.mu.Unlock()
	}
	if lost := b.count(metrics.FailedEventsDropped); len(lost) != 0 {
		t.Errorf("lost: %v", lost)
	}
	if logs := b.logs.String(); strings.Count(logs, "cannot be delivered") != 4 || strings.Count(logs, "delivered again") != 4 {
		t.Errorf("logged: %s", logs)
	}
}

func TestARefusedEventDelaysNoOther(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir(), spool.Limits{})
	all := numbered(0, 100)
	var want []string
	for i, id := range all {
		if i == 0 || i == 37 || i == 99 {
			b.service.poison[id] = true
		} else {
			want = append(want, id)
		}
	}
	b.record(all...)
	stop := b.run()
	same(t, b.service.waitFor(t, len(want)), want)
	b.record("later")
	b.service.waitFor(t, len(want)+1)
	stop()
	if lost := b.count(metrics.FailedEventsDropped)[lostRefused]; lost != 3 {
		t.Errorf("%d were counted as refused", lost)
	}
}

func TestEventsBeyondTheLimitAreCounted(t *testing.T) {
	t.Parallel()
	record, err := proto.Marshal(&failedeventsv1.RecordFailedEventsRequest{
		FailedEvents: []*failedeventsv1.FailedEvent{{Id: "e0000", OrganizationId: "acme"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, t.TempDir(), spool.Limits{Bytes: 10 * int64(len(record)+8)})
	b.record(numbered(0, 15)...)
	if lost := b.count(metrics.FailedEventsDropped)[lostFull]; lost != 5 {
		t.Errorf("%d were counted as lost", lost)
	}
	stop := b.run()
	same(t, b.service.waitFor(t, 10), numbered(0, 10))
	stop()
	b.record("e0015")
	if logs := b.logs.String(); strings.Count(logs, "failed events are being lost") != 1 || strings.Count(logs, "stored again") != 1 {
		t.Errorf("logged: %s", logs)
	}
	if kept := b.count(metrics.FailedEvents)[""]; kept != 11 {
		t.Errorf("%d were counted as kept", kept)
	}
}

func TestASpoolThatCannotBeWrittenLogsItsLosses(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "spool")
	b := newBench(t, folder, spool.Limits{})
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	b.record("a", "b")
	if lost := b.count(metrics.FailedEventsDropped)[lostDisk]; lost != 2 {
		t.Errorf("%d were counted as lost", lost)
	}
	if logs := b.logs.String(); strings.Count(logs, "failed events are being lost") != 1 {
		t.Errorf("logged: %s", logs)
	}
}

func TestARecordThatIsNotAFailedEventIsSkipped(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir(), spool.Limits{})
	b.record("a")
	if err := b.spool.Append([]byte{0xff}); err != nil {
		t.Fatal(err)
	}
	b.record("b")
	stop := b.run()
	same(t, b.service.waitFor(t, 2), []string{"a", "b"})
	stop()
	if lost := b.count(metrics.FailedEventsDropped)[lostUnreadable]; lost != 1 {
		t.Errorf("%d were counted as unreadable", lost)
	}
}

func TestAClosedSpoolEndsDelivery(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir(), spool.Limits{})
	if err := b.spool.Close(); err != nil {
		t.Fatal(err)
	}
	b.recorder.Run(t.Context())
}

// tallies returns a number of tallies with the same count.
func tallies(many int, accepted int64) (all []*failedeventsv1.MessageTally) {
	for n := range many {
		all = append(all, &failedeventsv1.MessageTally{Id: fmt.Sprintf("t%04d", n), OrganizationId: "acme", AcceptedCount: accepted})
	}
	return all
}

func (b *bench) recordTallies(all []*failedeventsv1.MessageTally, want int) {
	b.t.Helper()
	if written, err := b.recorder.RecordTallies(all); written != want || (err == nil) != (want == len(all)) {
		b.t.Errorf("%d of %d were written, want %d: %v", written, len(all), want, err)
	}
}

func TestTalliesOutliveTheServiceAndTheProcess(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	first := newBench(t, folder, spool.Limits{})
	first.service.set(fault.New(fault.Unavailable, "down"))
	stop := first.run()
	first.record("e1")
	first.service.waitForCalls(t, 3)
	for _, accepted := range []int64{1, 2, 3} {
		first.recordTallies(tallies(1201, accepted), 1201)
	}
	first.record("e2")
	stop() // the spool is in the state that kill -9 would leave
	second := newBench(t, folder, spool.Limits{})
	second.service.poison["t0007"] = true
	stop = second.run()
	same(t, second.service.waitFor(t, 2), []string{"e1", "e2"})
	second.recordTallies(tallies(1, 4), 1)
	second.record("e3") // it is delivered after what is in the spool
	second.service.waitFor(t, 3)
	stop()
	for n := range 1201 {
		id, want := fmt.Sprintf("t%04d", n), "[3]" // only the newest of those that waited together
		switch n {
		case 0:
			want = "[3 4]"
		case 7:
			want = "[]"
		}
		if got := fmt.Sprint(second.service.tallies[id]); got != want {
			t.Errorf("of %s the service got %s, want %s", id, got, want)
		}
	}
	if lost, dropped := second.count(metrics.FailedEventsDropped), second.count(metrics.TalliesDropped); len(lost) != 0 || dropped[lostRefused] != 1 {
		t.Errorf("lost: %v and %v", lost, dropped)
	}
	if delivered := second.count(metrics.FailedEventsDelivered)[""]; delivered != 3 {
		t.Errorf("%d failed events were counted as delivered", delivered)
	}
}

// Tallies leave three quarters of the spool to failed events.
func TestTalliesDisplaceNoFailedEvent(t *testing.T) {
	t.Parallel()
	b := newBench(t, t.TempDir(), spool.Limits{Bytes: 100_000})
	for b.spool.Bytes() < 12_000 {
		b.recordTallies(tallies(batch, 1), batch)
	}
	b.recordTallies(tallies(2*batch, 2), 0)
	b.record(numbered(0, 1000)...)
	if lost := b.count(metrics.FailedEventsDropped); len(lost) != 0 {
		t.Errorf("lost: %v", lost)
	}
	b.recordTallies(tallies(1, 3), 0)
	stop := b.run()
	same(t, b.service.waitFor(t, 1000), numbered(0, 1000))
	stop()
	b.recordTallies(tallies(1, 4), 1)
	if logs := b.logs.String(); strings.Contains(logs, "lost") {
		t.Errorf("logged: %s", logs)
	}
}
