package remote

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/rule/internal/core"
)

// FailedEvents is a client of the failedevents service.
type FailedEvents struct {
	record failedeventsv1.FailedEventRecordServiceClient
}

var _ core.FailedEvents = (*FailedEvents)(nil)

// NewFailedEvents returns a client on conn.
func NewFailedEvents(conn grpc.ClientConnInterface) *FailedEvents {
	return &FailedEvents{record: failedeventsv1.NewFailedEventRecordServiceClient(conn)}
}

func (f *FailedEvents) Record(ctx context.Context, events []core.FailedEvent) error {
	request := &failedeventsv1.RecordFailedEventsRequest{FailedEvents: make([]*failedeventsv1.FailedEvent, len(events))}
	for i, e := range events {
		request.FailedEvents[i] = &failedeventsv1.FailedEvent{
			Id: e.ID, OrganizationId: e.OrganizationID, MessageId: e.MessageID,
			Source: failedeventsv1.FailedEventSource_FAILED_EVENT_SOURCE_RULE, FailTime: timestamppb.New(e.Time), ResourceId: e.ResourceID,
			Reason: e.Reason, Detail: e.Detail, Remedy: e.Remedy, AdminAction: e.AdminAction, TraceId: e.TraceID,
		}
	}
	_, err := f.record.RecordFailedEvents(asSystem(ctx), request)
	return failed(err)
}
