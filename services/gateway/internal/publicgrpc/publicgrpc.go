// Package publicgrpc is the gateway's public gRPC face: it forwards the RPCs that the contract opens to clients from
// outside, and has no others. It is made from the contract's descriptors, so that an RPC is here exactly when its callers
// say so.
package publicgrpc

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/tally"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// deadline holds for a unary call that names none.
	deadline = 65 * time.Second // longer than the longest wait that an RPC offers
	// maxRequest is the largest request, in bytes, as for the admin REST: a batch of 1,000 ids is far below it.
	maxRequest = 1 << 20
	// unauthenticated is the tally's word for a call without a valid token.
	unauthenticated = "unauthenticated"
	// unknownKeys is the tally's word for a call with one token too many that nobody knows.
	unknownKeys = "unknown_keys"
	// overLimit is the tally's word for a call over a limit, such as of what its client has under way.
	overLimit = "over_limit"
	// unavailable is the tally's word for a call whose token cannot be checked.
	unavailable = "unavailable"
)

// What one connection may take. A client that opens more streams is told to wait by HTTP/2 itself.
const (
	maxStreams     = 100
	maxHeaderBytes = 16 << 10 // of one call; the client learns the number when it connects
	// streamWindow is what a client may send of a stream that nobody reads, such as one that is not authenticated yet, in
	// bytes: HTTP/2's own default. A window that adapts to the line would grow to 16 MiB.
	streamWindow     = 64 << 10
	connectionWindow = 1 << 20
)

// How long a connection may live.
const (
	handshakeTimeout = 10 * time.Second
	// ageGrace lets the longest unary call end. A watch is cut, and goes on from its cursor.
	ageGrace = deadline + 5*time.Second
	// pingsNotBefore is how often a client may ask whether the server is there.
	pingsNotBefore = 10 * time.Second
)

// Limits bound for how long a client may hold something of the face. All must be positive.
type Limits struct {
	// Prompt is how long a request may take to arrive before it reserves memory for the largest request: what gRPC has of it
	// cannot be seen until it is there.
	Prompt time.Duration
	// Arrival is how long a request may take to arrive, from when its sender is known.
	Arrival time.Duration
	// Unread is how long a message of a stream may wait for the client to read.
	Unread time.Duration
	// Idle is after how long without a call a connection is closed.
	Idle time.Duration
	// Age is how old a connection may become, give or take a tenth. A client then opens another; a watch on the old one is cut
	// some time later.
	Age time.Duration
	// Quiet is after how long a client that says nothing is asked whether it is there, a second at least, and Pong for how long
	// it may leave that unanswered before its connection is closed.
	Quiet, Pong time.Duration
}

// Dependencies is what the face uses.
type Dependencies struct {
	Limits Limits
	// Connections leads from each package of the contract, such as "usher.rule.v1", to its service, as the gateway.
	Connections map[string]grpc.ClientConnInterface
	Clients     authn.Clients
	InFlight    *inflight.Budget // of memory, with a share for each credential
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
				desc, err := f.describe(file.Services().Get(i), conn)
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

// Server makes a gRPC server with the face and gRPC's health check. options are those of the listener, such as TLS.
func (f *Face) Server(options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(append(options,
		grpc.ForceServerCodecV2(requestCodec{encoding.GetCodecV2(proto.Name)}),
		grpc.StatsHandler(rpc.WithoutMessages(otelgrpc.NewServerHandler(
			otelgrpc.WithTracerProvider(f.d.Tracing), otelgrpc.WithMeterProvider(f.d.Meter),
			// The client's trace is linked to: it decides neither the trace's id nor whether it is kept.
			otelgrpc.WithPropagators(propagation.TraceContext{}), otelgrpc.WithPublicEndpoint()))),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.NumStreamWorkers(rpc.ServerWorkers),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: f.d.Limits.Idle, MaxConnectionAge: f.d.Limits.Age, MaxConnectionAgeGrace: ageGrace,
			Time: f.d.Limits.Quiet, Timeout: f.d.Limits.Pong,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingsNotBefore, PermitWithoutStream: true}),
	)...)
	for _, desc := range f.services {
		server.RegisterService(desc, nil)
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: grpc_health_v1.Health_ServiceDesc.ServiceName,
		Streams:     []grpc.StreamDesc{{StreamName: "Check", Handler: f.check}},
	}, nil)
	return server
}

// Drain tells who asks for the face's health that it serves no longer. Calls that come all the same are served.
func (f *Face) Drain() { f.health.Shutdown() }

