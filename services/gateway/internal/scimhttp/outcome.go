package scimhttp

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/gateway/internal/activity"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// count counts the quirks and ignored values of a write.
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

// finish records how a message ended, before it is answered. A failed one is on disk when finish returns.
func (h *Handler) finish(ctx context.Context, m *message, status int, p *problem, err error) {
	if p != nil && p.budget != "" {
		h.d.Metrics.OverBudget.Add(ctx, 1, metrics.Budget(p.budget))
	}
	switch {
	case !m.authenticated:
		h.d.Metrics.Unauthenticated.Add(ctx, 1, metrics.Reason(m.refusal))
		h.tally.Add(m.refusal)
		return
	case status == http.StatusTooManyRequests && p.budget != "":
		h.tally.Add(overShare)
		h.countActivity(m, activity.RateLimited)
		return
	case status == http.StatusTooManyRequests:
		h.d.Metrics.RateLimited.Add(ctx, 1)
		h.tally.Add(rateLimited)
		h.countActivity(m, activity.RateLimited)
		return
	}
	took := h.d.Now().Sub(m.start)
	h.d.Metrics.Messages.Add(ctx, 1, metrics.Message(m.route.template(), m.route.method, status))
	if m.route.exists() {
		h.d.Metrics.MessageDuration.Record(ctx, took.Seconds(), metrics.Route(m.route.template(), m.route.method))
	}
	h.log(ctx, m, m.route.operation(), status, took, p, err)
	reads := m.route.method == http.MethodGet || m.route.method == http.MethodHead
	if p != nil && !(reads && status == http.StatusNotFound) {
		h.fail(ctx, m, m.route.operation(), m.route, m.body.data, p)
	}
	if m.failed {
		h.countActivity(m, activity.Failed)
	} else {
		h.countActivity(m, activity.Accepted)
	}
}

func (h *Handler) countActivity(m *message, outcome activity.Outcome) {
	h.d.Activity.Count(m.lease.OrganizationID, m.lease.DirectoryID, outcome, m.start)
}

// fail records the failed event of a message, or of an operation of a Bulk; what is its name, r its route, and body its body, if it was
// read as a whole.
func (h *Handler) fail(ctx context.Context, m *message, what string, r route, body []byte, p *problem) {
	m.failed = true
	h.d.Events.Record(ctx, h.event(ctx, m, what, r, body, p))
}

// log writes the one line of a message, or of a failed operation of a Bulk; what is its name. The line contains no body, no filter, and no
// value from the client except ids.
func (h *Handler) log(ctx context.Context, m *message, what string, status int, took time.Duration, p *problem, err error) {
	if p == nil && h.d.Quiet.Skips(ctx) {
		return
	}
	attributes := []slog.Attr{
		slog.String(rpc.MessageIDAttribute, m.id),
		slog.String("organization", m.lease.OrganizationID),
		slog.String("directory", m.lease.DirectoryID),
		slog.String("key", m.lease.KeyID),
		slog.String("route", what),
		slog.String("resource", m.route.resourceID()),
		slog.Int("status", status),
		slog.Duration("duration", took),
	}
	level := slog.LevelInfo
	if p != nil {
		attributes = append(attributes, slog.String("reason", fault.ReasonName(p.reason)))
	}
	// The client does not get these causes, so they must be in the log.
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

// event returns the failed event that fail records.
func (h *Handler) event(ctx context.Context, m *message, what string, r route, body []byte, p *problem) *failedeventsv1.FailedEvent {
	remedy, adminAction := p.actions()
	return &failedeventsv1.FailedEvent{
		Id: ids.New(), OrganizationId: m.lease.OrganizationID, DirectoryId: m.lease.DirectoryID, MessageId: m.id,
		Source: failedeventsv1.FailedEventSource_FAILED_EVENT_SOURCE_GATEWAY, FailTime: timestamppb.New(h.d.Now()),
		Operation: what, ResourceId: r.resourceID(), Status: int32(p.status), //nolint:gosec // a status
		Reason: fault.ReasonName(p.reason), ScimType: string(p.scimType), Detail: cut(withoutValues(p.detail), 4000),
		Remedy: remedy, AdminAction: adminAction, TraceId: traceID(ctx),
		Subject: subjectOf(r, body), ConflictingResourceId: p.conflictingID, ConflictingName: p.conflictingName,
	}
}

// resourceID returns the id in the address if it is one of ours. A client may put anything there, such as an e-mail address.
func (r route) resourceID() string {
	if r.endpoint != resourceEndpoint {
		return ""
	}
	id, err := uuid.Parse(r.id)
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

// quoted matches a part of a text in double quotes, as Go writes them, and the rest of the text after a quote that is not closed.
// Before the value of a member or a bulkId, it also matches the word that introduces it.
var quoted = regexp.MustCompile(`(?s)(?:members: |bulkId )?"(?:[^"\\]|\\.?)*(?:"|$)`)

// harmless matches a quoted part that may be stored in a failed event: an id, a number, or the name or path of an attribute. A value that
// is one such word looks the same, and is stored.
var harmless = regexp.MustCompile(`^"[A-Za-z0-9_.:$-]{1,64}"$`)

// withoutValues removes the values of the client, such as an e-mail address, from a detail. The client gets its own values back, but failed
// events are stored, and others read them.
func withoutValues(detail string) string {
	return quoted.ReplaceAllStringFunc(detail, func(part string) string {
		at := strings.IndexByte(part, '"')
		value, introduced := part[at:], at > 0
		// Some clients put a userName where an id belongs.
		if harmless.MatchString(value) && (!introduced || uuid.Validate(strings.Trim(value, `"`)) == nil) {
			return part
		}
		return part[:at] + `"…"`
	})
}

// cut shortens a text to the contract's number of characters.
func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
