// Package server is the failedevents service's gRPC server: it turns requests into calls of the store, and results into responses.
// There is nothing to decide between them.
package server

import (
	"context"
	"fmt"
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
	failedeventsv1.UnimplementedFailedEventServiceServer
	failedeventsv1.UnimplementedActivityServiceServer

	store   store.Store
	dropped metric.Int64Counter
	now     func() time.Time
}

// metricDropped counts dropped failed events of erased organizations.
const metricDropped = "usher_failedevents_erased_events_dropped_total"

// New creates a server. now has microsecond precision.
func New(s store.Store, meters metric.MeterProvider, now func() time.Time) (*Server, error) {
	dropped, err := meters.Meter("github.com/usher-scim/usher/services/failedevents").Int64Counter(metricDropped,
		metric.WithDescription("Failed events that arrived after the erasure of their organization, and were dropped."))
	return &Server{store: s, dropped: dropped, now: now}, err
}

// Register adds the services to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	failedeventsv1.RegisterFailedEventRecordServiceServer(r, s)
	failedeventsv1.RegisterFailedEventServiceServer(r, s)
	failedeventsv1.RegisterActivityServiceServer(r, s)
}

// RecordFailedEvents drops failed events, and tallies, from before the end of an erasure of their organization. That is no error: a late sender
// must not send them again.
func (s *Server) RecordFailedEvents(ctx context.Context, r *failedeventsv1.RecordFailedEventsRequest) (*failedeventsv1.RecordFailedEventsResponse, error) {
	events := make([]store.Event, 0, len(r.GetFailedEvents()))
	for i, e := range r.GetFailedEvents() {
		if err := e.GetFailTime().CheckValid(); err != nil {
			f := fault.New(fault.InvalidRequest, "failed_events[%d].fail_time is not a valid time", i)
			f.Fields = []fault.Field{{Path: fmt.Sprintf("failed_events[%d].fail_time", i), Description: "must be a valid time"}}
			return nil, f
		}
		events = append(events, eventFromProto(e))
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
		DirectoryID: strings.ToLower(r.GetDirectoryId()), MessageID: r.GetMessageId(), OpenOnly: r.GetOpenOnly(),
	}
	list := []string{
		"failedEvents", r.GetOrganizationId(), filter.DirectoryID, filter.MessageID, strconv.FormatBool(filter.OpenOnly),
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

// printable replaces the character that PostgreSQL's text cannot contain: a failed event that quotes an IdP must not be lost.
func printable(text string) string { return strings.ReplaceAll(text, "\x00", "\uFFFD") }

// eventFromProto stores ids, which are UUIDs and compare without case, in lower case.
func eventFromProto(e *failedeventsv1.FailedEvent) store.Event {
	return store.Event{
		OrganizationID: e.GetOrganizationId(), ID: strings.ToLower(e.GetId()), DirectoryID: strings.ToLower(e.GetDirectoryId()),
		MessageID: e.GetMessageId(), Source: int32(e.GetSource()), Time: e.GetFailTime().AsTime().Truncate(time.Microsecond),
		Operation: printable(e.GetOperation()), ResourceID: printable(e.GetResourceId()), Status: e.GetStatus(), Reason: e.GetReason(),
		SCIMType: e.GetScimType(), Detail: printable(e.GetDetail()), Remedy: e.GetRemedy(), TraceID: e.GetTraceId(),
	}
}

func eventProto(e store.Event) *failedeventsv1.FailedEvent {
	m := &failedeventsv1.FailedEvent{
		Id: e.ID, OrganizationId: e.OrganizationID, DirectoryId: e.DirectoryID, MessageId: e.MessageID,
		Source: failedeventsv1.FailedEventSource(e.Source), FailTime: timestamppb.New(e.Time), Operation: e.Operation,
		ResourceId: e.ResourceID, Status: e.Status, Reason: e.Reason, ScimType: e.SCIMType, Detail: e.Detail,
		Remedy: e.Remedy, TraceId: e.TraceID, AcknowledgedBy: e.AcknowledgedBy,
	}
	if !e.AcknowledgeTime.IsZero() {
		m.AcknowledgeTime = timestamppb.New(e.AcknowledgeTime)
	}
	return m
}
