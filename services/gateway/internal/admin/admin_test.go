package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/usher-scim/usher/gen"
	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/backend"
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

// directories is a stand-in for the directory service.
type directories struct {
	directoryv1.UnimplementedOrganizationServiceServer

	mu        sync.Mutex
	err       error
	principal *commonv1.Principal
	created   *directoryv1.CreateOrganizationRequest
	remains   time.Duration // the time until the deadline of the call
}

func (d *directories) CreateOrganization(ctx context.Context, r *directoryv1.CreateOrganizationRequest) (*directoryv1.CreateOrganizationResponse, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.created, d.principal = r, rpc.PrincipalOf(ctx)
	if at, ok := ctx.Deadline(); ok {
		d.remains = time.Until(at)
	}
	return &directoryv1.CreateOrganizationResponse{Organization: &directoryv1.Organization{Id: r.GetOrganization().GetId()}}, d.err
}

func (d *directories) GetOrganization(_ context.Context, r *directoryv1.GetOrganizationRequest) (*directoryv1.GetOrganizationResponse, error) {
	return nil, fault.Missing("organization", r.GetOrganizationId())
}

// accesses is a stand-in for the access feed of the rule service.
type accesses struct {
	rulev1.UnimplementedAccessServiceServer
	err     error
	proceed chan struct{}
	bounded bool // the call had a deadline
	hang    bool // after the first answer, until the caller leaves
	endless bool // it sends parts of 64 KiB until the caller leaves
	atOnce  bool // it fails before the first answer
	left    func()
}

func (a *accesses) WatchAccess(_ *rulev1.WatchAccessRequest, stream grpc.ServerStreamingServer[rulev1.WatchAccessResponse]) error {
	_, a.bounded = stream.Context().Deadline()
	if a.atOnce {
		return a.err
	}
	for a.endless {
		if err := stream.Send(&rulev1.WatchAccessResponse{Cursor: strings.Repeat("c", 64<<10)}); err != nil {
			a.left()
			return err
		}
	}
	for range 2 {
		if err := stream.Send(&rulev1.WatchAccessResponse{Cursor: "c"}); err != nil {
			return err
		}
		if a.hang {
			<-stream.Context().Done()
			return stream.Context().Err()
		}
		<-a.proceed
	}
	return a.err
}

// keys is a stand-in for the directory service, with one service credential.
type keys struct {
	mu         sync.Mutex
	credential secret.Text
	revoked    bool
	err        error
}

func (k *keys) load(_ context.Context, digest keylease.Digest) (keylease.Lease, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	lease := keylease.Lease{Until: time.Now().Add(20 * time.Millisecond)}
	if digest == k.credential.Digest() && !k.revoked {
		lease.Principal = &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1", AllOrganizations: true, Scopes: 254}
	} else {
		lease.Unknown = true
	}
	return lease, k.err
}

func (k *keys) set(change func(*keys)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k)
}

type world struct {
	keys        *keys
	directories *directories
	accesses    *accesses
	handler     *Handler
	spans       *tracetest.InMemoryExporter
	metrics     *sdkmetric.ManualReader
	logs        *strings.Builder
}

