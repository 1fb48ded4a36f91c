package signin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/gateway/internal/authn"
	"github.com/usher-scim/usher/services/gateway/internal/metrics"
	"github.com/usher-scim/usher/services/gateway/internal/oidc"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/operatortoken"
	"github.com/usher-scim/usher/services/internal/test/oidctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// directory is a directory service that counts what arrives.
type directory struct {
	directoryv1.SignInServiceClient
	err          error
	sessions     []string // the addresses of people with sessions
	links, ended int
}

func (d *directory) CreateSession(_ context.Context, r *directoryv1.CreateSessionRequest, _ ...grpc.CallOption) (*directoryv1.CreateSessionResponse, error) {
	d.sessions = append(d.sessions, r.GetAddress())
	session := &directoryv1.Session{ExpireTime: timestamppb.New(time.Now().Add(12 * time.Hour))}
	return &directoryv1.CreateSessionResponse{Session: session, Secret: bearer.Session.New().Reveal()}, d.err
}

func (d *directory) UsePortalLink(context.Context, *directoryv1.UsePortalLinkRequest, ...grpc.CallOption) (*directoryv1.UsePortalLinkResponse, error) {
	d.links++
	return &directoryv1.UsePortalLinkResponse{Session: &directoryv1.Session{}}, d.err
}

func (d *directory) EndSessions(context.Context, *directoryv1.EndSessionsRequest, ...grpc.CallOption) (*directoryv1.EndSessionsResponse, error) {
	d.ended++
	return &directoryv1.EndSessionsResponse{EndedCount: 1}, d.err
}

// world is the pages with one provider, where ann is an admin.
type world struct {
	t         *testing.T
	op        *oidctest.Provider
	directory *directory
	handler   *Handler
	admin     string
	lookup    error // of the look-up of sessions; nil: there is none
	log       strings.Builder
}

