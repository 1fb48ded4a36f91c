package e2e

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/test/oidctest"
)

// People sign in at two providers, and do what the mappings give them, for as long as nobody ends their sessions. Others open links that the
// operator sends to the admins of a customer, and see what the links give, and nothing else.
func TestPeopleSignInAndOpenPortalLinks(t *testing.T) {
	t.Parallel()
	inBoth(t, []part{
		{"an organization admin", anAdminSignsIn},
		{"a viewer", aViewerChangesNothing},
		{"the operator", theOperatorSignsIn},
		{"several organizations", aPersonChoosesAnOrganization},
		{"refusals", signInsAreRefused},
		{"sessions end", sessionsEnd},
		{"a watch ends", aWatchEndsWithItsSession},
		{"a provider signs people out", aProviderSignsPeopleOut},
		{"a blocked person", aBlockedPersonIsOut},
		{"access tokens", accessTokensOpen},
		{"two providers", twoProvidersKnowDifferentPeople},
		{"who may create a portal link", whoMayCreateALink},
		{"a portal link works once", aLinkWorksOnce},
		{"a portal link of one directory", aLinkOpensOneDirectory},
		{"a portal link of a new directory", aLinkCreatesADirectory},
		{"a vendor's backend", aVendorsBackendServesOneOrganization},
		{"a credential that reads no people", aReaderSeesNoPeople},
		// These move the clock, and the ID tokens of the providers have expired after that.
		{"sessions expire", sessionsExpire},
		{"portal links expire", linksExpire},
	})
}

