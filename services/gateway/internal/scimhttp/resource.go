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
	created, result, err := h.write(w, r, m, http.MethodPost, write{target: m.target(), projection: p.projection})
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
		release, err := h.before(r.Context(), m)
		defer release()
		if err != nil {
			return nil, err
		}
		result, err := h.resources[m.route.kind].remove(r.Context(), change)
		if err != nil {
			return nil, err
		}
		h.count(r.Context(), result)
		return &response{status: http.StatusNoContent, cursor: result.GetChangeCursor()}, nil
	}
	// A group may have very many members, which nobody asked to see (RFC 7644 §3.5.2 allows 204).
	change.omit = method == http.MethodPatch && m.route.kind == groups && len(p.projection.GetAttributes()) == 0
	resource, result, err := h.write(w, r, m, method, change)
	if err != nil {
		return nil, err
	}
	if change.omit {
		resource = &identityv1.Resource{Id: resource.GetId(), Version: resource.GetVersion()}
	}
	return h.written(r.Context(), m, http.StatusOK, resource, result, p.projection)
}

// write carries out a POST, PUT or PATCH, whose body is all that change lacks.
func (h *Handler) write(w http.ResponseWriter, r *http.Request, m *message, method string, change write) (*identityv1.Resource, *identityv1.WriteResult, error) {
	if inParts(r, m.route.kind) {
		return h.writeInParts(w, r, m, &identityv1.WriteGroupRequest{
			Kind: kindsInParts[method], Id: change.id, IfMatch: change.ifMatch, Projection: change.projection, OmitResource: change.omit,
		})
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
	change.document = body
	kindOf := h.resources[m.route.kind]
	switch method {
	case http.MethodPut:
		return kindOf.replace(r.Context(), change)
	case http.MethodPatch:
		return kindOf.patch(r.Context(), change)
	default:
		return kindOf.create(r.Context(), change)
	}
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
