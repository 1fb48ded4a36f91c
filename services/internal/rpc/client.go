package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// clientUnary transmits the principal and the message ID, and reserves time for this side to report a time-out.
func clientUnary(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	ctx, cancel, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	awaitReplica(ctx, conn)
	return invoke(ctx, method, request, reply, conn, options...)
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

// clientStream transmits the principal and the message ID. A stream lives as long as its context.
func clientStream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := outgoing(ctx)
	if err != nil {
		return nil, err
	}
	awaitReplica(ctx, conn)
	return open(ctx, desc, conn, method, options...)
}
