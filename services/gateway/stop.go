package gateway

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
)

// untilStop ends a connection's streams when the gateway stops: who watches does not leave by itself, and the service that
// it watches, which may be another process, goes on.
type untilStop struct {
	grpc.ClientConnInterface
	onStop func(do func()) (forget func() bool)
}

var errStopped = errors.New("the gateway stops")

func (u untilStop) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	forget := u.onStop(func() { cancel(errStopped) })
	context.AfterFunc(ctx, func() { forget() }) // a face ends the context of each stream
	stream, err := u.ClientConnInterface.NewStream(ctx, desc, method, options...)
	if err != nil {
		cancel(err)
		return nil, err
	}
	return stoppedStream{stream, func() bool { return errors.Is(context.Cause(ctx), errStopped) }}, nil
}

// stoppedStream ends as it does when the service stops that is watched.
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
