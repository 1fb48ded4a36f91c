// Package signin lets people sign in to the admin listener: at an identity provider, or with a portal link. It serves the few pages for that,
// and starts and ends sessions. What a session opens is not decided here.
package signin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/oidc"
	"github.com/usher-scim/usher/services/gateway/internal/tally"
	"github.com/usher-scim/usher/services/gateway/internal/traced"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/pace"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// maxBody is the largest body of a request, in bytes. A logout token is below 8 KiB.
	maxBody = 16 << 10
	// callTimeout limits a call of the directory service. A revocation waits until key leases have ended.
	callTimeout = 20 * time.Second
	// linesPerSecond and linesAtOnce limit the log lines about refusals and failures.
	linesPerSecond, linesAtOnce = 10, 100
	// maxOrganization is the largest length of an organization's id.
	maxOrganization = 63
	// attemptLasts is how long the browser keeps the cookie of an attempt.
	attemptLasts = 10 * time.Minute
)

// Dependencies are what the pages use.
type Dependencies struct {
	// AdminURL is the address of the admin listener for browsers, without a slash at its end.
	AdminURL *url.URL
	// Providers are the identity providers, and ProviderNames their names in the order of the settings.
	Providers     *oidc.Providers
	ProviderNames []string
	// Tokens are the tokens with which the operator can sign in. It may be nil.
	Tokens *authn.Operator
	// PublicURL is what Base URLs begin with, without a slash at its end.
	PublicURL string
	// TraceURL is the address of a trace, with {trace_id} where the id belongs, or empty.
	TraceURL string
	// SignIn starts and ends sessions. On its connection, the caller is the gateway.
	SignIn  directoryv1.SignInServiceClient
	Browser authn.Browser
	// Visitors limits how many requests one address can cause: each one can cost a call of a provider or of the directory service.
	Visitors authn.Visitors

	ServerName     string
	TrustedProxies []netip.Prefix
	TallyEvery     time.Duration
	Metrics        *metrics.Metrics
	Log            *slog.Logger
	Tracing        trace.TracerProvider
	Now            func() time.Time
}

// Serves reports whether this package serves a path of the admin listener.
func Serves(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains([]string{"session", "sign-in", "sign-out", "portal", "sign-in.css", "portal.js"}, first)
}

// Handler serves the pages.
type Handler struct {
	d      Dependencies
	mux    *http.ServeMux
	traced http.Handler
	lines  *rate.Limiter
	tally  tally.Tally
}

// New creates the handler.
func New(d Dependencies) *Handler {
	h := &Handler{d: d, mux: http.NewServeMux(), lines: rate.NewLimiter(linesPerSecond, linesAtOnce)}
	h.mux.HandleFunc("GET /session", h.session)
	h.mux.HandleFunc("GET /sign-in", h.providers)
	h.mux.HandleFunc("POST /sign-in", h.signInWithToken)
	h.mux.HandleFunc("GET /sign-in/{provider}", h.of(h.begin))
	h.mux.HandleFunc("GET /sign-in/{provider}/callback", h.of(h.finish))
	h.mux.HandleFunc("POST /sign-in/{provider}/logout", h.of(h.backChannelLogout))
	h.mux.HandleFunc("POST /sign-out", h.signOut)
	h.mux.HandleFunc("GET /portal", h.portal)
	h.mux.HandleFunc("POST /portal", h.usePortalLink)
	h.mux.HandleFunc("GET /sign-in.css", h.file("text/css; charset=utf-8", styleSheet))
	h.mux.HandleFunc("GET /portal.js", h.file("text/javascript; charset=utf-8", portalScript))
	h.mux.HandleFunc("/", h.nothing)
	h.traced = traced.Handler(http.HandlerFunc(h.serve), traced.Options{
		Name: "sign-in", ServerName: d.ServerName, TrustedProxies: d.TrustedProxies, Tracing: d.Tracing, Metrics: d.Metrics,
	})
	return h
}

// Run logs the counts of requests without a log line of their own, until its context ends.
func (h *Handler) Run(ctx context.Context) {
	h.tally.Run(ctx, h.d.Log.With(slog.String("api", "sign-in")), h.d.TallyEvery)
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.traced.ServeHTTP(w, r) }

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin") // with no-referrer, a form would have no origin, and nobody could sign out
	header.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	if h.d.AdminURL.Scheme == "https" {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
	_, pattern := h.mux.Handler(r)
	_, route, _ := strings.Cut(pattern, " ")
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	h.mux.ServeHTTP(w, r)
	r.Pattern = route
	trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("url.path", route)) // the path may contain anything
}

