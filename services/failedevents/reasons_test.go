package failedevents_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scope"
)

// of returns an event with a reason.
func (w *world) of(n int, reason string) *failedeventsv1.FailedEvent {
	e := w.event(n)
	e.Reason = reason
	return e
}

func (w *world) counts(t *testing.T, openOnly bool) []*failedeventsv1.FailedEventCount {
	t.Helper()
	r, err := w.events.CountFailedEvents(admin(t.Context(), "acme"), &failedeventsv1.CountFailedEventsRequest{OrganizationId: "acme", OpenOnly: openOnly})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetCounts()
}

// acknowledge acknowledges events of a reason, and returns how many, and whether some are left.
func (w *world) acknowledge(t *testing.T, r *failedeventsv1.AcknowledgeFailedEventsRequest) (int32, bool) {
	t.Helper()
	r.OrganizationId = "acme"
	answer, err := w.events.AcknowledgeFailedEvents(admin(t.Context(), "acme"), r)
	if err != nil {
		t.Fatal(err)
	}
	return answer.GetAcknowledgedCount(), answer.GetIncomplete()
}

func TestEventsAreCountedByReasonWithWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := w.of(3, "SCIM_UNIQUENESS")
	elsewhere.DirectoryId = ""
	w.add(t, w.of(1, "SCIM_UNIQUENESS"), w.of(2, "SCIM_INVALID_SYNTAX"), elsewhere, w.of(4, "OF_A_NEWER_VERSION"))
	counts := w.counts(t, true)
	if len(counts) != 3 || counts[0].GetReason() != "OF_A_NEWER_VERSION" || counts[1].GetReason() != "SCIM_INVALID_SYNTAX" {
		t.Fatalf("the counts are %v", counts)
	}
	if c := counts[0]; c.GetRemedy() != "" || c.GetAdminAction() != "" {
		t.Errorf("for an unknown reason: %v", c)
	}
	if c := counts[1]; c.GetRemedy() == "" || !strings.Contains(c.GetAdminAction(), "tolerant mode") {
		t.Errorf("what to do: %v", c)
	}
	if c := counts[2]; c.GetCount() != 2 || c.GetAtLeast() || !c.GetNewestFailTime().AsTime().Equal(w.now.Add(3*time.Second)) {
		t.Errorf("the conflicts: %v", c)
	}
	r, err := w.events.CountFailedEvents(admin(t.Context(), "acme"), &failedeventsv1.CountFailedEventsRequest{
		OrganizationId: "acme", DirectoryId: strings.ToUpper(directory),
	})
	if err != nil || len(r.GetCounts()) != 3 || r.GetCounts()[2].GetCount() != 1 {
		t.Errorf("of the directory: %v, %v", r, err)
	}
}

func TestCountsAndAcknowledgementsStopAtTenThousand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const many = 10_001
	for n := 0; n < many; {
		var events []*failedeventsv1.FailedEvent
		for ; len(events) < 500 && n < many; n++ {
			events = append(events, w.of(n, "LIMIT"))
		}
		w.add(t, events...)
	}
	if c := w.counts(t, true); len(c) != 1 || c[0].GetCount() != 10_000 || !c[0].GetAtLeast() {
		t.Errorf("the counts are %v", c)
	}
	all := &failedeventsv1.AcknowledgeFailedEventsRequest{Reason: "LIMIT"}
	var sum int32
	for incomplete := true; incomplete; {
		var n int32
		if n, incomplete = w.acknowledge(t, all); n > 10_000 || n == 0 {
			t.Fatalf("a call acknowledged %d", n)
		}
		sum += n
	}
	if sum != many {
		t.Errorf("%d were acknowledged", sum)
	}
	if c := w.counts(t, true); len(c) != 0 {
		t.Errorf("open are %v", c)
	}
}

func TestAllOpenEventsOfAReasonAreAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := w.of(2, "LIMIT")
	elsewhere.DirectoryId = ""
	w.add(t, w.of(1, "LIMIT"), elsewhere, w.of(3, "LIMIT"), w.of(4, "LIMIT"), w.of(1_000, "CONFLICT"))
	third := timestamppb.New(w.now.Add(3*time.Second - time.Microsecond))
	if n, incomplete := w.acknowledge(t, &failedeventsv1.AcknowledgeFailedEventsRequest{Reason: "LIMIT", DirectoryId: directory, EndTime: third}); n != 1 || incomplete {
		t.Errorf("of a directory before the third: %d, %v", n, incomplete)
	}
	third = timestamppb.New(w.now.Add(3 * time.Second))
	if n, incomplete := w.acknowledge(t, &failedeventsv1.AcknowledgeFailedEventsRequest{Reason: "LIMIT", EndTime: third}); n != 2 || incomplete {
		t.Errorf("up to the third: %d, %v", n, incomplete)
	}
	for _, want := range []int32{1, 0} {
		if n, incomplete := w.acknowledge(t, &failedeventsv1.AcknowledgeFailedEventsRequest{Reason: "LIMIT"}); n != want || incomplete {
			t.Errorf("all: %d, %v", n, incomplete)
		}
	}
	if c := w.counts(t, true); len(c) != 1 || c[0].GetReason() != "CONFLICT" {
		t.Errorf("open are %v", c)
	}
	got, err := w.events.GetFailedEvent(admin(t.Context(), "acme"), &failedeventsv1.GetFailedEventRequest{OrganizationId: "acme", Id: id(3)})
	if err != nil || got.GetFailedEvent().GetAcknowledgedBy() != "admin of acme" || !got.GetFailedEvent().GetAcknowledgeTime().AsTime().Equal(w.now) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWhoMayCountAndAcknowledge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(t, w.of(1, "LIMIT"))
	acknowledge := &failedeventsv1.AcknowledgeFailedEventsRequest{OrganizationId: "acme", Reason: "LIMIT"}
	count := &failedeventsv1.CountFailedEventsRequest{OrganizationId: "acme"}
	viewer := rpc.WithPrincipal(t.Context(), &commonv1.Principal{
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_VIEWER, Subject: "viewer", OrganizationId: "acme",
		Scopes: uint32(scope.Of(commonv1.Scope_SCOPE_READ_EVENTS)),
	})
	_, err := w.events.CountFailedEvents(admin(t.Context(), "other"), count)
	expect(t, err, fault.NotAllowed)
	_, err = w.events.AcknowledgeFailedEvents(admin(t.Context(), "other"), acknowledge)
	expect(t, err, fault.NotAllowed)
	_, err = w.events.AcknowledgeFailedEvents(viewer, acknowledge)
	expect(t, err, fault.NotAllowed)
	_, err = w.events.AcknowledgeFailedEvents(admin(t.Context(), "acme"), &failedeventsv1.AcknowledgeFailedEventsRequest{OrganizationId: "acme"})
	expect(t, err, fault.InvalidRequest)
	if c := w.counts(t, true); len(c) != 1 || c[0].GetCount() != 1 {
		t.Errorf("open are %v", c)
	}
	// A principal without READ_PEOPLE sees the event, and not whom it concerns.
	r, err := w.events.ListFailedEvents(viewer, &failedeventsv1.ListFailedEventsRequest{OrganizationId: "acme"})
	if err != nil || len(r.GetFailedEvents()) != 1 {
		t.Fatalf("%v, %v", r, err)
	}
	if e := r.GetFailedEvents()[0]; e.GetSubject() != "" || e.GetConflictingName() != "" || e.GetConflictingResourceId() != "" || e.GetReason() != "LIMIT" {
		t.Errorf("it shows %v", e)
	}
}

func TestTimesOfListsAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.add(t, w.event(1), w.event(2))
	at := func(seconds int) *timestamppb.Timestamp {
		return timestamppb.New(w.now.Add(time.Duration(seconds) * time.Second))
	}
	for name, c := range map[string]struct {
		start, end *timestamppb.Timestamp
		field      string
	}{
		"a start that is no time": {&timestamppb.Timestamp{Seconds: 1 << 60}, nil, "start_time"},
		"an end that is no time":  {nil, &timestamppb.Timestamp{Nanos: -1}, "end_time"},
		"a start after the end":   {at(2), at(1), "start_time"},
		"no time between":         {at(1), at(1), "start_time"},
	} {
		_, err := w.events.ListFailedEvents(admin(t.Context(), "acme"), &failedeventsv1.ListFailedEventsRequest{OrganizationId: "acme", StartTime: c.start, EndTime: c.end})
		if f := rpc.Fault(err); f == nil || f.Reason != fault.InvalidRequest || len(f.Fields) != 1 || f.Fields[0].Path != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := w.events.ListFailedEvents(admin(t.Context(), "acme"), &failedeventsv1.ListFailedEventsRequest{
		OrganizationId: "acme", StartTime: at(1), EndTime: at(2), Reason: "SCIM_UNIQUENESS",
	})
	if err != nil || len(r.GetFailedEvents()) != 1 || r.GetFailedEvents()[0].GetId() != id(1) {
		t.Errorf("%v, %v", r, err)
	}
	_, err = w.events.AcknowledgeFailedEvents(admin(t.Context(), "acme"), &failedeventsv1.AcknowledgeFailedEventsRequest{
		OrganizationId: "acme", Reason: "LIMIT", EndTime: &timestamppb.Timestamp{Seconds: 1 << 60},
	})
	expect(t, err, fault.InvalidRequest)
}
