// Package scimhttp is the SCIM face of the gateway (RFC 7644): it turns each message into one call of identity and the
// answer, or the failure, back into HTTP. What a resource may hold is identity's business; here are the protocol's:
// routes, media types, sizes, parameters, ETags and errors.
package scimhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/gateway/internal/arrival"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/tally"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Config is what the face can be told. All fields must be set.
type Config struct {
	PublicURL      string // without a slash at its end
	ServerName     string // for spans: a client's Host header is not to be believed
	MaxBodyBytes   int64
	MaxGroupBytes  int64
	MaxBulkBytes   int64
	MaxOperations  int   // of one Bulk
	BodiesInFlight int64 // bytes of all large bodies that are held at a time; no less than the larger limit
	RequestTimeout time.Duration
	RatePerSecond  float64 // messages of one directory; 0: any number
	TallyEvery     time.Duration
}

// Events keeps failed events: Record returns once the event is safe, or was counted as lost.
type Events interface {
	Record(ctx context.Context, event *failedeventsv1.FailedEvent)
}

// Dependencies is what the face uses.
type Dependencies struct {
	Users       identityv1.UserServiceClient
	Groups      identityv1.GroupServiceClient
	Directories authn.Directories
	Rates       Rates // nil: each gateway counts for itself
	Events      Events
	Metrics     *metrics.Metrics
	Log         *slog.Logger
	Tracing     trace.TracerProvider
	Meter       metric.MeterProvider
	Now         func() time.Time
}

// Handler serves SCIM.
type Handler struct {
	config    Config
	d         Dependencies
	resources map[kind]resources
	rates     *rates
	tally     tally.Tally
	bodies    *semaphore.Weighted // of BodiesInFlight
	traced    http.Handler
}

// New makes the handler.
func New(c Config, d Dependencies) *Handler {
	h := &Handler{
		config:    c,
		d:         d,
		resources: map[kind]resources{users: userResources{d.Users}, groups: groupResources{d.Groups}},
		rates:     newRates(c.RatePerSecond, d.Rates),
		bodies:    semaphore.NewWeighted(c.BodiesInFlight),
	}
	h.traced = otelhttp.NewHandler(http.HandlerFunc(h.serve), "SCIM",
		otelhttp.WithTracerProvider(d.Tracing),
		otelhttp.WithMeterProvider(d.Meter),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithServerName(c.ServerName),
		// serve sets the pattern, and with it the span's name once more: never the path, where a client may put anything.
		otelhttp.WithSpanNameFormatter(func(operation string, r *http.Request) string {
			if r.Pattern == "" {
				return operation
			}
			return methodLabel(r.Method) + " " + r.Pattern
		}))
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.traced.ServeHTTP(w, r) }

// Run logs what is only counted, until its context ends.
func (h *Handler) Run(ctx context.Context) { h.tally.Run(ctx, h.d.Log, h.config.TallyEvery) }

// message is one request on its way.
type message struct {
	id            string
	start         time.Time
	method        string // from a closed set
	route         route
	authenticated bool
	refusal       string // why it is not authenticated
	lease         keylease.Lease
	baseURL       string
	bodyRead      bool
	held          int64  // of the bodies in flight
	within        string // of one operation of a Bulk: what it is part of
}

// rateLimited is the tally's word for a message over its directory's rate; the others are refusals.
const rateLimited = "rate_limited"

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	m := &message{
		id: ids.New(), start: h.d.Now(), method: methodLabel(r.Method), route: parseRoute(r.URL.EscapedPath()),
	}
	r.Pattern = prefix + "{directory_id}" + m.route.template()
	trace.SpanFromContext(r.Context()).SetAttributes(
		attribute.String(rpc.MessageIDAttribute, m.id),
		// In place of the path that otelhttp noted: it may hold what a client took for an id, such as an e-mail address.
		attribute.String("url.path", r.Pattern))
	arrival.Within(w, r, h.config.RequestTimeout)
	header := w.Header()
	header.Set(MessageIDHeader, m.id)
	header.Set("Content-Type", answerType(r.Header.Values("Accept")))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")

	ctx, cancel := context.WithTimeout(rpc.WithMessageID(r.Context(), m.id), h.config.RequestTimeout)
	defer cancel()
	defer func() { h.bodies.Release(m.held) }()
	answer, err := h.answer(w, r.WithContext(ctx), m)
	if err != nil {
		if !m.bodyRead {
			arrival.Refuse(w, r)
		}
		p := problemOf(err)
		h.finish(ctx, m, p.status, p, err)
		p.send(w, m.id)
		return
	}
	if answer.large == nil {
		h.finish(ctx, m, answer.status, nil, nil)
	}
	err = answer.send(w, m.method == http.MethodHead)
	switch {
	case answer.large == nil:
	case err == nil || errors.Is(err, errClientLeft) || r.Context().Err() != nil: // nobody waits for it any more
		h.finish(ctx, m, answer.status, nil, nil)
	default:
		// A part of it is sent: the client must not take that for the whole.
		p := problemOf(err)
		h.finish(ctx, m, p.status, p, err)
		panic(http.ErrAbortHandler)
	}
}

