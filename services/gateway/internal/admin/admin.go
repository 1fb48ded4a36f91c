// Package admin is the gateway's admin REST API: the RPCs of the public services that have an address, as JSON under /api/v1.
package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/usher-scim/usher/gen"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/backend"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/tally"
	"github.com/usher-scim/usher/services/gateway/internal/traced"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/pace"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// traceIDHeader is the header of each answer with the ID of its trace, which a person can tell the operator.
const traceIDHeader = "Usher-Trace-Id"

const (
	prefix  = "/api/v1/"
	openAPI = prefix + "openapi.json"
	maxBody = 1 << 20
	// callBytes is the part of the memory in flight that every request reserves: for itself, a body of firstRoom, the decoded form of
	// smallBody, and an answer of smallAnswer.
	callBytes = 16 << 10
	// firstRoom is the memory that a body gets before it arrives, whatever length its header announces, in bytes.
	firstRoom = 4 << 10
	// bodyCopies is how many copies of a body are in memory while it arrives: the body, and its buffer from before it grew.
	bodyCopies = 2
	// smallBody is the largest body, in bytes, whose decoded form fits into callBytes.
	smallBody = 100
	// valueBytes is the memory of one decoded value of a body. textCopies is how often its text is copied.
	valueBytes, textCopies = 160, 4
	// smallAnswer is the largest part of an answer, in bytes, for which callBytes is enough.
	smallAnswer = 4 << 10
	// answerCopies is how many copies of an answer are in memory until it is sent: decoded and encoded.
	answerCopies = 2
	// deadline limits every unary call. access:wait may take 60 seconds, which is longer than the default deadline of package rpc.
	deadline = 65 * time.Second
	// unauthenticated is the tally's name for a request without a valid token.
	unauthenticated = "unauthenticated"
	// unknownKeys is the tally's name for a request that exceeds the limit on unknown tokens.
	unknownKeys = "unknown_keys"
	// sessionRate is the tally's name for a request that exceeds the rate of its session.
	sessionRate = "session_rate"
	// unavailable is the tally's name for a request whose token cannot be checked.
	unavailable = "unavailable"
)

// Dependencies are what the API uses.
type Dependencies struct {
	Clients    authn.Clients
	Browser    authn.Browser
	ServerName string // for spans, which must not contain a Host header that a client invents

	TrustedProxies []netip.Prefix   // they tell the address of a client
	InFlight       *inflight.Budget // memory, with a share for each credential
	TallyEvery     time.Duration
	Quiet          traced.Quiet // successes without a log line
	Metrics        *metrics.Metrics
	Log            *slog.Logger
	Tracing        trace.TracerProvider
	Now            func() time.Time
}

// Handler serves the admin REST API.
type Handler struct {
	d      Dependencies
	mux    *runtime.ServeMux
	tally  tally.Tally
	traced http.Handler

	routes routes
}

// New creates the handler.
func New(ctx context.Context, c backend.Connections, d Dependencies) (*Handler, error) {
	h := &Handler{d: d, routes: readRoutes()}
	h.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
			MarshalOptions: protojson.MarshalOptions{EmitUnpopulated: true},
		}),
		// No header of a client becomes metadata of a call.
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithErrorHandler(sendError),
		runtime.WithStreamErrorHandler(func(ctx context.Context, err error) *status.Status {
			err = authn.Because(ctx, err)
			if v, ok := ctx.Value(visitCtx{}).(*visit); ok {
				v.failed = statusOf(err)
			}
			return rpc.Status(withNamesOfREST(err))
		}),
		runtime.WithRoutingErrorHandler(h.sendRoutingError),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithMiddlewares(h.checkAddress),
	)
	if err := h.register(ctx, c); err != nil {
		return nil, err
	}
	h.traced = traced.Handler(http.HandlerFunc(h.serve), traced.Options{
		Name: "admin", ServerName: d.ServerName, TrustedProxies: d.TrustedProxies, Tracing: d.Tracing, Metrics: d.Metrics,
	})
	return h, nil
}