func newWorld(t *testing.T, change ...func(*Dependencies)) *world {
	t.Helper()
	w := &world{
		keys: &keys{credential: bearer.ServiceCredential.New()}, directories: &directories{}, accesses: &accesses{proceed: make(chan struct{}, 2)}, spans: tracetest.NewInMemoryExporter(),
		metrics: sdkmetric.NewManualReader(), logs: &strings.Builder{},
	}
	tracing := sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: tracing})
	if err != nil {
		t.Fatal(err)
	}
	directoryv1.RegisterOrganizationServiceServer(channel, w.directories)
	rulev1.RegisterAccessServiceServer(channel, w.accesses)
	conn := channel.As(commonv1.Caller_CALLER_GATEWAY)
	instruments, err := metrics.New(sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.metrics)))
	if err != nil {
		t.Fatal(err)
	}
	operator := authn.NewOperator(operatortoken.Token{Subject: operatortoken.Subject, Digest: secret.Text("secret").Digest()})
	d := Dependencies{
		Clients: authn.NewClients(operator, nil, keylease.New(w.keys.load, time.Now),
			authn.NewUnknownKeys(authn.UnknownKeysConfig{PerAddress: 1e6, Total: 1e6}, time.Now), time.Now),
		ServerName: "scim.example.com",
		InFlight:   inflight.New(64<<20, 32<<20), TallyEvery: time.Hour, Metrics: instruments,
		Log: slog.New(slog.NewTextHandler(w.logs, nil)), Tracing: tracing, Now: time.Now,
	}
	for _, c := range change {
		c(&d)
	}
	w.handler, err = New(t.Context(), backend.Connections{Directory: conn, Identity: conn, Rule: conn, FailedEvents: conn}, d)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

type failure struct {
	Code    int
	Message string
	Details []struct {
		Type            string `json:"@type"`
		Reason, Domain  string
		FieldViolations []struct{ Field string }
	}
}

func (w *world) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer secret")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, r)
	return a
}

func TestARequestBecomesACallOfTheOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do("POST", "/api/v1/organizations", `{"id":"acme","federated":true}`,
		"Grpc-Metadata-Usher-Caller", "rule", "Grpc-Timeout", "nonsense")
	if a.Code != 200 {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	want := &directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: "acme", Federated: proto.Bool(true)}}
	if !proto.Equal(w.directories.created, want) {
		t.Errorf("the call was %v", w.directories.created)
	}
	if p := w.directories.principal; p.GetKind() != commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR || p.GetSubject() != "operator" {
		t.Errorf("the principal was %v", p)
	}
	var answer struct{ Organization map[string]any }
	if err := json.Unmarshal(a.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if value, ok := answer.Organization["createTime"]; !ok || value != nil || answer.Organization["id"] != "acme" {
		t.Errorf("the answer is %s", a.Body)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := a.Header().Get(name); got != value {
			t.Errorf("%s is %q", name, got)
		}
	}
	if id := a.Header().Get("Usher-Trace-Id"); id == "" || id != w.spans.GetSpans()[len(w.spans.GetSpans())-1].SpanContext.TraceID().String() {
		t.Errorf("the trace is %q", id)
	}
}