// answer does what the message asks. The key comes first: without one that opens the directory nothing else of the
// message is looked at, so that no answer tells what exists.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, m *message) (answer *response, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if m.route.directory == "" {
		m.refusal = "no_directory"
		return nil, &problem{
			status: http.StatusNotFound, reason: fault.NotFound,
			detail: "There is nothing at this address. A Base URL has the form " + h.config.PublicURL + prefix + "{directory_id}.",
		}
	}
	if err := h.authenticate(r, m); err != nil {
		return nil, err
	}
	if wait, ok := h.rates.admit(r.Context(), m.lease.DirectoryID, h.d.Now()); !ok {
		return nil, &problem{
			status: http.StatusTooManyRequests, reason: fault.Limit, retryAfter: wait,
			detail: "The directory sends more messages a second than Usher is configured to take.",
		}
	}
	if m.lease.Suspended {
		return nil, fault.New(fault.NotFederated, "The organization is not federated, so its directories are suspended: "+
			"its sign-in must come from its identity provider.")
	}
	ctx := rpc.WithPrincipal(r.Context(), &commonv1.Principal{
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY, OrganizationId: m.lease.OrganizationID,
		DirectoryId: m.lease.DirectoryID, Subject: m.lease.KeyID,
	})
	return h.dispatch(w, r.WithContext(ctx), m)
}

func (h *Handler) authenticate(r *http.Request, m *message) error {
	lease, err := h.d.Directories.Authenticate(r.Context(), r.Header.Values("Authorization"), m.route.directory)
	if err == nil {
		m.authenticated, m.lease = true, lease
		m.baseURL = h.config.PublicURL + prefix + strings.ToLower(lease.DirectoryID)
		return nil
	}
	var refusal authn.Refusal
	if !errors.As(err, &refusal) {
		m.refusal = "unavailable"
		return &problem{
			status: http.StatusServiceUnavailable, reason: fault.Unavailable, retryAfter: time.Second,
			detail: "The API key cannot be checked now. Try again.",
		}
	}
	m.refusal = string(refusal)
	p := &problem{status: http.StatusUnauthorized, reason: fault.Unauthenticated, detail: keyDetail}
	if refusal == authn.NoBearer {
		p.detail += " Send the directory's API key as: Authorization: Bearer ush_..."
	}
	return p
}

func (h *Handler) dispatch(w http.ResponseWriter, r *http.Request, m *message) (*response, error) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // RFC 9110 §9.3.2; the server leaves the body out
	}
	switch m.route.endpoint {
	case meEndpoint:
		return nil, &problem{
			status: http.StatusNotImplemented, reason: fault.InvalidRequest,
			detail: "There is no /Me: an API key is a directory's and no user's. Use /Users/{id}.",
		}
	case unknownEndpoint:
		return nil, &problem{
			status: http.StatusNotFound, reason: fault.NotFound,
			detail: "SCIM has no such endpoint here; there are /Users, /Groups, /Bulk, /ServiceProviderConfig, /ResourceTypes and /Schemas.",
			remedy: "Check the Base URL at the identity provider: it ends with the directory's id.",
		}
	}
	if allowed := m.route.methods(); !slices.Contains(allowed, method) {
		return nil, &problem{
			status: http.StatusMethodNotAllowed, reason: fault.InvalidRequest, allow: allowed,
			detail: m.method + " is not possible here; these are: " + strings.Join(allowed, ", ") + ".",
		}
	}
	switch m.route.endpoint {
	case collectionEndpoint:
		if method == http.MethodPost {
			return h.create(w, r, m)
		}
		p, err := parseParameters(r.URL.RawQuery)
		if err != nil {
			return nil, err
		}
		return h.list(r, m, p)
	case rootEndpoint:
		p, err := parseParameters(r.URL.RawQuery)
		if err != nil {
			return nil, err
		}
		return h.across(r, m, p)
	case searchEndpoint:
		body, err := h.readBody(w, r, m, h.config.MaxBodyBytes)
		if err != nil {
			return nil, err
		}
		p, err := parseSearch(body)
		if err != nil {
			return nil, err
		}
		if m.route.kind == 0 {
			return h.across(r, m, p)
		}
		return h.list(r, m, p)
	case resourceEndpoint:
		return h.resource(w, r, m, method)
	case bulkEndpoint:
		return h.bulk(w, r, m)
	default:
		return h.discover(r, m.route, m.baseURL)
	}
}

