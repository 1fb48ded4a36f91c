package gateway

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
)

// untilStop ends the streams of a connection when the gateway stops: a client that watches does not leave by itself, and the watched
// service may be another process that continues.
type untilStop struct {
	grpc.ClientConnInterface
	onStop func(do func()) (forget func() bool)
}

var errStopped = errors.New("the gateway stops")

func (u untilStop) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	forget := u.onStop(func() { cancel(errStopped) })
	context.AfterFunc(ctx, func() { forget() }) // an API ends the context of each stream
	stream, err := u.ClientConnInterface.NewStream(ctx, desc, method, options...)
	if err != nil {
		cancel(err)
		return nil, err
	}
	return stoppedStream{stream, func() bool { return errors.Is(context.Cause(ctx), errStopped) }}, nil
}

// stoppedStream ends as if the watched service had stopped.
type stoppedStream struct {
	grpc.ClientStream
	stopped func() bool
}

func (s stoppedStream) RecvMsg(message any) error {
	err := s.ClientStream.RecvMsg(message)
	if err != nil && s.stopped() {
		return io.EOF
	}
	return err
}