// Run logs what is only counted, until its context ends.
func (f *Face) Run(ctx context.Context) {
	f.tally.Run(ctx, f.d.Log.With(slog.String("face", "grpc")), f.d.TallyEvery)
}

// check answers for the whole face, whichever service the request names: the request is not read, because who sends it
// need not be known, and could send much. There is no Watch, which would be open for ever.
func (f *Face) check(_ any, stream grpc.ServerStream) error {
	answer, err := f.health.Check(stream.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return err
	}
	return stream.SendMsg(answer)
}

// enter authenticates a call; one that it refuses is only counted. What the client sent as metadata stays here: the call to
// the service has only what the gateway says.
func (f *Face) enter(ctx context.Context) (context.Context, authn.Client, error) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	client, err := f.d.Clients.Authenticate(ctx, sourceOf(ctx, incoming), incoming.Get("authorization"))
	var refusal authn.Refusal
	switch {
	case err == nil:
		return authn.WithClient(ctx, client), client, nil
	case errors.As(err, &refusal):
		f.d.Metrics.OperatorRefused.Add(ctx, 1, metrics.Face("grpc"))
		f.tally.Add(unauthenticated)
		err = fault.New(fault.Unauthenticated, "send a valid token as metadata: authorization: Bearer ...")
	case fault.Is(err, fault.Limit):
		f.d.Metrics.OperatorRefused.Add(ctx, 1, metrics.Face("grpc"))
		f.tally.Add(unknownKeys)
	default:
		f.tally.Add(unavailable)
	}
	return ctx, client, rpc.Refuse(err)
}

// sourceOf is where a call comes from.
func sourceOf(ctx context.Context, incoming metadata.MD) authn.Source {
	source := authn.Source{Forwarded: incoming.Get("x-forwarded-for")}
	if p, ok := peer.FromContext(ctx); ok {
		source.Remote = p.Addr.String()
	}
	return source
}

// admitting is the way of every forwarded call, also of unary ones: gRPC would read and decode their requests before it
// asks who sends them. It is part of the handler, because gRPC has no interceptor that is called for all of them then. A
// look-up holds up no other call of the connection: each handler runs in a goroutine of its own.
func (f *Face) admitting(method string, streams bool, next func(*entered) error) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) (err error) {
		start := f.d.Now()
		ctx, client, err := f.enter(stream.Context())
		if err != nil {
			return err
		}
		defer func() { err = f.leave(ctx, method, start, err) }()
		c := &entered{ServerStream: stream, ctx: ctx, hold: f.d.InFlight.OpenCredential(client.Principal.GetSubject())}
		defer c.hold.Close()
		if err := c.hold.Reserve(callBytes); err != nil {
			return err
		}
		if streams {
			// A stream may outlive the credential that opened it.
			held, stop := f.d.Clients.Hold(ctx, client)
			defer stop()
			c.ctx = held
			return authn.Because(held, next(c))
		}
		if _, ok := ctx.Deadline(); !ok {
			var cancel context.CancelFunc
			c.ctx, cancel = context.WithTimeout(ctx, deadline)
			defer cancel()
		}
		return next(c)
	}
}

// leave gives any error its status, and writes the call's one line.
func (f *Face) leave(ctx context.Context, method string, start time.Time, err error) error {
	code, reason := codes.OK, ""
	if err != nil {
		err = rpc.Refuse(err)
		refused := rpc.Fault(err)
		if budget := refused.Metadata[inflight.BudgetKey]; budget != "" {
			f.d.Metrics.OverBudget.Add(ctx, 1, metrics.Budget(budget))
		}
		if refused.Reason == fault.Limit { // a client can cause as many as it likes
			f.tally.Add(overLimit)
			return err
		}
		code, reason = rpc.Status(err).Code(), fault.ReasonName(refused.Reason)
	}
	f.d.Log.LogAttrs(ctx, slog.LevelInfo, "public call",
		slog.String("principal", rpc.PrincipalOf(ctx).GetSubject()),
		slog.String("rpc", method),
		slog.String("code", code.String()),
		slog.String("reason", reason),
		slog.Duration("duration", f.d.Now().Sub(start)))
	return err
}

// entered is an authenticated call on its way.
type entered struct {
	grpc.ServerStream
	ctx  context.Context //nolint:containedctx // grpc.ServerStream hands its context out by a method
	hold inflight.Hold   // what it takes of the memory in flight
}

// Context is that of the client whom the call was authenticated as.
func (c *entered) Context() context.Context { return c.ctx }
