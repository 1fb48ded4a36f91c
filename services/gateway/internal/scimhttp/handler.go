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
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/tally"
	"github.com/usher-scim/usher/services/gateway/internal/traced"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/pace"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scim"
)

// Config is what the face can be told. All fields must be set.
type Config struct {
	PublicURL      string         // without a slash at its end
	ServerName     string         // for spans: a client's Host header is not to be believed
	TrustedProxies []netip.Prefix // whose word on a client's address counts
	MaxBodyBytes   int64
	MaxGroupBytes  int64
	MaxBulkBytes   int64
	MaxOperations  int // of one Bulk
	// InFlight is the memory that messages under way may take. A share of it is no less than MostInFlight of the largest body.
	InFlight       *inflight.Budget
	AtOnce         int // messages of one directory that are carried out at a time
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
	Resources   identityv1.ResourceServiceClient
	Schemas     identityv1.SchemaServiceClient
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
	config Config
	d      Dependencies
	types  scim.TypeMemory
	rates  *rates
	turns  *inflight.Turns
	tally  tally.Tally
	traced http.Handler
}

// New makes the handler.
func New(c Config, d Dependencies) *Handler {
	h := &Handler{config: c, d: d, rates: newRates(c.RatePerSecond, d.Rates), turns: inflight.NewTurns(c.AtOnce)}
	h.traced = traced.Handler(http.HandlerFunc(h.serve), traced.Options{
		Name: "SCIM", ServerName: c.ServerName, TrustedProxies: c.TrustedProxies, Tracing: d.Tracing, Meter: d.Meter,
	})
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
	came          *http.Request // as it came
	ends          []func()      // what else is to be called in the end
	method        string        // from a closed set
	route         route
	authenticated bool
	refusal       string // why it is not authenticated
	lease         authn.Opened
	baseURL       string
	bodyRead      bool
	hold          inflight.Hold // what it takes of the memory in flight
	within        string        // of one operation of a Bulk: what it is part of
}

// end gives back all that the message holds.
func (m *message) end() {
	m.hold.Close()
	for _, end := range m.ends {
		end()
	}
}

// restart gives the work on a message its whole time once its body is here, if that came slowly: how long it may take is
// not the work's time. A Bulk's operations share the time of the Bulk.
func (m *message) restart(r *http.Request, timeout time.Duration) {
	deadline, bounded := r.Context().Deadline()
	if !bounded || m.within != "" || time.Until(deadline) > timeout-time.Second {
		return
	}
	ctx, _ := m.untilGone(r.Context())
	ctx, cancel := context.WithTimeout(ctx, timeout)
	m.ends = append(m.ends, cancel)
	*r = *r.WithContext(ctx)
}

// untilGone gives a context without a deadline. It ends with the message, and when the client leaves. A Bulk's operation keeps
// the deadline of the Bulk.
func (m *message) untilGone(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	if m.within == "" {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.came.Context(), func() { cancel(context.Canceled) })
	m.ends = append(m.ends, func() {
		stop()
		cancel(context.Canceled)
	})
	return ctx, cancel
}

// patience bounds how long a stream may keep Usher waiting each time; how long its client does is not the stream's time.
type patience struct {
	stream  context.Context //nolint:containedctx // to ask why it ended
	timeout time.Duration
	timer   *time.Timer
	end     func() // ends the stream; the message does so too
}

// patient makes a context for a stream, which ends when Usher waits for it longer than the timeout.
func (m *message) patient(ctx context.Context, timeout time.Duration) *patience {
	ctx, cancel := m.untilGone(ctx)
	p := &patience{stream: ctx, timeout: timeout, timer: time.AfterFunc(timeout, func() { cancel(context.DeadlineExceeded) })}
	p.timer.Stop()
	p.end = func() {
		p.timer.Stop()
		cancel(context.Canceled)
	}
	m.ends = append(m.ends, p.end)
	return p
}

