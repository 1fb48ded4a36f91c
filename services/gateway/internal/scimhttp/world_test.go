package scimhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/gateway/internal/activity"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scim"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	organization = "acme"
	directory    = "0198a000-0000-7000-8000-0000000000d1"
	other        = "0198a000-0000-7000-8000-0000000000d2"
	suspended    = "0198a000-0000-7000-8000-0000000000d3"
	someID       = "0198a000-0000-7000-8000-0000000000a1"
	base         = "https://scim.example.com/scim/v2/" + directory
)

// The operations of writes.
const (
	creates  = identityv1.Write_OPERATION_CREATE
	replaces = identityv1.Write_OPERATION_REPLACE
	patches  = identityv1.Write_OPERATION_PATCH
)

// call is one call that identity received.
type call struct {
	request   proto.Message
	principal *commonv1.Principal
	messageID string
}

// identity is a stand-in for the identity service. It records calls and answers as the test sets it.
type identity struct {
	identityv1.UnimplementedResourceServiceServer

	mu       sync.Mutex
	calls    []call
	err      error
	panics   bool
	document string
	listed   *identityv1.ListResult
	large    bool                      // the document is too large for the answer
	parts    []string                  // of a large group
	cut      error                     // after the parts
	stalls   bool                      // streams stop until their callers leave
	gone     bool                      // it is deleted before its parts are read
	fresh    bool                      // each call answers with its own id
	fails    func(proto.Message) error // which calls fail
}

func noted[R any](i *identity, ctx context.Context, request proto.Message, reply R) (R, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.calls = append(i.calls, call{request: request, principal: rpc.PrincipalOf(ctx), messageID: rpc.MessageIDOf(ctx)})
	if i.panics {
		panic("broken")
	}
	var none R
	if i.err != nil {
		return none, i.err
	}
	if i.fails != nil {
		if err := i.fails(request); err != nil {
			return none, err
		}
	}
	return reply, nil
}

func (i *identity) resource() *identityv1.Resource {
	if i.large {
		return &identityv1.Resource{Id: someID, Version: 3, Large: true}
	}
	id := someID
	if i.fresh {
		id = freshID(i.count())
	}
	return &identityv1.Resource{Id: id, Version: 3, Document: []byte(i.document)}
}

// freshID returns the id of the answer to the call with this number.
func freshID(calls int) string { return fmt.Sprintf("0198a000-0000-7000-8000-%012d", calls) }

func (i *identity) result() *identityv1.WriteResult {
	return &identityv1.WriteResult{ChangeCursor: "cursor1", Ignored: []string{"id"}, Quirks: []string{"op-capitalised"}}
}

func (i *identity) WriteResource(ctx context.Context, r *identityv1.WriteResourceRequest) (*identityv1.WriteResourceResponse, error) {
	reply := &identityv1.WriteResourceResponse{Resource: i.resource(), Result: i.result()}
	if r.GetWrite().GetOmitResource() {
		reply.Resource.Document = nil
	}
	return noted(i, ctx, r, reply)
}

func (i *identity) GetResource(ctx context.Context, r *identityv1.GetResourceRequest) (*identityv1.GetResourceResponse, error) {
	return noted(i, ctx, r, &identityv1.GetResourceResponse{Resource: i.resource()})
}

func (i *identity) DeleteResource(ctx context.Context, r *identityv1.DeleteResourceRequest) (*identityv1.DeleteResourceResponse, error) {
	return noted(i, ctx, r, &identityv1.DeleteResourceResponse{Result: i.result()})
}

func (i *identity) ListResources(ctx context.Context, r *identityv1.ListResourcesRequest) (*identityv1.ListResourcesResponse, error) {
	return noted(i, ctx, r, &identityv1.ListResourcesResponse{Result: i.listed})
}

// ListDescriptions returns the descriptions that every directory has. It is not recorded, because it changes nothing and returns no
// resource.
func (i *identity) ListDescriptions(_ context.Context, r *identityv1.ListDescriptionsRequest) (*identityv1.ListDescriptionsResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	response := &identityv1.ListDescriptionsResponse{}
	add := func(id string, render func(baseURL string) ([]byte, error)) error {
		if r.GetId() != "" && !strings.EqualFold(id, r.GetId()) {
			return nil
		}
		document, err := render(r.GetTarget().GetBaseUrl())
		response.Descriptions = append(response.Descriptions, &identityv1.Description{Id: id, Document: document})
		return err
	}
	for _, t := range scim.ResourceTypes() {
		if r.GetEndpoint() == identityv1.ListDescriptionsRequest_ENDPOINT_RESOURCE_TYPES {
			i.err = errors.Join(i.err, add(t.ID, t.Render))
		}
	}
	for _, s := range scim.SchemasOf(scim.ResourceTypes()) {
		if r.GetEndpoint() == identityv1.ListDescriptionsRequest_ENDPOINT_SCHEMAS {
			i.err = errors.Join(i.err, add(s.ID, s.Render))
		}
	}
	if i.err == nil && len(response.GetDescriptions()) == 0 {
		return nil, fault.New(fault.NotFound, "no such description")
	}
	return response, i.err
}

