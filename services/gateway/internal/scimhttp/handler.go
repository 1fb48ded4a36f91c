// Package scimhttp is the SCIM API of the gateway (RFC 7644). It turns each message into a call of identity, and the result or failure back
// into HTTP. identity decides what a resource may contain. This package handles the protocol: routes, media types, sizes, parameters, ETags
// and errors.
package scimhttp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/gateway/internal/activity"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/tally"
	"github.com/usher-scim/usher/services/gateway/internal/traced"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/inflight"
	"github.com/usher-scim/usher/services/internal/pace"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// Limits are the settings of the API that users can change. They are part of the gateway's settings, which define the allowed values.
type Limits struct {
	RatePerSecond     float64       `koanf:"rate_per_second" doc:"Largest number of SCIM requests a second of a directory. 0 means no limit, and is the default in development mode."`
	MaxBodyBytes      int64         `koanf:"max_body_bytes" doc:"Largest body of a SCIM request: 64 MiB at most."`
	MaxGroupBytes     int64         `koanf:"max_group_bytes" doc:"Largest body of a SCIM request about a group: 64 MiB at most."`
	MaxBulkBytes      int64         `koanf:"max_bulk_bytes" doc:"Largest body of a SCIM Bulk request: 64 MiB at most."`
	MaxBulkOperations int           `koanf:"max_bulk_operations" doc:"Largest number of operations in a SCIM Bulk request."`
	MessagesAtOnce    int           `koanf:"messages_at_once" doc:"Number of SCIM requests of one directory that a gateway carries out at a time. A quarter of them may be large: with a body over 64 KiB, or a list that is sorted, has pages of more than 200, or a filter of more than one eq. The next ones wait, 10 seconds at most; then they get 429."`
	RequestTimeout    time.Duration `koanf:"request_timeout" doc:"Longest time for a SCIM request, without the time for receiving its body and sending its answer. Also the longest time for receiving the request of a public gRPC call."`
}

// Config is the configuration of the API. All fields must be set.
type Config struct {
	Limits
	PublicURL      string         // without a slash at its end
	ServerName     string         // for spans, which must not contain a Host header that a client invents
	TrustedProxies []netip.Prefix // they tell the address of a client
	// InFlight is the memory that messages in flight may take. A share is at least MostInFlight of the largest body.
	InFlight   *inflight.Budget
	TallyEvery time.Duration
}

// Events stores failed events. When Record returns, the failed event is on disk, or was counted as lost.
type Events interface {
	Record(ctx context.Context, event *failedeventsv1.FailedEvent)
}

// Dependencies are what the API uses.
type Dependencies struct {
	Resources   identityv1.ResourceServiceClient
	Directories authn.Directories
	Rates       Rates // nil: each gateway counts for itself
	Events      Events
	Activity    *activity.Counter
	Quiet       traced.Quiet // messages without a problem that get no log line
	Metrics     *metrics.Metrics
	Log         *slog.Logger
	Tracing     trace.TracerProvider
	Now         func() time.Time
}

// Handler serves SCIM.
type Handler struct {
	config Config
	d      Dependencies
	rates  *rates
	turns  *inflight.Turns
	tally  tally.Tally
	traced http.Handler
}

// New creates the handler.
func New(c Config, d Dependencies) *Handler {
	h := &Handler{config: c, d: d, rates: newRates(c.RatePerSecond, d.Rates), turns: inflight.NewTurns(c.MessagesAtOnce)}
	h.traced = traced.Handler(http.HandlerFunc(h.serve), traced.Options{
		Name: "scim", ServerName: c.ServerName, TrustedProxies: c.TrustedProxies, Tracing: d.Tracing, Metrics: d.Metrics,
	})
	return h
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.traced.ServeHTTP(w, r) }

// Run logs the counts of the tally until its context ends.
func (h *Handler) Run(ctx context.Context) { h.tally.Run(ctx, h.d.Log, h.config.TallyEvery) }

// The tally's names for messages that get a 429: over the rate of their directory, or over its share of the memory in flight. The other
// names are refusals.
const (
	rateLimited = "rate_limited"
	overShare   = "over_share"
)

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	m := &message{
		id: ids.New(), start: h.d.Now(), request: r, route: parseRoute(r.Method, r.URL.EscapedPath()), body: body{w: w, r: r},
	}
	r.Pattern = prefix + "{directory_id}" + m.route.template()
	trace.SpanFromContext(r.Context()).SetAttributes(
		attribute.String(rpc.MessageIDAttribute, m.id),
		// It replaces the path that otelhttp added, which may contain a text that a client sent as an id, such as an e-mail address.
		attribute.String("url.path", r.Pattern))
	header := w.Header()
	header.Set(MessageIDHeader, m.id)
	header.Set("Content-Type", answerType(r.Header.Values("Accept")))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")

	ctx, cancel := context.WithTimeout(rpc.WithMessageID(r.Context(), m.id), h.config.RequestTimeout)
	defer cancel()
	defer m.end()
	answer, err := h.answer(ctx, m)
	if err != nil {
		p := problemOf(err)
		h.finish(ctx, m, p.status, p, err)
		if m.body.read {
			p.send(w, m.id)
			return
		}
		m.end() // the rest of the client's body reserves nothing
		pace.Refuse(w, r, func() { p.send(w, m.id) })
		return
	}
	if answer.large == nil {
		h.finish(ctx, m, answer.status, nil, nil)
	}
	err = answer.send(w, m.route.method == http.MethodHead)
	switch {
	case answer.large == nil:
	case err == nil || errors.Is(err, errClientLeft) || r.Context().Err() != nil: // nobody waits for it any more
		h.finish(ctx, m, answer.status, nil, nil)
	default:
		// A part of the answer was sent, and the client must not take it for the whole.
		p := problemOf(err)
		h.finish(ctx, m, p.status, p, err)
		panic(http.ErrAbortHandler)
	}
}

