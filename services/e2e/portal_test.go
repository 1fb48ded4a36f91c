package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// portalScopes are all scopes that a portal link can have.
var portalScopes = []commonv1.Scope{commonv1.Scope_SCOPE_MANAGE_DIRECTORIES, commonv1.Scope_SCOPE_MANAGE_RULES, commonv1.Scope_SCOPE_READ_EVENTS}

func (u *usher) links() directoryv1.PortalLinkServiceClient {
	return directoryv1.NewPortalLinkServiceClient(u.conn)
}

// portalLink is a link and the secret in its URL.
type portalLink struct {
	*directoryv1.PortalLink
	page, secret string
}

func (p *people) createLink(ctx context.Context, l *directoryv1.PortalLink) (portalLink, error) {
	p.t.Helper()
	r, err := p.links().CreatePortalLink(ctx, &directoryv1.CreatePortalLinkRequest{OrganizationId: demo, PortalLink: l})
	page, secret, _ := strings.Cut(r.GetUrl(), "#")
	return portalLink{r.GetPortalLink(), page, secret}, err
}

// newLink makes a link of the operator.
func (p *people) newLink(l *directoryv1.PortalLink) portalLink {
	p.t.Helper()
	link, err := p.createLink(p.ctx(), l)
	p.must(err)
	return link
}

// use sends what the script of the page sends.
func (l portalLink) use(b *browser) (status int, body string) {
	b.u.t.Helper()
	status, _, body = b.send(http.MethodPost, l.page, jsonText(map[string]string{"secret": l.secret}), map[string]string{
		"Content-Type": "application/json", "Origin": "http://" + b.u.addrs.Admin, "Sec-Fetch-Site": "same-origin",
	})
	return status, body
}

// usedLink returns the browser of somebody who has used a new link.
func (p *people) usedLink(l *directoryv1.PortalLink) *browser {
	p.t.Helper()
	b, link := newBrowser(p.usher), p.newLink(l)
	if status, body := link.use(b); status != http.StatusOK {
		p.t.Fatalf("using a link: %d %s", status, body)
	}
	return b
}

func whoMayCreateALink(t *testing.T, p *people) {
	link := &directoryv1.PortalLink{Scopes: portalScopes}
	credential := func(scopes ...commonv1.Scope) context.Context {
		return p.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{demo}, Scopes: scopes}}).ctx()
	}
	manages := commonv1.Scope_SCOPE_MANAGE_ORGANIZATIONS
	full := credential(append(slices.Clone(portalScopes), manages)...)
	made, err := p.createLink(full, link)
	p.must(err)
	if status, body := made.use(newBrowser(p.usher)); status != http.StatusOK {
		t.Errorf("the link of a service: %d %s", status, body)
	}
	_, err = p.createLink(credential(portalScopes...), link)
	requireReason(t, "without MANAGE_ORGANIZATIONS", err, fault.ScopeMissing)
	_, err = p.createLink(credential(manages, portalScopes[0]), link)
	if f := requireReason(t, "with more scopes than its creator", err, fault.ScopeMissing); f.Metadata["scopes"] != "MANAGE_RULES,READ_EVENTS" {
		t.Errorf("it names %v", f.Metadata)
	}
	_, err = p.links().CreatePortalLink(full, &directoryv1.CreatePortalLinkRequest{OrganizationId: other, PortalLink: link})
	requireReason(t, "for another organization", err, fault.NotAllowed)
	user(p.customers, "ann", "admin", demo)
	p.signedIn("customers", "ann").requireREST(http.MethodPost, "organizations/demo/portalLinks", `{"scopes":["SCOPE_READ_EVENTS"]}`, http.StatusForbidden)
	p.usedLink(link).requireREST(http.MethodPost, "organizations/demo/portalLinks", `{"scopes":["SCOPE_READ_EVENTS"]}`, http.StatusForbidden)

	for name, l := range map[string]*directoryv1.PortalLink{
		"no scope":                   {},
		"a scope of people":          {Scopes: []commonv1.Scope{commonv1.Scope_SCOPE_READ_PEOPLE}},
		"a scope twice":              {Scopes: []commonv1.Scope{portalScopes[0], portalScopes[0]}},
		"more than a week":           {Scopes: portalScopes, ExpireTime: timestamppb.New(time.Now().Add(8 * 24 * time.Hour))},
		"the past":                   {Scopes: portalScopes, ExpireTime: timestamppb.New(time.Now().Add(-time.Minute))},
		"a new and an old directory": {Scopes: portalScopes, NewDirectory: true, DirectoryId: exampleUser},
	} {
		_, err := p.createLink(p.ctx(), l)
		requireReason(t, name, err, fault.InvalidRequest)
	}
	_, err = p.createLink(p.ctx(), &directoryv1.PortalLink{Scopes: portalScopes, DirectoryId: exampleUser})
	requireReason(t, "a directory that does not exist", err, fault.NotFound)
}

