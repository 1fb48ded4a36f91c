package oidc

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const discoveryPath = "/.well-known/openid-configuration"

func TestUsherStartsWhileAProviderIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.op.SetDown(true)
	begin := func(want Refusal) {
		t.Helper()
		_, _, err := w.Begin(t.Context(), "acme", redirectURL, "/")
		refused(t, err, want)
	}
	begin(ProviderUnreachable)
	asked := w.op.Requests(discoveryPath)
	w.op.SetDown(false)
	for range 5 {
		begin(ProviderUnreachable) // it is not asked again so soon
	}
	if n := w.op.Requests(discoveryPath); n != asked {
		t.Errorf("it was asked %d more times", n-asked)
	}
	w.forward(retryAfter)
	begin("")
	begin("")
	if n := w.op.Requests(discoveryPath); n != asked+1 {
		t.Errorf("it was asked %d more times", n-asked)
	}
	// After a day, the metadata are fetched again. Until they are there, the old ones are used, for another day.
	w.forward(24 * time.Hour)
	begin("")
	if n := w.op.Requests(discoveryPath); n != asked+2 {
		t.Errorf("after a day, it was asked %d times", n-asked-1)
	}
	w.op.SetDown(true)
	w.forward(24 * time.Hour)
	begin("")
	w.forward(24 * time.Hour)
	begin(ProviderUnreachable)
}

func TestTokensAreAcceptedForADayWhileAProviderIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verify := func(want Refusal) {
		t.Helper()
		claims := w.access()
		claims["iat"], claims["exp"] = w.clock().Unix(), w.clock().Add(time.Minute).Unix()
		_, _, err := w.Verify(t.Context(), w.op.Sign(nil, claims))
		refused(t, err, want)
	}
	verify("")
	w.op.SetDown(true)
	w.forward(24 * time.Hour)
	verify("")
	w.forward(2 * time.Hour)
	verify(ProviderUnreachable)
	w.op.SetDown(false)
	w.forward(retryAfter)
	verify("")
}

func TestABadProviderIsRefused(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("Usher followed a redirect to another origin") }))
	t.Cleanup(elsewhere.Close)
	for name, c := range map[string]struct {
		change    func(metadata map[string]any)
		discovery http.HandlerFunc
		keys      http.HandlerFunc
		want      Refusal
	}{
		"it is as it should be":       {want: WrongSignature},
		"another issuer":              {change: func(m map[string]any) { m["issuer"] = "https://evil.example" }, want: ProviderError},
		"keys without TLS":            {change: func(m map[string]any) { m["jwks_uri"] = "http://evil.example/keys" }, want: ProviderError},
		"no token endpoint":           {change: func(m map[string]any) { delete(m, "token_endpoint") }, want: ProviderError},
		"an endpoint that is no text": {change: func(m map[string]any) { m["token_endpoint"] = 1 }, want: ProviderError},
		"large metadata":              {change: func(m map[string]any) { m["x"] = strings.Repeat("x", longestAnswer) }, want: ProviderError},
		"metadata that are no JSON":   {discovery: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hunter2") }, want: ProviderError},
		"metadata that are missing":   {discovery: http.NotFound, want: ProviderError},
		"metadata elsewhere": {
			discovery: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, want: ProviderUnreachable,
		},
		"keys elsewhere": {
			keys: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, want: ProviderUnreachable,
		},
		"redirects without an end": {
			keys: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) }, want: ProviderUnreachable,
		},
		"large keys": {
			keys: func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprintf(w, `{"x":"%s"}`, strings.Repeat("x", longestAnswer))
			}, want: ProviderError,
		},
		"no keys": {keys: http.NotFound, want: ProviderUnreachable},
		"a secret as a key": {keys: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"keys":[{"kty":"oct","k":"aHVudGVyMg"}]}`)
		}, want: WrongSignature},
		"keys of a kind that Usher does not know": {
			keys: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[{"kty":"new"},1,null]}`) }, want: WrongSignature,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			t.Cleanup(server.Close)
			mux.HandleFunc(discoveryPath, func(w http.ResponseWriter, r *http.Request) {
				if c.discovery != nil {
					c.discovery(w, r)
					return
				}
				m := map[string]any{
					"issuer": server.URL, "authorization_endpoint": server.URL + "/authorize", "token_endpoint": server.URL + "/token",
					"jwks_uri": server.URL + "/keys",
				}
				if c.change != nil {
					c.change(m)
				}
				w.Header().Set("Content-Type", "application/json")
				if err := json.NewEncoder(w).Encode(m); err != nil && name != "large metadata" {
					t.Error(err)
				}
			})
			mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
				if c.keys != nil {
					c.keys(w, r)
					return
				}
				fmt.Fprint(w, `{"keys":[]}`)
			})
			w := newWorld(t)
			w.settings.Issuer = server.URL
			claims := w.access()
			claims["iss"] = server.URL
			_, _, err := w.restart().Verify(t.Context(), w.op.Sign(nil, claims))
			refused(t, err, c.want)
		})
	}
}

func TestTheWayToSendTheSecretIsThatOfTheMetadata(t *testing.T) {
	t.Parallel()
	for methods, wantBasic := range map[string]bool{``: true, `"client_secret_basic","client_secret_post"`: true, `"client_secret_post"`: false} {
		var server *httptest.Server
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == discoveryPath {
				fmt.Fprintf(w, `{"issuer":"%[1]s","authorization_endpoint":"%[1]s/a","token_endpoint":"%[1]s/t","jwks_uri":"%[1]s/k","token_endpoint_auth_methods_supported":[%[2]s]}`, server.URL, methods)
				return
			}
			_, password, basic := r.BasicAuth()
			if basic != wantBasic || !basic && r.FormValue("client_secret") != clientSecret || basic && strings.ReplaceAll(password, "+", " ") != strings.ReplaceAll(clientSecret, "'", "%27") {
				t.Errorf("%s: basic %v, %q, %q", methods, basic, password, r.FormValue("client_secret"))
			}
			w.WriteHeader(http.StatusBadRequest)
		}))
		t.Cleanup(server.Close)
		w := newWorld(t)
		w.settings.Issuer = server.URL
		p := w.restart()
		_, attempt, err := p.Begin(t.Context(), "acme", redirectURL, "/")
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Finish(t.Context(), attempt, redirectURL, map[string][]string{"state": {attempt.State}, "code": {"c"}})
		refused(t, err, ProviderError)
	}
}
