// Package publicgrpc is the gateway's public gRPC face: it forwards the RPCs that the contract opens to clients from
// outside, and has no others. It is made from the contract's descriptors, so that an RPC is here exactly when its callers
// say so.
package publicgrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/tally"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// deadline holds for a unary call that names none.
	deadline = 65 * time.Second // longer than the longest wait that an RPC offers
	// maxRequest is the largest request, in bytes: a batch of 1,000 ids is far below it.
	maxRequest = 4 << 20
	// unauthenticated is the tally's word for a call without a valid token.
	unauthenticated = "unauthenticated"
	// unavailable is the tally's word for a call whose token cannot be checked.
	unavailable = "unavailable"
)

// Dependencies is what the face uses.
type Dependencies struct {
	// Connections leads from each package of the contract, such as "usher.rule.v1", to its service, as the gateway.
	Connections map[string]grpc.ClientConnInterface
	Clients     authn.Clients
	TallyEvery  time.Duration
	Metrics     *metrics.Metrics
	Log         *slog.Logger
	Tracing     trace.TracerProvider
	Meter       metric.MeterProvider
	Now         func() time.Time
}

// Face is the public gRPC face.
type Face struct {
	d        Dependencies
	services []*grpc.ServiceDesc
	health   *health.Server
	tally    tally.Tally
}

// New makes the face from the descriptors of the packages that it has connections to.
func New(d Dependencies) (*Face, error) {
	f := &Face{d: d, health: health.NewServer()}
	var problems []error
	for pkg, conn := range d.Connections {
		protoregistry.GlobalFiles.RangeFilesByPackage(protoreflect.FullName(pkg), func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				desc, err := describe(file.Services().Get(i), conn)
				problems = append(problems, err)
				if desc != nil {
					f.services = append(f.services, desc)
				}
			}
			return true
		})
	}
	return f, errors.Join(problems...)
}

// Server makes a gRPC server with the face and gRPC's health service. options are those of the listener, such as TLS.
func (f *Face) Server(options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(append(options,
		grpc.UnaryInterceptor(f.unary),
		grpc.StreamInterceptor(f.stream),
		grpc.StatsHandler(rpc.WithoutMessages(otelgrpc.NewServerHandler(
			otelgrpc.WithTracerProvider(f.d.Tracing), otelgrpc.WithMeterProvider(f.d.Meter),
			otelgrpc.WithPropagators(propagation.TraceContext{})))),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)...)
	for _, desc := range f.services {
		server.RegisterService(desc, nil)
	}
	grpc_health_v1.RegisterHealthServer(server, f.health)
	return server
}

// Drain tells who asks for the face's health that it serves no longer. Calls that come all the same are served.
func (f *Face) Drain() { f.health.Shutdown() }

// Run logs what is only counted, until its context ends.
func (f *Face) Run(ctx context.Context) {
	f.tally.Run(ctx, f.d.Log.With(slog.String("face", "grpc")), f.d.TallyEvery)
}

// healthPrefix begins the methods that need no credential: a balancer that asks has none.
const healthPrefix = "/grpc.health.v1.Health/"

// enter authenticates a call; one that it refuses is only counted. What the client sent as metadata stays here: the call to
// the service has only what the gateway says.
func (f *Face) enter(ctx context.Context) (context.Context, authn.Client, error) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	client, err := f.d.Clients.Authenticate(ctx, incoming.Get("authorization"))
	var refusal authn.Refusal
	switch {
	case err == nil:
		return rpc.WithPrincipal(ctx, client.Principal), client, nil
	case errors.As(err, &refusal):
		f.d.Metrics.OperatorRefused.Add(ctx, 1, metrics.Face("grpc"))
		f.tally.Add(unauthenticated)
		err = fault.New(fault.Unauthenticated, "send a valid token as metadata: authorization: Bearer ...")
	default:
		f.tally.Add(unavailable)
	}
	return ctx, client, rpc.Status(err).Err()
}

func (f *Face) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (response any, err error) {
	if strings.HasPrefix(info.FullMethod, healthPrefix) {
		return next(ctx, request)
	}
	start := f.d.Now()
	ctx, _, err = f.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = f.leave(ctx, info.FullMethod, start, err) }()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, deadline)
		defer cancel()
	}
	return next(ctx, request)
}

