package publicgrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	_ "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	_ "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func packages() []string {
	return []string{"usher.directory.v1", "usher.identity.v1", "usher.rule.v1", "usher.failedevents.v1"}
}

// forwarded is a call that arrived at a connection.
type forwarded struct {
	method    string
	request   proto.Message
	principal *commonv1.Principal
	outgoing  metadata.MD
	deadline  bool
}

// conn is a stand-in for the connection to a service.
type conn struct {
	mu     sync.Mutex
	calls  []forwarded
	err    error
	answer proto.Message   // of a unary call, if not nil
	stream []proto.Message // the responses of a stream before it ends with err
	left   chan struct{}   // if not nil, closed after the context of a stream has ended
	hang   chan struct{}   // if not nil, a stream sends to it after all its responses, and stays until its caller leaves
}

func (c *conn) note(ctx context.Context, method string, request any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	outgoing, _ := metadata.FromOutgoingContext(ctx)
	_, deadline := ctx.Deadline()
	c.calls = append(c.calls, forwarded{
		method: method, request: request.(proto.Message), principal: rpc.PrincipalOf(ctx), outgoing: outgoing, deadline: deadline,
	})
}

func (c *conn) Invoke(ctx context.Context, method string, request, reply any, _ ...grpc.CallOption) error {
	c.note(ctx, method, request)
	if c.answer != nil {
		proto.Merge(reply.(proto.Message), c.answer)
		return c.err
	}
	if answer, ok := reply.(*directoryv1.GetOrganizationResponse); ok && c.err == nil {
		answer.Organization = &directoryv1.Organization{Id: request.(*directoryv1.GetOrganizationRequest).GetOrganizationId()}
	}
	return c.err
}

func (c *conn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	if !desc.ServerStreams || desc.ClientStreams {
		return nil, fmt.Errorf("%s is opened as %+v", method, desc)
	}
	if c.left != nil {
		context.AfterFunc(ctx, func() { close(c.left) })
	}
	return &stream{conn: c, ctx: ctx, method: method}, nil
}

type stream struct {
	grpc.ClientStream
	conn   *conn
	ctx    context.Context //nolint:containedctx // of a grpc.ClientStream
	method string
	sent   int
}

func (s *stream) SendMsg(m any) error { s.conn.note(s.ctx, s.method, m); return nil }
func (s *stream) CloseSend() error    { return nil }
func (s *stream) RecvMsg(m any) error {
	if s.sent < len(s.conn.stream) {
		proto.Merge(m.(proto.Message), s.conn.stream[s.sent])
		s.sent++
		return nil
	}
	if s.conn.hang != nil {
		s.conn.hang <- struct{}{}
		<-s.ctx.Done()
		return status.FromContextError(s.ctx.Err()).Err()
	}
	if s.conn.err != nil {
		return s.conn.err
	}
	return io.EOF
}

// serve runs an API with a conn for each package, and returns a client.
func serve(t *testing.T) (map[string]*conn, *grpc.ClientConn) {
	t.Helper()
	conns, client, _ := serveWatched(t)
	return conns, client
}

// patient returns limits that no test reaches by accident.
func patient() Limits {
	return Limits{
		Prompt: time.Minute, Arrival: time.Minute, Unread: time.Minute, Idle: time.Minute, Age: time.Hour, Quiet: time.Minute, Pong: time.Minute,
	}
}

func serveWatched(t *testing.T) (map[string]*conn, *grpc.ClientConn, watched) {
	t.Helper()
	return serveWithin(t, patient())
}

// watched contains the logs, spans and metrics of an API, and its keys.
type watched struct {
	api     *API
	dial    func(context.Context) (net.Conn, error)
	logs    *strings.Builder
	metrics *sdkmetric.ManualReader
	keys    *keys
	spans   *tracetest.InMemoryExporter
}

// keys is a stand-in for the directory service.
type keys struct {
	mu         sync.Mutex
	credential secret.Text
	key        secret.Text
	revoked    bool
	err        error
	asked      chan struct{} // has a buffer of one
}

func (k *keys) load(_ context.Context, digest keylease.Digest) (keylease.Lease, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case k.asked <- struct{}{}:
	default:
	}
	lease := keylease.Lease{Until: time.Now().Add(20 * time.Millisecond)}
	switch {
	case k.err != nil:
		return lease, k.err
	case digest == k.key.Digest():
		lease.OrganizationID, lease.DirectoryID, lease.KeyID = "acme", "d", "k"
	case digest == k.credential.Digest() && !k.revoked:
		lease.Principal = &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1", OrganizationIds: []string{"acme", "other"}, Scopes: 254}
	default:
		lease.Unknown = true
	}
	return lease, nil
}

