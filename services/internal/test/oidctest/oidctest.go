// Package oidctest runs OpenID providers for tests. A provider is the certified implementation of zitadel/oidc, on loopback, with users in
// memory. Tests choose the user without a page, rotate keys, and make the provider misbehave.
package oidctest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// Client is Usher's registration at a provider.
type Client struct {
	ID string
	// Secret is empty for a public client.
	Secret string
	// Redirects are where the provider may send people after they signed in, and AfterLogout where after they signed out.
	Redirects, AfterLogout []string
}

// Provider is a running provider. It ends with its test.
type Provider struct {
	// Issuer is its address.
	Issuer string

	t       testing.TB
	server  *httptest.Server
	storage *storage
	op      http.Handler

	mu       sync.Mutex
	requests map[string]int
	down     bool
	tamper   func(header, claims map[string]any) string
	answer   func(answer url.Values)
}

// Start starts a provider with one client.
func Start(t testing.TB, client Client) *Provider {
	t.Helper()
	p := &Provider{t: t, requests: map[string]int{}}
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	p.Issuer = p.server.URL
	p.storage = newStorage(client, p.Issuer)
	var err error
	p.op, err = op.NewProvider(&op.Config{
		CryptoKey: sha256.Sum256([]byte(p.Issuer)), CodeMethodS256: true, AuthMethodPost: true, DefaultLogoutRedirectURI: p.Issuer + "/signed-out",
		BackChannelLogoutSupported: true, BackChannelLogoutSessionSupported: true,
	}, p.storage, op.StaticIssuer(p.Issuer), op.WithAllowInsecure())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Allow registers one more address where the provider may send people after they signed in.
func (p *Provider) Allow(redirectURL string) {
	p.storage.mu.Lock()
	defer p.storage.mu.Unlock()
	p.storage.client.Redirects = append(p.storage.client.Redirects, redirectURL)
}

// SetUser adds a user, or changes the claims of one. The subject is the claim sub or, without it, the login.
func (p *Provider) SetUser(login string, claims map[string]any) {
	claims = maps.Clone(claims)
	if claims == nil {
		claims = map[string]any{}
	}
	if claims["sub"] == nil {
		claims["sub"] = login
	}
	p.storage.mu.Lock()
	defer p.storage.mu.Unlock()
	p.storage.users[login] = claims
}

// SignIn does what the browser of a user does: it opens the address that the client sent it to, chooses the user, and returns the address
// that the provider sends the browser back to, without opening it.
func (p *Provider) SignIn(login, authURL string) *url.URL {
	p.t.Helper()
	client := &http.Client{Transport: p.server.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	next := authURL
	for range 10 {
		form := url.Values{}
		if at, err := url.Parse(next); err == nil && at.Path == loginPath {
			form.Set("login", login)
		}
		method := http.MethodGet
		if len(form) > 0 {
			method = http.MethodPost
		}
		request, err := http.NewRequestWithContext(p.t.Context(), method, next, strings.NewReader(form.Encode()))
		if err != nil {
			p.t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := client.Do(request)
		if err != nil {
			p.t.Fatal(err)
		}
		_ = response.Body.Close()
		to, err := response.Location()
		if err != nil {
			p.t.Fatalf("%s answered %d without a redirect", request.URL.Path, response.StatusCode)
		}
		if next = to.String(); !strings.HasPrefix(next, p.Issuer+"/") {
			return to
		}
	}
	p.t.Fatal("the provider redirects without an end")
	return nil
}

// SetDown makes the provider close each connection without an answer, or ends this.
func (p *Provider) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// Requests returns how many requests there were for a path, such as /keys or /.well-known/openid-configuration.
func (p *Provider) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[path]
}

// Tamper replaces the next ID tokens that clients get for a code. The function gets the header and the claims of the real one, and can sign
// them with Sign or Forge after a change. nil ends this.
func (p *Provider) Tamper(token func(header, claims map[string]any) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tamper = token
}

// TamperAnswer changes the parameters with which the provider sends people back. nil ends this.
func (p *Provider) TamperAnswer(change func(answer url.Values)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = change
}

// AccessToken returns an access token of a user (RFC 9068), with all claims of the user.
func (p *Provider) AccessToken(login, audience string, lifetime time.Duration) string {
	claims := p.claims(login)
	now := time.Now()
	claims["aud"], claims["client_id"], claims["iat"], claims["exp"] = audience, "a vendor's page", now.Unix(), now.Add(lifetime).Unix()
	return p.Sign(map[string]any{"typ": "at+jwt"}, claims)
}

// LogoutToken returns a logout token for all sessions of a user or, if sid is not empty, for this session. Each has an id of its own.
func (p *Provider) LogoutToken(login, sid string) string {
	now := time.Now()
	claims := map[string]any{
		"iss": p.Issuer, "aud": p.storage.client.ID, "sub": p.claims(login)["sub"], "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
		"jti": p.storage.newID(), "events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	if sid != "" {
		claims["sid"] = sid
	}
	return p.Sign(map[string]any{"typ": "logout+jwt"}, claims)
}

// SendLogout sends a logout token to a client's address for back-channel logout, and returns the status of the answer.
func (p *Provider) SendLogout(address, token string) int {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, address, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := p.server.Client().Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// claims returns the claims of a user, with the issuer.
func (p *Provider) claims(login string) map[string]any {
	p.storage.mu.Lock()
	defer p.storage.mu.Unlock()
	claims := maps.Clone(p.storage.users[login])
	if claims == nil {
		p.t.Errorf("the provider has no user %s", login)
		claims = map[string]any{}
	}
	claims["iss"] = p.Issuer
	return claims
}

// loginPath is where the provider asks who the user is.
const loginPath = "/login"

// ServeHTTP serves the provider.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests[r.URL.Path]++
	down, tamper, answer := p.down, p.tamper, p.answer
	p.mu.Unlock()
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case r.URL.Path == loginPath:
		p.login(w, r)
	case r.URL.Path == "/signed-out":
		fmt.Fprintln(w, "You have signed out.")
	case r.URL.Path == "/oauth/token" && tamper != nil, r.URL.Path == "/authorize/callback" && answer != nil:
		p.tampered(w, r, tamper, answer)
	default:
		p.op.ServeHTTP(w, r)
	}
}

var loginPage = template.Must(template.New("login").Parse(`<!DOCTYPE html>
<title>Sign in</title>
<form method="post">
{{range .}}<button name="login" value="{{.}}">{{.}}</button>
{{end}}</form>
`))

// login shows a page with a button for each user, and signs the chosen one in.
func (p *Provider) login(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		p.storage.mu.Lock()
		logins := slices.Sorted(maps.Keys(p.storage.users))
		p.storage.mu.Unlock()
		if err := loginPage.Execute(w, logins); err != nil {
			p.t.Error(err)
		}
		return
	}
	id := r.FormValue("id")
	if err := p.storage.signIn(id, r.FormValue("login")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, p.Issuer+"/authorize/callback?id="+url.QueryEscape(id), http.StatusFound)
}

// tampered serves a request, and changes the ID token or the redirect in the answer.
func (p *Provider) tampered(w http.ResponseWriter, r *http.Request, tamper func(header, claims map[string]any) string, change func(url.Values)) {
	recorder := httptest.NewRecorder()
	p.op.ServeHTTP(recorder, r)
	body := recorder.Body.Bytes()
	var tokens map[string]any
	if tamper != nil && json.Unmarshal(body, &tokens) == nil && tokens["id_token"] != nil {
		header, claims := parts(p.t, tokens["id_token"].(string))
		tokens["id_token"] = tamper(header, claims)
		var err error
		if body, err = json.Marshal(tokens); err != nil {
			p.t.Error(err)
		}
	}
	if to, err := url.Parse(recorder.Header().Get("Location")); change != nil && err == nil {
		query := to.Query()
		change(query)
		to.RawQuery = query.Encode()
		recorder.Header().Set("Location", to.String())
	}
	maps.Copy(w.Header(), recorder.Header())
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(body)
}