func anAdminSignsIn(t *testing.T, p *people) {
	user(p.customers, "ann", "admin", demo)
	b := p.signedIn("customers", "ann")
	s := b.session()
	if s.PrincipalKind != "PRINCIPAL_KIND_ORGANIZATION_ADMIN" || s.OrganizationID != demo || s.Subject != "customers/ann" || s.CSRFToken == "" || len(s.Scopes) != 6 {
		t.Errorf("the session is %+v", s)
	}

	for _, what := range []string{"directories", "rules", "failedEvents"} {
		b.requireREST(http.MethodGet, "organizations/demo/"+what, "", http.StatusOK)
		b.requireREST(http.MethodGet, "organizations/other/"+what, "", http.StatusForbidden)
	}
	b.requireREST(http.MethodGet, "organizations", "", http.StatusForbidden)
	if s.AdminURL != strings.TrimSuffix(p.admin("/"), "/") || s.PublicURL != "http://"+p.addrs.SCIM || s.Version != "" {
		t.Errorf("the addresses and the version are %q, %q and %q", s.AdminURL, s.PublicURL, s.Version)
	}
	b.requireREST(http.MethodGet, "sessions", "", http.StatusForbidden)
	b.requireREST(http.MethodGet, "organizations/other/sessions", "", http.StatusForbidden)
	ended := p.signedIn("customers", "ann")
	id := p.sessionID("ann")
	if list := b.requireREST(http.MethodGet, "organizations/demo/sessions", "", http.StatusOK); !strings.Contains(list, id) {
		t.Errorf("the sessions of the organization are %s", list)
	}
	b.requireREST(http.MethodPost, "organizations/other/sessions/"+id+":revoke", "", http.StatusForbidden)
	b.requireREST(http.MethodPost, "organizations/demo/sessions/"+id+":revoke", "", http.StatusOK)
	ended.requireEnded("an admin has ended it")
	id = p.found(b.requireREST(http.MethodPost, "organizations/demo/directories", `{"displayName":"Ann's"}`, http.StatusOK), "directory", "id")
	b.requireREST(http.MethodPatch, "organizations/demo/directories/"+id, `{"displayName":"Ann's own"}`, http.StatusOK)
	b.requireREST(http.MethodPost, "organizations/other/directories", `{"displayName":"Ann's"}`, http.StatusForbidden)

	// A request of another site's page has the cookie, but it cannot have all of the rest.
	const refused = "usher_gateway_operator_unauthenticated_total"
	noToken, crossSite := p.counted(refused, "no_csrf_token"), p.counted(refused, "cross_site")
	path := p.admin("/api/v1/organizations/demo/directories/" + id)
	for name, headers := range map[string]map[string]string{
		"no CSRF token":        {"Sec-Fetch-Site": "same-origin"},
		"another CSRF token":   {"Usher-Csrf-Token": s.CSRFToken[1:] + "A"},
		"another site":         {"Usher-Csrf-Token": s.CSRFToken, "Sec-Fetch-Site": "cross-site"},
		"another origin":       {"Usher-Csrf-Token": s.CSRFToken, "Origin": "https://evil.example"},
		"an origin without it": {"Usher-Csrf-Token": s.CSRFToken, "Origin": "null"},
	} {
		if status, _, answer := b.send(http.MethodPatch, path, `{"displayName":"stolen"}`, headers); status != http.StatusUnauthorized || strings.Contains(answer, "CSRF") {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if status, _, _ := b.send(http.MethodGet, path, "", map[string]string{"Sec-Fetch-Site": "cross-site"}); status != http.StatusUnauthorized {
		t.Errorf("reading across sites: %d", status)
	}
	if n, m := p.counted(refused, "no_csrf_token")-noToken, p.counted(refused, "cross_site")-crossSite; n != 2 || m != 4 {
		t.Errorf("%d requests without the token and %d across sites are counted, want 2 and 4", n, m)
	}
	for _, reason := range []string{"no_csrf_token", "cross_site"} {
		if len(p.logged("a credential was refused", `"reason":"`+reason+`"`)) == 0 {
			t.Errorf("the log does not contain %s", reason)
		}
	}
	if answer := b.requireREST(http.MethodGet, "organizations/demo/directories/"+id, "", http.StatusOK); p.found(answer, "directory", "displayName") != "Ann's own" {
		t.Errorf("the directory is %s", answer)
	}

	// The cookie opens no other interface, and its secret is no bearer token.
	secret := b.cookie()
	_, err := p.directories().ListDirectories(p.bearer(secret, ""), &directoryv1.ListDirectoriesRequest{OrganizationId: demo})
	requireReason(t, "over gRPC", err, fault.Unauthenticated)
	d := &directory{u: p.usher, id: id, baseURL: "http://" + p.addrs.SCIM + "/scim/v2/" + id, key: secret, http: b.client}
	d.send(http.MethodGet, "/Users", "", http.StatusUnauthorized)
	for _, address := range []string{d.baseURL + "/Users", p.admin("/api/v1/organizations/demo/directories")} {
		response := service{u: p.usher, secret: secret}.do(http.MethodGet, address)
		if response != http.StatusUnauthorized {
			t.Errorf("%s: %d", address, response)
		}
	}
	if status, _, _ := b.send(http.MethodGet, "http://"+p.addrs.SCIM+"/scim/v2/"+id+"/Users", "", nil); status != http.StatusUnauthorized {
		t.Errorf("the cookie opens SCIM: %d", status)
	}
	if strings.Contains(p.logs.text(), secret) || strings.Contains(p.logs.text(), "@people.example") {
		t.Error("the log contains the secret of a session, or an e-mail address")
	}
}

// do sends a request with the secret as a bearer token to an address, and returns the status.
func (s service) do(method, address string) int {
	s.u.t.Helper()
	b := newBrowser(s.u)
	status, _, _ := b.send(method, address, "", map[string]string{"Authorization": "Bearer " + s.secret})
	return status
}

func aViewerChangesNothing(t *testing.T, p *people) {
	user(p.customers, "vic", "viewer", demo)
	b := p.signedIn("customers", "vic")
	if s := b.session(); s.PrincipalKind != "PRINCIPAL_KIND_ORGANIZATION_VIEWER" || len(s.Scopes) != 3 {
		t.Errorf("the session is %+v", s)
	}
	for _, what := range []string{"directories", "rules", "failedEvents", "access", "userIds", "syncs"} {
		b.requireREST(http.MethodGet, "organizations/demo/"+what, "", http.StatusOK)
		b.requireREST(http.MethodGet, "organizations/other/"+what, "", http.StatusForbidden)
	}
	b.requireREST(http.MethodGet, "organizations/demo/sessions", "", http.StatusForbidden)
	for path, body := range map[string]string{
		"directories": `{"displayName":"x"}`, "rules": `{"group":{"displayName":"x"},"grants":[{"tenantId":"production","roleId":"designer"}]}`,
		"syncs": `{}`, "sessions/" + p.sessionID("vic") + ":revoke": `{}`, "portalLinks": `{"scopes":["SCOPE_READ_EVENTS"]}`, "access:grant": `{"userId":"` + exampleUser + `","tenantId":"production","roleId":"designer"}`,
	} {
		b.requireREST(http.MethodPost, "organizations/demo/"+path, body, http.StatusForbidden)
	}
}

func theOperatorSignsIn(t *testing.T, p *people) {
	user(p.staff, "olga", "operator")
	b := p.signedIn("staff", "olga")
	if s := b.session(); s.PrincipalKind != "PRINCIPAL_KIND_OPERATOR" || s.OrganizationID != "" || len(s.Scopes) != 7 || s.Version == "" {
		t.Errorf("the session is %+v", s)
	}
	for _, path := range []string{"organizations", "organizations/other/directories", "sessions", "serviceCredentials", "blockedSubjects"} {
		b.requireREST(http.MethodGet, path, "", http.StatusOK)
	}
	b.requireREST(http.MethodPost, "organizations", `{"id":"olgas"}`, http.StatusOK)
	// An operator can end its own session, and the request that does so does not wait for itself.
	// Between processes, the request ends together with the lease of its session.
	for _, path := range []string{"sessions/" + p.sessionID("olga") + ":revoke", "blockedSubjects"} {
		body := ""
		if path == "blockedSubjects" {
			body = `{"provider":"staff","subject":"olga"}`
		}
		if status, answer := b.rest(http.MethodPost, path, body); status != http.StatusOK && status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", path, status, answer)
		}
		b.requireEnded(path)
		b = newBrowser(p.usher)
		b.signIn("staff", "olga")
	}
	if status, answer := p.rest(http.MethodPost, "/api/v1/blockedSubjects:unblock", `{"provider":"staff","subject":"olga"}`); status != http.StatusOK {
		t.Errorf("unblocking: %d %s", status, answer)
	}
	// Customers cannot become operators, whatever their provider says.
	user(p.customers, "eve", "operator", demo)
	if status, _, page := newBrowser(p.usher).signIn("customers", "eve"); status != http.StatusForbidden {
		t.Errorf("a customer with the role: %d %s", status, page)
	}
}

func aPersonChoosesAnOrganization(t *testing.T, p *people) {
	user(p.customers, "two", "admin", demo, other)
	b := newBrowser(p.usher)
	status, at, page := b.signInAt(p.admin("/sign-in/customers?return_to=%2Fsession"), "two")
	if status != http.StatusOK || b.cookie() != "" || !strings.Contains(page, "organization=other") || !strings.Contains(page, "organization=demo") {
		t.Fatalf("got %d at %s: %s", status, at, page)
	}
	if _, at, _ = b.signInAt(p.admin("/sign-in/customers?organization=other&return_to=%2Fsession"), "two"); at.Path != "/session" {
		t.Errorf("the person is at %s", at)
	}
	if s := b.session(); s.OrganizationID != other {
		t.Errorf("the session is %+v", s)
	}
	b.requireREST(http.MethodGet, "organizations/demo/directories", "", http.StatusForbidden)
}

// Each refusal has its own reason in the metric and one log line, and starts no session.
func signInsAreRefused(t *testing.T, p *people) {
	user(p.customers, "ann", "admin", demo)
	user(p.customers, "nobody", "janitor-of-secret-things", demo)
	user(p.customers, "lost", "admin", "nowhere")
	callback := func(b *browser) *url.URL { // ann returns with this address
		_, at, _ := b.get(p.admin("/sign-in/customers"))
		return p.customers.SignIn("ann", at.String())
	}
	for _, c := range []struct {
		name, reason string
		try          func(b *browser) (int, *url.URL, string)
		want         int
		contains     string
	}{
		{"a person without a grant", "no_grant", func(b *browser) (int, *url.URL, string) { return b.signIn("customers", "nobody") }, http.StatusForbidden, "mappings[0], claim role: it has another value"},
		{"an organization that does not exist", "no_organization", func(b *browser) (int, *url.URL, string) { return b.signIn("customers", "lost") }, http.StatusForbidden, "You may not sign in"},
		{"another state", "wrong_state", func(b *browser) (int, *url.URL, string) {
			p.customers.TamperAnswer(func(answer url.Values) { answer.Set("state", "x") })
			defer p.customers.TamperAnswer(nil)
			return b.signIn("customers", "ann")
		}, http.StatusForbidden, "did not work"},
		{"another nonce", "wrong_nonce", func(b *browser) (int, *url.URL, string) {
			p.customers.Tamper(func(header, claims map[string]any) string {
				claims["nonce"] = "x"
				return p.customers.Sign(header, claims)
			})
			defer p.customers.Tamper(nil)
			return b.signIn("customers", "ann")
		}, http.StatusForbidden, "did not work"},
		{"a forged ID token", "wrong_signature", func(b *browser) (int, *url.URL, string) {
			p.customers.Tamper(p.customers.Forge)
			defer p.customers.Tamper(nil)
			return b.signIn("customers", "ann")
		}, http.StatusForbidden, "did not work"},
		{"another issuer", "wrong_issuer", func(b *browser) (int, *url.URL, string) {
			p.customers.Tamper(func(header, claims map[string]any) string {
				claims["iss"] = p.staff.Issuer
				return p.customers.Sign(header, claims)
			})
			defer p.customers.Tamper(nil)
			return b.signIn("customers", "ann")
		}, http.StatusForbidden, "did not work"},
		{"a callback without the cookie", "wrong_state", func(b *browser) (int, *url.URL, string) {
			at := callback(b)
			return newBrowser(p.usher).get(at.String())
		}, http.StatusForbidden, "did not work"},
		{"a callback of another provider", "wrong_state", func(b *browser) (int, *url.URL, string) {
			at := callback(b)
			return b.get(strings.Replace(at.String(), "/customers/", "/staff/", 1))
		}, http.StatusForbidden, "did not work"},
		{"an attempt that took too long", "attempt_expired", func(b *browser) (int, *url.URL, string) {
			at := callback(b)
			p.ahead.Add(int64(11 * time.Minute))
			defer p.ahead.Add(-int64(11 * time.Minute))
			return b.get(at.String())
		}, http.StatusForbidden, "did not work"},
		{"a page of another site", "wrong_return_to", func(b *browser) (int, *url.URL, string) {
			return b.get(p.admin("/sign-in/customers?return_to=https%3A%2F%2Fevil.example"))
		}, http.StatusForbidden, "did not work"},
		{"a provider that does not exist", "unknown_provider", func(b *browser) (int, *url.URL, string) { return b.get(p.admin("/sign-in/nobody")) }, http.StatusNotFound, "nothing at this address"},
		{"a person who says no", "provider_error", func(b *browser) (int, *url.URL, string) {
			p.customers.TamperAnswer(func(answer url.Values) { answer.Del("code"); answer.Set("error", "access_denied") })
			defer p.customers.TamperAnswer(nil)
			return b.signIn("customers", "ann")
		}, http.StatusServiceUnavailable, "cannot be used now"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := p.with(t)
			b := newBrowser(p.usher)
			counted, logged := p.signIns(c.reason), len(p.logged("a sign-in was refused", `"reason":"`+c.reason+`"`))
			status, at, page := c.try(b)
			if status != c.want || !strings.Contains(page, c.contains) {
				t.Errorf("%d at %s: %s", status, at, page)
			}
			for _, secret := range []string{"janitor", "@people.example", c.reason} {
				if strings.Contains(page, secret) {
					t.Errorf("the page contains %s", secret)
				}
			}
			if n := p.signIns(c.reason) - counted; n != 1 {
				t.Errorf("the metric counts %d", n)
			}
			if n := len(p.logged("a sign-in was refused", `"reason":"`+c.reason+`"`)) - logged; n != 1 {
				t.Errorf("%d log lines", n)
			}
			if b.cookie() != "" {
				t.Error("there is a session")
			}
		})
	}
	if strings.Contains(p.logs.text(), "janitor") {
		t.Error("the log contains a value of a claim")
	}
}

