package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestEveryReasonHasItsCodeAndSurvivesAnRPC(t *testing.T) {
	t.Parallel()
	for value, name := range commonv1.ErrorReason_name {
		reason := fault.Reason(value)
		if reason == commonv1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			continue
		}
		sent := fault.Wrap(errors.New("hush"), reason, "a message for %s", name).With("resource", "user").Retry(1500 * time.Millisecond)
		sent.Fields = []fault.Field{{Path: "rule.grants[0].role_id", Description: "is wrong"}, {Path: "id", Description: "as well"}}
		st := rpc.Status(fmt.Errorf("doing something: %w", sent))
		if want := fault.OptionsOf(reason).GetCode(); int32(st.Code()) != int32(want) {
			t.Errorf("%s is %s, want %s", name, st.Code(), want)
		}
		infos := 0
		for _, detail := range st.Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok {
				if infos++; info.GetDomain() != "usher" || "ERROR_REASON_"+info.GetReason() != name {
					t.Errorf("%s is sent as %v", name, info)
				}
			}
		}
		if infos != 1 {
			t.Errorf("%s carries %d ErrorInfo", name, infos)
		}
		got := rpc.Fault(st.Err())
		if fmt.Sprintf("%v %v %v %v %v", got.Reason, got.Message, got.Metadata, got.Fields, got.RetryAfter) !=
			fmt.Sprintf("%v %v %v %v %v", reason, sent.Message, sent.Metadata, sent.Fields, sent.RetryAfter) {
			t.Errorf("%s arrives as %+v", name, got)
		}
		if got.Unwrap() != nil {
			t.Errorf("%s arrives with a cause", name)
		}
	}
}

func TestErrorsThatAreNotFaults(t *testing.T) {
	t.Parallel()
	if f := rpc.Fault(nil); f != nil {
		t.Errorf("nil is %v", f)
	}
	foreign, err := status.New(codes.FailedPrecondition, "theirs").WithDetails(&errdetails.ErrorInfo{Domain: "elsewhere", Reason: "NOT_FOUND"})
	must(t, err)
	future, err := status.New(codes.Unavailable, "ours").WithDetails(&errdetails.ErrorInfo{Domain: "usher", Reason: "OF_A_NEWER_RELEASE"})
	must(t, err)
	for _, c := range []struct {
		name    string
		err     error
		want    fault.Reason
		message string
	}{
		{"an error of nobody's", errors.New("dsn=postgres://hush"), fault.Internal, "internal error"},
		{"a deadline", fmt.Errorf("reading: %w", context.DeadlineExceeded), fault.Deadline, "too little time was left"},
		{"a caller that left", fmt.Errorf("reading: %w", context.Canceled), fault.Deadline, "the caller left"},
		{"a connection that failed", status.Error(codes.Unavailable, "dial tcp 10.0.0.1: hush"), fault.Unavailable, "a service cannot be reached"},
		{"the transport's deadline", status.Error(codes.DeadlineExceeded, "hush"), fault.Deadline, "too little time was left"},
		{"too large a message", status.Error(codes.ResourceExhausted, "hush"), fault.Limit, "the message is over a size limit"},
		{"no such RPC", status.Error(codes.Unimplemented, "hush"), fault.NotFound, "there is no such RPC"},
		{"an unauthenticated connection", status.Error(codes.Unauthenticated, "hush"), fault.Unauthenticated, "the connection is not authenticated"},
		{"a status of another domain", foreign.Err(), fault.Internal, "internal error"},
		{"a reason of a newer release", future.Err(), fault.Unavailable, "a service cannot be reached"},
	} {
		f := rpc.Fault(c.err)
		if f.Reason != c.want || f.Message != c.message {
			t.Errorf("%s is %s %q, want %s %q", c.name, fault.ReasonName(f.Reason), f.Message, fault.ReasonName(c.want), c.message)
		}
		if !errors.Is(f, c.err) {
			t.Errorf("%s: the cause is lost to the log", c.name)
		}
		if st := rpc.Status(c.err); st.Message() != c.message {
			t.Errorf("%s: the client is told %q", c.name, st.Message())
		}
	}
}

func TestARefusalIsMadeOnce(t *testing.T) {
	t.Parallel()
	if err := rpc.Refuse(nil); err != nil {
		t.Errorf("nothing is refused with %v", err)
	}
	why := fault.New(fault.Limit, "too many").With("limit", "3").Retry(time.Second)
	refused := rpc.Refuse(fmt.Errorf("reading: %w", why))
	if st := rpc.Status(refused); st != rpc.Status(refused) || st.Code() != codes.ResourceExhausted || st.Message() != "too many" || len(st.Details()) != 2 {
		t.Errorf("its status is %v", st)
	}
	if rpc.Fault(refused) != why {
		t.Errorf("its fault is %v", rpc.Fault(refused))
	}
	if st, ok := status.FromError(refused); !ok || st != rpc.Status(refused) {
		t.Errorf("the transport sends %v", st)
	}
	if st := rpc.Status(fault.Wrap(refused, fault.Unavailable, "it was refused")); st.Code() != codes.Unavailable {
		t.Errorf("a fault that it caused has the status %v", st)
	}
}
