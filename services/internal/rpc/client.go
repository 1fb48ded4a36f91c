package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

// clientUnary carries the principal and message over and leaves this side time to report a time-out.
func clientUnary(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	ctx, cancel, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	return invoke(ctx, method, request, reply, conn, options...)
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

// clientStream carries the principal and message over. A stream lives as long as its context.
func clientStream(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, err := outgoing(ctx)
	if err != nil {
		return nil, err
	}
	return open(ctx, desc, conn, method, options...)
}
