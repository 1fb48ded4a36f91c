package rpc_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func TestThePrincipalAndTheMessageCrossAndTheCallerIsAuthenticated(t *testing.T) {
	t.Parallel()
	onEachTransport(t, func(t *testing.T, s *server, _ *log, conn func(commonv1.Caller) grpc.ClientConnInterface) {
		want := rpc.OrganizationAdmin("acme", "someone")
		s.get = func(ctx context.Context, r *directoryv1.GetDirectoryRequest) (*directoryv1.GetDirectoryResponse, error) {
			if got := rpc.PrincipalOf(ctx); !proto.Equal(got, want) {
				t.Errorf("the principal is %v, want %v", got, want)
			}
			if got := rpc.MessageIDOf(ctx); got != "message-1" {
				t.Errorf("the message is %q", got)
			}
			if got := rpc.CallerOf(ctx); got != gateway {
				t.Errorf("the caller is %v", got)
			}
			r.OrganizationId = "changed by the server"
			return &directoryv1.GetDirectoryResponse{}, nil
		}
		ctx := rpc.WithMessageID(rpc.WithPrincipal(t.Context(), want), "message-1")
		// Metadata that a client of ours sets itself does not count.
		ctx = metadata.AppendToOutgoingContext(ctx, "usher-principal-bin", "\x08\x02", "usher-caller", "rule", "usher-message-id", "forged")
		request := &directoryv1.GetDirectoryRequest{OrganizationId: "acme", Id: ids.New()}
		_, err := directoryv1.NewDirectoryServiceClient(conn(gateway)).GetDirectory(ctx, request)
		must(t, err)
		if request.GetOrganizationId() != "acme" {
			t.Error("the server wrote to the client's message")
		}
	})
}

func TestWithoutAPrincipalTheServiceCallsForItself(t *testing.T) {
	t.Parallel()
	onEachTransport(t, func(t *testing.T, s *server, _ *log, conn func(commonv1.Caller) grpc.ClientConnInterface) {
		s.resolve = func(ctx context.Context) error {
			if kind := rpc.PrincipalOf(ctx).GetKind(); kind != system {
				t.Errorf("the principal is of kind %s", kind)
			}
			if id := rpc.MessageIDOf(ctx); id != "" {
				t.Errorf("the message is %q", id)
			}
			return nil
		}
		must(t, lookup(t.Context(), conn(gateway)))
		refused(t, "a principal of no kind", lookup(rpc.WithPrincipal(t.Context(), &commonv1.Principal{}), conn(gateway)), fault.NotAllowed)
	})
}

func TestAHandlersErrorArrivesWhole(t *testing.T) {
	t.Parallel()
	onEachTransport(t, func(t *testing.T, s *server, l *log, conn func(commonv1.Caller) grpc.ClientConnInterface) {
		s.resolve = func(context.Context) error {
			return fault.Wrap(errors.New("hush"), fault.NotReady, "wait a little").With("resource", "key").Retry(time.Minute)
		}
		f := refused(t, "a call", lookup(t.Context(), conn(gateway)), fault.NotReady)
		if f.Message != "wait a little" || f.Metadata["resource"] != "key" || f.RetryAfter != time.Minute {
			t.Errorf("got %+v", f)
		}
		if strings.Contains(f.Error(), "hush") {
			t.Errorf("the cause crossed: %v", f)
		}
	})
}

func TestAnUnknownErrorAndAPanicTellTheClientNothing(t *testing.T) {
	t.Parallel()
	failures := map[string]func() error{
		"an error": func() error { return errors.New("the password is hush") },
		"a panic":  func() error { panic("the password is hush") },
		"a reason that no contract has": func() error {
			return fault.Wrap(errors.New("the password is hush"), fault.Reason(999), "internal error")
		},
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachTransport(t, func(t *testing.T, s *server, l *log, conn func(commonv1.Caller) grpc.ClientConnInterface) {
				s.resolve = func(context.Context) error { return fail() }
				s.watch = func(grpc.ServerStreamingServer[directoryv1.WatchDirectoriesResponse]) error { return fail() }
				for kind, err := range map[string]error{
					"unary": lookup(t.Context(), conn(gateway)), "stream": watchOne(t.Context(), conn(identity), &directoryv1.WatchDirectoriesRequest{}),
				} {
					f := refused(t, kind, err, fault.Internal)
					if f.Message != "internal error" || strings.Contains(err.Error(), "hush") {
						t.Errorf("%s: the client is told %v", kind, err)
					}
				}
				if strings.Count(l.String(), "hush") < 2 {
					t.Errorf("the log does not contain the causes:\n%s", l)
				}
			})
		})
	}
}

