package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/app"
	"github.com/usher-scim/usher/services/internal/config"
	"github.com/usher-scim/usher/services/internal/telemetry"
	"github.com/usher-scim/usher/services/internal/test/oidctest"
)

// people is an Usher at which people sign in at two providers.
type people struct {
	*usher
	staff, customers *oidctest.Provider
	logs             *lines
	ahead            *atomic.Int64 // how far Usher's clock is ahead, in nanoseconds
}

// other is the second organization.
const other = "other"

// startPeople starts one. The operators sign in at staff, and customers at both providers.
func startPeople(t *testing.T, setup topology) *people {
	t.Helper()
	p := &people{
		logs: &lines{}, ahead: &atomic.Int64{},
		staff: oidctest.Start(t, oidctest.Client{ID: "usher"}), customers: oidctest.Start(t, oidctest.Client{ID: "usher"}),
	}
	tel, err := telemetry.New(t.Context(), telemetry.Config{Logs: p.logs})
	if err != nil {
		t.Fatal(err)
	}
	rule := func(role, principal string) map[string]any {
		return map[string]any{"claim": "role", "value": role, "principal": principal, "organization_claim": "org"}
	}
	provider := func(name, issuer string, more ...map[string]any) map[string]any {
		return map[string]any{
			"name": name, "issuer": issuer, "client_id": "usher", "audience": "https://usher.example",
			"mappings": append(more, rule("admin", "organization_admin"), rule("viewer", "organization_viewer")),
		}
	}
	file := filepath.Join(t.TempDir(), "usher.yaml")
	err = os.WriteFile(file, []byte(jsonText(map[string]any{"oidc": []any{ // JSON is YAML
		provider("staff", p.staff.Issuer, map[string]any{"claim": "role", "value": "operator", "principal": "operator"}),
		provider("customers", p.customers.Issuer),
	}})), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }
	p.usher = startUsherAt(t, setup, tel, now, func(s *app.Settings) {
		s.Gateway.UnknownKeysPerAddress, s.Gateway.UnknownKeys = 1000, 1000 // all tests come from one address
		if err := config.Load(s, config.Source{File: file}); err != nil {
			t.Fatal(err)
		}
	})
	for name, at := range map[string]*oidctest.Provider{"staff": p.staff, "customers": p.customers} {
		at.Allow(p.admin("/sign-in/" + name + "/callback"))
	}
	if _, err := p.organizations().CreateOrganization(p.ctx(), &directoryv1.CreateOrganizationRequest{
		Organization: &directoryv1.Organization{Id: other, Federated: proto.Bool(true)},
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

// with returns the same Usher for a part of the test.
func (p *people) with(t *testing.T) *people {
	same := *p
	u := *p.usher
	same.usher, u.t = &u, t
	return &same
}

// admin returns an address of the admin listener.
func (p *people) admin(path string) string { return "http://" + p.addrs.Admin + path }

// signIns returns how many sign-ins had a result.
func (p *people) signIns(result string) int {
	p.t.Helper()
	return p.counted("usher_gateway_sign_ins_total", result)
}

// counted returns the value of a counter with a reason.
func (p *people) counted(name, reason string) int {
	p.t.Helper()
	_, _, page := newBrowser(p.usher).get("http://" + p.addrs.Ops + "/metrics")
	count := regexp.MustCompile(`(?m)^` + name + `\{[^}]*reason="` + reason + `"[^}]*\} (\d+)$`).FindStringSubmatch(page)
	if count == nil {
		return 0
	}
	n, err := strconv.Atoi(count[1])
	p.must(err)
	return n
}

// logged returns the log lines with a message that contain a text.
func (p *people) logged(message, text string) (all []string) {
	for line := range strings.Lines(p.logs.text()) {
		if strings.Contains(line, `"msg":"`+message+`"`) && strings.Contains(line, text) {
			all = append(all, line)
		}
	}
	return all
}

// browser is a browser of one person.
type browser struct {
	u      *usher
	client *http.Client
}

func newBrowser(u *usher) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		u.t.Fatal(err)
	}
	transport := &http.Transport{}
	u.t.Cleanup(transport.CloseIdleConnections)
	return &browser{u, &http.Client{Jar: jar, Transport: navigating{transport}}}
}

// navigating sends the headers of a browser that opens a page. After a redirect from another host, the request is one across sites. The
// providers stand for other sites.
type navigating struct{ http.RoundTripper }

func (n navigating) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Sec-Fetch-Mode") == "" {
		return n.RoundTripper.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	r.Header.Set("Sec-Fetch-Site", "none")
	for before := r.Response; before != nil; before = before.Request.Response {
		if before.Request.URL.Host != r.URL.Host {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
	}
	return n.RoundTripper.RoundTrip(r)
}

// send sends a request, and follows redirects.
func (b *browser) send(method, address, body string, headers map[string]string) (status int, at *url.URL, answer string) {
	b.u.t.Helper()
	request, err := http.NewRequestWithContext(b.u.t.Context(), method, address, strings.NewReader(body))
	b.u.must(err)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := b.client.Do(request)
	b.u.must(err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	b.u.must(err)
	return response.StatusCode, response.Request.URL, string(raw)
}

// get opens an address as a person does.
func (b *browser) get(address string) (status int, at *url.URL, page string) {
	b.u.t.Helper()
	return b.send(http.MethodGet, address, "", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
}

// form sends a form as a page of the same origin does.
func (b *browser) form(address string, values url.Values) (status int, at *url.URL, page string) {
	b.u.t.Helper()
	u, err := url.Parse(address)
	b.u.must(err)
	return b.send(http.MethodPost, address, values.Encode(), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Origin": u.Scheme + "://" + u.Host, "Sec-Fetch-Mode": "navigate",
	})
}

// signIn opens the sign-in at a provider, chooses a user there, and returns where this ends.
func (b *browser) signIn(provider, login string) (status int, at *url.URL, page string) {
	b.u.t.Helper()
	return b.signInAt("http://"+b.u.addrs.Admin+"/sign-in/"+provider, login)
}

func (b *browser) signInAt(address, login string) (status int, at *url.URL, page string) {
	b.u.t.Helper()
	status, at, page = b.get(address)
	if status != http.StatusOK || at.Path != "/login" {
		b.u.t.Fatalf("the sign-in began with %d at %s: %s", status, at, page)
	}
	return b.form(at.String(), url.Values{"login": {login}})
}

// signedIn is signIn that must work. It returns the browser.
func (p *people) signedIn(provider, login string) *browser {
	p.t.Helper()
	b := newBrowser(p.usher)
	if status, at, page := b.signIn(provider, login); status != http.StatusOK || at.String() != p.admin("/") {
		p.t.Fatalf("signing in ended with %d at %s: %s", status, at, page)
	}
	return b
}

// cookie returns the secret of the session.
func (b *browser) cookie() string {
	for _, c := range b.client.Jar.Cookies(&url.URL{Scheme: "http", Host: b.u.addrs.Admin, Path: "/"}) {
		if c.Name == "usher" {
			return c.Value
		}
	}
	return ""
}

// session is what a page learns about its session.
type session struct {
	status                                                   int
	PrincipalKind, OrganizationID, DirectoryID, PortalLinkID string
	Subject, CSRFToken, AdminURL, PublicURL, Version         string
	Scopes                                                   []string
}

func (b *browser) session() (s session) {
	b.u.t.Helper()
	status, _, answer := b.send(http.MethodGet, "http://"+b.u.addrs.Admin+"/session", "", nil)
	if status == http.StatusOK {
		b.u.must(json.Unmarshal([]byte(answer), &s))
	}
	s.status = status
	return s
}

// rest sends a request to the REST API, as a page of the session does.
func (b *browser) rest(method, path, body string) (status int, answer string) {
	b.u.t.Helper()
	headers := map[string]string{"Sec-Fetch-Site": "same-origin"}
	if method != http.MethodGet {
		headers["Usher-Csrf-Token"] = b.session().CSRFToken
	}
	status, _, answer = b.send(method, "http://"+b.u.addrs.Admin+"/api/v1/"+path, body, headers)
	return status, answer
}

// bearer returns the context of a gRPC call with a token, for an organization if it is not empty.
func (u *usher) bearer(token, organization string) context.Context {
	ctx := service{u: u, secret: token}.ctx()
	if organization != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "usher-organization", organization)
	}
	return ctx
}