func aLinkWorksOnce(t *testing.T, p *people) {
	link := p.newLink(&directoryv1.PortalLink{Scopes: portalScopes})
	if link.page != p.admin("/portal") || len(link.secret) < 40 {
		t.Errorf("the URL is %s#%s", link.page, link.secret)
	}
	b, origin := newBrowser(p.usher), map[string]string{"Origin": "http://" + p.addrs.Admin}
	body := jsonText(map[string]string{"secret": link.secret})
	for range 3 { // as scanners of mail do
		if status, _, page := b.get(link.page + "#" + link.secret); status != http.StatusOK || !strings.Contains(page, "/portal.js") || strings.Contains(page, link.secret) {
			t.Errorf("the page: %d %s", status, page)
		}
		b.send(http.MethodHead, link.page, "", nil)
		b.get(link.page + "?secret=" + link.secret)
	}
	crossSite := p.signIns("link_cross_site")
	for name, headers := range map[string]map[string]string{
		"a form":           {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin["Origin"]},
		"a form of texts":  {"Content-Type": "text/plain", "Origin": origin["Origin"]},
		"no type":          {},
		"another site":     {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
		"another origin":   {"Content-Type": "application/json", "Origin": "https://evil.example"},
		"an opaque origin": {"Content-Type": "application/json", "Origin": "null"},
	} {
		sent := body
		if name == "a form" {
			sent = url.Values{"secret": {link.secret}}.Encode()
		}
		if status, _, answer := b.send(http.MethodPost, link.page, sent, headers); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if n := p.signIns("link_cross_site") - crossSite; n != 6 {
		t.Errorf("%d of 6 are counted", n)
	}
	if b.cookie() != "" {
		t.Fatal("there is a session")
	}

	// Ten use the link at once, and one of them gets its session.
	statuses := make(chan int)
	var browsers []*browser
	for range 10 {
		one := newBrowser(p.usher)
		browsers = append(browsers, one)
		go func() {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, link.page, strings.NewReader(body))
			if err != nil {
				statuses <- 0
				return
			}
			request.Header.Set("Content-Type", "application/json")
			response, err := one.client.Do(request)
			if err != nil {
				statuses <- 0
				return
			}
			_ = response.Body.Close()
			statuses <- response.StatusCode
		}()
	}
	got := map[int]int{}
	for range browsers {
		got[<-statuses]++
	}
	if got[http.StatusOK] != 1 || got[http.StatusForbidden] != 9 {
		t.Errorf("the answers are %v", got)
	}
	b = browsers[slices.IndexFunc(browsers, func(b *browser) bool { return b.cookie() != "" })]
	if s := b.session(); s.PrincipalKind != "PRINCIPAL_KIND_ORGANIZATION_ADMIN" || s.OrganizationID != demo || s.PortalLinkID != link.GetId() || len(s.Scopes) != 3 {
		t.Errorf("the session is %+v", s)
	}

	// All others get one answer.
	revoked := p.newLink(&directoryv1.PortalLink{Scopes: portalScopes})
	_, err := p.links().RevokePortalLink(p.ctx(), &directoryv1.RevokePortalLinkRequest{OrganizationId: demo, Id: revoked.GetId()})
	p.must(err)
	unknown := portalLink{page: link.page, secret: link.secret + "x"}
	for reason, l := range map[string]portalLink{"link_used": link, "link_unknown": revoked, "link_malformed": unknown} {
		counted := p.signIns(reason)
		if status, body := l.use(newBrowser(p.usher)); status != http.StatusForbidden || body != "" {
			t.Errorf("%s: %d %q", reason, status, body)
		}
		if n := p.signIns(reason) - counted; n != 1 || len(p.logged("a sign-in was refused", `"reason":"`+reason+`"`)) == 0 {
			t.Errorf("%s is counted %d times", reason, n)
		}
	}

	// Whatever it opens, it opens for one organization, and shows no person.
	d := p.newDirectory(nil)
	d.user("ann@people.example")
	d.send(http.MethodPost, "/Users", `{`+userSchema+`,"userName":"ann@people.example"}`, http.StatusConflict)
	var failed string
	eventually(t, "there is a failed event", func() bool {
		failed = b.requireREST(http.MethodGet, "organizations/demo/failedEvents", "", http.StatusOK)
		return strings.Contains(failed, d.id)
	})
	if strings.Contains(failed, "@people.example") {
		t.Errorf("the events show %s", failed)
	}
	for _, what := range []string{"directories", "rules", "syncs", "failedEvents"} {
		b.requireREST(http.MethodGet, "organizations/demo/"+what, "", http.StatusOK)
		b.requireREST(http.MethodGet, "organizations/other/"+what, "", http.StatusForbidden)
	}
	for _, what := range []string{"access", "users:lookup?userName=ann@people.example", "suspensions", "portalLinks"} {
		b.requireREST(http.MethodGet, "organizations/demo/"+what, "", http.StatusForbidden)
	}
	b.requireREST(http.MethodGet, "organizations", "", http.StatusForbidden)
	b.requireREST(http.MethodPost, "organizations/demo/access:grant", `{"userId":"`+exampleUser+`","tenantId":"production","roleId":"designer"}`, http.StatusForbidden)

	// The log says who created the link and that it was used, and not its secret.
	if all := p.logged("a portal link was used", link.GetId()); len(all) != 1 || !strings.Contains(all[0], `"address":"127.0.0.1"`) {
		t.Errorf("the uses of the link are %q", all)
	}
	if all := p.logged("change", `"id":"`+link.GetId()+`"`); len(all) != 1 || !strings.Contains(all[0], "CreatePortalLink") || !strings.Contains(all[0], `"principal_kind":"operator"`) {
		t.Errorf("the changes of the link are %q", all)
	}
	if text := p.logs.text(); strings.Contains(text, link.secret) || strings.Contains(text, b.cookie()) {
		t.Error("the log contains a secret")
	}
	r, err := p.links().ListPortalLinks(p.ctx(), &directoryv1.ListPortalLinksRequest{OrganizationId: demo})
	p.must(err)
	i := slices.IndexFunc(r.GetPortalLinks(), func(l *directoryv1.PortalLink) bool { return l.GetId() == link.GetId() })
	if i < 0 || r.GetPortalLinks()[i].GetUseTime() == nil || r.GetPortalLinks()[i].GetUseAddress() != "127.0.0.1" || r.GetPortalLinks()[i].GetCreatedBy() == "" {
		t.Errorf("the list is %v", r)
	}

	for range 2 { // the second time changes nothing
		_, err = p.links().RevokePortalLink(p.ctx(), &directoryv1.RevokePortalLinkRequest{OrganizationId: demo, Id: link.GetId()})
		p.must(err)
		b.requireEnded("the link was revoked")
	}
}

func aLinkOpensOneDirectory(t *testing.T, p *people) {
	mine, theirs := p.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("mine")}}),
		p.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("theirs")}})
	b := p.usedLink(&directoryv1.PortalLink{Scopes: portalScopes, DirectoryId: strings.ToUpper(mine.id)})
	if s := b.session(); s.DirectoryID != mine.id {
		t.Errorf("the session is %+v", s)
	}
	p.requireOnly(b, mine.id, theirs.id)
	b.requireREST(http.MethodPost, "organizations/demo/directories", `{"displayName":"another"}`, http.StatusForbidden)
}

