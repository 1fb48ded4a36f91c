package scimhttp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"unicode/utf8"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

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
	created, result, err := h.write(w, r, m, &identityv1.Write{Operation: identityv1.Write_OPERATION_CREATE, Projection: p.projection})
	if err != nil {
		return nil, err
	}
	return h.written(r.Context(), m, http.StatusCreated, created, result, p.projection)
}

func (h *Handler) list(r *http.Request, m *message, p parameters) (*response, error) {
	return h.listOf(r, m, m.route.kind, p.query, p.projection)
}

func (h *Handler) listOf(r *http.Request, m *message, k kind, q *identityv1.ListQuery, p *identityv1.Projection) (*response, error) {
	found, err := h.find(r.Context(), m, k, q, p)
	if err != nil {
		return nil, err
	}
	page := listPage{total: found.TotalResults, next: found.GetNextCursor()}
	if q.Cursor == nil {
		page.start = max(found.GetStartIndex(), 1)
	}
	if err := h.fill(r.Context(), m, &page, k, found, p); err != nil {
		return nil, err
	}
	return page.response(), nil
}

// find asks identity for a page of one kind.
func (h *Handler) find(ctx context.Context, m *message, k kind, q *identityv1.ListQuery, p *identityv1.Projection) (*identityv1.ListResult, error) {
	answer, err := h.d.Resources.ListResources(ctx, &identityv1.ListResourcesRequest{Target: m.target(k), Query: q, Projection: p})
	return answer.GetResult(), err
}

// fill adds what was found to a page. A large group is the last of what is found.
func (h *Handler) fill(ctx context.Context, m *message, page *listPage, k kind, found *identityv1.ListResult, p *identityv1.Projection) (err error) {
	for _, resource := range found.GetResources() {
		if resource.GetLarge() {
			page.large, err = h.open(ctx, m, k, resource.GetId(), p)
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
		found, err := h.d.Resources.GetResource(r.Context(), &identityv1.GetResourceRequest{
			Target: m.target(m.route.kind), Id: m.route.id, Projection: p.projection,
		})
		if err != nil {
			return nil, err
		}
		return h.read(r, m, found.GetResource(), p.projection)
	}
	versions, err := ifMatch(r)
	if err != nil {
		return nil, err
	}
	if method == http.MethodDelete {
		release, err := h.before(r.Context(), m)
		defer release()
		if err != nil {
			return nil, err
		}
		removed, err := h.d.Resources.DeleteResource(r.Context(), &identityv1.DeleteResourceRequest{
			Target: m.target(m.route.kind), Id: m.route.id, IfMatch: versions,
		})
		if err != nil {
			return nil, err
		}
		h.count(r.Context(), removed.GetResult())
		return &response{status: http.StatusNoContent, cursor: removed.GetResult().GetChangeCursor()}, nil
	}
	change := &identityv1.Write{
		Operation: identityv1.Write_OPERATION_REPLACE, Id: m.route.id, IfMatch: versions, Projection: p.projection,
	}
	if method == http.MethodPatch {
		change.Operation = identityv1.Write_OPERATION_PATCH
	}
	// A group may have very many members, which nobody asked to see (RFC 7644 §3.5.2 allows 204).
	change.OmitResource = method == http.MethodPatch && m.route.kind == groups && len(p.projection.GetAttributes()) == 0
	resource, result, err := h.write(w, r, m, change)
	if err != nil {
		return nil, err
	}
	if change.GetOmitResource() {
		resource = &identityv1.Resource{Id: resource.GetId(), Version: resource.GetVersion()}
	}
	return h.written(r.Context(), m, http.StatusOK, resource, result, p.projection)
}

// write carries out a POST, PUT or PATCH with the body of the message.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, m *message, change *identityv1.Write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	if inParts(r, m.route.kind) {
		return h.writeInParts(w, r, m, change)
	}
	body, err := h.readBody(w, r, m, h.bodyLimit(m.route.kind))
	if err != nil {
		return nil, nil, err
	}
	release, err := h.before(r.Context(), m)
	defer release()
	if err != nil {
		return nil, nil, err
	}
	written, err := h.d.Resources.WriteResource(r.Context(), &identityv1.WriteResourceRequest{
		Target: m.target(m.route.kind), Write: change, Document: body,
	})
	return written.GetResource(), written.GetResult(), err
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
		if a.large, err = h.open(ctx, m, m.route.kind, resource.GetId(), p); err != nil {
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
		// It is written all the same, and a client that hears of a failure sends it again: so it hears where the resource is.
		h.d.Log.LogAttrs(ctx, slog.LevelWarn, "a group was written and could not be read to answer with it",
			slog.String("id", resource.GetId()), slog.Any("error", err))
		a = &response{status: status, location: m.location(resource.GetId())}
	}
	a.cursor = result.GetChangeCursor()
	switch {
	case len(a.body) > 0 || a.large != nil:
	case status != http.StatusCreated:
		a.status = http.StatusNoContent
	case !resource.GetLarge():
		return nil, errors.New("identity created a resource and did not return it")
	}
	return a, nil
}

func (m *message) location(id string) string { return m.baseURL + m.route.kind.endpoint() + "/" + id }
