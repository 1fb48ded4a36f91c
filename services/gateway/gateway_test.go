package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const directory = "0198a000-0000-7000-8000-0000000000d1"

// others is a stand-in for the services behind the gateway.
type others struct {
	directoryv1.UnimplementedKeyLookupServiceServer
	directoryv1.UnimplementedOrganizationServiceServer
	identityv1.UnimplementedResourceServiceServer
	failedeventsv1.UnimplementedFailedEventRecordServiceServer
	rulev1.UnimplementedAccessServiceServer

	credential secret.Text // of a service
	key        secret.Text
	lookups    atomic.Int64
	mu         sync.Mutex
	refuse     bool // refuse failed events
	refused    chan struct{}
	recorded   map[string]*failedeventsv1.FailedEvent // by id
	added      chan struct{}
}

func (o *others) ResolveKey(_ context.Context, r *directoryv1.ResolveKeyRequest) (*directoryv1.ResolveKeyResponse, error) {
	o.lookups.Add(1)
	if digest := o.credential.Digest(); string(digest[:]) == string(r.GetKeyDigest()) {
		return &directoryv1.ResolveKeyResponse{
			Opens: &directoryv1.ResolveKeyResponse_Api{Api: &directoryv1.OpenedApi{Principal: &commonv1.Principal{
				Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1", OrganizationIds: []string{"acme"}, Scopes: 1 << commonv1.Scope_SCOPE_READ_ACCESS,
			}}}, LeaseExpireTime: timestamppb.New(time.Now().Add(5 * time.Second)),
		}, nil
	}
	if digest := o.key.Digest(); string(digest[:]) != string(r.GetKeyDigest()) {
		return nil, fault.New(fault.NotFound, "no such key")
	}
	return &directoryv1.ResolveKeyResponse{
		Opens: &directoryv1.ResolveKeyResponse_Directory{Directory: &directoryv1.OpenedDirectory{
			OrganizationId: "acme", DirectoryId: directory, ApiKeyId: "k1",
		}}, LeaseExpireTime: timestamppb.New(time.Now().Add(5 * time.Second)),
	}, nil
}

func (o *others) GetOrganization(ctx context.Context, r *directoryv1.GetOrganizationRequest) (*directoryv1.GetOrganizationResponse, error) {
	return &directoryv1.GetOrganizationResponse{Organization: &directoryv1.Organization{
		Id: r.GetOrganizationId(), DisplayName: proto.String(rpc.PrincipalOf(ctx).GetKind().String()),
	}}, nil
}

func (o *others) WatchAccess(_ *rulev1.WatchAccessRequest, stream grpc.ServerStreamingServer[rulev1.WatchAccessResponse]) error {
	if err := stream.Send(&rulev1.WatchAccessResponse{Cursor: "bookmark"}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

func (o *others) WriteResource(context.Context, *identityv1.WriteResourceRequest) (*identityv1.WriteResourceResponse, error) {
	return nil, fault.New(fault.Uniqueness, "Another user has this userName.")
}

func (o *others) RecordFailedEvents(_ context.Context, r *failedeventsv1.RecordFailedEventsRequest) (*failedeventsv1.RecordFailedEventsResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refuse {
		select {
		case o.refused <- struct{}{}:
		default:
		}
		return nil, fault.New(fault.Unavailable, "down")
	}
	for _, e := range r.GetFailedEvents() {
		o.recorded[e.GetId()] = e
	}
	select {
	case o.added <- struct{}{}:
	default:
	}
	return &failedeventsv1.RecordFailedEventsResponse{}, nil
}

func (o *others) setRefuse(refuse bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = refuse
}

// messageIDs waits until a number of failed events were recorded, and returns the IDs of their messages.
func (o *others) messageIDs(t *testing.T, count int) []string {
	t.Helper()
	for {
		var ids []string
		o.mu.Lock()
		for _, e := range o.recorded {
			ids = append(ids, e.GetMessageId())
		}
		o.mu.Unlock()
		if len(ids) >= count {
			slices.Sort(ids)
			return ids
		}
		select {
		case <-o.added:
		case <-time.After(20 * time.Second):
			t.Fatalf("%d of %d events were recorded", len(ids), count)
		}
	}
}

func newOthers() *others {
	return &others{
		key: bearer.APIKey.New(), credential: bearer.ServiceCredential.New(), refused: make(chan struct{}, 1), recorded: map[string]*failedeventsv1.FailedEvent{},
		added: make(chan struct{}, 1),
	}
}

func (o *others) dependencies(t *testing.T) gateway.Dependencies {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: log, Tracing: tracenoop.NewTracerProvider()})
	if err != nil {
		t.Fatal(err)
	}
	directoryv1.RegisterKeyLookupServiceServer(channel, o)
	directoryv1.RegisterOrganizationServiceServer(channel, o)
	identityv1.RegisterResourceServiceServer(channel, o)
	failedeventsv1.RegisterFailedEventRecordServiceServer(channel, o)
	rulev1.RegisterAccessServiceServer(channel, o)
	conn := channel.As(commonv1.Caller_CALLER_GATEWAY)
	return gateway.Dependencies{
		Connections: gateway.Connections{Directory: conn, Identity: conn, Rule: conn, FailedEvents: conn},
		Keys:        keylease.FromDirectory(conn, nil, log, time.Now), Console: http.NotFoundHandler(), Log: log,
		Tracing: tracenoop.NewTracerProvider(), Meter: metricnoop.NewMeterProvider(), Now: time.Now,
	}
}