// sessionID returns the id of the newest session of a person.
func (p *people) sessionID(subject string) string { return p.sessionOf(subject).GetId() }

func (p *people) sessionOf(subject string) *directoryv1.Session {
	p.t.Helper()
	r, err := directoryv1.NewSessionServiceClient(p.conn).ListSessions(p.ctx(), &directoryv1.ListSessionsRequest{})
	p.must(err)
	for _, s := range r.GetSessions() {
		if s.GetSubject() == subject {
			return s
		}
	}
	p.t.Fatalf("%s has no session", subject)
	return nil
}

func sessionsEnd(t *testing.T, p *people) {
	user(p.customers, "ann", "admin", demo)
	sessions := directoryv1.NewSessionServiceClient(p.conn)
	stays, revoked := p.signedIn("customers", "ann"), p.signedIn("customers", "ann")
	id := p.sessionID("ann")
	out := p.signedIn("customers", "ann")
	if p.sessionID("ann") == id {
		t.Fatal("a new sign-in has no session of its own")
	}
	if _, err := sessions.RevokeSession(p.ctx(), &directoryv1.RevokeSessionRequest{Id: id}); err != nil {
		t.Fatal(err)
	}
	revoked.requireEnded("revoked")
	if r, err := sessions.RevokeSession(p.ctx(), &directoryv1.RevokeSessionRequest{Id: strings.ToUpper(id)}); err != nil || r.GetSession().GetRevokeTime() == nil {
		t.Errorf("revoking again: %v, %v", r, err)
	}

	// The page signs out with its token, and not without it.
	for _, token := range []string{"", "x"} {
		out.form(p.admin("/sign-out"), url.Values{"csrf_token": {token}})
		if s := out.session(); s.status != http.StatusOK {
			t.Fatalf("the token %q signs out: %+v", token, s)
		}
	}
	token, secret := out.session().CSRFToken, out.cookie()
	if status, at, page := out.form(p.admin("/sign-out"), url.Values{"csrf_token": {token}}); status != http.StatusOK || at.Path != "/sign-in" || !strings.Contains(page, "/sign-in/customers") {
		t.Errorf("signing out: %d at %s: %s", status, at, page)
	}
	if out.cookie() != "" {
		t.Error("the cookie stays")
	}
	if status, _, _ := out.send(http.MethodGet, p.admin("/api/v1/organizations/demo/rules"), "", map[string]string{"Cookie": "usher=" + secret}); status != http.StatusUnauthorized {
		t.Errorf("after signing out, a copy of the cookie got %d", status)
	}
	stays.requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK)
}

