package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

const (
	// defaultDeadline limits a unary call without a deadline, so that nothing waits for ever.
	defaultDeadline = 30 * time.Second
	// reportTime is the part of its deadline that each hop reserves, so that the callee reports the time-out instead of the transport.
	reportTime = 20 * time.Millisecond
	// leastTime is the shortest time with which work begins. With less, the answer would come too late.
	leastTime = 5 * time.Millisecond
	// smallRequest is the largest request, in bytes, whose violations are all reported. Each one takes about 3 KB of memory, and a field of
	// a list can be wrong in each value. A larger request gets only its first violation.
	smallRequest = 4 << 10
)

// Telemetry is where servers and clients report what they do. Meter may be nil.
type Telemetry struct {
	Log     *slog.Logger
	Tracing trace.TracerProvider
	Meter   metric.MeterProvider
}

// Server contains what the interceptors of every service need.
type Server struct {
	log       *slog.Logger
	metrics   *metrics
	validator protovalidate.Validator
	identify  func(context.Context) (commonv1.Caller, error)
}

// newServer creates the interceptors of a server. identify returns the calling service of a connection.
func newServer(t Telemetry, identify func(context.Context) (commonv1.Caller, error)) (*Server, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("building the validator: %w", err)
	}
	measured, err := newMetrics(t.Meter, serverSide)
	return &Server{log: t.Log, metrics: measured, validator: validator, identify: identify}, err
}

// unary handles a unary call as a whole: identity, deadline, admission, validation, handler, status, log.
func (s *Server) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (response any, err error) {
	if isHealth(info.FullMethod) {
		return next(ctx, request)
	}
	start := time.Now()
	ctx, err = s.enter(ctx)
	defer func() {
		if p := recover(); p != nil {
			response, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		s.audit(ctx, info.FullMethod, request, response, err)
		err = s.leave(ctx, info.FullMethod, start, err)
	}()
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultDeadline)
		defer cancel()
	}
	if deadline, _ := ctx.Deadline(); time.Until(deadline) < leastTime {
		return nil, fault.New(fault.Deadline, "too little time was left")
	}
	if err := s.check(ctx, info.FullMethod, request); err != nil {
		return nil, err
	}
	response, err = next(ctx, request)
	if err == nil {
		admissionOf(info.FullMethod).response.clear(ctx, response)
	}
	return response, err
}

// stream handles a streaming call. It checks each request when it is received.
func (s *Server) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	if isHealth(info.FullMethod) {
		return next(server, stream)
	}
	start := time.Now()
	ctx, err := s.enter(stream.Context())
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		err = s.leave(ctx, info.FullMethod, start, err)
	}()
	if err != nil {
		return err
	}
	if err := admit(ctx, info.FullMethod); err != nil {
		return err
	}
	return next(server, &checkedStream{ServerStream: stream, ctx: ctx, server: s, method: info.FullMethod})
}

// isHealth reports whether a method belongs to gRPC's health service, which every service with a certificate may call.
func isHealth(fullMethod string) bool {
	return strings.HasPrefix(fullMethod, "/"+grpc_health_v1.Health_ServiceDesc.ServiceName+"/")
}

func (s *Server) enter(ctx context.Context) (context.Context, error) {
	caller, err := s.identify(ctx)
	if err != nil {
		return ctx, fault.Wrap(err, fault.Unauthenticated, "the calling service is not known")
	}
	entered, err := incoming(ctx, caller)
	if err != nil {
		return ctx, fault.Wrap(err, fault.InvalidRequest, "the call's metadata cannot be read")
	}
	if id := MessageIDOf(entered); id != "" {
		trace.SpanFromContext(entered).SetAttributes(attribute.String(MessageIDAttribute, id))
	}
	return entered, nil
}

// MessageIDAttribute is the span attribute and log key of a message ID.
const MessageIDAttribute = "usher.message_id"

// check admits the caller, then validates its request.
func (s *Server) check(ctx context.Context, method string, request any) error {
	if err := admit(ctx, method); err != nil {
		return err
	}
	if err := withinTenancy(ctx, method, request); err != nil {
		return err
	}
	message, ok := request.(proto.Message)
	if !ok {
		return nil
	}
	if err := admissionOf(method).request.refuse(ctx, message); err != nil {
		return err
	}
	if proto.Size(message) > smallRequest {
		return invalid(s.validator.Validate(message, protovalidate.WithFailFast()))
	}
	return invalid(s.validator.Validate(message))
}

// invalid converts the result of the validator into an error that names each field.
func invalid(err error) error {
	var violations *protovalidate.ValidationError
	if !errors.As(err, &violations) {
		return err
	}
	f := fault.New(fault.InvalidRequest, "the request is not valid")
	for i, v := range violations.Violations {
		field := fault.Field{
			Path:        protovalidate.FieldPathString(v.Proto.GetField()),
			Description: v.Proto.GetMessage(),
		}
		if i == 0 {
			f.Message = fmt.Sprintf("%s: %s", field.Path, field.Description)
		}
		f.Fields = append(f.Fields, field)
	}
	return f
}

// leave maps the error, measures the call, and writes its one log line.
func (s *Server) leave(ctx context.Context, method string, start time.Time, err error) error {
	attributes := []slog.Attr{
		slog.String("rpc", method),
		slog.String("caller", CallerName(CallerOf(ctx))),
		slog.String("organization", PrincipalOf(ctx).GetOrganizationId()),
		slog.Duration("duration", time.Since(start)),
	}
	if id := MessageIDOf(ctx); id != "" {
		attributes = append(attributes, slog.String(MessageIDAttribute, id))
	}
	if err == nil {
		s.metrics.ended(ctx, method, start, codes.OK)
		s.log.LogAttrs(ctx, slog.LevelDebug, "call", append(attributes, slog.String("code", codes.OK.String()))...)
		return nil
	}
	st := Status(err)
	s.metrics.ended(ctx, method, start, st.Code())
	attributes = append(attributes, slog.String("code", st.Code().String()),
		slog.String("reason", fault.ReasonName(Fault(err).Reason)))
	if st.Code() == codes.Unavailable {
		// The call has reached this replica. If this one cannot reach another service, neither can its siblings. Retries are for lost
		// connections.
		_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", "-1")) // without a transport, nobody retries
	}
	level := slog.LevelDebug
	switch {
	case st.Code() == codes.Internal:
		// The client does not get the cause, so it must be in the log.
		level = slog.LevelError
		attributes = append(attributes, slog.String("error", err.Error()))
	case !slices.Contains(Callers(method).GetServices(), CallerOf(ctx)):
		// Usher's own clients never do this: somebody has the certificate of another service, or one of no service.
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("error", err.Error()))
	}
	s.log.LogAttrs(ctx, level, "call", attributes...)
	return st.Err()
}

// checkedStream gives handlers the context of the call. It checks each request before they get it, and removes from each response what its
// principal may not read.
type checkedStream struct {
	grpc.ServerStream
	ctx    context.Context //nolint:containedctx // grpc.ServerStream has a method that returns its context
	server *Server
	method string
}

func (c *checkedStream) Context() context.Context { return c.ctx }

func (c *checkedStream) RecvMsg(message any) error {
	if err := c.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	return c.server.check(c.ctx, c.method, message)
}

func (c *checkedStream) SendMsg(message any) error {
	admissionOf(c.method).response.clear(c.ctx, message)
	return c.ServerStream.SendMsg(message)
}