func newWorld(t *testing.T, admin string) *world {
	t.Helper()
	w := &world{t: t, directory: &directory{}, admin: admin}
	w.op = oidctest.Start(t, oidctest.Client{ID: "usher", Redirects: []string{admin + "/sign-in/acme/callback"}})
	w.op.SetUser("ann", map[string]any{"role": "admin"})
	providers, err := oidc.New([]oidc.ProviderSettings{{
		Name: "acme", Issuer: w.op.Issuer, ClientID: "usher",
		Mappings: []oidc.Mapping{{Claim: []string{"role"}, Value: "admin", Principal: oidc.OrganizationAdmin, Organization: "acme"}},
	}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(providers.Close)
	instruments, err := metrics.New(metricnoop.NewMeterProvider())
	if err != nil {
		t.Fatal(err)
	}
	adminURL, err := url.Parse(admin)
	if err != nil {
		t.Fatal(err)
	}
	stopped := time.Now() // so that nobody may send more after a while
	limits := authn.UnknownKeysConfig{PerAddress: 2, Total: 1000, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}}
	load := func(context.Context, keylease.Digest) (keylease.Lease, error) {
		err := w.lookup
		if err == nil {
			err = w.directory.err
		}
		return keylease.Lease{Unknown: true, Until: time.Now().Add(time.Minute)}, err
	}
	clock := func() time.Time { return stopped }
	clients := authn.NewClients(authn.NewOperator(), providers, keylease.New(load, time.Now), authn.NewUnknownKeys(limits, clock), time.Now)
	w.handler = New(Dependencies{
		AdminURL: adminURL, Providers: providers, ProviderNames: []string{"acme"}, SignIn: w.directory,
		Browser: authn.NewBrowser(clients, adminURL, nil), Visitors: authn.NewVisitors(limits, clock),
		TrustedProxies: limits.TrustedProxies, Metrics: instruments, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Tracing: noop.NewTracerProvider(), Now: time.Now,
	})
	return w
}

// reply is the answer to a request.
type reply struct {
	StatusCode int
	Header     http.Header
	page       string
}

// cookies returns the cookies that the answer sets.
func (a reply) cookies() []*http.Cookie {
	return (&http.Response{Header: a.Header}).Cookies()
}

// send sends a request from an address, through a proxy.
func (w *world) send(from, method, target, body string, headers ...string) reply {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, target, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.1:1000"
	r.Header.Set("X-Forwarded-For", from)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return reply{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// signIn signs ann in, and returns the last answer.
func (w *world) signIn() reply {
	w.t.Helper()
	begun := w.send("198.51.100.1", http.MethodGet, "/sign-in/acme", "")
	if begun.StatusCode != http.StatusSeeOther {
		w.t.Fatalf("it began with %d", begun.StatusCode)
	}
	w.requireCookie(begun, "usher-sign-in")
	back := w.op.SignIn("ann", begun.Header.Get("Location"))
	if !strings.HasPrefix(back.String(), w.admin+"/sign-in/acme/callback?") {
		w.t.Fatalf("the provider redirects to %s", back)
	}
	return w.send("198.51.100.1", http.MethodGet, back.RequestURI(), "", "Cookie", strings.SplitN(begun.Header.Get("Set-Cookie"), ";", 2)[0])
}

// requireCookie requires that an answer sets a cookie with a name in its safe form.
func (w *world) requireCookie(a reply, name string) {
	w.t.Helper()
	https := strings.HasPrefix(w.admin, "https")
	if https {
		name = "__Host-" + name
	}
	for _, c := range a.cookies() {
		if c.Name == name && c.Value != "" {
			if !c.HttpOnly || c.Secure != https || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 {
				w.t.Errorf("the cookie is %s", c)
			}
			return
		}
	}
	w.t.Errorf("there is no %s in %v", name, a.Header["Set-Cookie"])
}

func TestCookiesAreThoseOfOneHost(t *testing.T) {
	t.Parallel()
	for _, admin := range []string{"https://admin.example", "http://127.0.0.1:8081"} {
		w := newWorld(t, admin)
		answer := w.signIn()
		w.requireCookie(answer, "usher")
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/" || w.directory.sessions[0] != "198.51.100.1" {
			t.Errorf("%s: %d to %s, from %s", admin, answer.StatusCode, answer.Header.Get("Location"), w.directory.sessions)
		}
	}
}

func TestPagesAllowNothingButThemselves(t *testing.T) {
	t.Parallel()
	for admin, transport := range map[string]string{"https://admin.example": "max-age=31536000", "http://127.0.0.1:8081": ""} {
		w := newWorld(t, admin)
		for path, want := range map[string]int{
			"/sign-in": http.StatusOK, "/portal": http.StatusOK, "/sign-in.css": http.StatusOK, "/portal.js": http.StatusOK,
			"/session": http.StatusUnauthorized, "/sign-in/nobody": http.StatusNotFound, "/nothing": http.StatusNotFound, "/pages/page.html": http.StatusNotFound,
		} {
			answer := w.send("198.51.100.1", http.MethodGet, path, "")
			h := answer.Header
			if answer.StatusCode != want || h.Get("Strict-Transport-Security") != transport || h.Get("Cache-Control") != "no-store" ||
				h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" ||
				!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'; script-src 'self'") ||
				!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("%s: %d %v", path, answer.StatusCode, h)
			}
			if page := answer.page; strings.Contains(page, "<style") || strings.Contains(page, "<script>") || strings.Contains(page, "style=") {
				t.Errorf("%s has something that its policy refuses: %s", path, page)
			}
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
			if answer := w.send("198.51.100.1", method, "/sign-in/acme", ""); answer.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %d", method, answer.StatusCode)
			}
		}
	}
}

// Scanners of mail and browsers load the page more than once. Until its script knows more, nobody can press anything on it.
func TestThePageOfALinkUsesNoLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "https://admin.example")
	for _, cookie := range []string{"", "__Host-usher=" + bearer.Session.New().Reveal()} {
		answer := w.send("198.51.100.1", http.MethodGet, "/portal", "", "Cookie", cookie)
		for _, part := range []string{`<button id="open" type="button" disabled>`, `<p id="continue" hidden><a class="button" href="/">Continue</a>`} {
			if answer.StatusCode != http.StatusOK || !strings.Contains(answer.page, part) {
				t.Errorf("%d without %s: %s", answer.StatusCode, part, answer.page)
			}
		}
	}
	if w.directory.links > 0 {
		t.Error("the directory service was asked")
	}
}