// await waits for the stream.
func (p *patience) await(stream func() error) error {
	p.timer.Reset(p.timeout)
	err := stream()
	p.timer.Stop()
	if err != nil && errors.Is(context.Cause(p.stream), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// The tally's words for messages that are answered 429: over their directory's rate, or its share of the memory in flight.
// The other words are refusals.
const (
	rateLimited = "rate_limited"
	overShare   = "over_share"
)

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	m := &message{
		id: ids.New(), start: h.d.Now(), came: r, method: r.Method, route: parseRoute(r.URL.EscapedPath()),
	}
	r.Pattern = prefix + "{directory_id}" + m.route.template()
	trace.SpanFromContext(r.Context()).SetAttributes(
		attribute.String(rpc.MessageIDAttribute, m.id),
		// In place of the path that otelhttp noted: it may hold what a client took for an id, such as an e-mail address.
		attribute.String("url.path", r.Pattern))
	header := w.Header()
	header.Set(MessageIDHeader, m.id)
	header.Set("Content-Type", answerType(r.Header.Values("Accept")))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")

	ctx, cancel := context.WithTimeout(rpc.WithMessageID(r.Context(), m.id), h.config.RequestTimeout)
	defer cancel()
	defer m.end()
	answer, err := h.answer(w, r.WithContext(ctx), m)
	if err != nil {
		p := problemOf(err)
		h.finish(ctx, m, p.status, p, err)
		if m.bodyRead {
			p.send(w, m.id)
			return
		}
		m.end() // what the client still sends takes nothing
		pace.Refuse(w, r, func() { p.send(w, m.id) })
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
		return nil, notFederated()
	}
	ctx := rpc.WithPrincipal(r.Context(), &commonv1.Principal{
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY, OrganizationId: m.lease.OrganizationID,
		DirectoryId: m.lease.DirectoryID, Subject: m.lease.KeyID,
	})
	m.hold = h.config.InFlight.Open(m.lease.DirectoryID)
	if err := m.hold.Reserve(messageBytes); err != nil {
		return nil, err
	}
	// What a message takes while it waits is reserved; its body is not read yet.
	turn, err := h.turns.Wait(ctx, m.lease.DirectoryID)
	if err != nil {
		return nil, err
	}
	defer turn.End()
	r = r.WithContext(ctx)
	r.Body = turn.Body(m.came.Context(), r.Body) // the time in which a body comes does not count
	if answer, err = h.dispatch(w, r, m); err == nil {
		err = m.holdAnswer(len(answer.body))
	}
	return answer, err
}

func notFederated() error {
	return fault.New(fault.NotFederated, "The organization is not federated, so its directories are suspended: "+
		"its sign-in must come from its identity provider.")
}

// holdAnswer reserves what an answer takes until it is sent: the documents, and what is made of them. A write is done, so its
// answer cannot be refused.
func (m *message) holdAnswer(bytes int) error {
	const copies = 2
	if m.reads() {
		return m.hold.Reserve(copies * int64(bytes))
	}
	m.hold.Take(copies * int64(bytes))
	return nil
}

// reads says that the message changes nothing.
func (m *message) reads() bool {
	return m.method == http.MethodGet || m.method == http.MethodHead ||
		m.route.endpoint == searchEndpoint || m.route.endpoint == rootEndpoint
}

func (h *Handler) authenticate(r *http.Request, m *message) error {
	lease, err := h.d.Directories.Authenticate(r.Context(), authn.SourceOf(r), r.Header.Values("Authorization"), m.route.directory)
	if err == nil {
		m.authenticated, m.lease = true, lease
		m.baseURL = h.config.PublicURL + prefix + strings.ToLower(lease.DirectoryID)
		return nil
	}
	if fault.Is(err, fault.Limit) {
		m.refusal = "unknown_keys"
		return err
	}
	var refusal authn.Refusal
	if !errors.As(err, &refusal) {
		m.refusal = "unavailable"
		return uncheckable()
	}
	m.refusal = string(refusal)
	p := &problem{status: http.StatusUnauthorized, reason: fault.Unauthenticated, detail: keyDetail}
	if refusal == authn.NoBearer {
		p.detail += " Send the directory's API key as: Authorization: Bearer ush_..."
	}
	return p
}

func uncheckable() *problem {
	return &problem{
		status: http.StatusServiceUnavailable, reason: fault.Unavailable, retryAfter: time.Second,
		detail: "The API key cannot be checked now. Try again.",
	}
}

// before looks the key up again, before a step that changes something: since the message began its body may have taken long, and
// of a Bulk other operations. The step ends with release, which is not nil: a revocation in this process waits for that.
func (h *Handler) before(ctx context.Context, m *message) (release func(), err error) {
	lease, release, err := h.d.Directories.Again(ctx, m.lease)
	var refusal authn.Refusal
	switch {
	case errors.As(err, &refusal):
		err = &problem{
			status: http.StatusUnauthorized, reason: fault.Unauthenticated,
			detail: "The API key was revoked, or has expired, while the message was under way: the rest of it has no effect.",
		}
	case err != nil:
		err = uncheckable()
	case lease.Suspended:
		err = notFederated()
	default:
		return release, nil
	}
	return release, noMore{err}
}

// noMore is why nothing more of a message is carried out.
type noMore struct{ error }

func (n noMore) Unwrap() error { return n.error }

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
		if m.route.kind == "" {
			return h.across(r, m, p)
		}
		return h.list(r, m, p)
	case resourceEndpoint:
		return h.resource(w, r, m, method)
	case bulkEndpoint:
		return h.bulk(w, r, m)
	default:
		return h.discover(r, m)
	}
}
