// Package server is the failedevents service's gRPC server: it turns requests into calls of the store, and results into responses.
// There is nothing to decide between them.
package server

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/metric"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/failedevents/internal/store"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/page"
	"github.com/usher-scim/usher/services/internal/rpc"
)

type Server struct {
	failedeventsv1.UnimplementedFailedEventRecordServiceServer
	failedeventsv1.UnimplementedFailedEventErasureServiceServer
	failedeventsv1.UnimplementedFailedEventServiceServer
	failedeventsv1.UnimplementedActivityServiceServer

	store     store.Store
	dropped   metric.Int64Counter
	lateNames metric.Int64Counter
	now       func() time.Time
}

const (
	// metricDropped counts dropped failed events of erased organizations.
	metricDropped = "usher_failedevents_erased_events_dropped_total"
	// metricLateNames counts failed events that arrived more than NamesLate after they happened, and lost their names.
	metricLateNames = "usher_failedevents_late_names_dropped_total"
)

// New creates a server. now has microsecond precision.
func New(s store.Store, meters metric.MeterProvider, now func() time.Time) (*Server, error) {
	meter := meters.Meter("github.com/usher-scim/usher/services/failedevents")
	dropped, err := meter.Int64Counter(metricDropped,
		metric.WithDescription("Failed events that arrived after the erasure of their organization, and were dropped."))
	if err != nil {
		return nil, err
	}
	lateNames, err := meter.Int64Counter(metricLateNames,
		metric.WithDescription("Failed events that arrived more than a day after they happened, and were stored without the names in them."))
	return &Server{store: s, dropped: dropped, lateNames: lateNames, now: now}, err
}

// Register adds the services to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	failedeventsv1.RegisterFailedEventRecordServiceServer(r, s)
	failedeventsv1.RegisterFailedEventErasureServiceServer(r, s)
	failedeventsv1.RegisterFailedEventServiceServer(r, s)
	failedeventsv1.RegisterActivityServiceServer(r, s)
}

// RecordFailedEvents drops failed events, and tallies, from before the end of an erasure of their organization. That is no error: a late sender
// must not send them again. It also drops the names in failed events that arrive more than NamesLate after they happened: by then it has
// forgotten whose names were erased.
func (s *Server) RecordFailedEvents(ctx context.Context, r *failedeventsv1.RecordFailedEventsRequest) (*failedeventsv1.RecordFailedEventsResponse, error) {
	events := make([]store.Event, 0, len(r.GetFailedEvents()))
	for i, e := range r.GetFailedEvents() {
		if err := validTime(fmt.Sprintf("failed_events[%d].fail_time", i), e.GetFailTime()); err != nil {
			return nil, err
		}
		event := eventFromProto(e)
		if named := event.Subject != "" || event.ConflictingName != ""; named && event.Time.Before(s.now().Add(-NamesLate)) {
			event.Subject, event.ConflictingName = "", ""
			s.lateNames.Add(ctx, 1)
		}
		events = append(events, event)
	}
	tallies, err := talliesFromProto(r.GetTallies())
	if err != nil {
		return nil, err
	}
	dropped, err := s.store.Record(ctx, events)
	if err != nil {
		return nil, err
	}
	if dropped > 0 {
		s.dropped.Add(ctx, int64(dropped))
	}
	if len(tallies) > 0 {
		if err := s.store.RecordTallies(ctx, tallies); err != nil {
			return nil, err
		}
	}
	return &failedeventsv1.RecordFailedEventsResponse{}, nil
}

func (s *Server) GetFailedEvent(ctx context.Context, r *failedeventsv1.GetFailedEventRequest) (*failedeventsv1.GetFailedEventResponse, error) {
	e, err := s.store.Event(ctx, r.GetOrganizationId(), strings.ToLower(r.GetId()))
	if err != nil {
		return nil, err
	}
	return &failedeventsv1.GetFailedEventResponse{FailedEvent: eventProto(e)}, nil
}

