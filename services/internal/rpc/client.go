package rpc

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

// client contains what the interceptors of a connection need.
type client struct{ metrics *metrics }

// ended measures a call. If it may not have reached a server, which has the span of the call, it is an event in the client's span.
func (c client) ended(ctx context.Context, method string, start time.Time, err error) {
	code := status.Code(err)
	c.metrics.ended(ctx, method, start, code)
	if code == codes.Unavailable || code == codes.DeadlineExceeded {
		trace.SpanFromContext(ctx).AddEvent("a call failed", trace.WithAttributes(
			attribute.String("rpc.method", strings.TrimPrefix(method, "/")), attribute.String("rpc.response.status_code", CodeName(code))))
	}
}

// unary transmits the principal and the message ID, and reserves time for this side to report a time-out.
func (c client) unary(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	ctx, cancel, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	start := time.Now()
	awaitReplica(ctx, conn)
	err = invoke(ctx, method, request, reply, conn, options...)
	c.ended(ctx, method, start, err)
	return err
}

// replicaWait is how long a call waits if no replica is reachable: when replicas are restarted one after another, there may be a moment in
// which this client has not found any of them again. So a service that is down is reported after this time.
const replicaWait = 2 * time.Second

// awaitReplica waits while every replica is known to be unreachable.
func awaitReplica(ctx context.Context, conn *grpc.ClientConn) {
	state := conn.GetState()
	if state != connectivity.TransientFailure {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, replicaWait)
	defer cancel()
	for state != connectivity.Ready && conn.WaitForStateChange(ctx, state) {
		state = conn.GetState()
	}
}

func prepare(ctx context.Context) (context.Context, context.CancelFunc, error) {
	ctx, err := outgoing(ctx)
	if err != nil {
		return nil, nil, err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(defaultDeadline)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-reportTime))
	return ctx, cancel, nil
}

// stream transmits the principal and the message ID. A stream lives as long as its context.
func (c client) stream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := outgoing(ctx)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	awaitReplica(ctx, conn)
	stream, err := open(ctx, desc, conn, method, options...)
	if err != nil {
		c.ended(ctx, method, start, err)
		return nil, err
	}
	return &measuredStream{ClientStream: stream, metrics: c.metrics, method: method, start: start}, nil
}
