package oidctest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/usher-scim/usher/services/internal/test/oidctest"
)

// get returns the page at an address, and where it redirects to, without going there.
func get(t *testing.T, address string, parameters url.Values) (page, redirect string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"?"+parameters.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), response.Header.Get("Location")
}

func start(t *testing.T) *oidctest.Provider {
	t.Helper()
	p := oidctest.Start(t, oidctest.Client{ID: "usher", Redirects: []string{"http://rp/back"}, AfterLogout: []string{"http://rp/bye"}})
	p.SetUser("ann", nil)
	return p
}

func TestTheProviderRequiresPKCE(t *testing.T) {
	t.Parallel()
	p := start(t)
	request := url.Values{"client_id": {"usher"}, "redirect_uri": {"http://rp/back"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"}}
	for want, challenge := range map[string]string{"error=invalid_request": "", "/login?id=": strings.Repeat("c", 43)} {
		request.Set("code_challenge", challenge)
		if challenge != "" {
			request.Set("code_challenge_method", "S256")
		}
		if _, to := get(t, p.Issuer+"/authorize", request); !strings.Contains(to, want) {
			t.Errorf("with the challenge %q, it redirects to %s", challenge, to)
		}
	}
}

func TestAPersonChoosesTheUserAndSignsOut(t *testing.T) {
	t.Parallel()
	p := start(t)
	if page, _ := get(t, p.Issuer+"/login", nil); !strings.Contains(page, `<button name="login" value="ann">ann</button>`) {
		t.Errorf("the page is %s", page)
	}
	_, to := get(t, p.Issuer+"/end_session", url.Values{"client_id": {"usher"}, "post_logout_redirect_uri": {"http://rp/bye"}})
	if to != "http://rp/bye" {
		t.Errorf("it redirects to %s", to)
	}
}

func TestAClientGetsLogoutTokens(t *testing.T) {
	t.Parallel()
	p := start(t)
	token := p.LogoutToken("ann", "")
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.PostFormValue("logout_token") != token {
			t.Errorf("%s %s", r.Method, r.PostFormValue("logout_token"))
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(client.Close)
	if status := p.SendLogout(client.URL, token); status != http.StatusNoContent {
		t.Errorf("status %d", status)
	}
	if another := p.LogoutToken("ann", ""); another == token {
		t.Error("two logout tokens are the same")
	}
}