func TestARequestWithAServiceCredentialCarriesItsScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := "Bearer " + w.keys.credential.Reveal()
	if a := w.do("POST", "/api/v1/organizations", `{"id":"acme"}`, "Authorization", token); a.Code != 200 {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	want := &commonv1.Principal{
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c1", AllOrganizations: true, Scopes: 254,
	}
	if !proto.Equal(w.directories.principal, want) {
		t.Errorf("the principal was %v", w.directories.principal)
	}
	if text := w.logs.String(); !strings.Contains(text, "principal=c1") || strings.Contains(text, "usc_") {
		t.Errorf("logged: %s", text)
	}
	w.keys.set(func(k *keys) { k.err = fault.New(fault.Unavailable, "directory is down") })
	var f failure
	for until := time.Now().Add(20 * time.Second); f.Code == 0 && time.Now().Before(until); { // until the key lease ends
		if a := w.do("GET", "/api/v1/roles", "", "Authorization", token); a.Code == 503 {
			if err := json.Unmarshal(a.Body.Bytes(), &f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(f.Details) == 0 || f.Details[0].Reason != "UNAVAILABLE" {
		t.Errorf("while it cannot be checked: %+v", f)
	}
}

func TestAStreamEndsWithItsCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accesses.hang = true
	server := httptest.NewServer(w.handler)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/organizations/acme/access:watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.keys.credential.Reveal())
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"result":{`) {
		t.Fatalf("the first line is %q", lines.Text())
	}
	w.keys.set(func(k *keys) { k.revoked = true })
	if !lines.Scan() || !strings.Contains(lines.Text(), `"UNAUTHENTICATED"`) || lines.Scan() {
		t.Errorf("the last line is %q", lines.Text())
	}
}

func TestFailuresAreStatuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		reason                   string
	}{
		{"no token", "GET", "/api/v1/organizations/acme", "", []string{"Authorization", ""}, 401, "UNAUTHENTICATED"},
		{"a wrong token", "GET", "/api/v1/organizations/acme", "", []string{"Authorization", "Bearer wrong"}, 401, "UNAUTHENTICATED"},
		{"a wrong token where nothing is", "GET", "/nothing", "", []string{"Authorization", "Bearer wrong"}, 401, "UNAUTHENTICATED"},
		{"an API key", "GET", "/api/v1/organizations/acme", "", []string{"Authorization", "Bearer " + bearer.APIKey.New().Reveal()}, 401, "UNAUTHENTICATED"},
		{"an unknown service credential", "GET", "/api/v1/organizations/acme", "", []string{"Authorization", "Bearer " + bearer.ServiceCredential.New().Reveal()}, 401, "UNAUTHENTICATED"},
		{"nothing there", "GET", "/api/v1/nothing", "", nil, 404, "NOT_FOUND"},
		{"not this method", "DELETE", "/api/v1/organizations", "", nil, 405, "INVALID_REQUEST"},
		{"not this method of the description", "POST", "/api/v1/openapi.json", "", nil, 405, "INVALID_REQUEST"},
		{"another method by header", "POST", "/api/v1/organizations/acme", "", []string{"X-HTTP-Method-Override", "GET"}, 405, "INVALID_REQUEST"},
		{"reading by a form", "POST", "/api/v1/organizations/acme", "a=b", []string{"Content-Type", "application/x-www-form-urlencoded"}, 405, "INVALID_REQUEST"},
		{"no such organization", "GET", "/api/v1/organizations/acme", "", nil, 404, "NOT_FOUND"},
		{"no JSON", "POST", "/api/v1/organizations", "{", nil, 400, "INVALID_REQUEST"},
		{"an unknown field", "POST", "/api/v1/organizations", `{"id":"acme","nonsense":1}`, nil, 400, "INVALID_REQUEST"},
		{"a wrong type", "POST", "/api/v1/organizations", `{"id":1}`, nil, 400, "INVALID_REQUEST"},
		{"a field that breaks the contract", "POST", "/api/v1/organizations", `{"id":"NO SLUG"}`, nil, 400, "INVALID_REQUEST"},
		{"a body over the limit", "POST", "/api/v1/organizations", strings.Repeat("a", maxBody+1), nil, 413, "LIMIT"},
		{"a service that does not have it", "GET", "/api/v1/organizations", "", nil, 404, "NOT_FOUND"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.do(c.method, c.path, c.body, c.headers...)
			var f failure
			if err := json.Unmarshal(a.Body.Bytes(), &f); err != nil {
				t.Fatalf("%d: %v: %s", a.Code, err, a.Body)
			}
			if a.Code != c.status || len(f.Details) == 0 || f.Details[0].Reason != c.reason || f.Details[0].Domain != "usher" ||
				f.Details[0].Type != "type.googleapis.com/google.rpc.ErrorInfo" || f.Message == "" || f.Code == 0 {
				t.Errorf("%d: %s", a.Code, a.Body)
			}
			if (a.Header().Get("Allow") != "") != (c.status == 405) {
				t.Errorf("Allow is %q", a.Header().Get("Allow"))
			}
			if (a.Header().Get("WWW-Authenticate") == "Bearer") != (c.status == 401) {
				t.Errorf("WWW-Authenticate is %q", a.Header().Get("WWW-Authenticate"))
			}
		})
	}
}

func TestTheReasonOfAFailureDecidesTheStatus(t *testing.T) {
	t.Parallel()
	for reason, status := range map[fault.Reason]int{
		fault.InvalidRequest: 400, fault.RoleScope: 400, fault.CursorExpired: 400, fault.NotAllowed: 403, fault.NotFound: 404,
		fault.AlreadyExists: 409, fault.Conflict: 409, fault.NotFederated: 409, fault.TenantInUse: 409, fault.Ambiguous: 409,
		fault.Limit: 429, fault.Internal: 500, fault.NotReady: 503, fault.Deadline: 504,
	} {
		w := newWorld(t)
		w.directories.err = fault.New(reason, "no")
		w.accesses.err, w.accesses.atOnce = w.directories.err, true
		for what, a := range map[string]*httptest.ResponseRecorder{
			"a call":                    w.do("POST", "/api/v1/organizations", `{"id":"acme"}`),
			"a stream without an event": w.do("GET", "/api/v1/organizations/acme/access:watch", ""),
		} {
			if a.Code != status || !strings.Contains(a.Body.String(), `"`+fault.ReasonName(reason)+`"`) {
				t.Errorf("%s that fails with %s is %d, want %d: %s", what, fault.ReasonName(reason), a.Code, status, a.Body)
			}
		}
	}
}

func TestAFieldThatBreaksTheContractIsNamed(t *testing.T) {
	t.Parallel()
	a := newWorld(t).do("POST", "/api/v1/organizations", `{"id":"NO SLUG"}`)
	var f failure
	if err := json.Unmarshal(a.Body.Bytes(), &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Details) != 2 || len(f.Details[1].FieldViolations) == 0 || f.Details[1].FieldViolations[0].Field != "organization.id" {
		t.Errorf("%s", a.Body)
	}
}

func TestTheDescriptionNeedsNoCredential(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, credential := range []string{"", "Bearer wrong", "Basic secret"} {
		for _, method := range []string{"GET", "HEAD"} {
			a := w.do(method, "/api/v1/openapi.json", "", "Authorization", credential)
			if a.Code != 200 || !bytes.Equal(a.Body.Bytes(), gen.OpenAPI) || a.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s with %q: %d, %d bytes", method, credential, a.Code, a.Body.Len())
			}
		}
		if a := w.do("GET", "/api/v1/roles", "", "Authorization", credential); a.Code != 401 {
			t.Errorf("a list of roles with %q: %d", credential, a.Code)
		}
	}
}

func TestAStreamArrivesLineByLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.accesses.err = fault.New(fault.CursorExpired, "too old")
	server := httptest.NewServer(w.handler)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/organizations/acme/access:watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	for range 2 {
		// Each line arrives before the next change is made.
		if !lines.Scan() || !strings.Contains(lines.Text(), `"result":{`) {
			t.Fatalf("the line is %q", lines.Text())
		}
		w.accesses.proceed <- struct{}{}
	}
	if !lines.Scan() || !strings.Contains(lines.Text(), "CURSOR_EXPIRED") {
		t.Errorf("the last line is %q", lines.Text())
	}
	if w.accesses.bounded {
		t.Error("the stream has a deadline")
	}
}

func TestACallMayLastAsLongAsTheLongestWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.do("POST", "/api/v1/organizations", `{"id":"acme"}`); a.Code != 200 {
		t.Fatalf("%d: %s", a.Code, a.Body)
	}
	if w.directories.remains <= time.Minute || w.directories.remains > deadline {
		t.Errorf("it may take %s", w.directories.remains)
	}
}

func TestASilentClientKeepsNoConnection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, request string
		late          bool // the body is late
		status        int
	}{
		{"no token", "POST /api/v1/organizations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", false, 401},
		{"no token, no length", "POST /api/v1/organizations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", false, 401},
		{
			"not this method of the description",
			"POST /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nContent-Length: 1000\r\n\r\n", false, 405,
		},
		{
			"a token and no body",
			"POST /api/v1/organizations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\nContent-Length: 1000\r\n\r\n{",
			true, 408,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			handler := newWorld(t).handler
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.late {
					_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // as package pace does
				}
				handler.ServeHTTP(w, r)
			}))
			defer server.Close()
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, c.request); err != nil {
				t.Fatal(err)
			}
			reader := bufio.NewReader(conn)
			answer, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, bodyErr := io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
			if answer.StatusCode != c.status || !answer.Close || bodyErr != nil {
				t.Errorf("%d, closes: %v, %v", answer.StatusCode, answer.Close, bodyErr)
			}
			if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("the connection is not closed: %v", err)
			}
		})
	}
}

func TestRefusalsAreCountedAndLoggedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, authorization := range []string{"Bearer wrong", "Bearer wrong", "Bearer " + bearer.ServiceCredential.New().Reveal()} {
		w.do("GET", "/api/v1/organizations/acme", "", "Authorization", authorization)
	}
	if w.logs.Len() > 0 {
		t.Errorf("logged one by one: %s", w.logs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.handler.Run(ctx)
	if line := w.logs.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "api=admin unauthenticated=3") {
		t.Errorf("logged: %s", line)
	}
	var all metricdata.ResourceMetrics
	if err := w.metrics.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	refused := map[string]int64{}
	for _, m := range all.ScopeMetrics[0].Metrics {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == metrics.OperatorRefused {
			for _, p := range sum.DataPoints {
				face, _ := p.Attributes.Value("api")
				reason, _ := p.Attributes.Value("reason")
				refused[face.AsString()+" "+reason.AsString()] = p.Value
			}
		}
	}
	if want := map[string]int64{"admin malformed": 2, "admin unknown": 1}; !maps.Equal(refused, want) {
		t.Errorf("measured: %v, want %v", refused, want)
	}
}

func TestTheLogAddsTheTraceToALine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("GET", "/api/v1/organizations/acme", "")
	if line := w.logs.String(); !strings.Contains(line, "admin request") || strings.Contains(line, "trace_id") {
		t.Errorf("logged: %s", line)
	}
}

func TestSpansAndLogsNameTheRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("GET", "/api/v1/organizations/jane@example.com", "")
	w.do("GET", "/jane@example.com", "")
	text := w.logs.String()
	found := false
	for _, span := range w.spans.GetSpans() {
		text += fmt.Sprintln(span.Name, span.Attributes)
		found = found || span.Name == "GET /api/v1/organizations/{organization_id}"
	}
	if !found || strings.Contains(text, "jane") || strings.Contains(text, "secret") {
		t.Errorf("spans and logs: %s", text)
	}
}

// Every RPC with an address is served, and every served RPC is public: otherwise an admin could call RPCs that are only for services.
func TestEveryAddressIsServedAndPublic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	addresses := 0
	for _, pkg := range []protoreflect.FullName{"usher.directory.v1", "usher.identity.v1", "usher.rule.v1", "usher.failedevents.v1"} {
		protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(file protoreflect.FileDescriptor) bool {
			for i := range file.Services().Len() {
				for j := range file.Services().Get(i).Methods().Len() {
					method := file.Services().Get(i).Methods().Get(j)
					rule, ok := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
					if !ok || rule == nil {
						continue
					}
					addresses++
					if name := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name()); !rpc.Public(name) {
						t.Errorf("%s has an address and is internal", name)
					}
					verb, path := address(rule)
					path = strings.NewReplacer("{", "", "}", "").Replace(path)
					if method.IsStreamingServer() {
						continue // served above
					}
					if a := w.do(verb, path, ""); strings.Contains(a.Body.String(), "nothing at this address") ||
						strings.Contains(a.Body.String(), "method is not possible") {
						t.Errorf("%s %s is not served: %s", verb, path, a.Body)
					}
				}
			}
			return true
		})
	}
	if addresses < 30 {
		t.Errorf("%d addresses: the walk misses some", addresses)
	}
}