// watch opens the access feed in a browser. closed waits for its end, and returns its last line.
func (b *browser) watch(headers map[string]string) (closed func() string) {
	b.u.t.Helper()
	request, err := http.NewRequestWithContext(b.u.t.Context(), http.MethodGet, "http://"+b.u.addrs.Admin+"/api/v1/organizations/demo/access:watch", nil)
	b.u.must(err)
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := b.client.Do(request)
	b.u.must(err)
	b.u.t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		b.u.t.Fatalf("the watch: %d", response.StatusCode)
	}
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() { // a bookmark
		b.u.t.Fatal("the watch ended")
	}
	return func() (last string) {
		for lines.Scan() {
			last = lines.Text()
		}
		return last
	}
}

func aWatchEndsWithItsSession(t *testing.T, p *people) {
	user(p.customers, "wanda", "admin", demo)
	b := p.signedIn("customers", "wanda")
	closed := b.watch(nil)
	if _, err := directoryv1.NewSessionServiceClient(p.conn).RevokeSession(p.ctx(), &directoryv1.RevokeSessionRequest{Id: p.sessionID("wanda")}); err != nil {
		t.Fatal(err)
	}
	if last := closed(); !strings.Contains(last, `"UNAUTHENTICATED"`) {
		t.Errorf("the watch ended with %q", last)
	}
}