func (s *Server) ListFailedEvents(ctx context.Context, r *failedeventsv1.ListFailedEventsRequest) (*failedeventsv1.ListFailedEventsResponse, error) {
	filter := store.Filter{
		DirectoryID: strings.ToLower(r.GetDirectoryId()), MessageID: r.GetMessageId(), OpenOnly: r.GetOpenOnly(), Reason: r.GetReason(),
	}
	var err error
	if filter.Start, err = optionalTime("start_time", r.GetStartTime()); err != nil {
		return nil, err
	}
	if filter.End, err = optionalTime("end_time", r.GetEndTime()); err != nil {
		return nil, err
	}
	if !filter.End.IsZero() && !filter.Start.Before(filter.End) {
		return nil, fault.Invalid("start_time", "%s is not before end_time, which is %s", filter.Start.Format(time.RFC3339Nano), filter.End.Format(time.RFC3339Nano))
	}
	list := []string{
		"failedEvents", r.GetOrganizationId(), filter.DirectoryID, filter.MessageID, strconv.FormatBool(filter.OpenOnly),
		filter.Reason, filter.Start.String(), filter.End.String(),
	}
	after, err := placeAfter(r.GetPageToken(), list)
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	events, err := s.store.Events(ctx, r.GetOrganizationId(), filter, after, size+1)
	if err != nil {
		return nil, err
	}
	events, more := page.Cut(events, size)
	response := &failedeventsv1.ListFailedEventsResponse{}
	for _, e := range events {
		response.FailedEvents = append(response.FailedEvents, eventProto(e))
	}
	if more {
		last := events[size-1]
		response.NextPageToken = page.Token([]string{strconv.FormatInt(last.Time.UnixMicro(), 36), last.ID}, list...)
	}
	return response, nil
}

// validTime refuses a time that is out of the range of a timestamp.
func validTime(field string, t *timestamppb.Timestamp) error {
	if err := t.CheckValid(); err != nil {
		return fault.Invalid(field, "must be a time between the years 1 and 9999")
	}
	return nil
}

// optionalTime returns a time, in the precision of stored times. An event at exactly the time of the request stays on the right side of
// the limit. The result is zero if the time is unset.
func optionalTime(field string, t *timestamppb.Timestamp) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	return t.AsTime().Truncate(time.Microsecond), validTime(field, t)
}

func placeAfter(pageToken string, list []string) (store.Place, error) {
	after, err := page.After(pageToken, 2, list...)
	if err != nil || pageToken == "" {
		return store.Place{}, err
	}
	micros, err := strconv.ParseInt(after[0], 36, 64)
	if err != nil {
		return store.Place{}, fault.New(fault.PageToken, "page_token is not from this list with these filters")
	}
	return store.Place{Time: time.UnixMicro(micros).UTC(), ID: after[1]}, nil
}

func (s *Server) AcknowledgeFailedEvent(ctx context.Context, r *failedeventsv1.AcknowledgeFailedEventRequest) (*failedeventsv1.AcknowledgeFailedEventResponse, error) {
	e, err := s.store.Acknowledge(ctx, r.GetOrganizationId(), strings.ToLower(r.GetId()), rpc.PrincipalOf(ctx).GetSubject(), s.now())
	if err != nil {
		return nil, err
	}
	return &failedeventsv1.AcknowledgeFailedEventResponse{FailedEvent: eventProto(e)}, nil
}

const (
	// mostReasons is how many reasons CountFailedEvents counts. The contract has fewer.
	mostReasons = 100
	// mostCounted is the largest count of a reason.
	mostCounted = 10_000
	// mostAcknowledged is how many events one call acknowledges, and acknowledgeStep how many of them in a transaction.
	mostAcknowledged, acknowledgeStep = 10_000, 400
	// longestAcknowledging is when AcknowledgeFailedEvents begins no further step.
	longestAcknowledging = 5 * time.Second
)

