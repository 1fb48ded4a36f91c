package rpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// errorDomain is the domain of every ErrorInfo.
const errorDomain = "usher"

// refusal is an error with its status for the client. The status is created once, because the handler, the spans and the transport all need
// it.
type refusal struct {
	fault  *fault.Error
	status *status.Status
}

// Error returns the text of the fault.
func (r *refusal) Error() string { return r.fault.Error() }

// Unwrap returns the fault.
func (r *refusal) Unwrap() error { return r.fault }

// GRPCStatus returns the status that the transport sends.
func (r *refusal) GRPCStatus() *status.Status { return r.status }

// Refuse attaches the status of Status to an error: Status, Fault and the transport find it without creating it again. It returns nil for
// nil.
func Refuse(err error) error {
	if err == nil {
		return nil
	}
	return &refusal{fault: Fault(err), status: Status(err)}
}

// Status is the one mapping from an error to the answer for a client. An error that is not a fault becomes Internal with a fixed text,
// because its own text is for the log. The status contains exactly one ErrorInfo.
func Status(err error) *status.Status {
	if refused, ok := err.(*refusal); ok { //nolint:errorlint // a fault whose cause is a refusal is another fault
		return refused.status
	}
	f := Fault(err)
	st := status.New(codes.Code(fault.OptionsOf(f.Reason).GetCode()), f.Message) //nolint:gosec // codes are small
	details := []protoadapt.MessageV1{
		&errdetails.ErrorInfo{Reason: fault.ReasonName(f.Reason), Domain: errorDomain, Metadata: f.Metadata},
	}
	if len(f.Fields) > 0 {
		bad := &errdetails.BadRequest{}
		for _, field := range f.Fields {
			bad.FieldViolations = append(bad.FieldViolations,
				&errdetails.BadRequest_FieldViolation{Field: field.Path, Description: field.Description})
		}
		details = append(details, bad)
	}
	if f.RetryAfter > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryAfter)})
	}
	withDetails, err := st.WithDetails(details...)
	if err != nil {
		return st // only an OK status cannot have details
	}
	return withDetails
}

// Fault returns any error as a fault: one that was created here, one that a call returned, or Internal. It returns nil for nil.
func Fault(err error) *fault.Error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Deadline, "too little time was left")
	case errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Deadline, "the caller left")
	}
	if st, ok := status.FromError(err); ok {
		return fromStatus(st, err)
	}
	return fault.Wrap(err, fault.Internal, "internal error")
}

func fromStatus(st *status.Status, cause error) *fault.Error {
	f := &fault.Error{Message: st.Message()}
	for _, detail := range st.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.GetDomain() == errorDomain {
				f.Reason = commonv1.ErrorReason(commonv1.ErrorReason_value["ERROR_REASON_"+d.GetReason()])
				f.Metadata = d.GetMetadata()
			}
		case *errdetails.BadRequest:
			for _, violation := range d.GetFieldViolations() {
				f.Fields = append(f.Fields, fault.Field{Path: violation.GetField(), Description: violation.GetDescription()})
			}
		case *errdetails.RetryInfo:
			f.RetryAfter = d.GetRetryDelay().AsDuration()
		}
	}
	if f.Reason != commonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		return f
	}
	// The transport itself failed, or the peer is not a service of Usher.
	switch st.Code() {
	case codes.Unavailable:
		return fault.Wrap(cause, fault.Unavailable, "a service cannot be reached").Retry(time.Second)
	case codes.DeadlineExceeded, codes.Canceled:
		return fault.Wrap(cause, fault.Deadline, "too little time was left")
	case codes.ResourceExhausted:
		return fault.Wrap(cause, fault.Limit, "the message is over a size limit")
	case codes.InvalidArgument:
		return fault.Wrap(cause, fault.InvalidRequest, "%s", st.Message())
	case codes.Unauthenticated:
		return fault.Wrap(cause, fault.Unauthenticated, "the connection is not authenticated")
	case codes.Unimplemented:
		return fault.Wrap(cause, fault.NotFound, "there is no such RPC")
	default:
		return fault.Wrap(cause, fault.Internal, "internal error")
	}
}
