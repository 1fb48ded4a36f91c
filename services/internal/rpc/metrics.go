package rpc

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// metrics counts and times the calls of one side, by method. A duration has no status, and few buckets: there are more than a hundred
// methods, and each reader of the metrics gets all of it.
type metrics struct {
	calls    metric.Int64Counter
	duration metric.Float64Histogram
	known    sync.Map // the attributes of calls and of durations, by counted
}

// counted is what one counter counts. A duration has no code.
type counted struct {
	method string
	code   codes.Code
	timed  bool
}

// The sides of a call.
const serverSide, clientSide = "server", "client"

// newMetrics creates the metrics of one side. Without a provider they measure nothing.
func newMetrics(provider metric.MeterProvider, side string) (*metrics, error) {
	if provider == nil {
		provider = metricnoop.NewMeterProvider()
	}
	meter := provider.Meter("github.com/usher-scim/usher/services/internal/rpc")
	calls, err := meter.Int64Counter("rpc."+side+".calls", metric.WithUnit("{call}"),
		metric.WithDescription("Calls between services that ended, by method and status code."))
	if err != nil {
		return nil, err
	}
	duration, err := meter.Float64Histogram("rpc."+side+".call.duration", metric.WithUnit("s"),
		metric.WithDescription("How long calls between services took, by method. Watches are not in it."),
		metric.WithExplicitBucketBoundaries(.005, .025, .1, .5, 2.5, 10))
	return &metrics{calls: calls, duration: duration}, err
}

// ended measures a call that has ended.
func (m *metrics) ended(ctx context.Context, fullMethod string, start time.Time, code codes.Code) {
	code = min(code, codes.Unauthenticated+1) // a status can contain any number
	m.calls.Add(ctx, 1, m.attributes(counted{method: fullMethod, code: code}))
	if !isWatch(fullMethod) {
		m.duration.Record(ctx, time.Since(start).Seconds(), m.attributes(counted{method: fullMethod, timed: true}))
	}
}

// isWatch reports whether a method streams until its client leaves.
func isWatch(fullMethod string) bool { return strings.HasPrefix(path.Base(fullMethod), "Watch") }

// attributes returns the attributes of what is counted. Making them for each call would take longer than counting it.
func (m *metrics) attributes(of counted) metric.MeasurementOption {
	if known, ok := m.known.Load(of); ok {
		return known.(metric.MeasurementOption)
	}
	all := []attribute.KeyValue{attribute.String("rpc.method", strings.TrimPrefix(of.method, "/"))}
	if !of.timed {
		all = append(all, attribute.String("rpc.response.status_code", CodeName(of.code)))
	}
	made := metric.WithAttributeSet(attribute.NewSet(all...))
	m.known.Store(of, made)
	return made
}

// CodeName returns the name of a code as gRPC's specification writes it, such as NOT_FOUND.
func CodeName(code codes.Code) string {
	if code > codes.Unauthenticated {
		return "UNKNOWN" // a status can contain any number
	}
	return codeNames[code]
}

var codeNames = [...]string{
	codes.OK: "OK", codes.Canceled: "CANCELLED", codes.Unknown: "UNKNOWN", codes.InvalidArgument: "INVALID_ARGUMENT",
	codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
	codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
	codes.FailedPrecondition: "FAILED_PRECONDITION", codes.Aborted: "ABORTED", codes.OutOfRange: "OUT_OF_RANGE",
	codes.Unimplemented: "UNIMPLEMENTED", codes.Internal: "INTERNAL", codes.Unavailable: "UNAVAILABLE", codes.DataLoss: "DATA_LOSS",
	codes.Unauthenticated: "UNAUTHENTICATED",
}

// measuredStream measures a stream of a client when its end arrives.
type measuredStream struct {
	grpc.ClientStream
	metrics *metrics
	method  string
	start   time.Time
	once    sync.Once
}

func (s *measuredStream) RecvMsg(response any) error {
	err := s.ClientStream.RecvMsg(response)
	if err != nil {
		s.once.Do(func() {
			code := codes.OK
			if !errors.Is(err, io.EOF) {
				code = status.Code(err)
			}
			s.metrics.ended(s.Context(), s.method, s.start, code)
		})
	}
	return err
}
