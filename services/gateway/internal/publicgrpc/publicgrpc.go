// Package publicgrpc is the gateway's public gRPC API. It forwards exactly the RPCs that the contract opens to clients from outside. It is
// built from the descriptors of the contract, so an RPC is here if and only if its `callers` option says so.
package publicgrpc

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric/noop"
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
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/tally"
	"github.com/usher-scim/usher/services/gateway/internal/traced"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// deadline limits a unary call that has no deadline of its own.
	deadline = 65 * time.Second // longer than the longest wait that an RPC offers
	// maxRequest is the largest request, in bytes, as in the admin REST API. A batch of 1,000 ids is far below it.
	maxRequest = 1 << 20
	// unauthenticated is the tally's name for a call without a valid token.
	unauthenticated = "unauthenticated"
	// unknownKeys is the tally's name for a call that exceeds the limit on unknown tokens.
	unknownKeys = "unknown_keys"
	// overLimit is the tally's name for a call that exceeds a limit, such as the limit on its client's calls in flight.
	overLimit = "over_limit"
	// unavailable is the tally's name for a call whose token cannot be checked.
	unavailable = "unavailable"
)

// The limits of one connection. If a client opens more streams, HTTP/2 itself makes it wait.
const (
	maxStreams     = 100
	maxHeaderBytes = 16 << 10 // of one call; the client learns this limit when it connects
	// streamWindow is how many bytes a client may send on a stream that nobody reads, such as one that is not authenticated yet. It is the
	// default of HTTP/2. A window that adapts to the line would grow to 16 MiB.
	streamWindow     = 64 << 10
	connectionWindow = 1 << 20
)

// The limits on the life of a connection.
const (
	handshakeTimeout = 10 * time.Second
	// ageGrace lets the longest unary call end. A watch is cut, and its client continues from its cursor.
	ageGrace = deadline + 5*time.Second
	// pingsNotBefore is how often a client may ping the server at most.
	pingsNotBefore = 10 * time.Second
)

// Limits limit how long a client may keep resources of the API. All must be positive.
type Limits struct {
	// Prompt is how long a request may take to arrive before it reserves the memory of the largest request: until a request is complete,
	// gRPC does not show how much of it has arrived.
	Prompt time.Duration
	// Arrival is how long a request may take to arrive, counted from when its sender is known.
	Arrival time.Duration
	// Unread is how long a response of a stream may wait until the client reads it.
	Unread time.Duration
	// Idle is how long a connection may be without a call before it is closed.
	Idle time.Duration
	// Age is the greatest age of a connection, plus or minus a tenth. Then a client opens another one; a watch on the old one is cut some
	// time later.
	Age time.Duration
	// Quiet is how long a client may be silent before it gets a ping, at least a second. Pong is how long it may take to answer before its
	// connection is closed.
	Quiet, Pong time.Duration
}

// Dependencies are what the API uses.
type Dependencies struct {
	Limits Limits
	// Connections has a connection for each package of the contract, such as "usher.rule.v1", on which the caller is the gateway.
	Connections map[string]grpc.ClientConnInterface
	Clients     authn.Clients
	InFlight    *inflight.Budget // memory, with a share for each credential
	TallyEvery  time.Duration
	Quiet       traced.Quiet // successes without a log line
	Metrics     *metrics.Metrics
	Log         *slog.Logger
	Tracing     trace.TracerProvider
	Now         func() time.Time
}

// API is the public gRPC API.
type API struct {
	d        Dependencies
	services []*grpc.ServiceDesc
	health   *health.Server
	tally    tally.Tally
}

// New creates the API from the descriptors of the packages that have a connection.
func New(d Dependencies) (*API, error) {
	a := &API{d: d, health: health.NewServer()}
	var problems []error
	for pkg, conn := range d.Connections {
		protoregistry.GlobalFiles.RangeFilesByPackage(protoreflect.FullName(pkg), func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				desc, err := a.describe(file.Services().Get(i), conn)
				problems = append(problems, err)
				if desc != nil {
					a.services = append(a.services, desc)
				}
			}
			return true
		})
	}
	return a, errors.Join(problems...)
}

// Server creates a gRPC server with the API and gRPC's health check. The options are those of the listener, such as TLS.
func (a *API) Server(options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(append(options,
		grpc.ForceServerCodecV2(requestCodec{encoding.GetCodecV2(proto.Name)}),
		grpc.StatsHandler(rpc.WithoutMessages(otelgrpc.NewServerHandler(
			otelgrpc.WithTracerProvider(a.d.Tracing), otelgrpc.WithMeterProvider(noop.NewMeterProvider()),
			// A span links to the trace of the client, which decides neither the trace's id nor whether the trace is kept.
			otelgrpc.WithPropagators(propagation.TraceContext{}), otelgrpc.WithPublicEndpoint()))),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.NumStreamWorkers(rpc.ServerWorkers),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: a.d.Limits.Idle, MaxConnectionAge: a.d.Limits.Age, MaxConnectionAgeGrace: ageGrace,
			Time: a.d.Limits.Quiet, Timeout: a.d.Limits.Pong,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingsNotBefore, PermitWithoutStream: true}),
	)...)
	for _, desc := range a.services {
		server.RegisterService(desc, nil)
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: grpc_health_v1.Health_ServiceDesc.ServiceName,
		Streams:     []grpc.StreamDesc{{StreamName: "Check", Handler: a.check}},
	}, nil)
	return server
}