// requireOnly requires that a session opens one directory, and not the other.
func (p *people) requireOnly(b *browser, mine, theirs string) {
	p.t.Helper()
	var list struct {
		Directories   []struct{ ID string }
		NextPageToken string
	}
	p.must(json.Unmarshal([]byte(b.requireREST(http.MethodGet, "organizations/demo/directories?pageSize=1", "", http.StatusOK)), &list))
	if len(list.Directories) != 1 || list.Directories[0].ID != mine || list.NextPageToken != "" {
		p.t.Errorf("the list is %+v", list)
	}
	for id, want := range map[string]int{mine: http.StatusOK, theirs: http.StatusForbidden} {
		at := "organizations/demo/directories/" + id
		b.requireREST(http.MethodGet, at, "", want)
		b.requireREST(http.MethodGet, at+"/apiKeys", "", want)
		for _, what := range []string{"/quirks", "/schemas", "/carriedMembers", "/progress", "/unadopted"} {
			eventually(p.t, "identity knows the directory", func() bool {
				status, _ := b.rest(http.MethodGet, at+what, "")
				return status == want
			})
		}
		b.requireREST(http.MethodPost, at+"/apiKeys", `{}`, want)
		b.requireREST(http.MethodPatch, at, `{"displayName":"renamed `+id+`"}`, want)
		b.requireREST(http.MethodGet, "organizations/demo/failedEvents?directoryId="+id, "", want)
	}
	b.requireREST(http.MethodGet, "organizations/demo/failedEvents", "", http.StatusForbidden) // those of all directories
}

