package signin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/version"
)

// portal shows the page that a portal link opens. It does not use the link.
func (h *Handler) portal(w http.ResponseWriter, r *http.Request) {
	h.show(w, r, http.StatusOK, page{
		Title: "Open your organization's settings", Lines: []string{"The link works once. It opens the settings in this browser for 8 hours."}, Portal: true,
	})
}

// usePortalLink uses a portal link up. Its answer is the same for every link that does not work. Only the page of this origin can send the
// request: a form of another site has no such Content-Type, and a script of another site would ask first (CORS), and be refused.
func (h *Handler) usePortalLink(w http.ResponseWriter, r *http.Request) {
	if !h.visit(w, r) {
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/json" || h.d.Browser.CrossSite(r) {
		h.refused(r, "link_cross_site")
		answer(w, http.StatusForbidden, nil)
		return
	}
	var given struct {
		Secret string `json:"secret"`
	}
	if err := json.NewDecoder(r.Body).Decode(&given); err != nil {
		h.refused(r, "link_malformed")
		answer(w, http.StatusBadRequest, nil)
		return
	}
	secret, ok := bearer.PortalLink.Parse(given.Secret)
	if !ok {
		h.refused(r, "link_malformed")
		answer(w, http.StatusForbidden, nil)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	digest := secret.Digest()
	made, err := h.d.SignIn.UsePortalLink(ctx, &directoryv1.UsePortalLinkRequest{LinkDigest: digest[:], Address: h.address(r)})
	if err != nil {
		h.linkFailed(w, r, err)
		return
	}
	h.started(w, r, "a portal link was used", made.GetSession(), made.GetSecret(),
		slog.String("portal_link_id", made.GetSession().GetPortalLinkId()), slog.String("address", h.address(r)))
	answer(w, http.StatusOK, struct{}{})
}

// linkFailed answers somebody to whom the directory service gives no session for a link.
func (h *Handler) linkFailed(w http.ResponseWriter, r *http.Request, err error) {
	f := rpc.Fault(err)
	switch {
	case f != nil && f.Reason == fault.NotFound:
		h.refused(r, "link_unknown")
	case f != nil && f.Reason == fault.PortalLinkEnded:
		h.refused(r, "link_"+f.Metadata["cause"])
	case f != nil && f.Reason == fault.Erasing:
		h.refused(r, "link_no_organization")
	default:
		h.failed(r, err)
		answer(w, http.StatusServiceUnavailable, nil)
		return
	}
	answer(w, http.StatusForbidden, nil)
}

// session tells a page about its session.
func (h *Handler) session(w http.ResponseWriter, r *http.Request) {
	client, err := h.d.Browser.Authenticate(r, "")
	var refusal authn.Refusal
	switch {
	case errors.As(err, &refusal):
		answer(w, http.StatusUnauthorized, nil)
		return
	case err != nil: // the page must not take this for the end of its session
		h.fail(w, r, err)
		return
	}
	p := client.Principal
	var scopes []string
	for _, s := range authn.ScopesOf(p) {
		scopes = append(scopes, s.String())
	}
	build := ""
	if p.GetKind() == commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR { // others need not know which faults this version has
		build = version.Of()
	}
	answer(w, http.StatusOK, map[string]any{
		"principalKind": p.GetKind().String(), "organizationId": p.GetOrganizationId(), "scopes": scopes, "subject": p.GetSubject(),
		"oneDirectory": p.GetOneDirectory(), "directoryId": p.GetDirectoryId(), "portalLinkId": p.GetPortalLinkId(),
		"traceUrl": h.d.TraceURL, "adminUrl": h.d.AdminURL.String(), "publicUrl": h.d.PublicURL, "version": build,
		"csrfToken": authn.CSRFToken(h.d.Browser.Secret(r)),
	})
}

// answer sends JSON, or only a status.
func answer(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client left: nobody can receive an error
}