// ReadResourceStream returns the document in its parts, and then the error that is set.
func (i *identity) ReadResourceStream(r *identityv1.ReadResourceStreamRequest, stream grpc.ServerStreamingServer[identityv1.ReadResourceStreamResponse]) error {
	first, err := noted(i, stream.Context(), r, &identityv1.ReadResourceStreamResponse{Resource: &identityv1.Resource{Id: someID, Version: 4}})
	if err != nil {
		return err
	}
	if i.gone {
		return fault.Missing("group", r.GetId())
	}
	if err := stream.Send(first); err != nil {
		return err
	}
	if i.stalls {
		<-stream.Context().Done()
	}
	for _, part := range i.parts {
		if err := stream.Send(&identityv1.ReadResourceStreamResponse{Part: []byte(part)}); err != nil {
			return err
		}
	}
	return i.cut
}

// WriteResourceStream records one call with all parts of the document.
func (i *identity) WriteResourceStream(stream grpc.ClientStreamingServer[identityv1.WriteResourceStreamRequest, identityv1.WriteResourceStreamResponse]) error {
	whole, err := stream.Recv()
	if err != nil {
		return err
	}
	if i.stalls {
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	i.mu.Lock()
	early := i.err
	i.mu.Unlock()
	for early == nil {
		next, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		whole.Part = append(whole.Part, next.GetPart()...)
	}
	reply, err := noted(i, stream.Context(), whole, &identityv1.WriteResourceStreamResponse{Resource: i.resource(), Result: i.result()})
	if err != nil {
		return err
	}
	return stream.SendAndClose(reply)
}

func (i *identity) last(t *testing.T) call {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.calls) == 0 {
		t.Fatal("identity was not called")
	}
	return i.calls[len(i.calls)-1]
}

func (i *identity) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.calls)
}

// recorded stores failed events in memory.
type recorded struct {
	mu     sync.Mutex
	events []*failedeventsv1.FailedEvent
}

func (r *recorded) Record(_ context.Context, event *failedeventsv1.FailedEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

func (r *recorded) all() []*failedeventsv1.FailedEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*failedeventsv1.FailedEvent(nil), r.events...)
}

// locked is a buffer for logs that several goroutines write.
type locked struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// world is a handler with everything that it uses.
type world struct {
	t          *testing.T
	identity   *identity
	events     *recorded
	activity   *activity.Counter
	tallies    []*failedeventsv1.MessageTally // what activity wrote last
	logs       *locked
	spans      *tracetest.InMemoryExporter
	metrics    *sdkmetric.ManualReader
	handler    *Handler
	now        time.Time
	keys       map[string]secret.Text // by directory
	revoked    secret.Text
	credential secret.Text // of one of the vendor's services
	loadError  error

	notFederated bool // the organization is not federated any more
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{
		t: t, identity: &identity{document: `{"id":"` + someID + `"}`, listed: &identityv1.ListResult{TotalResults: proto.Int64(0)}}, events: &recorded{},
		logs: &locked{}, spans: tracetest.NewInMemoryExporter(), metrics: sdkmetric.NewManualReader(), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		keys: map[string]secret.Text{directory: bearer.APIKey.New(), other: bearer.APIKey.New(), suspended: bearer.APIKey.New()}, revoked: bearer.APIKey.New(),
		credential: bearer.ServiceCredential.New(),
	}
	// The logger of a process, which adds the trace to each line.
	process, err := telemetry.New(t.Context(), telemetry.Config{Logs: w.logs, Level: slog.LevelDebug, Spans: tracetest.NewNoopExporter()})
	if err != nil {
		t.Fatal(err)
	}
	log := process.Log
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: tracing})
	if err != nil {
		t.Fatal(err)
	}
	identityv1.RegisterResourceServiceServer(channel, w.identity)
	conn := channel.As(commonv1.Caller_CALLER_GATEWAY)
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.metrics))
	instruments, err := metrics.New(meter)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return w.now }
	config := Config{
		Limits: Limits{
			MaxBodyBytes: 1000, MaxGroupBytes: 5000, MaxBulkBytes: 20_000, MaxBulkOperations: 20, MessagesAtOnce: 8, RequestTimeout: 10 * time.Second,
		},
		PublicURL: "https://scim.example.com", ServerName: "scim.example.com",
		InFlight: inflight.New(64<<20, 32<<20), TallyEvery: time.Minute,
	}
	for _, c := range change {
		c(&config)
	}
	w.activity = activity.New(func(tallies []*failedeventsv1.MessageTally) (int, error) {
		w.tallies = tallies
		return len(tallies), nil
	}, func(reason string, count int) { t.Errorf("%d counts are lost: %s", count, reason) }, log)
	w.handler = New(config, Dependencies{
		Resources:   identityv1.NewResourceServiceClient(conn),
		Directories: authn.NewDirectories(keylease.New(w.load, now), authn.NewUnknownKeys(authn.UnknownKeysConfig{PerAddress: 1e6, Total: 1e6}, now)), Events: w.events, Activity: w.activity, Metrics: instruments, Log: log,
		Tracing: tracing, Now: now,
	})
	return w
}