// requireREST requires the status of a request of a session.
func (b *browser) requireREST(method, path, body string, want int) string {
	b.u.t.Helper()
	status, answer := b.rest(method, path, body)
	if status != want {
		b.u.t.Errorf("%s %s: %d, want %d: %s", method, path, status, want, answer)
	}
	return answer
}

// requireEnded requires that a session opens nothing.
func (b *browser) requireEnded(what string) {
	b.u.t.Helper()
	if status, answer := b.rest(http.MethodGet, "organizations/demo/directories", ""); status != http.StatusUnauthorized {
		b.u.t.Errorf("%s: the session got %d: %s", what, status, answer)
	}
	if s := b.session(); s.status != http.StatusUnauthorized {
		b.u.t.Errorf("%s: the session is %+v", what, s)
	}
}

// inBoth runs parts of a test one after another, on one deployment of each set-up.
func inBoth(t *testing.T, parts []part) {
	t.Helper()
	for name, setup := range setups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPeople(t, setup)
			for _, part := range parts {
				t.Run(part.name, func(t *testing.T) { part.run(t, p.with(t)) })
			}
		})
	}
}

type part struct {
	name string
	run  func(t *testing.T, p *people)
}

// user makes a user at a provider.
func user(p *oidctest.Provider, login, role string, organizations ...string) string {
	claims := map[string]any{"role": role, "org": organizations, "email": login + "@people.example"}
	p.SetUser(login, claims)
	return login
}

// found returns a field of the resource with a name in an answer.
func (u *usher) found(answer, name, field string) string {
	u.t.Helper()
	var parts map[string]json.RawMessage
	var resource map[string]any
	u.must(json.Unmarshal([]byte(answer), &parts))
	u.must(json.Unmarshal(parts[name], &resource))
	return fmt.Sprint(resource[field])
}