func (k *keys) set(change func(*keys)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

func serveWithin(t *testing.T, limits Limits) (map[string]*conn, *grpc.ClientConn, watched) {
	t.Helper()
	return serveInFlight(t, limits, inflight.New(64<<20, 32<<20))
}

func serveInFlight(t *testing.T, limits Limits, budget *inflight.Budget) (map[string]*conn, *grpc.ClientConn, watched) {
	t.Helper()
	conns, connections := map[string]*conn{}, map[string]grpc.ClientConnInterface{}
	for _, pkg := range packages() {
		conns[pkg] = &conn{}
		connections[pkg] = conns[pkg]
	}
	reader := sdkmetric.NewManualReader()
	instruments, err := metrics.New(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	if err != nil {
		t.Fatal(err)
	}
	spans := tracetest.NewInMemoryExporter()
	logs, known := &strings.Builder{}, &keys{credential: bearer.ServiceCredential.New(), key: bearer.APIKey.New(), asked: make(chan struct{}, 1)}
	operator := authn.NewOperator(operatortoken.Token{Subject: operatortoken.Subject, Digest: secret.Text("secret").Digest()})
	clients := authn.NewClients(operator, nil, keylease.New(known.load, time.Now),
		authn.NewUnknownKeys(authn.UnknownKeysConfig{PerAddress: 1e6, Total: 1e6}, time.Now), time.Now)
	api, err := New(Dependencies{
		Connections: connections, Clients: clients, TallyEvery: time.Hour, Metrics: instruments,
		Limits: limits, InFlight: budget, Log: slog.New(slog.NewTextHandler(logs, nil)), Tracing: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)),
		Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	server, listener := api.Server(), bufconn.Listen(1<<20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	client, err := grpc.NewClient("passthrough:bufconn",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return conns, client, watched{api: api, dial: listener.DialContext, logs: logs, metrics: reader, keys: known, spans: spans}
}

func operator(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer secret",
		// Metadata that only services may send each other.
		"usher-caller", "rule", "usher-principal-bin", "x", "usher-message-id", "theirs", "other", "x")
}

func message(t *testing.T, name protoreflect.FullName) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}

// call makes a call of any method and returns its first error.
func call(ctx context.Context, t *testing.T, client *grpc.ClientConn, name string, method protoreflect.MethodDescriptor) error {
	t.Helper()
	request, reply := message(t, method.Input().FullName()), message(t, method.Output().FullName())
	if !method.IsStreamingServer() {
		return client.Invoke(ctx, name, request, reply)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := client.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, name)
	if err == nil {
		err = errors.Join(s.SendMsg(request), s.CloseSend())
	}
	if err == nil {
		err = s.RecvMsg(reply)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func methods(t *testing.T, each func(pkg, name string, method protoreflect.MethodDescriptor)) {
	t.Helper()
	for _, pkg := range packages() {
		protoregistry.GlobalFiles.RangeFilesByPackage(protoreflect.FullName(pkg), func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				service := file.Services().Get(i)
				for j := range service.Methods().Len() {
					method := service.Methods().Get(j)
					each(pkg, fmt.Sprintf("/%s/%s", service.FullName(), method.Name()), method)
				}
			}
			return true
		})
	}
}

func TestExactlyThePublicRPCsAreForwarded(t *testing.T) {
	t.Parallel()
	conns, client := serve(t)
	public, internal := 0, 0
	methods(t, func(pkg, name string, method protoreflect.MethodDescriptor) {
		before := len(conns[pkg].calls)
		err := call(operator(t.Context()), t, client, name, method)
		calls := conns[pkg].calls[before:]
		if !rpc.Public(name) {
			internal++
			if status.Code(err) != codes.Unimplemented || len(calls) != 0 {
				t.Errorf("%s is internal: %v, %d calls", name, err, len(calls))
			}
			return
		}
		public++
		if err != nil || len(calls) != 1 {
			t.Fatalf("%s is public: %v, %d calls", name, err, len(calls))
		}
		got := calls[0]
		if got.method != name || got.request.ProtoReflect().Descriptor().FullName() != method.Input().FullName() {
			t.Errorf("%s: forwarded as %s with %T", name, got.method, got.request)
		}
		if got.principal.GetKind() != commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR || got.principal.GetSubject() != "operator" {
			t.Errorf("%s: for %v", name, got.principal)
		}
		for key := range got.outgoing {
			if strings.HasPrefix(key, "usher-") || key == "authorization" || key == "other" {
				t.Errorf("%s: the client's %s went on", name, key)
			}
		}
		if got.deadline == method.IsStreamingServer() {
			t.Errorf("%s: has a deadline: %v", name, got.deadline)
		}
	})
	if public < 30 || internal < 10 {
		t.Errorf("there are %d public and %d internal RPCs: the walk misses some", public, internal)
	}
}

func TestWithoutACredentialEverythingIsRefused(t *testing.T) {
	t.Parallel()
	conns, client, seen := serveWatched(t)
	sending := func(token string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	}
	seen.keys.revoked = true
	said := map[string]bool{}
	for name, ctx := range map[string]context.Context{
		"an API key":          sending(seen.keys.key.Reveal()),
		"an unknown one":      sending(bearer.ServiceCredential.New().Reveal()),
		"a revoked one":       sending(seen.keys.credential.Reveal()),
		"no secret's form":    sending("usc_"),
		"a key's random part": sending("usc_" + seen.keys.key.Reveal()[4:]),
		"none":                t.Context(),
		"wrong":               metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer wrong"),
		"two":                 metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer secret", "authorization", "Bearer secret"),
		"a service":           metadata.AppendToOutgoingContext(t.Context(), "usher-caller", "rule"),
	} {
		methods(t, func(pkg, method string, d protoreflect.MethodDescriptor) {
			if !rpc.Public(method) {
				return
			}
			err := call(ctx, t, client, method, d)
			if rpc.Fault(err) == nil || rpc.Fault(err).Reason != fault.Unauthenticated || status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s, %s: %v", name, method, err)
			}
			said[status.Convert(err).Message()] = true
			if len(conns[pkg].calls) != 0 {
				t.Fatalf("%s, %s: it was forwarded", name, method)
			}
		})
	}
	if len(said) != 1 {
		t.Errorf("the answers tell credentials apart: %v", said)
	}
}

// vendor returns the context of one of the vendor's services.
func (w watched) vendor(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+w.keys.credential.Reveal())
}