func config(spool string) gateway.Config {
	return gateway.Config{Settings: gateway.Defaults(), PublicURL: "https://scim.example.com/", AdminURL: "https://admin.example.com", SpoolPath: spool, OperatorToken: "secret"}
}

func start(t *testing.T, c gateway.Config, d gateway.Dependencies) *gateway.Gateway {
	t.Helper()
	g, err := gateway.New(c, d)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// run delivers until the returned function is called.
func run(t *testing.T, g *gateway.Gateway) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// fail sends messages that identity refuses, several at a time, and returns the IDs in the answers.
func (o *others) fail(t *testing.T, g *gateway.Gateway, count int) []string {
	t.Helper()
	ids := make([]string, count)
	var sending sync.WaitGroup
	for i := range count {
		sending.Go(func() {
			r := httptest.NewRequest("POST", "/scim/v2/"+directory+"/Users", strings.NewReader(`{"userName":"a"}`))
			r.Header.Set("Authorization", "Bearer "+o.key.Reveal())
			a := httptest.NewRecorder()
			g.SCIM().ServeHTTP(a, r)
			if a.Code != http.StatusConflict {
				t.Errorf("%d: %s", a.Code, a.Body)
			}
			ids[i] = a.Header().Get("Usher-Message-Id")
		})
	}
	sending.Wait()
	slices.Sort(ids)
	return ids
}

// Invariant 8.
func TestFailedMessagesAreRecordedOnceFailedeventsIsBack(t *testing.T) {
	t.Parallel()
	o := newOthers()
	o.setRefuse(true)
	g := start(t, config(t.TempDir()), o.dependencies(t))
	stop := run(t, g)
	want := o.fail(t, g, 60)
	<-o.refused
	o.setRefuse(false)
	got := o.messageIDs(t, len(want))
	if !slices.Equal(got, want) {
		t.Errorf("recorded: %q, want %q", got, want)
	}
	stop()
	for _, e := range o.recorded {
		if e.GetOrganizationId() != "acme" || e.GetDirectoryId() != directory || e.GetStatus() != 409 || e.GetScimType() != "uniqueness" ||
			e.GetReason() != "SCIM_UNIQUENESS" || e.GetOperation() != "POST /Users" || e.GetSource() != failedeventsv1.FailedEventSource_FAILED_EVENT_SOURCE_GATEWAY {
			t.Errorf("recorded: %v", e)
		}
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

func TestFailedMessagesOutliveTheGateway(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "spool")
	o := newOthers()
	o.setRefuse(true)
	killed := start(t, config(folder), o.dependencies(t))
	stop := run(t, killed)
	want := o.fail(t, killed, 30)
	<-o.refused
	stop() // without Close, because the next process must not need what the killed process knew
	o.setRefuse(false)
	g := start(t, config(folder), o.dependencies(t))
	stop = run(t, g)
	if got := o.messageIDs(t, len(want)); !slices.Equal(got, want) {
		t.Errorf("recorded: %q, want %q", got, want)
	}
	stop()
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheSpoolsSizeIsAMetricUntilClose(t *testing.T) {
	t.Parallel()
	o := newOthers()
	d := o.dependencies(t)
	reader := sdkmetric.NewManualReader()
	d.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	g := start(t, config(t.TempDir()), d)
	size := func() (bytes int64, found bool) {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if gauge, ok := m.Data.(metricdata.Gauge[int64]); ok && m.Name == "usher_gateway_spool_bytes" {
					for _, point := range gauge.DataPoints {
						return point.Value, true
					}
				}
			}
		}
		return 0, false
	}
	if bytes, found := size(); !found || bytes != 0 {
		t.Errorf("%d, %v", bytes, found)
	}
	o.fail(t, g, 1)
	if bytes, found := size(); !found || bytes < 100 {
		t.Errorf("%d, %v", bytes, found)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if _, found := size(); found {
		t.Error("it is still there")
	}
	if err := g.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestLookUpsOfKeysAreCountedByTheAnsweringLayer(t *testing.T) {
	t.Parallel()
	o := newOthers()
	d := o.dependencies(t)
	reader := sdkmetric.NewManualReader()
	d.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	g := start(t, config(t.TempDir()), d)
	t.Cleanup(func() { _ = g.Close() })
	for range 3 {
		o.fail(t, g, 1)
	}
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "usher_gateway_key_lookups_total" {
				for _, point := range sum.DataPoints {
					source, _ := point.Attributes.Value("source")
					got[source.AsString()] = point.Value
				}
			}
		}
	}
	// Each one is a write, so its key is looked up again after its body has arrived.
	if want := map[string]int64{"process": 5, "shared": 0, "directory": 1}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

func TestTheThreeAPIs(t *testing.T) {
	t.Parallel()
	o := newOthers()
	g := start(t, config(t.TempDir()), o.dependencies(t))
	t.Cleanup(func() { _ = g.Close() })

	r := httptest.NewRequest("GET", "/scim/v2/"+directory+"/ServiceProviderConfig", nil)
	r.Header.Set("Authorization", "Bearer "+o.key.Reveal())
	a := httptest.NewRecorder()
	g.SCIM().ServeHTTP(a, r)
	if a.Code != 200 || !strings.Contains(a.Body.String(), "https://scim.example.com/scim/v2/"+directory+"/ServiceProviderConfig") {
		t.Errorf("SCIM: %d: %s", a.Code, a.Body)
	}

	r = httptest.NewRequest("GET", "/api/v1/organizations/acme", nil)
	r.Header.Set("Authorization", "Bearer secret")
	a = httptest.NewRecorder()
	g.Admin().ServeHTTP(a, r)
	if a.Code != 200 || !strings.Contains(a.Body.String(), "PRINCIPAL_KIND_OPERATOR") {
		t.Errorf("admin: %d: %s", a.Code, a.Body)
	}

	client := dialPublic(t, g)
	answer, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(
		metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer secret"),
		&directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
	if err != nil || answer.GetOrganization().GetDisplayName() != "PRINCIPAL_KIND_OPERATOR" {
		t.Errorf("public gRPC: %v, %v", answer, err)
	}
}

func TestAllProblemsOfAConfigAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	c := config("")
	c.PublicURL, c.AdminURL, c.SpoolBytes, c.MaxBodyBytes, c.MaxGroupBytes, c.MaxBulkBytes = "ftp://x", "https://x/y", -1, -1, 65<<20, 65<<20
	c.MaxBulkOperations, c.RequestTimeout, c.RatePerSecond, c.WatchesPerCredential = -1, -1, -1, -1
	c.UnknownKeysPerAddress, c.UnknownKeys = -1, math.NaN()
	_, err := gateway.New(c, newOthers().dependencies(t))
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, key := range []string{
		"public_url", "admin_url", "the spool needs a folder", "spool_bytes", "max_body_bytes", "max_group_bytes", "max_bulk_bytes", "max_bulk_operations",
		"request_timeout", "rate_per_second", "watches_per_credential",
		"unknown_keys_per_address", `unknown_keys must be above 0, not "NaN"`,
	} {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not named: %v", key, err)
		}
	}
}

func TestTheMemoryInFlightHasRoomForTheLargestBody(t *testing.T) {
	t.Parallel()
	const largest = 64<<10 + 8*(4<<20+1)
	for name, c := range map[string]struct {
		all, share int64
		want       string // of the error; empty: it is accepted
	}{
		"the defaults":                       {0, 0, ""},
		"room for the largest body alone":    {largest, largest, ""},
		"a share by default":                 {largest, 0, ""},
		"less than the largest body takes":   {largest - 1, 0, "in_flight_bytes must be 0, or at least 33619976"},
		"a share of less than that":          {largest, largest - 1, "in_flight_share_bytes must be 0, or at least 33619976"},
		"a share that is more than there is": {largest, largest + 1, "in_flight_share_bytes must be at most"},
		"less than nothing":                  {-1, -1, "in_flight_bytes must be 0, or at least 33619976"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := config(t.TempDir())
			config.InFlightBytes, config.InFlightShareBytes = c.all, c.share
			g, err := gateway.New(config, newOthers().dependencies(t))
			if err == nil {
				defer func() { _ = g.Close() }()
			}
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestASecretPrintsAsNothing(t *testing.T) {
	t.Parallel()
	c := gateway.Config{OperatorToken: "hush"}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "token", c.OperatorToken)
	for _, printed := range []string{
		string(text), logged.String(), fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), c.OperatorToken.String(),
	} {
		if strings.Contains(printed, "hush") {
			t.Errorf("printed: %s", printed)
		}
	}
}

// dialPublic serves the public gRPC API until the test ends, and connects to it.
func dialPublic(t *testing.T, g *gateway.Gateway) *grpc.ClientConn {
	t.Helper()
	server, listener := g.PublicServer(), bufconn.Listen(1<<20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	client, err := grpc.NewClient("passthrough:bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
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
	return client
}

func TestASpanOfTheConsoleContainsNoPath(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	d := newOthers().dependencies(t)
	d.Tracing = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	d.Console = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { r.Pattern = "/{console}" })
	g := start(t, config(filepath.Join(t.TempDir(), "spool")), d)
	t.Cleanup(func() { _ = g.Close() })
	g.Admin().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/alice@example.com?key=ush_secret", nil))
	all := fmt.Sprintf("%+v", spans.GetSpans())
	if len(spans.GetSpans()) != 1 || strings.Contains(all, "alice") || strings.Contains(all, "ush_secret") || !strings.Contains(all, "/{console}") {
		t.Errorf("the spans are %s", all)
	}
}