func (f *Face) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	if strings.HasPrefix(info.FullMethod, healthPrefix) {
		return next(server, stream)
	}
	start := f.d.Now()
	ctx, client, err := f.enter(stream.Context())
	if err != nil {
		return err
	}
	defer func() { err = f.leave(ctx, info.FullMethod, start, err) }()
	// A stream may outlive the credential that opened it.
	held, stop := f.d.Clients.Hold(ctx, client)
	defer stop()
	return authn.Because(held, next(server, &enteredStream{ServerStream: stream, ctx: held}))
}

// leave gives any error its status, and writes the call's one line.
func (f *Face) leave(ctx context.Context, method string, start time.Time, err error) error {
	code, reason := codes.OK, ""
	if err != nil {
		st := rpc.Status(err)
		code, reason, err = st.Code(), fault.ReasonName(rpc.Fault(err).Reason), st.Err()
	}
	f.d.Log.LogAttrs(ctx, slog.LevelInfo, "public call",
		slog.String("principal", rpc.PrincipalOf(ctx).GetSubject()),
		slog.String("rpc", method),
		slog.String("code", code.String()),
		slog.String("reason", reason),
		slog.Duration("duration", f.d.Now().Sub(start)))
	return err
}

// enteredStream gives handlers the authenticated context.
type enteredStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream hands its context out by a method
}

func (s *enteredStream) Context() context.Context { return s.ctx }

// describe makes the forwarding service of a service's public methods; nil when it has none.
func describe(service protoreflect.ServiceDescriptor, conn grpc.ClientConnInterface) (*grpc.ServiceDesc, error) {
	desc := &grpc.ServiceDesc{ServiceName: string(service.FullName()), Metadata: service.ParentFile().Path()}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		name := fmt.Sprintf("/%s/%s", service.FullName(), method.Name())
		if !rpc.Public(name) {
			continue
		}
		forward, err := newForwarder(name, method, conn)
		if err != nil {
			return nil, err
		}
		if method.IsStreamingServer() {
			desc.Streams = append(desc.Streams, grpc.StreamDesc{
				StreamName: string(method.Name()), Handler: forward.stream, ServerStreams: true,
			})
			continue
		}
		desc.Methods = append(desc.Methods, grpc.MethodDesc{MethodName: string(method.Name()), Handler: forward.unary})
	}
	if len(desc.Methods)+len(desc.Streams) == 0 {
		return nil, nil //nolint:nilnil // nothing public, and nothing wrong
	}
	return desc, nil
}

// forwarder carries calls of one method.
type forwarder struct {
	method  string
	conn    grpc.ClientConnInterface
	request protoreflect.MessageType
	reply   protoreflect.MessageType
}

func newForwarder(name string, method protoreflect.MethodDescriptor, conn grpc.ClientConnInterface) (*forwarder, error) {
	if method.IsStreamingClient() {
		return nil, fmt.Errorf("%s streams from the client, which nothing here forwards", name)
	}
	request, err := protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName())
	if err != nil {
		return nil, fmt.Errorf("forwarding %s: %w", name, err)
	}
	reply, err := protoregistry.GlobalTypes.FindMessageByName(method.Output().FullName())
	if err != nil {
		return nil, fmt.Errorf("forwarding %s: %w", name, err)
	}
	return &forwarder{method: name, conn: conn, request: request, reply: reply}, nil
}

func (f *forwarder) unary(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // gRPC's order of parameters
	request := f.request.New().Interface()
	if err := decode(request); err != nil {
		return nil, err
	}
	call := func(ctx context.Context, request any) (any, error) {
		reply := f.reply.New().Interface()
		return reply, f.conn.Invoke(ctx, f.method, request, reply)
	}
	return intercept(ctx, request, &grpc.UnaryServerInfo{FullMethod: f.method}, call)
}

func (f *forwarder) stream(_ any, from grpc.ServerStream) error {
	request := f.request.New().Interface()
	if err := from.RecvMsg(request); err != nil {
		return err
	}
	// The stream to the service ends with this call, whichever side ends it.
	ctx, cancel := context.WithCancel(from.Context())
	defer cancel()
	to, err := f.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, f.method)
	if err != nil {
		return err
	}
	if err := errors.Join(to.SendMsg(request), to.CloseSend()); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for {
		var reply proto.Message = f.reply.New().Interface()
		err := to.RecvMsg(reply)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := from.SendMsg(reply); err != nil {
			return err
		}
	}
}
