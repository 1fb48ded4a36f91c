package rpc

import (
	"context"
	"errors"
	"io"

	"github.com/fullstorydev/grpchan"
	"github.com/fullstorydev/grpchan/inprocgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

// InProcess makes calls between the services of one process. It has no socket and no HTTP/2, but the same interceptors as the wire, and the
// identity of the calling service.
type InProcess struct {
	channel *inprocgrpc.Channel
}

// NewInProcess creates the channel. A call within a process is measured once, by the server:
// nothing is between the two sides. Register services on it before the first call.
func NewInProcess(t Telemetry) (*InProcess, error) {
	server, err := newServer(t, claimedCaller)
	if err != nil {
		return nil, err
	}
	return &InProcess{channel: (&inprocgrpc.Channel{}).
		WithServerUnaryInterceptor(server.unary).
		WithServerStreamInterceptor(server.stream).
		WithServerStatsHandler(WithoutMessages(otelgrpc.NewServerHandler(tracingOptions(t.Tracing)...)))}, nil
}

// tracingOptions returns the options of the servers of both transports. They read W3C trace context, but no baggage. A call has one span, that
// of the server: outgoing writes the trace of the client into the metadata.
func tracingOptions(tracing trace.TracerProvider) []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(tracing),
		otelgrpc.WithPropagators(propagation.TraceContext{}),
	}
}

func (p *InProcess) RegisterService(desc *grpc.ServiceDesc, server any) {
	p.channel.RegisterService(desc, server)
}

// As returns the connection on which a service calls the others. Any code with this connection can act as that service, so give it to no
// other.
func (p *InProcess) As(caller commonv1.Caller) grpc.ClientConnInterface {
	claim := func(ctx context.Context) context.Context {
		return metadata.AppendToOutgoingContext(ctx, callerKey, CallerName(caller))
	}
	return grpchan.InterceptClientConn(p.channel,
		func(ctx context.Context, method string, request, reply any, _ *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			ctx, cancel, err := prepare(ctx)
			if err != nil {
				return err
			}
			defer cancel()
			return invoke(claim(ctx), method, request, reply, nil, options...)
		},
		func(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
			ctx, err := outgoing(ctx)
			if err != nil {
				return nil, err
			}
			stream, err := open(claim(ctx), desc, nil, method, options...)
			if err != nil || desc.ClientStreams {
				return stream, err
			}
			return oneRequest{stream}, nil
		})
}

// ClientContext returns the context with which a client in this process made the call that a server serves with ctx. For a call from
// another process, and without a call, it returns ctx.
func ClientContext(ctx context.Context) context.Context {
	if client := inprocgrpc.ClientContext(ctx); client != nil {
		return client
	}
	return ctx
}

// oneRequest is a stream on which the client sends one request. Sending to a server that has already refused the call is not an error, as
// in gRPC over a network: RecvMsg returns the status of the refusal. Generated code would return io.EOF to the client instead.
type oneRequest struct{ grpc.ClientStream }

func (s oneRequest) SendMsg(request any) error {
	if err := s.ClientStream.SendMsg(request); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// claimedCaller believes the metadata, because only As writes it within a process.
func claimedCaller(ctx context.Context) (commonv1.Caller, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get(callerKey)
	if len(values) != 1 {
		return 0, errors.New("the call does not name the calling service")
	}
	return callerNamed(values[0])
}