func TestARequestThatBreaksTheContractIsRefusedByField(t *testing.T) {
	t.Parallel()
	onEachTransport(t, func(t *testing.T, s *server, _ *log, conn func(commonv1.Caller) grpc.ClientConnInterface) {
		s.get = func(context.Context, *directoryv1.GetDirectoryRequest) (*directoryv1.GetDirectoryResponse, error) {
			t.Error("the handler was reached")
			return nil, nil
		}
		s.watch = func(stream grpc.ServerStreamingServer[directoryv1.WatchDirectoriesResponse]) error {
			t.Error("the handler of the stream was reached")
			return nil
		}
		_, err := directoryv1.NewDirectoryServiceClient(conn(gateway)).GetDirectory(as(t.Context(), operator),
			&directoryv1.GetDirectoryRequest{OrganizationId: strings.Repeat("x", 64), Id: "no uuid"})
		f := refused(t, "two wrong fields", err, fault.InvalidRequest)
		if len(f.Fields) != 2 || f.Fields[0].Path != "organization_id" || f.Fields[1].Path != "id" || f.Fields[1].Description == "" {
			t.Errorf("the error names %+v", f.Fields)
		}
		if !strings.Contains(f.Message, "organization_id") {
			t.Errorf("the message is %q", f.Message)
		}
		f = refused(t, "a wrong field in a stream", watchOne(t.Context(), conn(identity), &directoryv1.WatchDirectoriesRequest{AfterRevision: -1}), fault.InvalidRequest)
		if len(f.Fields) != 1 || f.Fields[0].Path != "after_revision" {
			t.Errorf("the error names %+v", f.Fields)
		}
	})
}

func TestEveryCallHasADeadlineThatLeavesTimeToReport(t *testing.T) {
	t.Parallel()
	onEachTransport(t, func(t *testing.T, s *server, l *log, conn func(commonv1.Caller) grpc.ClientConnInterface) {
		var left time.Duration
		s.resolve = func(ctx context.Context) error {
			deadline, ok := ctx.Deadline()
			if !ok {
				t.Error("the call has no deadline")
			}
			left = time.Until(deadline)
			return nil
		}
		must(t, lookup(t.Context(), conn(gateway)))
		if left <= 20*time.Second || left > 30*time.Second {
			t.Errorf("by default %s is left", left)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		must(t, lookup(ctx, conn(gateway)))
		if left > 10*time.Second-20*time.Millisecond {
			t.Errorf("of 10 s %s is left: no time to report", left)
		}
	})
}

func TestATimeOutIsReportedAndACallWithTooLittleTimeIsNotStarted(t *testing.T) {
	t.Parallel()
	onEachTransport(t, func(t *testing.T, s *server, _ *log, conn func(commonv1.Caller) grpc.ClientConnInterface) {
		var reached atomic.Int32
		s.resolve = func(ctx context.Context) error {
			if reached.Add(1) == 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		service := conn(gateway)
		must(t, lookup(t.Context(), service)) // connecting may take longer than the time limit below
		short, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		refused(t, "a handler that takes too long", lookup(short, service), fault.Deadline)
		tooShort, cancel := context.WithTimeout(t.Context(), 21*time.Millisecond)
		defer cancel()
		refused(t, "too little time", lookup(tooShort, service), fault.Deadline)
		if n := reached.Load(); n != 2 {
			t.Errorf("the handler was reached %d times", n)
		}
		left, cancel := context.WithCancel(t.Context())
		cancel()
		refused(t, "a caller that has left", lookup(left, service), fault.Deadline)
	})
}

func TestAStreamLivesAsLongAsItsContext(t *testing.T) {
	t.Parallel()
	onEachTransport(t, func(t *testing.T, s *server, _ *log, conn func(commonv1.Caller) grpc.ClientConnInterface) {
		ended := make(chan struct{})
		s.watch = func(stream grpc.ServerStreamingServer[directoryv1.WatchDirectoriesResponse]) error {
			defer close(ended)
			if _, ok := stream.Context().Deadline(); ok {
				t.Error("the stream has a deadline")
			}
			if rpc.CallerOf(stream.Context()) != identity {
				t.Errorf("the caller is %s", rpc.CallerOf(stream.Context()))
			}
			if err := stream.Send(&directoryv1.WatchDirectoriesResponse{Revision: 1}); err != nil {
				return err
			}
			<-stream.Context().Done()
			return stream.Context().Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stream, err := directoryv1.NewDirectoryFeedServiceClient(conn(identity)).WatchDirectories(ctx, &directoryv1.WatchDirectoriesRequest{})
		must(t, err)
		_, err = stream.Recv()
		must(t, err)
		cancel()
		<-ended
		_, err = stream.Recv()
		refused(t, "after the client left", err, fault.Deadline)
	})
}

func TestEachCallLogsOneLineWithoutItsContents(t *testing.T) {
	t.Parallel()
	onEachTransport(t, func(t *testing.T, s *server, l *log, conn func(commonv1.Caller) grpc.ClientConnInterface) {
		s.resolve = func(context.Context) error { return errors.New("broken") }
		ctx := rpc.WithMessageID(t.Context(), "message-1")
		refused(t, "a call", lookup(ctx, conn(gateway)), fault.Internal)
		lines := strings.Split(strings.TrimSpace(l.String()), "\n")
		if len(lines) != 1 {
			t.Fatalf("%d lines:\n%s", len(lines), l)
		}
		for _, part := range []string{`"rpc":"/usher.directory.v1.KeyLookupService/ResolveKey"`, `"caller":"gateway"`, `"code":"Internal"`,
			`"reason":"INTERNAL"`, `"usher.message_id":"message-1"`, `"error":"broken"`} {
			if !strings.Contains(lines[0], part) {
				t.Errorf("the line lacks %s: %s", part, lines[0])
			}
		}
	})
}