// Drain tells clients that ask for the API's health that it does not serve any more. The server still serves calls that arrive.
func (a *API) Drain() { a.health.Shutdown() }

// Run logs the counts of the tally until its context ends.
func (a *API) Run(ctx context.Context) {
	a.tally.Run(ctx, a.d.Log.With(slog.String("api", "grpc")), a.d.TallyEvery)
}

// check reports the health of the whole API, whichever service the request names. It does not read the request, because the sender need not
// be authenticated and could send much. There is no Watch, because it would stay open for ever.
func (a *API) check(_ any, stream grpc.ServerStream) error {
	answer, err := a.health.Check(stream.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return err
	}
	return stream.SendMsg(answer)
}

// enter authenticates a call. It only counts a call that it refuses, unless a credential that exists was refused. The metadata of the client stays here: the call to the service
// contains only what the gateway writes.
func (a *API) enter(ctx context.Context) (context.Context, authn.Client, error) {
	incoming, _ := metadata.FromIncomingContext(ctx)
	client, err := a.d.Clients.Authenticate(ctx, sourceOf(ctx, incoming), authn.Bearer{
		Authorization: incoming.Get("authorization"), Organization: strings.Join(incoming.Get(authn.OrganizationHeader), ","),
	})
	a.d.Clients.LogRefusal(ctx, a.d.Log, err)
	var refusal authn.Refusal
	switch {
	case err == nil:
		return authn.WithClient(ctx, client), client, nil
	case errors.As(err, &refusal):
		a.d.Metrics.OperatorRefused.Add(ctx, 1, metrics.Refused("grpc", string(refusal)))
		a.tally.Add(unauthenticated)
		err = fault.New(fault.Unauthenticated, "send a valid token as metadata: authorization: Bearer ...")
	case fault.Is(err, fault.Limit):
		a.d.Metrics.OperatorRefused.Add(ctx, 1, metrics.Refused("grpc", unknownKeys))
		a.tally.Add(unknownKeys)
	default:
		a.tally.Add(unavailable)
	}
	return ctx, client, rpc.Refuse(err)
}

// sourceOf returns the source of a call.
func sourceOf(ctx context.Context, incoming metadata.MD) authn.Source {
	source := authn.Source{Forwarded: incoming.Get("x-forwarded-for")}
	if p, ok := peer.FromContext(ctx); ok {
		source.Remote = p.Addr.String()
	}
	return source
}

// admitting wraps the handler of every forwarded call, including unary ones. It authenticates the sender before the request is read; in a
// unary handler, gRPC would read and decode the request first. It is part of the handler, because gRPC has no interceptor at this point. A
// look-up delays no other call of the connection, because each handler runs in its own goroutine.
func (a *API) admitting(method string, streams bool, next func(*entered) error) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) (err error) {
		start := a.d.Now()
		defer func() {
			a.d.Metrics.Request(stream.Context(), "grpc", strings.TrimPrefix(method, "/"), rpc.CodeName(status.Code(err)), a.d.Now().Sub(start), streams)
		}()
		ctx, client, err := a.enter(stream.Context())
		if err != nil {
			return err
		}
		c := &entered{ServerStream: stream, ctx: ctx, reserved: a.d.InFlight.OpenCredential(client.Principal.GetSubject())}
		defer func() { err = a.leave(ctx, method, c.organization, start, err) }()
		defer c.reserved.Close()
		if err := c.reserved.Reserve(callBytes); err != nil {
			return err
		}
		if streams {
			// A stream can live longer than the credential that opened it.
			bound, stop := a.d.Clients.Bind(ctx, client)
			defer stop()
			c.ctx = bound
			return authn.Because(bound, next(c))
		}
		if _, ok := ctx.Deadline(); !ok {
			var cancel context.CancelFunc
			c.ctx, cancel = context.WithTimeout(ctx, deadline)
			defer cancel()
		}
		return next(c)
	}
}

// leave converts any error to its status, and writes the one log line of the call.
func (a *API) leave(ctx context.Context, method, organization string, start time.Time, err error) error {
	code, reason := codes.OK, ""
	if err != nil {
		err = rpc.Refuse(err)
		refused := rpc.Fault(err)
		if budget := refused.Metadata[inflight.BudgetKey]; budget != "" {
			a.d.Metrics.OverBudget.Add(ctx, 1, metrics.Budget(budget))
		}
		if refused.Reason == fault.Limit { // a client can cause any number of these
			a.tally.Add(overLimit)
			return err
		}
		code, reason = rpc.Status(err).Code(), fault.ReasonName(refused.Reason)
	}
	if code == codes.OK && a.d.Quiet.Skips(ctx) {
		return nil
	}
	a.d.Log.LogAttrs(ctx, slog.LevelInfo, "public call",
		slog.String("principal", rpc.PrincipalOf(ctx).GetSubject()),
		slog.String("organization", organization),
		slog.String("rpc", method),
		slog.String("code", code.String()),
		slog.String("reason", reason),
		slog.Duration("duration", a.d.Now().Sub(start)))
	return err
}

// entered is an authenticated call.
type entered struct {
	grpc.ServerStream
	ctx      context.Context      //nolint:containedctx // grpc.ServerStream has a method that returns its context
	reserved inflight.Reservation // its part of the memory in flight

	organization string // the id in its request; empty if there is none that could exist
}

// Context returns the context of the authenticated client.
func (c *entered) Context() context.Context { return c.ctx }
