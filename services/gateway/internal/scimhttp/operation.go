package scimhttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"unicode/utf8"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// operation is one action on resources: of a message, or of one operation of a Bulk.
type operation struct {
	route
	parameters

	ifMatch     []int64  // for a write, the resource must have one of these versions; empty: any
	ifNoneMatch []string // the versions that a reading client already has, as entity tags
	body        *body
	inBulk      bool // the time and the memory are those of the Bulk, whose answer contains no resource
}

// operationOf parses a request, except for its body. query is the query string of the URL, after the `?`.
func operationOf(r route, query string, ifMatch []string, b *body) (o operation, err error) {
	o = operation{route: r, body: b}
	switch r.verb {
	case verbNone:
		return o, r.notAllowed()
	case verbSearch:
		return o, nil // the parameters are in the body
	}
	if utf8.RuneCountInString(r.id) > maxID {
		return o, fault.New(fault.NotFound, "no id is that long")
	}
	if o.parameters, err = parseParameters(query); err != nil {
		return o, err
	}
	if r.endpoint == resourceEndpoint && !r.verb.reads() {
		o.ifMatch, err = parseIfMatch(ifMatch)
	}
	return o, err
}

// do executes an operation. All differences between the verbs are here.
func (h *Handler) do(ctx context.Context, m *message, o operation) (*response, error) {
	switch o.verb {
	case verbSearch:
		document, err := o.body.all(h.config.MaxBodyBytes, &m.reserved)
		if err != nil {
			return nil, err
		}
		ctx = m.restart(ctx, o.body, h.config.RequestTimeout)
		if o.parameters, err = parseSearch(document); err != nil {
			return nil, err
		}
		return h.list(ctx, m, o)
	case verbList:
		return h.list(ctx, m, o)
	case verbGet:
		return h.get(ctx, m, o)
	case verbDelete:
		return h.remove(ctx, m, o)
	case verbCreate:
		return h.write(ctx, m, o, &identityv1.Write{Operation: identityv1.Write_OPERATION_CREATE}, http.StatusCreated)
	case verbReplace:
		return h.write(ctx, m, o, &identityv1.Write{Operation: identityv1.Write_OPERATION_REPLACE}, http.StatusOK)
	case verbPatch:
		return h.write(ctx, m, o, &identityv1.Write{
			Operation: identityv1.Write_OPERATION_PATCH,
			// A group may have very many members, and the client did not ask for them (RFC 7644 §3.5.2 allows 204).
			OmitResource: o.kind == groups && len(o.projection.GetAttributes()) == 0,
		}, http.StatusOK)
	default:
		return nil, o.notAllowed()
	}
}

func (h *Handler) get(ctx context.Context, m *message, o operation) (*response, error) {
	found, err := h.d.Resources.GetResource(ctx, &identityv1.GetResourceRequest{Target: m.target(o.kind), Id: o.id, Projection: o.projection})
	if err != nil {
		return nil, err
	}
	resource := found.GetResource()
	if noneMatch(o.ifNoneMatch, resource.GetVersion()) {
		return &response{status: http.StatusNotModified, etag: etag(resource.GetVersion()), location: m.location(o.kind, resource.GetId())}, nil
	}
	return h.shown(ctx, m, o, http.StatusOK, resource)
}

func (h *Handler) remove(ctx context.Context, m *message, o operation) (*response, error) {
	release, err := h.before(ctx, m)
	defer release()
	if err != nil {
		return nil, err
	}
	removed, err := h.d.Resources.DeleteResource(ctx, &identityv1.DeleteResourceRequest{Target: m.target(o.kind), Id: o.id, IfMatch: o.ifMatch})
	if err != nil {
		return nil, err
	}
	h.count(ctx, removed.GetResult())
	return &response{status: http.StatusNoContent, cursor: removed.GetResult().GetChangeCursor()}, nil
}

// write executes a POST, PUT or PATCH. It answers with the status and the resource, or with 204 without one. change contains the fields of
// the call that are not in the operation.
func (h *Handler) write(ctx context.Context, m *message, o operation, change *identityv1.Write, status int) (*response, error) {
	change.Id, change.IfMatch, change.Projection = o.id, o.ifMatch, o.projection
	limit := h.config.MaxBodyBytes
	if o.kind == groups {
		limit = h.config.MaxGroupBytes // a whole group may contain all its members
	}
	if o.kind == groups && (o.body.length() < 0 || o.body.length() > small) {
		written, err := h.writeInParts(ctx, m, o, change, limit)
		if err != nil {
			return nil, err
		}
		ctx = m.restart(ctx, o.body, h.config.RequestTimeout)
		return h.written(ctx, m, o, status, change, written)
	}
	document, err := o.body.all(limit, &m.reserved)
	if err != nil {
		return nil, err
	}
	ctx = m.restart(ctx, o.body, h.config.RequestTimeout)
	release, err := h.before(ctx, m)
	defer release()
	if err != nil {
		return nil, err
	}
	written, err := h.d.Resources.WriteResource(ctx, &identityv1.WriteResourceRequest{Target: m.target(o.kind), Write: change, Document: document})
	if err != nil {
		return nil, err
	}
	return h.written(ctx, m, o, status, change, written)
}

// written returns the answer to a write: with the resource, or 204 without one.
func (h *Handler) written(ctx context.Context, m *message, o operation, status int, change *identityv1.Write, w interface {
	GetResource() *identityv1.Resource
	GetResult() *identityv1.WriteResult
},
) (*response, error) {
	resource := w.GetResource()
	if change.GetOmitResource() {
		resource = &identityv1.Resource{Id: resource.GetId(), Version: resource.GetVersion()}
	}
	h.count(ctx, w.GetResult())
	a, err := h.shown(ctx, m, o, status, resource)
	if err != nil {
		// The write succeeded, and a client that gets an error would send it again. So the answer says where the resource is.
		h.d.Log.LogAttrs(ctx, slog.LevelWarn, "a group was written and could not be read to answer with it",
			slog.String("id", resource.GetId()), slog.Any("error", err))
		a = &response{status: status, location: m.location(o.kind, resource.GetId())}
	}
	a.cursor = w.GetResult().GetChangeCursor()
	switch {
	case len(a.body) > 0 || a.large != nil:
	case status != http.StatusCreated:
		a.status = http.StatusNoContent
	case !resource.GetLarge():
		return nil, errors.New("identity created a resource and did not return it")
	}
	return a, nil
}

// shown returns an answer with a resource.
func (h *Handler) shown(ctx context.Context, m *message, o operation, status int, resource *identityv1.Resource) (a *response, err error) {
	a = &response{status: status, body: resource.GetDocument()}
	if resource.GetLarge() && !o.inBulk {
		// Another write may have changed it meanwhile. The answer shows its present state and version.
		if a.large, err = h.open(ctx, m, o.kind, resource.GetId(), o.projection); err != nil {
			return nil, err
		}
		resource = a.large.resource
	}
	if id := resource.GetId(); id != "" {
		a.location = m.location(o.kind, id)
	}
	if version := resource.GetVersion(); version > 0 {
		a.etag = etag(version)
	}
	return a, nil
}
