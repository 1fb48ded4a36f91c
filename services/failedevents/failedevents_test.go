package failedevents_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/failedevents"
	"github.com/usher-scim/usher/services/internal/erasure/erasuretest"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const directory = "0198a000-0000-7000-8000-0000000000d1"

type world struct {
	record   failedeventsv1.FailedEventRecordServiceClient
	erase    failedeventsv1.FailedEventErasureServiceClient
	events   failedeventsv1.FailedEventServiceClient
	activity failedeventsv1.ActivityServiceClient
	service  *failedevents.Service
	erasures erasuretest.Directory
	metrics  *metric.ManualReader
	now      time.Time
}

func newWorld(t *testing.T, change ...func(*failedevents.Config)) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), metrics: metric.NewManualReader()}
	config := failedevents.Config{Settings: failedevents.Defaults(), DatabasePath: filepath.Join(t.TempDir(), "failedevents.db")}
	for _, each := range change {
		each(&config)
	}
	log, tracing := slog.New(slog.DiscardHandler), noop.NewTracerProvider()
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: log, Tracing: tracing})
	if err != nil {
		t.Fatal(err)
	}
	w.erasures.Register(channel)
	s, err := failedevents.New(t.Context(), config, failedevents.Dependencies{
		Directory: channel.As(commonv1.Caller_CALLER_FAILEDEVENTS), Log: log, Tracing: tracing,
		Meter: metric.NewMeterProvider(metric.WithReader(w.metrics)), Now: func() time.Time { return w.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.service = s
	s.Register(channel)
	w.record = failedeventsv1.NewFailedEventRecordServiceClient(channel.As(commonv1.Caller_CALLER_RULE))
	w.activity = failedeventsv1.NewActivityServiceClient(channel.As(commonv1.Caller_CALLER_GATEWAY))
	w.erase = failedeventsv1.NewFailedEventErasureServiceClient(channel.As(commonv1.Caller_CALLER_IDENTITY))
	w.events = failedeventsv1.NewFailedEventServiceClient(channel.As(commonv1.Caller_CALLER_GATEWAY))
	return w
}

func admin(ctx context.Context, organization string) context.Context {
	return rpc.WithPrincipal(ctx, rpc.OrganizationAdmin(organization, "admin of "+organization))
}

func id(n int) string { return fmt.Sprintf("0198a000-0000-7000-8000-%012d", n) }

func (w *world) event(n int) *failedeventsv1.FailedEvent {
	return &failedeventsv1.FailedEvent{
		Id: id(n), OrganizationId: "acme", DirectoryId: directory, MessageId: fmt.Sprint("m", n),
		Source: failedeventsv1.FailedEventSource_FAILED_EVENT_SOURCE_GATEWAY, FailTime: timestamppb.New(w.now.Add(time.Duration(n) * time.Second)),
		Operation: "PATCH /Users/{id}", ResourceId: "u", Status: 409, Reason: "SCIM_UNIQUENESS", ScimType: "uniqueness",
		Detail: "d", Remedy: "r", AdminAction: "a", TraceId: "t",
		Subject: "ann", ConflictingResourceId: "u2", ConflictingName: "Ann",
	}
}

func (w *world) add(t *testing.T, events ...*failedeventsv1.FailedEvent) {
	t.Helper()
	if _, err := w.record.RecordFailedEvents(t.Context(), &failedeventsv1.RecordFailedEventsRequest{FailedEvents: events}); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, err error, reason fault.Reason) {
	t.Helper()
	if f := rpc.Fault(err); f == nil || f.Reason != reason {
		t.Errorf("got %v, want %s", err, reason)
	}
}

func TestAFailedEventIsReadAsItWasRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent := w.event(1)
	sent.Id, sent.DirectoryId = strings.ToUpper(sent.Id), strings.ToUpper(sent.DirectoryId)
	sent.AcknowledgeTime, sent.AcknowledgedBy = timestamppb.New(w.now), "nobody" // ignored
	w.add(t, sent)
	w.add(t, w.event(1)) // again
	got, err := w.events.GetFailedEvent(admin(t.Context(), "acme"), &failedeventsv1.GetFailedEventRequest{OrganizationId: "acme", Id: id(1)})
	if err != nil || !proto.Equal(got.GetFailedEvent(), w.event(1)) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAFailedEventIsNotLostBecauseOfAnInvalidCharacter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sent := w.event(1)
	sent.Detail, sent.ResourceId, sent.Operation, sent.Subject = "a\x00b", "c\x00d", "e\x00f", "g\x00h"
	w.add(t, sent)
	got, err := w.events.GetFailedEvent(admin(t.Context(), "acme"), &failedeventsv1.GetFailedEventRequest{OrganizationId: "acme", Id: id(1)})
	if e := got.GetFailedEvent(); err != nil || e.GetDetail() != "a\uFFFDb" || e.GetResourceId() != "c\uFFFDd" || e.GetOperation() != "e\uFFFDf" || e.GetSubject() != "g\uFFFDh" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestPagesContainEachFailedEventOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for n := range 7 {
		w.add(t, w.event(n))
		want = append([]string{id(n)}, want...)
	}
	ask := &failedeventsv1.ListFailedEventsRequest{OrganizationId: "acme", PageSize: 3, DirectoryId: directory}
	var got []string
	for {
		page, err := w.events.ListFailedEvents(admin(t.Context(), "acme"), ask)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.GetFailedEvents() {
			got = append(got, e.GetId())
		}
		if ask.PageToken = page.GetNextPageToken(); ask.GetPageToken() == "" {
			break
		}
		other := proto.CloneOf(ask)
		other.OpenOnly = true
		_, err = w.events.ListFailedEvents(admin(t.Context(), "acme"), other)
		expect(t, err, fault.PageToken)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOneFailedEventIsAcknowledgedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(t, w.event(1), w.event(2))
	ask := &failedeventsv1.AcknowledgeFailedEventRequest{OrganizationId: "acme", Id: id(1)}
	first, err := w.events.AcknowledgeFailedEvent(admin(t.Context(), "acme"), ask)
	if err != nil || first.GetFailedEvent().GetAcknowledgedBy() != "admin of acme" || !first.GetFailedEvent().GetAcknowledgeTime().AsTime().Equal(w.now) {
		t.Fatalf("%v, %v", first, err)
	}
	w.now = w.now.Add(time.Hour)
	operator := rpc.WithPrincipal(t.Context(), rpc.Operator("operator"))
	again, err := w.events.AcknowledgeFailedEvent(operator, ask)
	if err != nil || !proto.Equal(first, again) {
		t.Errorf("%v, %v", again, err)
	}
	open, err := w.events.ListFailedEvents(operator, &failedeventsv1.ListFailedEventsRequest{OrganizationId: "acme", OpenOnly: true})
	if err != nil || len(open.GetFailedEvents()) != 1 || open.GetFailedEvents()[0].GetId() != id(2) {
		t.Errorf("open: %v, %v", open, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(t, w.event(1))
	timeless, endless := w.event(2), w.event(2)
	timeless.FailTime, endless.FailTime = nil, &timestamppb.Timestamp{Seconds: 1 << 60}
	for name, c := range map[string]struct {
		err    error
		reason fault.Reason
	}{
		"an event that there is not": {func() error {
			_, err := w.events.GetFailedEvent(admin(t.Context(), "acme"), &failedeventsv1.GetFailedEventRequest{OrganizationId: "acme", Id: id(9)})
			return err
		}(), fault.NotFound},
		"acknowledging what there is not": {func() error {
			_, err := w.events.AcknowledgeFailedEvent(admin(t.Context(), "acme"), &failedeventsv1.AcknowledgeFailedEventRequest{OrganizationId: "acme", Id: id(9)})
			return err
		}(), fault.NotFound},
		"another organization's event": {func() error {
			_, err := w.events.GetFailedEvent(admin(t.Context(), "other"), &failedeventsv1.GetFailedEventRequest{OrganizationId: "other", Id: id(1)})
			return err
		}(), fault.NotFound},
		"another organization": {func() error {
			_, err := w.events.ListFailedEvents(admin(t.Context(), "other"), &failedeventsv1.ListFailedEventsRequest{OrganizationId: "acme"})
			return err
		}(), fault.NotAllowed},
		"a token that was never given out": {func() error {
			_, err := w.events.ListFailedEvents(admin(t.Context(), "acme"), &failedeventsv1.ListFailedEventsRequest{OrganizationId: "acme", PageToken: "x"})
			return err
		}(), fault.PageToken},
		"recording for an admin": {func() error {
			_, err := w.record.RecordFailedEvents(admin(t.Context(), "acme"), &failedeventsv1.RecordFailedEventsRequest{FailedEvents: []*failedeventsv1.FailedEvent{w.event(3)}})
			return err
		}(), fault.NotAllowed},
		"an event without a time": {func() error {
			_, err := w.record.RecordFailedEvents(t.Context(), &failedeventsv1.RecordFailedEventsRequest{FailedEvents: []*failedeventsv1.FailedEvent{timeless}})
			return err
		}(), fault.InvalidRequest},
		"an event at no time": {func() error {
			_, err := w.record.RecordFailedEvents(t.Context(), &failedeventsv1.RecordFailedEventsRequest{FailedEvents: []*failedeventsv1.FailedEvent{endless}})
			return err
		}(), fault.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) { expect(t, c.err, c.reason) })
	}
}

func TestTheServiceNeedsItsDependencies(t *testing.T) {
	t.Parallel()
	_, err := failedevents.New(t.Context(), failedevents.Config{Settings: failedevents.Defaults(), DatabasePath: filepath.Join(t.TempDir(), "failedevents.db")}, failedevents.Dependencies{})
	if err == nil {
		t.Error("it starts without")
	}
}

func TestTheServiceStartsOnExactlyOneDatabase(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, url string }{
		"none": {}, "both": {filepath.Join(t.TempDir(), "failedevents.db"), "postgres://nobody@127.0.0.1:1/none"},
	} {
		config := failedevents.Config{Settings: failedevents.Defaults(), DatabasePath: c.path}
		config.DatabaseURL = secret.Text(c.url)
		if _, err := failedevents.New(t.Context(), config, failedevents.Dependencies{}); err == nil || !strings.Contains(err.Error(), "database_url") {
			t.Errorf("%s: %v does not name database_url", name, err)
		}
	}
}