// answer does what the message asks for. It checks the key first: without a key that opens the directory, it reads nothing else of the
// message, so that no answer reveals what exists.
func (h *Handler) answer(ctx context.Context, m *message) (answer *response, err error) {
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
	if err := h.authenticate(ctx, m); err != nil {
		return nil, err
	}
	if wait, ok := h.rates.admit(ctx, m.lease.DirectoryID, h.d.Now()); !ok {
		return nil, &problem{
			status: http.StatusTooManyRequests, reason: fault.Limit, retryAfter: wait,
			detail: "The directory sends more messages a second than Usher is configured to accept.",
		}
	}
	if m.lease.Suspended {
		return nil, notFederated()
	}
	ctx = rpc.WithPrincipal(ctx, &commonv1.Principal{
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_DIRECTORY, OrganizationId: m.lease.OrganizationID,
		DirectoryId: m.lease.DirectoryID, Subject: m.lease.KeyID,
	})
	m.reserved = h.config.InFlight.Open(m.lease.DirectoryID)
	if err := m.reserved.Reserve(messageBytes); err != nil {
		return nil, err
	}
	// The memory that a message takes while it waits is reserved; its body has not been read yet.
	if m.turn, err = h.turns.Wait(ctx, m.lease.DirectoryID); err != nil {
		return nil, err
	}
	defer m.turn.End()
	m.body.r = m.request.WithContext(ctx)
	m.body.r.Body = m.turn.Body(m.request.Context(), m.request.Body) // the time in which a body arrives does not count
	if answer, err = h.dispatch(ctx, m); err == nil {
		err = m.reserveAnswer(len(answer.body))
	}
	return answer, err
}

func notFederated() error {
	return fault.New(fault.NotFederated, "The organization is not federated, so its directories are suspended: "+
		"its sign-in must come from its identity provider.")
}

// reserveAnswer reserves the memory that an answer takes until it is sent: the documents, and the texts made from them. After a write, the
// answer cannot be refused.
func (m *message) reserveAnswer(bytes int) error {
	const copies = 2
	if m.route.verb.reads() {
		return m.reserved.Reserve(copies * int64(bytes))
	}
	m.reserved.Take(copies * int64(bytes))
	return nil
}

func (h *Handler) authenticate(ctx context.Context, m *message) error {
	lease, err := h.d.Directories.Authenticate(ctx, authn.SourceOf(m.request), m.request.Header.Values("Authorization"), m.route.directory)
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

func uncheckable() error {
	return fault.New(fault.Unavailable, "The API key cannot be checked now. Try again.")
}

// before looks up the key again, before a step that changes something: the body may have taken a long time to arrive since the message
// began, and so may earlier operations of a Bulk. Call release at the end of the step; it is never nil. A revocation in this process waits
// for it.
func (h *Handler) before(ctx context.Context, m *message) (release func(), err error) {
	lease, release, err := h.d.Directories.Recheck(ctx, m.lease)
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

// noMore is the reason why nothing more of a message is executed.
type noMore struct{ error }

func (n noMore) Unwrap() error { return n.error }

func (h *Handler) dispatch(ctx context.Context, m *message) (*response, error) {
	switch m.route.endpoint {
	case meEndpoint:
		return nil, &problem{
			status: http.StatusNotImplemented, reason: fault.InvalidRequest,
			detail: "There is no /Me: an API key belongs to a directory, not to a user. Use /Users/{id}.",
		}
	case unknownEndpoint:
		return nil, &problem{
			status: http.StatusNotFound, reason: fault.NotFound,
			detail: "SCIM has no such endpoint here; there are /Users, /Groups, /Bulk, /ServiceProviderConfig, /ResourceTypes and /Schemas.",
			remedy: "Check the Base URL at the identity provider: it ends with the directory's id.",
		}
	}
	switch m.route.verb {
	case verbBulk:
		return h.bulk(ctx, m)
	case verbDescribe:
		return h.discover(ctx, m)
	}
	header := m.request.Header
	o, err := operationOf(m.route, m.request.URL.RawQuery, header.Values("If-Match"), &m.body)
	if err != nil {
		return nil, err
	}
	o.ifNoneMatch = header.Values("If-None-Match")
	return h.do(ctx, m, o)
}