func aProviderSignsPeopleOut(t *testing.T, p *people) {
	user(p.customers, "ann", "admin", demo)
	user(p.customers, "bob", "admin", demo)
	sid := ""
	p.customers.Tamper(func(header, claims map[string]any) string {
		sid, _ = claims["sid"].(string)
		return p.customers.Sign(header, claims)
	})
	one := p.signedIn("customers", "ann")
	first := sid
	two, bob := p.signedIn("customers", "ann"), p.signedIn("customers", "bob")
	p.customers.Tamper(nil)
	logout := p.admin("/sign-in/customers/logout")
	if first == "" || first == sid {
		t.Fatalf("the sessions at the provider are %q and %q", first, sid)
	}

	refused := p.signIns("logout_wrong_issuer")
	if status := p.staff.SendLogout(p.admin("/sign-in/customers/logout"), p.staffLogout("ann")); status != http.StatusBadRequest {
		t.Errorf("a logout token of another provider: %d", status)
	}
	if n := p.signIns("logout_wrong_issuer") - refused; n != 1 {
		t.Errorf("it counts %d times", n)
	}
	if status := p.customers.SendLogout(logout, "x"); status != http.StatusBadRequest {
		t.Errorf("no token: %d", status)
	}
	one.requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK)

	if status := p.customers.SendLogout(logout, p.customers.LogoutToken("ann", first)); status != http.StatusOK {
		t.Errorf("a session: %d", status)
	}
	one.requireEnded("signed out by its id")
	two.requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK)
	if status := p.customers.SendLogout(logout, p.customers.LogoutToken("ann", "")); status != http.StatusOK {
		t.Errorf("a person: %d", status)
	}
	two.requireEnded("signed out by the subject")
	bob.requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK)
}

