package authn

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
)

func TestABrowserSendsItsSessionFromItsOwnPages(t *testing.T) {
	t.Parallel()
	secret, stranger := bearer.Session.New(), bearer.Session.New().Reveal()
	cache := keylease.New(func(_ context.Context, digest keylease.Digest) (keylease.Lease, error) {
		lease := keylease.Lease{Unknown: digest != secret.Digest(), Until: time.Now().Add(time.Minute)}
		if !lease.Unknown {
			lease.Principal = &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR}
		}
		return lease, nil
	}, time.Now)
	t.Cleanup(cache.Close)
	clients := NewClients(NewOperator(), nil, cache, anyUnknown(), time.Now)
	own, csrf := "__Host-usher="+secret.Reveal(), CSRFToken(secret.Reveal())
	for _, c := range []struct {
		name, method, csrf string
		header             http.Header
		want               Refusal
	}{
		{name: "it reads", method: http.MethodGet, header: http.Header{"Cookie": {own}}},
		{name: "it asks for the headers", method: http.MethodHead, header: http.Header{"Cookie": {own}}},
		{name: "it changes something", method: http.MethodPost, csrf: csrf, header: http.Header{"Cookie": {own}}},
		{name: "from its own origin", method: http.MethodPost, csrf: csrf, header: http.Header{"Cookie": {own}, "Origin": {"https://admin.example"}, "Sec-Fetch-Site": {"same-origin"}}},
		{name: "from the host behind a proxy", method: http.MethodPost, csrf: csrf, header: http.Header{"Cookie": {own}, "Origin": {"http://10.0.0.1:8081"}}},
		{name: "no cookie", method: http.MethodGet, header: http.Header{}, want: NoBearer},
		{name: "a cookie without the prefix", method: http.MethodGet, header: http.Header{"Cookie": {own[len("__Host-"):]}}, want: NoBearer},
		{name: "two cookies", method: http.MethodGet, header: http.Header{"Cookie": {own + "; __Host-usher=" + stranger}}, want: NoBearer},
		{name: "a cookie that is no secret", method: http.MethodGet, header: http.Header{"Cookie": {"__Host-usher=x"}}, want: Malformed},
		{name: "a service credential", method: http.MethodGet, header: http.Header{"Cookie": {"__Host-usher=" + bearer.ServiceCredential.New().Reveal()}}, want: Malformed},
		{name: "another session", method: http.MethodGet, header: http.Header{"Cookie": {"__Host-usher=" + stranger}}, want: Unknown},
		{name: "no CSRF token", method: http.MethodDelete, header: http.Header{"Cookie": {own}}, want: NoCSRFToken},
		{name: "the CSRF token of another session", method: http.MethodPost, csrf: CSRFToken(stranger), header: http.Header{"Cookie": {own}}, want: NoCSRFToken},
		{name: "an unusual method", method: "OTHER", header: http.Header{"Cookie": {own}}, want: NoCSRFToken},
		{name: "from another site", method: http.MethodGet, header: http.Header{"Cookie": {own}, "Sec-Fetch-Site": {"cross-site"}}, want: CrossSite},
		{name: "from another origin", method: http.MethodPost, csrf: csrf, header: http.Header{"Cookie": {own}, "Origin": {"https://admin.example.evil.example"}}, want: CrossSite},
		{name: "from another port", method: http.MethodPost, csrf: csrf, header: http.Header{"Cookie": {own}, "Origin": {"https://admin.example:8443"}}, want: CrossSite},
		{name: "from an opaque origin", method: http.MethodPost, csrf: csrf, header: http.Header{"Cookie": {own}, "Origin": {"null"}}, want: CrossSite},
	} {
		b := NewBrowser(clients, &url.URL{Scheme: "https", Host: "admin.example"}, nil)
		r := httptest.NewRequestWithContext(t.Context(), c.method, "http://10.0.0.1:8081/api/v1/organizations", nil)
		r.Header = c.header
		refusal := func(client Client, err error) (refused Refusal) {
			if errors.As(err, &refused); (err == nil) != (client.Principal != nil) || err != nil && refused == "" {
				t.Errorf("%s: %v, %v", c.name, client.Principal, err)
			}
			return refused
		}
		if got := refusal(b.Authenticate(r, c.csrf)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// The streams and the changes of a person with an access token end when the token expires, or when the operator blocks the person.
func TestAnAccessTokenEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		blocked bool
		after   time.Duration // the bound context has ended
	}{
		"it expires":            {false, 150 * time.Second},
		"the person is blocked": {true, 65 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				cache := keylease.New(func(context.Context, keylease.Digest) (keylease.Lease, error) {
					blocked := c.blocked && time.Since(start) > time.Minute
					return keylease.Lease{Unknown: !blocked, Blocked: blocked, Until: time.Now().Add(4 * time.Second)}, nil
				}, time.Now)
				clients, conn := NewClients(NewOperator(), nil, cache, anyUnknown(), time.Now), &called{}
				client := Client{
					Principal: &commonv1.Principal{}, digest: keylease.SubjectDigest("staff", "ann"), expires: start.Add(150 * time.Second),
					lease: keylease.Lease{Until: start.Add(4 * time.Second)},
				}
				change := func() error {
					return clients.Rechecking(conn).Invoke(WithClient(t.Context(), client), rulev1.AccessService_GrantAccess_FullMethodName, nil, nil)
				}
				if err := change(); err != nil || conn.count != 1 {
					t.Errorf("a change: %v", err)
				}
				bound, stop := clients.Bind(t.Context(), client)
				defer stop()
				<-bound.Done()
				if took := time.Since(start); took > c.after || c.after-took > 5*time.Second {
					t.Errorf("it ended after %s", took)
				}
				var f *fault.Error
				if err := Because(bound, bound.Err()); !errors.As(err, &f) || f.Reason != fault.Unauthenticated {
					t.Errorf("it ended because of %v", err)
				}
				if err := change(); !errors.As(err, &f) || f.Reason != fault.Unauthenticated || conn.count != 1 {
					t.Errorf("a change afterwards: %v", err)
				}
				cache.Close()
			})
		})
	}
}

func TestASessionHasARateOfItsOwn(t *testing.T) {
	t.Parallel()
	cache := keylease.New(func(context.Context, keylease.Digest) (keylease.Lease, error) {
		return keylease.Lease{Principal: &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR}, Until: time.Now().Add(time.Minute)}, nil
	}, time.Now)
	t.Cleanup(cache.Close)
	now := time.Now()
	clients := NewClients(NewOperator(), nil, cache, anyUnknown(), time.Now)
	b := NewBrowser(clients, &url.URL{Scheme: "https", Host: "admin.example"}, NewSessionRate(2, func() time.Time { return now }))
	mine, other := bearer.Session.New().Reveal(), bearer.Session.New().Reveal()
	read := func(session string) error {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://10.0.0.1:8081/session", nil)
		r.Header.Set("Cookie", "__Host-usher="+session)
		_, err := b.Authenticate(r, "")
		return err
	}
	for i := range 20 { // ten seconds of the rate
		if err := read(mine); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if err := read(mine); !errors.Is(err, ErrSessionRate) || !fault.Is(err, fault.Limit) {
		t.Errorf("over the rate: %v", err)
	}
	if err := read(other); err != nil {
		t.Errorf("another session: %v", err)
	}
	now = now.Add(time.Second)
	for i := range 3 {
		if err := read(mine); (err != nil) != (i == 2) {
			t.Errorf("request %d a second later: %v", i, err)
		}
	}
}