func (h *Handler) register(ctx context.Context, c backend.Connections) error {
	c = c.Wrap(func(conn grpc.ClientConnInterface) grpc.ClientConnInterface { return patient{conn} })
	return errors.Join(
		directoryv1.RegisterOrganizationServiceHandlerClient(ctx, h.mux, directoryv1.NewOrganizationServiceClient(c.Directory)),
		directoryv1.RegisterDirectoryServiceHandlerClient(ctx, h.mux, directoryv1.NewDirectoryServiceClient(c.Directory)),
		directoryv1.RegisterApiKeyServiceHandlerClient(ctx, h.mux, directoryv1.NewApiKeyServiceClient(c.Directory)),
		directoryv1.RegisterSessionServiceHandlerClient(ctx, h.mux, directoryv1.NewSessionServiceClient(c.Directory)),
		directoryv1.RegisterPortalLinkServiceHandlerClient(ctx, h.mux, directoryv1.NewPortalLinkServiceClient(c.Directory)),
		directoryv1.RegisterServiceCredentialServiceHandlerClient(ctx, h.mux, directoryv1.NewServiceCredentialServiceClient(c.Directory)),
		identityv1.RegisterReadServiceHandlerClient(ctx, h.mux, identityv1.NewReadServiceClient(c.Identity)),
		identityv1.RegisterPeopleServiceHandlerClient(ctx, h.mux, identityv1.NewPeopleServiceClient(c.Identity)),
		identityv1.RegisterAdoptionServiceHandlerClient(ctx, h.mux, identityv1.NewAdoptionServiceClient(c.Identity)),
		identityv1.RegisterDetachedUserServiceHandlerClient(ctx, h.mux, identityv1.NewDetachedUserServiceClient(c.Identity)),
		identityv1.RegisterDialectServiceHandlerClient(ctx, h.mux, identityv1.NewDialectServiceClient(c.Identity)),
		identityv1.RegisterSchemaServiceHandlerClient(ctx, h.mux, identityv1.NewSchemaServiceClient(c.Identity)),
		identityv1.RegisterProgressServiceHandlerClient(ctx, h.mux, identityv1.NewProgressServiceClient(c.Identity)),
		rulev1.RegisterTenantServiceHandlerClient(ctx, h.mux, rulev1.NewTenantServiceClient(c.Rule)),
		rulev1.RegisterRoleServiceHandlerClient(ctx, h.mux, rulev1.NewRoleServiceClient(c.Rule)),
		rulev1.RegisterRuleServiceHandlerClient(ctx, h.mux, rulev1.NewRuleServiceClient(c.Rule)),
		rulev1.RegisterSyncServiceHandlerClient(ctx, h.mux, rulev1.NewSyncServiceClient(c.Rule)),
		rulev1.RegisterAccessServiceHandlerClient(ctx, h.mux, rulev1.NewAccessServiceClient(c.Rule)),
		failedeventsv1.RegisterFailedEventServiceHandlerClient(ctx, h.mux, failedeventsv1.NewFailedEventServiceClient(c.FailedEvents)),
		failedeventsv1.RegisterActivityServiceHandlerClient(ctx, h.mux, failedeventsv1.NewActivityServiceClient(c.FailedEvents)),
	)
}

// patient sets the deadline of unary calls. A stream lives until its client leaves.
type patient struct{ grpc.ClientConnInterface }

func (p patient) Invoke(ctx context.Context, method string, request, reply any, options ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return p.ClientConnInterface.Invoke(ctx, method, request, reply, options...)
}

// Run logs the counts of the tally until its context ends.
func (h *Handler) Run(ctx context.Context) {
	h.tally.Run(ctx, h.d.Log.With(slog.String("api", "admin")), h.d.TallyEvery)
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.traced.ServeHTTP(w, r) }

// visit is what the handler knows about a request, besides the request itself.
type visit struct {
	route  string // set when it is known
	failed int    // the HTTP status of the error that ended a stream; 0 if there was no error
}