// staffLogout returns a logout token of staff for a login that customers have, too.
func (p *people) staffLogout(login string) string {
	user(p.staff, login, "admin", demo)
	return p.staff.LogoutToken(login, "")
}

func aBlockedPersonIsOut(t *testing.T, p *people) {
	user(p.customers, "mallory", "admin", demo)
	b, sessions := p.signedIn("customers", "mallory"), directoryv1.NewSessionServiceClient(p.conn)
	token := p.customers.AccessToken("mallory", "https://usher.example", time.Hour)
	lists := func() error {
		_, err := p.directories().ListDirectories(p.bearer(token, ""), &directoryv1.ListDirectoriesRequest{OrganizationId: demo})
		return err
	}
	p.must(lists())
	closed := newBrowser(p.usher).watch(map[string]string{"Authorization": "Bearer " + token})

	subject := &directoryv1.BlockedSubject{Provider: "customers", Subject: "mallory"}
	p.must(lists()) // the gateway has just looked the person up
	blocked, err := sessions.BlockSubject(p.ctx(), &directoryv1.BlockSubjectRequest{BlockedSubject: subject})
	p.must(err)
	requireReason(t, "the token over gRPC", lists(), fault.Unauthenticated)
	if status := (service{u: p.usher, secret: token}).do(http.MethodGet, p.admin("/api/v1/organizations/demo/rules")); status != http.StatusUnauthorized {
		t.Errorf("the token over REST: %d", status)
	}
	b.requireEnded("blocked")
	if last := closed(); !strings.Contains(last, `"UNAUTHENTICATED"`) {
		t.Errorf("the watch ended with %q", last)
	}
	counted := p.signIns("blocked")
	if status, _, page := newBrowser(p.usher).signIn("customers", "mallory"); status != http.StatusForbidden || strings.Contains(page, "blocked") {
		t.Errorf("signing in: %d %s", status, page)
	}
	if n := p.signIns("blocked") - counted; n != 1 {
		t.Errorf("it counts %d times", n)
	}
	again, err := sessions.BlockSubject(p.ctx(), &directoryv1.BlockSubjectRequest{BlockedSubject: subject})
	if err != nil || !again.GetBlockedSubject().GetCreateTime().AsTime().Equal(blocked.GetBlockedSubject().GetCreateTime().AsTime()) || again.GetBlockedSubject().GetBlockedBy() == "" {
		t.Errorf("blocking again: %v, %v", again, err)
	}
	if r, err := sessions.ListBlockedSubjects(p.ctx(), &directoryv1.ListBlockedSubjectsRequest{}); err != nil || len(r.GetBlockedSubjects()) != 1 {
		t.Errorf("the list is %v, %v", r, err)
	}

	if all := p.logged("a person was blocked", `"person":"customers/mallory","principal":"operator"`); len(all) != 2 {
		t.Errorf("the log says %q", all)
	}

	unblock := &directoryv1.UnblockSubjectRequest{Provider: "customers", Subject: "mallory"}
	_, err = sessions.UnblockSubject(p.ctx(), unblock)
	p.must(err)
	eventually(t, "the token opens again", func() bool { return lists() == nil })
	b.requireEnded("unblocked, but its session has ended")
	p.signedIn("customers", "mallory").requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK)
	_, err = sessions.UnblockSubject(p.ctx(), unblock)
	requireReason(t, "unblocking again", err, fault.NotFound)
}

