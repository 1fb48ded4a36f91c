package signin

import (
	"context"
	"log/slog"
	"net/http"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/gateway/internal/oidc"
)

// tokenProvider is the provider of sessions that a token of the operator started. No provider in the settings can have this name.
const tokenProvider = "operator token"

// signInWithToken starts a session of the operator. A token that is removed later ends no session: this is for development.
func (h *Handler) signInWithToken(w http.ResponseWriter, r *http.Request) {
	if !h.visit(w, r) {
		return
	}
	if h.d.Tokens == nil {
		h.nothing(w, r)
		return
	}
	if h.d.Browser.CrossSite(r) {
		h.refuse(w, r, tokenProvider, oidc.WrongState)
		return
	}
	subject, ok := h.d.Tokens.Subject(r.PostFormValue("token"))
	p := h.signInPage(r.PostFormValue("return_to"))
	if !ok {
		h.refused(r, "token_unknown")
		p.Reasons = []string{"This is not a token of the operator."}
		h.show(w, r, http.StatusForbidden, p)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	made, err := h.d.SignIn.CreateSession(ctx, &directoryv1.CreateSessionRequest{
		Provider: tokenProvider, Subject: subject, PrincipalKind: commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR, Address: h.address(r),
	})
	if err != nil {
		h.refuseSession(w, r, tokenProvider, err)
		return
	}
	h.started(w, r, "signed in", made.GetSession(), made.GetSecret(), slog.String("principal", subject))
	if p.ReturnTo == "" {
		p.ReturnTo = "/"
	}
	http.Redirect(w, r, p.ReturnTo, http.StatusSeeOther)
}