type visitCtx struct{}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	start := h.d.Now()
	v := &visit{route: prefix + "{unknown}"}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if span := trace.SpanContextFromContext(r.Context()); span.HasTraceID() {
		header.Set(traceIDHeader, span.TraceID().String())
	}
	if r.URL.Path == openAPI {
		h.describe(w, r)
		return
	}
	answered := &answered{ResponseWriter: w, visit: v}
	defer answered.reserved.Close()
	client, err := h.authenticate(r)
	if err == nil {
		// A stream can live longer than the credential that opened it, and only the mux knows which requests are streams.
		ctx, stop := h.d.Clients.Bind(r.Context(), client)
		defer stop()
		ctx = context.WithValue(authn.WithClient(ctx, client), visitCtx{}, v)
		answered.reserved = h.d.InFlight.OpenCredential(client.Principal.GetSubject())
		h.enter(answered, r.WithContext(ctx), v)
	} else {
		h.turnAway(answered, r, err)
	}
	r.Pattern = v.route
	// The route replaces the path itself, which may contain anything.
	trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("url.path", v.route))
	if err != nil {
		return
	}
	if answered.code() < http.StatusBadRequest && h.d.Quiet.Skips(r.Context()) {
		return
	}
	h.d.Log.LogAttrs(r.Context(), slog.LevelInfo, "admin request",
		slog.String("principal", client.Principal.GetSubject()),
		slog.String("organization", organizationIn(r.URL.Path)),
		slog.String("method", r.Method),
		slog.String("route", v.route),
		slog.Int("status", answered.code()),
		slog.Duration("duration", h.d.Now().Sub(start)))
}

// organizationIn returns the id of the organization in an address, or "" if there is none that could exist.
func organizationIn(path string) string {
	rest, ok := strings.CutPrefix(path, prefix+"organizations/")
	id, _, _ := strings.Cut(rest, "/")
	if id, _, _ = strings.Cut(id, ":"); !ok || !ids.IsSlug(id) {
		return ""
	}
	return id
}

// authenticate returns the client of a request: by its bearer token or, if it has none, by the session of its browser.
func (h *Handler) authenticate(r *http.Request) (authn.Client, error) {
	if r.Header.Get("Authorization") == "" && h.d.Browser.Secret(r) != "" {
		return h.d.Browser.Authenticate(r, r.Header.Get(authn.CSRFHeader))
	}
	return h.d.Clients.Authenticate(r.Context(), authn.SourceOf(r), authn.Bearer{
		Authorization: r.Header.Values("Authorization"), Organization: r.Header.Get(authn.OrganizationHeader),
	})
}