func (m *message) target() *identityv1.Target {
	return &identityv1.Target{
		OrganizationId: m.lease.OrganizationID, DirectoryId: m.lease.DirectoryID, BaseUrl: m.baseURL,
	}
}

// bodyLimit is larger for groups: a whole one may come with all its members.
func (h *Handler) bodyLimit(k kind) int64 {
	if k == groups {
		return h.config.MaxGroupBytes
	}
	return h.config.MaxBodyBytes
}

func (h *Handler) create(w http.ResponseWriter, r *http.Request, m *message) (*response, error) {
	p, err := parseParameters(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if inParts(r, m.route.kind) {
		created, result, err := h.writeInParts(w, r, m, &identityv1.WriteGroupRequest{
			Kind: identityv1.WriteGroupRequest_KIND_CREATE, Projection: p.projection,
		})
		if err != nil {
			return nil, err
		}
		return h.written(r.Context(), m, http.StatusCreated, created, result, p.projection)
	}
	body, err := h.readBody(w, r, m, h.bodyLimit(m.route.kind))
	if err != nil {
		return nil, err
	}
	created, result, err := h.resources[m.route.kind].create(r.Context(),
		write{target: m.target(), document: body, projection: p.projection})
	if err != nil {
		return nil, err
	}
	return h.written(r.Context(), m, http.StatusCreated, created, result, p.projection)
}

func (h *Handler) list(r *http.Request, m *message, p parameters) (*response, error) {
	return h.listOf(r, m, m.route.kind, p.query, p.projection)
}

func (h *Handler) listOf(r *http.Request, m *message, k kind, q *identityv1.ListQuery, p *identityv1.Projection) (*response, error) {
	found, err := h.resources[k].list(r.Context(), m.target(), q, p)
	if err != nil {
		return nil, err
	}
	page := listPage{total: found.TotalResults, next: found.GetNextCursor()}
	if q.Cursor == nil {
		page.start = max(found.GetStartIndex(), 1)
	}
	if err := h.fill(r.Context(), m, &page, found, p); err != nil {
		return nil, err
	}
	return page.response(), nil
}

// fill adds what was found to a page. A large group is the last of what is found.
func (h *Handler) fill(ctx context.Context, m *message, page *listPage, found *identityv1.ListResult, p *identityv1.Projection) (err error) {
	for _, resource := range found.GetResources() {
		if resource.GetLarge() {
			page.large, err = h.openGroup(ctx, m, resource.GetId(), p)
			if err != nil && rpc.Fault(err).Reason == fault.NotFound {
				return nil // it was deleted meanwhile
			}
			return err
		}
		page.documents = append(page.documents, resource.GetDocument())
	}
	return nil
}

func (h *Handler) resource(w http.ResponseWriter, r *http.Request, m *message, method string) (*response, error) {
	if utf8.RuneCountInString(m.route.id) > maxID {
		return nil, fault.New(fault.NotFound, "no id is that long")
	}
	p, err := parseParameters(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if method == http.MethodGet {
		resource, err := h.resources[m.route.kind].get(r.Context(), m.target(), m.route.id, p.projection)
		if err != nil {
			return nil, err
		}
		return h.read(r, m, resource, p.projection)
	}
	change := write{target: m.target(), id: m.route.id, projection: p.projection}
	if change.ifMatch, err = ifMatch(r); err != nil {
		return nil, err
	}
	if method == http.MethodDelete {
		result, err := h.resources[m.route.kind].remove(r.Context(), change)
		if err != nil {
			return nil, err
		}
		h.count(r.Context(), result)
		return &response{status: http.StatusNoContent, cursor: result.GetChangeCursor()}, nil
	}
	// A group may have very many members, which nobody asked to see (RFC 7644 §3.5.2 allows 204).
	change.omit = method == http.MethodPatch && m.route.kind == groups && len(p.projection.GetAttributes()) == 0
	resource, result, err := h.change(w, r, m, method, change)
	if err != nil {
		return nil, err
	}
	if change.omit {
		resource = &identityv1.Resource{Id: resource.GetId(), Version: resource.GetVersion()}
	}
	return h.written(r.Context(), m, http.StatusOK, resource, result, p.projection)
}

// change carries out a PUT or PATCH.
func (h *Handler) change(w http.ResponseWriter, r *http.Request, m *message, method string, change write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	if inParts(r, m.route.kind) {
		kind := identityv1.WriteGroupRequest_KIND_REPLACE
		if method == http.MethodPatch {
			kind = identityv1.WriteGroupRequest_KIND_PATCH
		}
		return h.writeInParts(w, r, m, &identityv1.WriteGroupRequest{
			Kind: kind, Id: change.id, IfMatch: change.ifMatch, Projection: change.projection, OmitResource: change.omit,
		})
	}
	body, err := h.readBody(w, r, m, h.bodyLimit(m.route.kind))
	if err != nil {
		return nil, nil, err
	}
	if method == http.MethodPut {
		change.document = body
		return h.resources[m.route.kind].replace(r.Context(), change)
	}
	if change.operations, err = operations(body); err != nil {
		return nil, nil, err
	}
	return h.resources[m.route.kind].patch(r.Context(), change)
}

// operations reads a PatchOp as leniently as any directory may want it; identity holds each operation to its directory's
// mode.
func operations(body []byte) ([]*identityv1.Operation, error) {
	parsed, err := scim.ParsePatch(body, scim.Options{Mode: scim.Tolerant})
	if err != nil {
		return nil, err
	}
	all := make([]*identityv1.Operation, 0, len(parsed))
	for _, o := range parsed {
		if !utf8.ValidString(o.Op) || !utf8.ValidString(o.Path) {
			return nil, invalidSyntax("The body is not valid UTF-8.")
		}
		all = append(all, &identityv1.Operation{Op: o.Op, Path: o.Path, Value: o.Value})
	}
	return all, nil
}

func (h *Handler) read(r *http.Request, m *message, resource *identityv1.Resource, p *identityv1.Projection) (*response, error) {
	if noneMatch(r, resource.GetVersion()) {
		return &response{status: http.StatusNotModified, etag: etag(resource.GetVersion()), location: m.location(resource.GetId())}, nil
	}
	return h.shown(r.Context(), m, http.StatusOK, resource, p)
}

// shown answers with a resource.
func (h *Handler) shown(ctx context.Context, m *message, status int, resource *identityv1.Resource, p *identityv1.Projection) (a *response, err error) {
	a = &response{status: status, body: resource.GetDocument()}
	if resource.GetLarge() && m.within == "" { // a Bulk shows no resource
		// Another may have changed it meanwhile: it is shown, and tagged, as it is now.
		if a.large, err = h.openGroup(ctx, m, resource.GetId(), p); err != nil {
			return nil, err
		}
		resource = a.large.resource
	}
	if id := resource.GetId(); id != "" {
		a.location = m.location(id)
	}
	if version := resource.GetVersion(); version > 0 {
		a.etag = etag(version)
	}
	return a, nil
}

// written answers a write: with the resource, or 204 without one.
func (h *Handler) written(ctx context.Context, m *message, status int, resource *identityv1.Resource, result *identityv1.WriteResult, p *identityv1.Projection) (*response, error) {
	h.count(ctx, result)
	a, err := h.shown(ctx, m, status, resource, p)
	if err != nil {
		return nil, err
	}
	a.cursor = result.GetChangeCursor()
	if len(a.body) == 0 && !resource.GetLarge() {
		if status == http.StatusCreated {
			return nil, errors.New("identity created a resource and did not return it")
		}
		a.status = http.StatusNoContent
	}
	return a, nil
}

func (m *message) location(id string) string { return m.baseURL + m.route.kind.endpoint() + "/" + id }

// count notes what a write took otherwise than it was sent.
func (h *Handler) count(ctx context.Context, result *identityv1.WriteResult) {
	if ignored := len(result.GetIgnored()); ignored > 0 {
		h.d.Metrics.IgnoredValues.Add(ctx, int64(ignored))
	}
	if quirks := result.GetQuirks(); len(quirks) > 0 {
		trace.SpanFromContext(ctx).SetAttributes(attribute.StringSlice("usher.quirks", quirks))
	}
	for _, quirk := range result.GetQuirks() {
		h.d.Metrics.Quirks.Add(ctx, 1, metrics.Quirk(quirk))
	}
}

// finish notes how a message ended, before it is answered: a failed one is on disk by then.
func (h *Handler) finish(ctx context.Context, m *message, status int, p *problem, err error) {
	switch {
	case !m.authenticated:
		h.d.Metrics.Unauthenticated.Add(ctx, 1, metrics.Reason(m.refusal))
		h.tally.Add(m.refusal)
		return
	case status == http.StatusTooManyRequests:
		h.d.Metrics.RateLimited.Add(ctx, 1)
		h.tally.Add(rateLimited)
		return
	}
	took := h.d.Now().Sub(m.start)
	h.d.Metrics.Messages.Add(ctx, 1, metrics.Message(m.route.template(), m.method, status))
	h.d.Metrics.MessageDuration.Record(ctx, took.Seconds(), metrics.Route(m.route.template(), m.method))
	h.log(ctx, m, status, took, p, err)
	reads := m.method == http.MethodGet || m.method == http.MethodHead
	if p != nil && !(reads && status == http.StatusNotFound) {
		h.d.Events.Record(ctx, h.event(ctx, m, p))
	}
}

// log writes the message's one line. It holds no body, no filter and nothing that a client chose but ids.
func (h *Handler) log(ctx context.Context, m *message, status int, took time.Duration, p *problem, err error) {
	attributes := []slog.Attr{
		slog.String(rpc.MessageIDAttribute, m.id),
		slog.String("organization", m.lease.OrganizationID),
		slog.String("directory", m.lease.DirectoryID),
		slog.String("route", m.operation()),
		slog.Int("status", status),
		slog.Duration("duration", took),
	}
	level := slog.LevelInfo
	if p != nil {
		attributes = append(attributes, slog.String("reason", fault.ReasonName(p.reason)))
	}
	// The client is told nothing of these causes, so the log must be.
	switch status {
	case http.StatusInternalServerError:
		level = slog.LevelError
		attributes = append(attributes, slog.String("error", err.Error()))
	case http.StatusServiceUnavailable:
		level = slog.LevelWarn
		attributes = append(attributes, slog.String("error", err.Error()))
	}
	h.d.Log.LogAttrs(ctx, level, "message", attributes...)
}

func (h *Handler) event(ctx context.Context, m *message, p *problem) *failedeventsv1.FailedEvent {
	return &failedeventsv1.FailedEvent{
		Id: ids.New(), OrganizationId: m.lease.OrganizationID, DirectoryId: m.lease.DirectoryID, MessageId: m.id,
		Source: failedeventsv1.EventSource_EVENT_SOURCE_GATEWAY, Time: timestamppb.New(h.d.Now()),
		Operation: m.operation(), ResourceId: m.resourceID(), Status: int32(p.status), //nolint:gosec // a status
		Reason: fault.ReasonName(p.reason), ScimType: string(p.scimType), Detail: cut(withoutValues(p.detail), 4000),
		Remedy: cut(remedyOf(p), 1000), TraceId: traceID(ctx),
	}
}

// operation names what the message asks for: no id is in it.
func (m *message) operation() string { return m.within + m.method + " " + m.route.template() }

// resourceID is the id in the address if it is one of ours: a client may put anything there, such as an e-mail address.
func (m *message) resourceID() string {
	if m.route.endpoint != resourceEndpoint {
		return ""
	}
	id, err := uuid.Parse(m.route.id)
	if err != nil {
		return ""
	}
	return id.String()
}

func traceID(ctx context.Context) string {
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		return id.String()
	}
	return ""
}

// quoted is a part of a text in double quotes, as Go writes them, and whatever follows a quote that nothing closes.
var quoted = regexp.MustCompile(`(?s)"(?:[^"\\]|\\.?)*(?:"|$)`)

// harmless is what a quoted part may be in the event store: an id, a number, or the name or path of an attribute. A value
// that is one such word looks the same, and stays.
var harmless = regexp.MustCompile(`^"[A-Za-z0-9_.:$-]{1,64}"$`)

// withoutValues leaves out of a detail what it quotes of the client's values, such as an e-mail address. The client gets
// its own back; failed events are kept, and others read them.
func withoutValues(detail string) string {
	return quoted.ReplaceAllStringFunc(detail, func(part string) string {
		if harmless.MatchString(part) {
			return part
		}
		return `"…"`
	})
}

// cut keeps a text within the contract's number of characters.
func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