func accessTokensOpen(t *testing.T, p *people) {
	const audience = "https://usher.example"
	user(p.customers, "tom", "admin", demo)
	user(p.customers, "two", "admin", demo, other)
	user(p.staff, "olga", "operator")
	lists := func(token, organization, of string) error {
		_, err := p.directories().ListDirectories(p.bearer(token, organization), &directoryv1.ListDirectoriesRequest{OrganizationId: of})
		return err
	}
	tom := p.customers.AccessToken("tom", audience, time.Hour)
	p.must(lists(tom, "", demo))
	p.must(lists(tom, demo, demo))
	requireReason(t, "another organization", lists(tom, "", other), fault.NotAllowed)
	requireReason(t, "acting for another organization", lists(tom, other, other), fault.Unauthenticated)
	if status, _, answer := newBrowser(p.usher).send(http.MethodPost, p.admin("/api/v1/organizations/demo/directories"), `{"displayName":"Tom's"}`,
		map[string]string{"Authorization": "Bearer " + tom}); status != http.StatusOK { // a bearer token needs no CSRF token
		t.Errorf("a change over REST: %d %s", status, answer)
	}
	two := p.customers.AccessToken("two", audience, time.Hour)
	p.must(lists(two, other, other))
	p.must(lists(two, demo, demo))
	requireReason(t, "one organization for another", lists(two, demo, other), fault.NotAllowed)
	requireReason(t, "several organizations, and none chosen", lists(two, "", demo), fault.Unauthenticated)
	rest := func(token string, headers map[string]string) (int, string) {
		headers["Authorization"] = "Bearer " + token
		status, _, answer := newBrowser(p.usher).send(http.MethodGet, p.admin("/api/v1/organizations/other/directories"), "", headers)
		return status, answer
	}
	if status, answer := rest(two, map[string]string{"Usher-Organization": other}); status != http.StatusOK {
		t.Errorf("over REST: %d %s", status, answer)
	}
	olga := p.staff.AccessToken("olga", audience, time.Hour)
	p.must(lists(olga, "", demo))
	p.must(lists(olga, other, other))

	now := time.Now().Unix()
	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{"iss": p.customers.Issuer, "aud": audience, "sub": "tom", "role": "admin", "org": []string{other}, "iat": now, "exp": now + 600}
		change(c)
		return c
	}
	access := map[string]any{"typ": "at+jwt"}
	answers := map[string]bool{}
	for name, token := range map[string]string{
		"another audience":   p.customers.AccessToken("tom", "https://other.example", time.Hour),
		"an ID token":        p.customers.Sign(map[string]any{"typ": "JWT"}, claims(func(c map[string]any) { c["aud"], c["nonce"] = "usher", "n" })),
		"a symmetric key":    p.customers.Sign(map[string]any{"alg": "HS256", "typ": "at+jwt"}, claims(func(map[string]any) {})),
		"no signature":       p.customers.Sign(map[string]any{"alg": "none", "typ": "at+jwt"}, claims(func(map[string]any) {})),
		"a forged signature": p.customers.Forge(access, claims(func(map[string]any) {})),
		"an expired one":     p.customers.Sign(access, claims(func(c map[string]any) { c["iat"], c["exp"] = now-1200, now-600 })),
		"one for a day":      p.customers.AccessToken("tom", audience, 24*time.Hour),
		"an unknown issuer":  p.customers.Sign(access, claims(func(c map[string]any) { c["iss"] = "https://evil.example" })),
		"another provider's": p.customers.Sign(access, claims(func(c map[string]any) { c["iss"] = p.staff.Issuer })),
		"no grant":           p.customers.Sign(access, claims(func(c map[string]any) { c["role"] = "janitor" })),
		"no token":           "a.b.c",
	} {
		requireReason(t, name, lists(token, "", other), fault.Unauthenticated)
		status, answer := rest(token, map[string]string{})
		if status != http.StatusUnauthorized {
			t.Errorf("%s over REST: %d %s", name, status, answer)
		}
		answers[answer] = true
	}
	if len(answers) != 1 {
		t.Errorf("a stranger learns from the answers: %v", answers)
	}
}