// describe serves the description of this API. It is not secret, so this needs no credential. It is always in memory, so this reserves no
// memory.
func (h *Handler) describe(w http.ResponseWriter, r *http.Request) {
	r.Pattern = openAPI
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.refuseWith(w, r, http.StatusMethodNotAllowed, fault.New(fault.InvalidRequest, "the description can only be read"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(gen.OpenAPI) // the client left: nobody can receive an error
}

// turnAway refuses a request that is not authenticated. It only counts it, unless a credential that exists was refused.
func (h *Handler) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	h.d.Clients.LogRefusal(r.Context(), h.d.Log, err)
	if errors.Is(err, authn.ErrSessionRate) {
		h.tally.Add(sessionRate)
		h.d.Metrics.OperatorRefused.Add(r.Context(), 1, metrics.Refused("admin", sessionRate))
		h.refuse(w, r, err)
		return
	}
	if fault.Is(err, fault.Limit) {
		h.tally.Add(unknownKeys)
		h.d.Metrics.OperatorRefused.Add(r.Context(), 1, metrics.Refused("admin", unknownKeys))
		h.refuse(w, r, err)
		return
	}
	var refusal authn.Refusal
	if !errors.As(err, &refusal) {
		h.tally.Add(unavailable)
		h.refuse(w, r, err)
		return
	}
	h.d.Metrics.OperatorRefused.Add(r.Context(), 1, metrics.Refused("admin", string(refusal)))
	h.tally.Add(unauthenticated)
	h.refuse(w, r, fault.New(fault.Unauthenticated, "send a valid token as: Authorization: Bearer ..."))
}

// enter serves an authenticated request.
func (h *Handler) enter(w *answered, r *http.Request, v *visit) {
	if err := w.reserved.Reserve(callBytes); err != nil {
		h.noRoom(w, r, err)
		return
	}
	// The mux would take its own deadline, method and credential from headers. Only the body is read.
	r.Header = http.Header{"Content-Type": r.Header.Values("Content-Type")}
	most := int64(maxBody)
	if r.ContentLength >= 0 {
		most = min(most, r.ContentLength)
	}
	body, err := w.reserved.ReadAll(http.MaxBytesReader(w, r.Body, maxBody), most, firstRoom, bodyCopies)
	if err == nil && len(body) > smallBody {
		err = w.reserved.Reserve(decodedBytes(body))
	}
	var over *http.MaxBytesError
	var refused *fault.Error
	switch {
	case errors.As(err, &refused):
		h.noRoom(w, r, err)
		return
	case errors.As(err, &over):
		h.refuseWith(w, r, http.StatusRequestEntityTooLarge, fault.New(fault.Limit, "the body is larger than the limit of %d bytes", maxBody))
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		h.refuseWith(w, r, http.StatusRequestTimeout, fault.New(fault.Deadline, "the body did not arrive in time: it needs %d bytes a second once %s are over", pace.Rate, pace.Grace))
		return
	case err != nil:
		h.refuse(w, r, fault.Wrap(err, fault.InvalidRequest, "the body could not be read"))
		return
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	h.mux.ServeHTTP(w, r)
}

// decodedBytes is an upper bound of the memory that decoding a body takes. Each value follows a comma or the opening of a list or an
// object.
func decodedBytes(body []byte) int64 {
	values := 1
	for _, before := range []string{",", "[", "{"} {
		values += bytes.Count(body, []byte(before))
	}
	return textCopies*int64(len(body)) + valueBytes*int64(values)
}

// noRoom refuses a request for which there is no memory.
func (h *Handler) noRoom(w http.ResponseWriter, r *http.Request, err error) {
	h.d.Metrics.OverBudget.Add(r.Context(), 1, metrics.Budget(rpc.Fault(err).Metadata[inflight.BudgetKey]))
	h.refuse(w, r, err)
}

// refuse answers before the body is read.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	_, outbound := runtime.MarshalerForRequest(h.mux, r)
	pace.Refuse(w, r, func() { sendError(r.Context(), h.mux, outbound, w, r, err) })
}

func (h *Handler) refuseWith(w http.ResponseWriter, r *http.Request, code int, err error) {
	h.refuse(w, r, &runtime.HTTPStatusError{HTTPStatus: code, Err: err})
}

// sendError sends the error of an RPC, or of the mux.
func sendError(ctx context.Context, _ *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	send(marshaler, w, withNamesOfREST(authn.Because(ctx, err)))
}

// send writes an error as the JSON of a google.rpc.Status with its one ErrorInfo.
func send(marshaler runtime.Marshaler, w http.ResponseWriter, err error) {
	code := 0
	var custom *runtime.HTTPStatusError
	if errors.As(err, &custom) {
		code, err = custom.HTTPStatus, custom.Err
	}
	st := rpc.Status(err)
	if code == 0 {
		code = statusOf(err)
	}
	if wait := rpc.Fault(err).RetryAfter; wait > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	}
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	body, err := marshaler.Marshal(st.Proto())
	if err != nil {
		code, body = http.StatusInternalServerError, []byte(`{"code":13,"message":"internal error","details":[]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body) // the client left: nobody can receive an error
}

// statusOf returns the HTTP status of the error's reason.
func statusOf(err error) int { return int(fault.OptionsOf(rpc.Fault(err).Reason).GetHttpStatus()) }

// sendRoutingError answers if no RPC has the address, or none has it with this method.
func (h *Handler) sendRoutingError(ctx context.Context, mux *runtime.ServeMux, marshaler runtime.Marshaler, w http.ResponseWriter, r *http.Request, code int) {
	var err error
	switch code {
	case http.StatusNotFound:
		err = fault.New(fault.NotFound, "there is nothing at this address")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", strings.Join(h.routes.methods(r.URL.Path), ", "))
		err = fault.New(fault.InvalidRequest, "the method is not possible at this address")
	default:
		err = fault.New(fault.InvalidRequest, "the address is not valid")
	}
	sendError(ctx, mux, marshaler, w, r, &runtime.HTTPStatusError{HTTPStatus: code, Err: err})
}

// answered is the answer to a request. It stores the status that was sent, and has the memory reservation of the request.
type answered struct {
	http.ResponseWriter
	visit    *visit
	status   int
	reserved inflight.Reservation
}

// Write sends a part of the answer. It is never refused, because the call has already been made.
func (a *answered) Write(part []byte) (int, error) {
	if size := int64(len(part)); size > smallAnswer {
		a.reserved.Take(answerCopies * size)
		defer a.reserved.Release(answerCopies * size)
	}
	return a.ResponseWriter.Write(part)
}

// WriteHeader sends the status. For a stream that fails at once, the mux passes its own status for the gRPC code; the status of the reason
// replaces it.
func (a *answered) WriteHeader(status int) {
	if a.visit.failed != 0 {
		status = a.visit.failed
	}
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) code() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}

// Unwrap lets http.ResponseController flush streams.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