func aLinkCreatesADirectory(t *testing.T, p *people) {
	theirs := p.newDirectory(nil)
	link := p.newLink(&directoryv1.PortalLink{Scopes: portalScopes, NewDirectory: true})
	b := newBrowser(p.usher)
	link.use(b)
	if answer := b.requireREST(http.MethodGet, "organizations/demo/directories", "", http.StatusOK); strings.Contains(answer, theirs.id) {
		t.Errorf("before it creates a directory, it sees %s", answer)
	}
	b.requireREST(http.MethodGet, "organizations/demo/directories/"+theirs.id, "", http.StatusForbidden)
	answer := b.requireREST(http.MethodPost, "organizations/demo/directories", `{"displayName":"mine"}`, http.StatusOK)
	mine := p.found(answer, "directory", "id")
	if s := b.session(); s.DirectoryID != mine {
		t.Errorf("the session is %+v, and the directory %s", s, mine)
	}
	p.requireOnly(b, mine, theirs.id)
	b.requireREST(http.MethodPost, "organizations/demo/directories", `{"displayName":"another"}`, http.StatusForbidden)
	_, err := p.links().RevokePortalLink(p.ctx(), &directoryv1.RevokePortalLinkRequest{OrganizationId: demo, Id: link.GetId()})
	p.must(err)
	b.requireEnded("the link was revoked")
}

func linksExpire(t *testing.T, p *people) {
	link := p.newLink(&directoryv1.PortalLink{Scopes: portalScopes})
	week := p.newLink(&directoryv1.PortalLink{Scopes: portalScopes, ExpireTime: timestamppb.New(time.Now().Add(time.Duration(p.ahead.Load()) + 7*24*time.Hour - time.Minute))})
	p.ahead.Add(int64(61 * time.Minute))
	expired := p.signIns("link_expired")
	if status, body := link.use(newBrowser(p.usher)); status != http.StatusForbidden || body != "" {
		t.Errorf("after an hour: %d %q", status, body)
	}
	if n := p.signIns("link_expired") - expired; n != 1 {
		t.Errorf("it is counted %d times", n)
	}
	p.ahead.Add(int64(6 * 24 * time.Hour))
	if status, _ := week.use(newBrowser(p.usher)); status != http.StatusOK {
		t.Errorf("within its week: %d", status)
	}
}