func twoProvidersKnowDifferentPeople(t *testing.T, p *people) {
	user(p.customers, "same", "admin", demo)
	user(p.staff, "same", "admin", demo)
	atStaff, atCustomers := p.signedIn("staff", "same"), p.signedIn("customers", "same")
	if one, two := atStaff.session().Subject, atCustomers.session().Subject; one == two {
		t.Errorf("both are %s", one)
	}
	token := func(at *oidctest.Provider) string { return at.AccessToken("same", "https://usher.example", time.Hour) }
	sessions := directoryv1.NewSessionServiceClient(p.conn)
	_, err := sessions.BlockSubject(p.ctx(), &directoryv1.BlockSubjectRequest{BlockedSubject: &directoryv1.BlockedSubject{Provider: "staff", Subject: "same"}})
	p.must(err)
	atStaff.requireEnded("blocked")
	atCustomers.requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK)
	for at, want := range map[*oidctest.Provider]int{p.staff: http.StatusUnauthorized, p.customers: http.StatusOK} {
		if status := (service{u: p.usher, secret: token(at)}).do(http.MethodGet, p.admin("/api/v1/organizations/demo/rules")); status != want {
			t.Errorf("a token of %s: %d, want %d", at.Issuer, status, want)
		}
	}
	_, err = sessions.UnblockSubject(p.ctx(), &directoryv1.UnblockSubjectRequest{Provider: "staff", Subject: "same"})
	p.must(err)
	atStaff = p.signedIn("staff", "same")
	if status := p.staff.SendLogout(p.admin("/sign-in/staff/logout"), p.staff.LogoutToken("same", "")); status != http.StatusOK {
		t.Errorf("the logout: %d", status)
	}
	atStaff.requireEnded("signed out by its provider")
	atCustomers.requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK)
}

// sessionsExpire moves Usher's clock. No credential but the operator's token, which does not expire, is in use after it.
func sessionsExpire(t *testing.T, p *people) {
	user(p.customers, "ann", "admin", demo)
	b := p.signedIn("customers", "ann")
	link := p.usedLink(&directoryv1.PortalLink{Scopes: portalScopes})
	signedIn := p.sessionOf("ann").GetLastUseTime().AsTime()
	p.ahead.Add(int64(59 * time.Minute))
	b.requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK)
	often := time.NewTicker(500 * time.Millisecond) // a gateway reports uses every 10 s
	defer often.Stop()
	eventually(t, "the directory service knows of the use", func() bool {
		<-often.C
		return p.sessionOf("ann").GetLastUseTime().AsTime().After(signedIn)
	})
	p.ahead.Add(int64(58 * time.Minute))
	b.requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK)
	p.ahead.Add(int64(2 * time.Hour))
	b.requireEnded("an hour without a request")
	link.requireREST(http.MethodGet, "organizations/demo/rules", "", http.StatusOK) // the session of a link does not become idle
	p.ahead.Add(int64(4*time.Hour + 10*time.Minute))
	link.requireEnded("more than 8 hours")
}