func (s *Server) CountFailedEvents(ctx context.Context, r *failedeventsv1.CountFailedEventsRequest) (*failedeventsv1.CountFailedEventsResponse, error) {
	counts, err := s.store.CountReasons(ctx, r.GetOrganizationId(), strings.ToLower(r.GetDirectoryId()), r.GetOpenOnly(), mostReasons, mostCounted+1)
	if err != nil {
		return nil, err
	}
	response := &failedeventsv1.CountFailedEventsResponse{}
	for _, c := range counts {
		count := &failedeventsv1.FailedEventCount{
			Reason: c.Reason, Count: int32(min(c.Count, mostCounted)), AtLeast: c.Count > mostCounted, //nolint:gosec // at most mostCounted
			NewestFailTime: timestamppb.New(c.Newest),
		}
		if reason, known := fault.ReasonOfName(c.Reason); known {
			options := fault.OptionsOf(reason)
			count.Remedy, count.AdminAction = options.GetRemedy(), options.GetAdminAction()
		}
		response.Counts = append(response.Counts, count)
	}
	return response, nil
}

// AcknowledgeFailedEvents acknowledges in small transactions, so that it delays no other write for long.
func (s *Server) AcknowledgeFailedEvents(ctx context.Context, r *failedeventsv1.AcknowledgeFailedEventsRequest) (*failedeventsv1.AcknowledgeFailedEventsResponse, error) {
	until := time.UnixMicro(math.MaxInt64).UTC()
	if r.GetEndTime() != nil {
		var err error
		if until, err = optionalTime("end_time", r.GetEndTime()); err != nil {
			return nil, err
		}
	}
	directory, by := strings.ToLower(r.GetDirectoryId()), rpc.PrincipalOf(ctx).GetSubject()
	response := &failedeventsv1.AcknowledgeFailedEventsResponse{Incomplete: true}
	for began := time.Now(); response.Incomplete && response.GetAcknowledgedCount() < mostAcknowledged && time.Since(began) < longestAcknowledging; {
		n, more, err := s.store.AcknowledgeSome(ctx, r.GetOrganizationId(), directory, r.GetReason(), until, by, s.now(), acknowledgeStep)
		if err != nil {
			return nil, err
		}
		response.AcknowledgedCount += int32(n) //nolint:gosec // at most acknowledgeStep
		response.Incomplete = more
	}
	return response, nil
}

// printable replaces the character that PostgreSQL's text cannot contain: a failed event that quotes an IdP must not be lost.
func printable(text string) string { return strings.ReplaceAll(text, "\x00", "\uFFFD") }

// eventFromProto stores ids, which are UUIDs and compare without case, in lower case.
func eventFromProto(e *failedeventsv1.FailedEvent) store.Event {
	return store.Event{
		OrganizationID: e.GetOrganizationId(), ID: strings.ToLower(e.GetId()), DirectoryID: strings.ToLower(e.GetDirectoryId()),
		MessageID: e.GetMessageId(), Source: int32(e.GetSource()), Time: e.GetFailTime().AsTime().Truncate(time.Microsecond),
		Operation: printable(e.GetOperation()), ResourceID: printable(e.GetResourceId()), Status: e.GetStatus(), Reason: e.GetReason(),
		SCIMType: e.GetScimType(), Detail: printable(e.GetDetail()), Remedy: e.GetRemedy(), AdminAction: e.GetAdminAction(), TraceID: e.GetTraceId(),
		Subject: printable(e.GetSubject()), ConflictingResourceID: printable(e.GetConflictingResourceId()), ConflictingName: printable(e.GetConflictingName()),
	}
}

func eventProto(e store.Event) *failedeventsv1.FailedEvent {
	m := &failedeventsv1.FailedEvent{
		Id: e.ID, OrganizationId: e.OrganizationID, DirectoryId: e.DirectoryID, MessageId: e.MessageID,
		Source: failedeventsv1.FailedEventSource(e.Source), FailTime: timestamppb.New(e.Time), Operation: e.Operation,
		ResourceId: e.ResourceID, Status: e.Status, Reason: e.Reason, ScimType: e.SCIMType, Detail: e.Detail,
		Remedy: e.Remedy, AdminAction: e.AdminAction, TraceId: e.TraceID, AcknowledgedBy: e.AcknowledgedBy,
		Subject: e.Subject, ConflictingResourceId: e.ConflictingResourceID, ConflictingName: e.ConflictingName,
	}
	if !e.AcknowledgeTime.IsZero() {
		m.AcknowledgeTime = timestamppb.New(e.AcknowledgeTime)
	}
	return m
}