func TestTheOperatorSignsInWithATokenOnlyWhereItIsAllowed(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	w := newWorld(t, "https://admin.example")
	if answer := w.send("198.51.100.1", http.MethodPost, "/sign-in", "token=right", "Content-Type", form); answer.StatusCode != http.StatusNotFound {
		t.Errorf("where it is not allowed: %d", answer.StatusCode)
	}
	if answer := w.send("198.51.100.1", http.MethodGet, "/sign-in", ""); strings.Contains(answer.page, "<form") {
		t.Errorf("where it is not allowed: %s", answer.page)
	}

	w.handler.d.Tokens = authn.NewOperator(operatortoken.Token{Subject: "bootstrap token", Digest: sha256.Sum256([]byte("right"))})
	if answer := w.send("198.51.100.1", http.MethodGet, "/sign-in?return_to=/organizations", ""); !strings.Contains(answer.page, `name="return_to" value="/organizations"`) {
		t.Errorf("the page is %s", answer.page)
	}
	for body, want := range map[string]string{
		"token=right": "/", "token=right&return_to=/organizations/demo": "/organizations/demo", "token=right&return_to=//evil.example": "/",
	} {
		answer := w.send("198.51.100.2", http.MethodPost, "/sign-in", body, "Content-Type", form, "Origin", "https://admin.example")
		w.requireCookie(answer, "usher")
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != want {
			t.Errorf("%s: %d to %s", body, answer.StatusCode, answer.Header.Get("Location"))
		}
	}
	for name, send := range map[string]func() reply{
		"a wrong token": func() reply {
			return w.send("198.51.100.3", http.MethodPost, "/sign-in", "token=wrong-token", "Content-Type", form)
		},
		"no token": func() reply { return w.send("198.51.100.3", http.MethodPost, "/sign-in", "", "Content-Type", form) },
		"another site": func() reply {
			return w.send("198.51.100.3", http.MethodPost, "/sign-in", "token=right", "Content-Type", form, "Origin", "https://evil.example")
		},
	} {
		if answer := send(); answer.StatusCode != http.StatusForbidden || len(answer.cookies()) > 0 || strings.Contains(answer.page, "wrong-token") {
			t.Errorf("%s: %d %v %s", name, answer.StatusCode, answer.Header, answer.page)
		}
	}
}

func TestOneAddressCannotSendMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "https://admin.example")
	requests := []func(from string) reply{
		func(from string) reply { return w.send(from, http.MethodGet, "/sign-in/acme", "") },
		func(from string) reply {
			return w.send(from, http.MethodGet, "/sign-in/acme/callback?code=x", "")
		},
		func(from string) reply {
			return w.send(from, http.MethodPost, "/sign-in/acme/logout", "logout_token=x", "Content-Type", "application/x-www-form-urlencoded")
		},
		func(from string) reply {
			return w.send(from, http.MethodPost, "/portal", "{}", "Content-Type", "application/json")
		},
		func(from string) reply {
			return w.send(from, http.MethodPost, "/sign-in", "token=x", "Content-Type", "application/x-www-form-urlencoded")
		},
	}
	for i := range 20 { // ten seconds of the rate
		if answer := requests[i%len(requests)]("198.51.100.1"); answer.StatusCode == http.StatusTooManyRequests {
			t.Fatalf("request %d: %d", i, answer.StatusCode)
		}
	}
	for i, request := range requests {
		if answer := request("198.51.100.1"); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
			t.Errorf("request %d over the limit: %d", i, answer.StatusCode)
		}
		if answer := request("198.51.100.2"); answer.StatusCode == http.StatusTooManyRequests {
			t.Errorf("request %d of another address: %d", i, answer.StatusCode)
		}
	}
}

func TestAStrangerCannotTryManyCookies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "https://admin.example")
	for i := range 25 {
		want := http.StatusUnauthorized
		if i >= 20 {
			want = http.StatusTooManyRequests
		}
		if answer := w.send("198.51.100.1", http.MethodGet, "/session", "", "Cookie", "__Host-usher="+bearer.Session.New().Reveal()); answer.StatusCode != want {
			t.Errorf("cookie %d: %d", i, answer.StatusCode)
		}
	}
}

func TestALargeBodyReachesNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "https://admin.example")
	large := strings.Repeat("x", maxBody)
	secret, err := json.Marshal(map[string]string{"padding": large, "secret": bearer.PortalLink.New().Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	for path, c := range map[string][2]string{
		"/portal":              {"application/json", string(secret)},
		"/sign-in/acme/logout": {"application/x-www-form-urlencoded", "padding=" + large + "&logout_token=" + w.op.LogoutToken("ann", "")},
	} {
		if answer := w.send("198.51.100.1", http.MethodPost, path, c[1], "Content-Type", c[0]); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	if w.directory.links+w.directory.ended > 0 {
		t.Error("the directory service was asked")
	}
}

// Whatever does not answer now, the person gets a page that says so, and no session.
func TestPeopleLearnThatSomethingIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "https://admin.example")
	w.op.SetDown(true)
	down := w.send("198.51.100.1", http.MethodGet, "/sign-in/acme", "")
	if down.StatusCode != http.StatusServiceUnavailable || !strings.Contains(down.page, "cannot be used now") {
		t.Errorf("%d %s", down.StatusCode, down.page)
	}

	w = newWorld(t, "https://admin.example")
	w.directory.err = fault.New(fault.Unavailable, "down")
	answer := w.signIn()
	if answer.StatusCode != http.StatusServiceUnavailable || strings.Contains(strings.Join(answer.Header["Set-Cookie"], " "), "__Host-usher=") {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
	link, err := json.Marshal(map[string]string{"secret": bearer.PortalLink.New().Reveal()})
	if err != nil {
		t.Fatal(err)
	}
	if answer = w.send("198.51.100.1", http.MethodPost, "/portal", string(link), "Content-Type", "application/json"); answer.StatusCode != http.StatusServiceUnavailable || len(answer.cookies()) > 0 {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}

	// A page must not believe that its session has ended.
	if answer := w.send("198.51.100.1", http.MethodGet, "/session", "", "Cookie", "__Host-usher="+bearer.Session.New().Reveal()); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the session: %d", answer.StatusCode)
	}

	// A provider can send its logout token again.
	logout := func(token string) int {
		form := url.Values{"logout_token": {token}}
		return w.send("198.51.100.1", http.MethodPost, "/sign-in/acme/logout", form.Encode(), "Content-Type", "application/x-www-form-urlencoded").StatusCode
	}
	token := w.op.LogoutToken("ann", "")
	if status := logout(token); status != http.StatusServiceUnavailable {
		t.Errorf("a logout: %d", status)
	}
	w.directory.err = nil
	if status := logout(token); status != http.StatusOK || w.directory.ended != 2 {
		t.Errorf("the logout again: %d, %d calls", status, w.directory.ended)
	}
	if status := logout(token); status != http.StatusBadRequest || w.directory.ended != 2 {
		t.Errorf("the logout once more: %d, %d calls", status, w.directory.ended)
	}
}

func TestAProviderCanSignManyPeopleOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "https://admin.example")
	for i := range 30 { // one address can send 20 requests that open nothing
		form := url.Values{"logout_token": {w.op.LogoutToken("ann", "")}}
		answer := w.send("198.51.100.1", http.MethodPost, "/sign-in/acme/logout", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("logout %d: %d", i, answer.StatusCode)
		}
	}
}

// cookie returns a session cookie that nobody gave out.
func cookie() string { return "__Host-usher=" + bearer.Session.New().Reveal() }

func TestInventedSessionsFillNoLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "https://admin.example")
	for i := range 20 {
		if answer := w.send("198.51.100.1", http.MethodGet, "/session", "", "Cookie", cookie()); answer.StatusCode != http.StatusUnauthorized {
			t.Fatalf("request %d: %d", i, answer.StatusCode)
		}
	}
	before := strings.Count(w.log.String(), "\n")
	if answer := w.send("198.51.100.1", http.MethodGet, "/session", "", "Cookie", cookie()); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
		t.Errorf("over the limit: %d", answer.StatusCode)
	}
	if after := strings.Count(w.log.String(), "\n"); after != before {
		t.Errorf("a request over the limit wrote %d lines", after-before)
	}
}

func TestASessionDoesNotSeemToEndWhileItCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "https://admin.example")
	w.lookup = fault.New(fault.Unavailable, "down")
	for i := range 2 * linesAtOnce {
		from := fmt.Sprintf("198.51.100.%d", i)
		if answer := w.send(from, http.MethodGet, "/session", "", "Cookie", cookie()); answer.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%d", answer.StatusCode)
		}
	}
	if lines := strings.Count(w.log.String(), "\n"); lines < linesAtOnce || lines >= 2*linesAtOnce {
		t.Errorf("there are %d lines", lines)
	}
}

func TestAnInventedNameIsInNoLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "https://admin.example")
	for _, path := range []string{"/sign-in/marker", "/sign-in/marker/callback", "/sign-in/acme?organization=" + strings.Repeat("marker", 11)} {
		if answer := w.send("198.51.100.1", http.MethodGet, path, ""); answer.StatusCode < 400 || answer.StatusCode >= 500 || len(answer.cookies()) > 0 {
			t.Errorf("%s: %d %v", path, answer.StatusCode, answer.cookies())
		}
	}
	if answer := w.send("198.51.100.1", http.MethodPost, "/sign-in/marker/logout", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a logout: %d", answer.StatusCode)
	}
	if log := w.log.String(); strings.Contains(log, "marker") || strings.Count(log, "\n") != 4 {
		t.Errorf("the log is %s", log)
	}
}