func TestAServiceCredentialsCallsCarryItsScope(t *testing.T) {
	t.Parallel()
	conns, client, seen := serveWatched(t)
	want := &commonv1.Principal{
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1", OrganizationIds: []string{"acme", "other"}, Scopes: 254,
	}
	methods(t, func(pkg, name string, method protoreflect.MethodDescriptor) {
		if !rpc.Public(name) {
			return
		}
		before := len(conns[pkg].calls)
		// The services decide what it may call. Here it is only authenticated.
		if err := call(seen.vendor(t.Context()), t, client, name, method); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if calls := conns[pkg].calls[before:]; len(calls) != 1 || !proto.Equal(calls[0].principal, want) {
			t.Errorf("%s: forwarded %d times, for %v", name, len(calls), calls)
		}
	})
	if text := seen.logs.String(); !strings.Contains(text, "principal=c1") || strings.Contains(text, "usc_") {
		t.Errorf("logged: %s", text)
	}
}

func TestAStreamEndsWithItsCredential(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*keys)
		want   fault.Reason
	}{
		"revoked":              {func(k *keys) { k.revoked = true }, fault.Unauthenticated},
		"that nobody can tell": {func(k *keys) { k.err = fault.New(fault.Unavailable, "directory is down") }, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conns, client, seen := serveWatched(t)
			conns["usher.rule.v1"].stream = []proto.Message{&rulev1.WatchAccessResponse{}}
			conns["usher.rule.v1"].hang = make(chan struct{}, 1)
			watch, err := rulev1.NewAccessServiceClient(client).WatchAccess(seen.vendor(t.Context()), &rulev1.WatchAccessRequest{OrganizationId: "acme"})
			if err == nil {
				_, err = watch.Recv()
			}
			if err != nil {
				t.Fatal(err)
			}
			<-conns["usher.rule.v1"].hang
			// It lives longer than key leases, as long as the credential is valid.
			for range 3 {
				<-seen.keys.asked
			}
			if err := watch.Context().Err(); err != nil {
				t.Fatal(err)
			}
			seen.keys.set(c.change)
			if _, err := watch.Recv(); rpc.Fault(err).Reason != c.want {
				t.Errorf("it ended with %v", err)
			}
			if _, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(seen.vendor(t.Context()),
				&directoryv1.GetOrganizationRequest{OrganizationId: "acme"}); rpc.Fault(err).Reason != c.want {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}

func TestRefusalsAreCountedAndLoggedTogether(t *testing.T) {
	t.Parallel()
	_, client, seen := serveWatched(t)
	methods(t, func(_, name string, method protoreflect.MethodDescriptor) {
		if name == "/usher.directory.v1.OrganizationService/GetOrganization" || name == "/usher.rule.v1.AccessService/WatchAccess" {
			if err := call(t.Context(), t, client, name, method); status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	if seen.logs.Len() > 0 {
		t.Errorf("logged one by one: %s", seen.logs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	seen.api.Run(ctx)
	if line := seen.logs.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "api=grpc unauthenticated=2") {
		t.Errorf("logged: %s", line)
	}
	var all metricdata.ResourceMetrics
	if err := seen.metrics.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", all.ScopeMetrics); !strings.Contains(text, metrics.OperatorRefused) || !strings.Contains(text, "Value:2") || !strings.Contains(text, "no_bearer") {
		t.Errorf("measured: %s", text)
	}
}

func TestAClientDecidesNothingOfItsTrace(t *testing.T) {
	t.Parallel()
	const theirs = "0af7651916cd43dd8448eb211c80319c"
	_, client, seen := serveWatched(t)
	ctx := metadata.AppendToOutgoingContext(operator(t.Context()), "traceparent", "00-"+theirs+"-b7ad6b7169203331-00")
	if _, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(ctx, &directoryv1.GetOrganizationRequest{OrganizationId: "acme"}); err != nil {
		t.Fatal(err)
	}
	var spans tracetest.SpanStubs
	deadline, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for len(spans) == 0 { // it ends after the answer
		select {
		case <-tick.C:
			spans = seen.spans.GetSpans()
		case <-deadline:
			t.Fatal("there is no span")
		}
	}
	if span := spans[0]; span.SpanContext.TraceID().String() == theirs || len(span.Links) != 1 || span.Links[0].SpanContext.TraceID().String() != theirs {
		t.Errorf("the span is of trace %s, with the links %v", span.SpanContext.TraceID(), span.Links)
	}
}

func TestTheLogAddsTheTraceToALine(t *testing.T) {
	t.Parallel()
	_, client, seen := serveWatched(t)
	_, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(operator(t.Context()),
		&directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
	if line := seen.logs.String(); err != nil || !strings.Contains(line, "public call") || strings.Contains(line, "trace_id") {
		t.Errorf("%v, logged: %s", err, line)
	}
}

// A client can cause any number of them.
func TestCallsOverALimitAreCountedAndHaveNoLineEach(t *testing.T) {
	t.Parallel()
	conns, client, seen := serveWatched(t)
	organizations := directoryv1.NewOrganizationServiceClient(client)
	for reason, lines := range map[fault.Reason]int{fault.NotFound: 1, fault.Limit: 0} {
		before := strings.Count(seen.logs.String(), "public call")
		conns["usher.directory.v1"].err = fault.New(reason, "refused")
		_, err := organizations.GetOrganization(operator(t.Context()), &directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
		if got := rpc.Fault(err); got.Reason != reason {
			t.Errorf("refused with %v", err)
		}
		if got := strings.Count(seen.logs.String(), "public call") - before; got != lines {
			t.Errorf("%s has %d lines, want %d", fault.ReasonName(reason), got, lines)
		}
	}
}

func TestMessagesAndErrorsPassUnchanged(t *testing.T) {
	t.Parallel()
	conns, client := serve(t)
	organizations := directoryv1.NewOrganizationServiceClient(client)
	answer, err := organizations.GetOrganization(operator(t.Context()), &directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
	if err != nil || answer.GetOrganization().GetId() != "acme" {
		t.Errorf("%v, %v", answer, err)
	}
	sent := fault.New(fault.InvalidRequest, "bad").With("resource", "rule").Retry(time.Second)
	sent.Fields = []fault.Field{{Path: "a", Description: "b"}}
	conns["usher.directory.v1"].err = rpc.Status(sent).Err()
	_, err = organizations.GetOrganization(operator(t.Context()), &directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
	if got, want := status.Convert(err).Proto(), rpc.Status(sent).Proto(); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	conns["usher.directory.v1"].err = errors.New("a secret cause")
	_, err = organizations.GetOrganization(operator(t.Context()), &directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
	if f := rpc.Fault(err); f.Reason != fault.Internal || strings.Contains(f.Message, "secret") {
		t.Errorf("got %v", err)
	}
}

func TestAStreamIsForwardedUntilItEnds(t *testing.T) {
	t.Parallel()
	conns, client := serve(t)
	for range 3 {
		conns["usher.rule.v1"].stream = append(conns["usher.rule.v1"].stream, &rulev1.WatchAccessResponse{})
	}
	conns["usher.rule.v1"].err = rpc.Status(fault.New(fault.CursorExpired, "too old")).Err()
	watch, err := rulev1.NewAccessServiceClient(client).WatchAccess(operator(t.Context()), &rulev1.WatchAccessRequest{OrganizationId: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := watch.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := watch.Recv(); rpc.Fault(err).Reason != fault.CursorExpired {
		t.Errorf("it ended with %v", err)
	}
}

func TestHealthNeedsNoCredential(t *testing.T) {
	t.Parallel()
	_, client, w := serveWatched(t)
	status := func() grpc_health_v1.HealthCheckResponse_ServingStatus {
		t.Helper()
		answer, err := grpc_health_v1.NewHealthClient(client).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return answer.GetStatus()
	}
	if got := status(); got != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("it says %v", got)
	}
	w.api.Drain()
	if got := status(); got != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("while it drains it says %v", got)
	}
}