func (w *world) load(_ context.Context, digest keylease.Digest) (keylease.Lease, error) {
	if w.loadError != nil {
		return keylease.Lease{}, w.loadError
	}
	for id, secret := range w.keys {
		if secret.Digest() == digest {
			return keylease.Lease{
				OrganizationID: organization, DirectoryID: id, KeyID: "key-" + id, Suspended: id == suspended || w.notFederated,
				Until: w.now.Add(5 * time.Second),
			}, nil
		}
	}
	if digest == w.credential.Digest() {
		return keylease.Lease{
			Principal: &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1", AllOrganizations: true}, Until: w.now.Add(5 * time.Second),
		}, nil
	}
	return keylease.Lease{Unknown: true, Until: w.now.Add(time.Second)}, nil
}

// request creates an authenticated request; path is below the directory.
func (w *world) request(method, path, body string, headers ...string) *http.Request {
	w.t.Helper()
	r := httptest.NewRequest(method, "/scim/v2/"+directory+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+w.keys[directory].Reveal())
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// answer is a response with its body.
type answer struct {
	*httptest.ResponseRecorder
	scim struct {
		Schemas  []string
		Status   string
		SCIMType string
		Detail   string
	}
}

func (w *world) serve(r *http.Request) *answer {
	w.t.Helper()
	return w.serveAs(r, "application/scim+json")
}

// serveAs requires that errors have a media type.
func (w *world) serveAs(r *http.Request, media string) *answer {
	w.t.Helper()
	a := &answer{ResponseRecorder: httptest.NewRecorder()}
	w.handler.ServeHTTP(a, r)
	id := a.Header().Get(MessageIDHeader)
	if len(id) != 36 {
		w.t.Errorf("the message ID is %q", id)
	}
	if a.Code < 400 {
		return a
	}
	if err := json.Unmarshal(a.Body.Bytes(), &a.scim); err != nil {
		w.t.Fatalf("%d is no SCIM error: %v: %s", a.Code, err, a.Body)
	}
	if !strings.HasSuffix(a.scim.Detail, " (message "+id+")") {
		w.t.Errorf("the detail does not end with the message ID: %q", a.scim.Detail)
	}
	if len(a.scim.Schemas) != 1 || a.scim.Schemas[0] != "urn:ietf:params:scim:api:messages:2.0:Error" {
		w.t.Errorf("schemas are %q", a.scim.Schemas)
	}
	if got := a.Header().Get("Content-Type"); got != media {
		w.t.Errorf("the type is %q", got)
	}
	return a
}

func (w *world) do(method, path, body string, headers ...string) *answer {
	w.t.Helper()
	return w.serve(w.request(method, path, body, headers...))
}

// measured returns the points of every counter and histogram as name{label=value,...}, with their counts.
func (w *world) measured() map[string]int64 {
	w.t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.metrics.Collect(context.Background(), &all); err != nil {
		w.t.Fatal(err)
	}
	points := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					points[m.Name+"{"+p.Attributes.Encoded(attribute.DefaultEncoder())+"}"] += p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					points[m.Name+"{"+p.Attributes.Encoded(attribute.DefaultEncoder())+"}"] += int64(p.Count)
				}
			case metricdata.Histogram[int64]:
				for _, p := range data.DataPoints {
					points[m.Name+"{"+p.Attributes.Encoded(attribute.DefaultEncoder())+"}"] += int64(p.Count)
				}
			}
		}
	}
	return points
}