// With a credential of one organization, a vendor's backend does there everything that a page for the customer's admin needs, and nothing in
// another organization.
func aVendorsBackendServesOneOrganization(t *testing.T, p *people) {
	all := []commonv1.Scope{
		commonv1.Scope_SCOPE_MANAGE_ORGANIZATIONS, commonv1.Scope_SCOPE_MANAGE_DIRECTORIES, commonv1.Scope_SCOPE_MANAGE_RULES,
		commonv1.Scope_SCOPE_GRANT_ACCESS, commonv1.Scope_SCOPE_READ_PEOPLE, commonv1.Scope_SCOPE_READ_ACCESS, commonv1.Scope_SCOPE_READ_EVENTS,
	}
	if _, err := p.organizations().CreateOrganization(p.ctx(), &directoryv1.CreateOrganizationRequest{
		Organization: &directoryv1.Organization{Id: "acme", Federated: proto.Bool(true)},
	}); err != nil {
		t.Fatal(err)
	}
	s := p.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{"acme"}, Scopes: all}})
	// do makes a call for acme, and the same call for another organization, which must be refused.
	do := func(method, path, body string) string {
		t.Helper()
		b, answers := newBrowser(p.usher), [2]string{}
		for i, organization := range []string{"other", "acme"} {
			status, _, answer := b.send(method, p.admin("/api/v1/organizations/"+organization+path), body, map[string]string{"Authorization": "Bearer " + s.secret})
			if answers[i] = answer; status != []int{http.StatusForbidden, http.StatusOK}[i] {
				t.Fatalf("%s %s in %s: %d %s", method, path, organization, status, answer)
			}
		}
		return answers[1]
	}
	id := func(answer, name string) string { t.Helper(); return p.found(answer, name, "id") }

	do("GET", "", "")
	do("PATCH", "", `{"displayName":"Acme"}`)
	do("POST", "/tenants", `{"id":"main","displayName":"Main"}`)
	first := do("POST", "/directories", `{"displayName":"Okta"}`)
	do("GET", "/directories", "")
	directoryID := id(first, "directory")
	key := id(do("POST", "/directories/"+directoryID+"/apiKeys", `{"displayName":"next"}`), "apiKey")
	do("GET", "/directories/"+directoryID+"/apiKeys", "")
	do("POST", "/directories/"+directoryID+"/apiKeys/"+key+":revoke", "")
	do("PATCH", "/directories/"+directoryID, `{"displayName":"Okta, old"}`)
	do("DELETE", "/directories/"+directoryID, "")
	second := do("POST", "/directories", `{"displayName":"Entra","replacesId":"`+directoryID+`"}`)
	directoryID = id(second, "directory")

	var made struct{ Secret string }
	p.must(json.Unmarshal([]byte(second), &made))
	d := &directory{u: p.usher, id: directoryID, baseURL: "http://" + p.addrs.SCIM + "/scim/v2/" + directoryID, key: made.Secret, http: http.DefaultClient}
	ann := d.user("ann@people.example")
	d.group("Builders", ann)
	d.send(http.MethodPost, "/Users", `{`+userSchema+`,"userName":"ann@people.example"}`, http.StatusConflict)

	rule := id(do("POST", "/rules", `{"displayName":"builders","group":{"displayName":"Builders"},"grants":[{"tenantId":"main","roleId":"designer"}]}`), "rule")
	do("GET", "/rules/"+rule, "")
	do("PATCH", "/rules/"+rule, `{"displayName":"the builders"}`)
	do("POST", "/rules/"+rule+":disable", `{}`)
	do("POST", "/rules/"+rule+":enable", `{}`)
	sync := id(do("POST", "/syncs", `{}`), "sync")
	do("GET", "/syncs", "")
	do("GET", "/syncs/"+sync, "")
	b := newBrowser(p.usher)
	status, _, answer := b.send("POST", p.admin("/api/v1/organizations/acme/syncs/"+sync+":cancel"), `{}`, map[string]string{"Authorization": "Bearer " + s.secret})
	if status != http.StatusOK && !strings.Contains(answer, "SYNC_ENDED") { // it may have ended
		t.Errorf("cancelling: %d %s", status, answer)
	}
	do("POST", "/access:wait", `{"timeout":"30s"}`)
	do("GET", "/access", "")
	do("GET", "/users:lookup?userName=ann@people.example", "")
	grant := fmt.Sprintf(`{"userId":%q,"tenantId":"main","roleId":"developer"}`, ann)
	do("POST", "/access:grant", grant)
	do("POST", "/access:revoke", grant)
	do("POST", "/users/"+ann+"/access:suspend", `{"reason":"a lost laptop"}`)
	do("GET", "/suspensions", "")
	do("POST", "/users/"+ann+"/access:resume", `{}`)
	var events struct{ FailedEvents []struct{ ID string } }
	eventually(t, "there is a failed event", func() bool {
		p.must(json.Unmarshal([]byte(do("GET", "/failedEvents", "")), &events))
		return len(events.FailedEvents) > 0
	})
	do("GET", "/failedEvents/"+events.FailedEvents[0].ID, "")
	do("POST", "/failedEvents/"+events.FailedEvents[0].ID+":acknowledge", `{}`)
	link := do("POST", "/portalLinks", `{"scopes":["SCOPE_MANAGE_DIRECTORIES","SCOPE_MANAGE_RULES","SCOPE_READ_EVENTS"]}`)
	do("GET", "/portalLinks", "")
	do("POST", "/portalLinks/"+id(link, "portalLink")+":revoke", "")
	do("DELETE", "/rules/"+rule, "")
	for _, path := range []string{"/api/v1/organizations", "/api/v1/sessions", "/api/v1/serviceCredentials", "/api/v1/blockedSubjects"} {
		if status := s.do(http.MethodGet, p.admin(path)); status != http.StatusForbidden {
			t.Errorf("%s: %d", path, status)
		}
	}
}