// notSignedIn sends a reader without a session to the sign-in page.
func (h *Handler) notSignedIn(w http.ResponseWriter, r *http.Request, err error) {
	var refusal authn.Refusal
	switch {
	case fault.Is(err, fault.Limit):
		h.tooMany(w, r)
		return
	case !errors.As(err, &refusal):
		h.fail(w, r, err)
		return
	}
	if refusal != authn.NoBearer { // most of these are sessions that have ended
		h.refused(r, string(refusal))
	}
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// providers shows where the reader can sign in.
func (h *Handler) providers(w http.ResponseWriter, r *http.Request) {
	h.show(w, r, http.StatusOK, h.signInPage(r.URL.Query().Get("return_to")))
}

// signInPage returns the page that shows where a reader can sign in.
func (h *Handler) signInPage(returnTo string) page {
	if oidc.CheckReturnTo(returnTo) != nil {
		returnTo = ""
	}
	p := page{Title: "Sign in", ReturnTo: returnTo, Token: h.d.Tokens != nil}
	for _, name := range h.d.ProviderNames {
		address := "/sign-in/" + name
		if returnTo != "" {
			address += "?" + url.Values{"return_to": {returnTo}}.Encode()
		}
		p.Links = append(p.Links, link{address, "Sign in with " + name})
	}
	switch {
	case len(p.Links) > 0:
		p.Lines = []string{"Choose where to sign in."}
	case !p.Token:
		p.Lines = []string{"No identity provider is set up here. The operator of Usher can set one up, or send you a portal link."}
	}
	return p
}

// of serves the requests that name a provider. A name that is not in the settings is in no log line: it may be anything.
func (h *Handler) of(serve func(w http.ResponseWriter, r *http.Request, provider string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !h.visit(w, r) {
			return
		}
		provider := r.PathValue("provider")
		if !slices.Contains(h.d.ProviderNames, provider) {
			h.refused(r, string(oidc.UnknownProvider))
			h.nothing(w, r)
			return
		}
		serve(w, r, provider)
	}
}

// begin sends the reader to the provider.
func (h *Handler) begin(w http.ResponseWriter, r *http.Request, provider string) {
	query := r.URL.Query()
	returnTo, organization := query.Get("return_to"), query.Get("organization")
	if returnTo == "" {
		returnTo = "/"
	}
	if len(organization) > maxOrganization { // with a longer one, the cookie could be too large for the browser
		h.refuse(w, r, provider, oidc.Malformed)
		return
	}
	address, attempt, err := h.d.Providers.Begin(r.Context(), provider, h.redirectURL(provider), returnTo)
	if err != nil {
		h.refuse(w, r, provider, err)
		return
	}
	attempt.Organization = organization
	h.setCookie(w, h.attemptCookie(), attempt.Encode(), attemptLasts)
	http.Redirect(w, r, address, http.StatusSeeOther) //nolint:gosec // the address is that of the provider in the settings
}

// redirectURL is where a provider sends the reader back to.
func (h *Handler) redirectURL(provider string) string {
	return h.d.AdminURL.String() + "/sign-in/" + provider + "/callback"
}

// finish starts the session of a reader whom the provider has sent back.
func (h *Handler) finish(w http.ResponseWriter, r *http.Request, provider string) {
	attempt, err := h.attempt(r, provider)
	h.setCookie(w, h.attemptCookie(), "", 0)
	if err != nil {
		h.refuse(w, r, provider, err)
		return
	}
	identity, err := h.d.Providers.Finish(r.Context(), attempt, h.redirectURL(provider), r.URL.Query())
	if err != nil {
		h.refuse(w, r, provider, err)
		return
	}
	grant, ok := chosen(identity.Grants, attempt.Organization)
	if !ok {
		h.chooseOrganization(w, r, provider, attempt, identity.Grants)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	made, err := h.d.SignIn.CreateSession(ctx, &directoryv1.CreateSessionRequest{
		Provider: identity.Provider, Subject: identity.Subject, ProviderSession: identity.SessionID,
		PrincipalKind: authn.KindOf(grant), OrganizationId: grant.OrganizationID, Address: h.address(r),
	})
	if err != nil {
		h.refuseSession(w, r, provider, err)
		return
	}
	h.started(w, r, "signed in", made.GetSession(), made.GetSecret(), slog.String("principal", authn.PrincipalOf(identity, grant).GetSubject()))
	http.Redirect(w, r, attempt.ReturnTo, http.StatusSeeOther)
}

// attempt reads the attempt of the reader's browser.
func (h *Handler) attempt(r *http.Request, provider string) (oidc.Attempt, error) {
	cookies := r.CookiesNamed(h.attemptCookie())
	if len(cookies) != 1 {
		return oidc.Attempt{}, oidc.WrongState
	}
	attempt, err := oidc.DecodeAttempt(cookies[0].Value)
	if err == nil && attempt.Provider != provider {
		err = oidc.WrongState
	}
	return attempt, err
}

// chosen returns what a person acts as. It returns false if the person has to choose.
func chosen(grants []oidc.Grant, organization string) (oidc.Grant, bool) {
	if len(grants) == 1 {
		return grants[0], true
	}
	i := slices.IndexFunc(grants, func(g oidc.Grant) bool { return g.OrganizationID == organization })
	if i < 0 {
		return oidc.Grant{}, false
	}
	return grants[i], true
}

// chooseOrganization shows the organizations of a person who has several. Each choice signs in once more: the provider knows the person
// already.
func (h *Handler) chooseOrganization(w http.ResponseWriter, r *http.Request, provider string, attempt oidc.Attempt, grants []oidc.Grant) {
	p := page{Title: "Choose an organization"}
	for _, g := range grants {
		query := url.Values{"organization": {g.OrganizationID}, "return_to": {attempt.ReturnTo}}
		p.Links = append(p.Links, link{"/sign-in/" + provider + "?" + query.Encode(), g.OrganizationID})
	}
	h.show(w, r, http.StatusOK, p)
}

// started gives a browser its new session, and writes the log line.
func (h *Handler) started(w http.ResponseWriter, r *http.Request, message string, s *directoryv1.Session, secret string, more ...slog.Attr) {
	h.setCookie(w, authn.SessionCookie(h.d.AdminURL.Scheme == "https"), secret, s.GetExpireTime().AsTime().Sub(h.d.Now()))
	h.d.Metrics.SignIns.Add(r.Context(), 1, metrics.Reason("ok"))
	h.d.Log.LogAttrs(r.Context(), slog.LevelInfo, message, append([]slog.Attr{
		slog.String("session_id", s.GetId()), slog.String("organization_id", s.GetOrganizationId()),
		slog.String("principal_kind", kindName(s.GetPrincipalKind())),
	}, more...)...)
}

// backChannelLogout ends sessions because the provider says so (OpenID Connect Back-Channel Logout 1.0 §2.5 and §2.8).
func (h *Handler) backChannelLogout(w http.ResponseWriter, r *http.Request, provider string) {
	subject, session, undo, err := h.d.Providers.Logout(r.Context(), provider, r.PostFormValue("logout_token"))
	if err != nil {
		h.refused(r, "logout_"+string(oidc.RefusalOf(err)), slog.String("provider", provider))
		http.Error(w, `{"error":"invalid_request"}`, http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	ended, err := h.d.SignIn.EndSessions(ctx, &directoryv1.EndSessionsRequest{Provider: provider, Subject: subject, ProviderSession: session})
	if err != nil {
		undo()
		h.fail(w, r, err)
		return
	}
	h.d.Visitors.GiveBack(authn.SourceOf(r)) // a provider signs many people out at once, and sends each token once
	h.d.Log.LogAttrs(r.Context(), slog.LevelInfo, "the identity provider signed a person out",
		slog.String("provider", provider), slog.Int("sessions", int(ended.GetEndedCount())))
}

// signOut ends the session of the reader.
func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) {
	client, err := h.d.Browser.Authenticate(r, r.PostFormValue("csrf_token"))
	if err != nil {
		h.notSignedIn(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	digest := authn.Digest(h.d.Browser.Secret(r))
	if _, err := h.d.SignIn.EndSessions(ctx, &directoryv1.EndSessionsRequest{KeyDigest: digest[:]}); err != nil {
		h.fail(w, r, err)
		return
	}
	h.setCookie(w, authn.SessionCookie(h.d.AdminURL.Scheme == "https"), "", 0)
	h.d.Log.LogAttrs(r.Context(), slog.LevelInfo, "signed out", slog.String("principal", client.Principal.GetSubject()))
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// visit counts a request of an address. It answers and returns false if the address has sent too many.
func (h *Handler) visit(w http.ResponseWriter, r *http.Request) bool {
	err := h.d.Visitors.Visit(authn.SourceOf(r))
	if err != nil {
		h.tooMany(w, r)
	}
	return err == nil
}

// tooMany answers an address that has sent too many requests.
func (h *Handler) tooMany(w http.ResponseWriter, r *http.Request) {
	h.tally.Add("too_many_requests")
	h.d.Metrics.SignIns.Add(r.Context(), 1, metrics.Reason("too_many_requests"))
	pace.Refuse(w, r, func() {
		w.Header().Set("Retry-After", "10")
		h.show(w, r, http.StatusTooManyRequests, page{Title: "Too many requests", Lines: []string{"Wait a moment, and try again."}})
	})
}

// address returns the client's address.
func (h *Handler) address(r *http.Request) string {
	if address := authn.SourceOf(r).Client(h.d.TrustedProxies); address.IsValid() {
		return address.String()
	}
	return ""
}

// refuse answers somebody who may not sign in. Only a person whom the provider knows learns why.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, provider string, err error) {
	refusal := oidc.RefusalOf(err)
	h.refused(r, string(refusal), slog.String("provider", provider))
	p, status := page{Title: "Signing in did not work", Links: []link{{"/sign-in", "Sign in again"}}}, http.StatusForbidden
	var none *oidc.NoGrantError
	switch {
	case errors.As(err, &none):
		p = page{Title: "You may not sign in", Lines: []string{
			"The identity provider knows you, and no rule here gives you anything. Ask your administrator, and show this page.",
		}}
		for _, line := range none.Lines {
			p.Reasons = append(p.Reasons, line.String())
		}
	case refusal == oidc.ProviderUnreachable || refusal == oidc.ProviderError || refusal == oidc.SecretUnreadable:
		p.Lines, status = []string{"The identity provider did not let you in, or cannot be used now. Try again later, or ask your administrator."}, http.StatusServiceUnavailable
	}
	h.show(w, r, status, p)
}

// refuseSession answers somebody whom the directory service gives no session.
func (h *Handler) refuseSession(w http.ResponseWriter, r *http.Request, provider string, err error) {
	var refusal string
	switch f := rpc.Fault(err); {
	case f != nil && f.Reason == fault.SubjectBlocked:
		refusal = "blocked"
	case f != nil && (f.Reason == fault.NotFound || f.Reason == fault.Erasing):
		refusal = "no_organization"
	default:
		h.fail(w, r, err)
		return
	}
	h.refused(r, refusal, slog.String("provider", provider))
	h.show(w, r, http.StatusForbidden, page{Title: "You may not sign in", Lines: []string{"Ask your administrator, and show this page."}})
}

// refused counts a refusal, and writes its log line. Anybody can cause any number of refusals; beyond linesPerSecond, it only counts.
func (h *Handler) refused(r *http.Request, refusal string, more ...slog.Attr) {
	h.d.Metrics.SignIns.Add(r.Context(), 1, metrics.Reason(refusal))
	if !h.lines.Allow() {
		h.tally.Add(refusal)
		return
	}
	h.d.Log.LogAttrs(r.Context(), slog.LevelWarn, "a sign-in was refused", append([]slog.Attr{slog.String("reason", refusal)}, more...)...)
}

// fail answers a request that could not be served now, or whose address has sent too many unknown sessions.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Limit) {
		h.tooMany(w, r)
		return
	}
	h.failed(r, err)
	h.show(w, r, http.StatusServiceUnavailable, page{Title: "This does not work now", Lines: []string{"Try again."}})
}

// failed counts a failure, and writes its log line, as refused does.
func (h *Handler) failed(r *http.Request, err error) {
	h.d.Metrics.SignIns.Add(r.Context(), 1, metrics.Reason("failed"))
	if !h.lines.Allow() {
		h.tally.Add("failed")
		return
	}
	h.d.Log.LogAttrs(r.Context(), slog.LevelWarn, "a sign-in request failed", slog.String("error", err.Error()))
}

func (h *Handler) nothing(w http.ResponseWriter, r *http.Request) {
	h.show(w, r, http.StatusNotFound, page{Title: "There is nothing at this address"})
}

func (h *Handler) attemptCookie() string {
	return authn.SessionCookie(h.d.AdminURL.Scheme == "https") + "-sign-in"
}

// setCookie gives the browser a cookie for a time, or removes it.
func (h *Handler) setCookie(w http.ResponseWriter, name, value string, lasts time.Duration) {
	age := int(lasts / time.Second)
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // it is not Secure only where the admin listener has no TLS, such as in development
		Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: h.d.AdminURL.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}
