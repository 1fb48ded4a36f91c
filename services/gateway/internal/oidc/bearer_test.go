package oidc

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// access returns the claims of a valid access token of ann.
func (w *world) access() map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": w.op.Issuer, "aud": audience, "sub": "ann-1", "name": "Ann", "groups": []string{"admins"}, "org": "acme",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": "a",
	}
}

func TestAnAccessTokenIsAcceptedOrRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	type parts = map[string]any
	for name, c := range map[string]struct {
		change func(header, claims parts)
		want   Refusal
	}{
		"nothing is wrong":                  {func(_, _ parts) {}, ""},
		"typ JWT":                           {func(h, _ parts) { h["typ"] = "JWT" }, ""},
		"typ application/at+jwt":            {func(h, _ parts) { h["typ"] = "application/AT+jwt" }, ""},
		"no typ":                            {func(h, _ parts) { delete(h, "typ") }, ""},
		"typ of a logout token":             {func(h, _ parts) { h["typ"] = "logout+jwt" }, WrongType},
		"typ that is a number":              {func(h, _ parts) { h["typ"] = 1 }, Malformed},
		"no signature":                      {func(h, _ parts) { h["alg"] = "none" }, WrongAlgorithm},
		"signed with the client's secret":   {func(h, _ parts) { h["alg"] = "HS256" }, WrongAlgorithm},
		"a key of somebody else":            {func(h, _ parts) { h["forged"] = true }, WrongSignature},
		"another issuer":                    {func(_, c parts) { c["iss"] = "https://evil.example" }, WrongIssuer},
		"no issuer":                         {func(_, c parts) { delete(c, "iss") }, WrongIssuer},
		"an issuer that is a list":          {func(_, c parts) { c["iss"] = []string{w.op.Issuer} }, WrongIssuer},
		"one of several audiences":          {func(_, c parts) { c["aud"] = []string{"x", audience} }, ""},
		"another audience":                  {func(_, c parts) { c["aud"] = audience + "/" }, WrongAudience},
		"an ID token":                       {func(_, c parts) { c["aud"] = "usher" }, WrongType},
		"an ID token with our audience":     {func(_, c parts) { c["aud"] = []string{"usher", audience}; c["nonce"] = "n" }, WrongType},
		"an ID token with a hash":           {func(_, c parts) { c["at_hash"] = "h" }, WrongType},
		"a token that is bound to a key":    {func(_, c parts) { c["cnf"] = parts{"jkt": "k"} }, WrongType},
		"a logout token":                    {func(_, c parts) { c["events"] = parts{logoutEvent: parts{}} }, WrongType},
		"it has expired":                    {func(_, c parts) { c["iat"], c["exp"] = in(-time.Hour), in(-61*time.Second) }, Expired},
		"it never expires":                  {func(_, c parts) { delete(c, "exp") }, Malformed},
		"not issued":                        {func(_, c parts) { delete(c, "iat") }, Malformed},
		"issued in the future":              {func(_, c parts) { c["iat"] = in(70 * time.Second) }, NotYetValid},
		"not valid yet":                     {func(_, c parts) { c["nbf"] = in(70 * time.Second) }, NotYetValid},
		"valid for a second more than 1 h":  {func(_, c parts) { c["exp"] = c["iat"].(int64) + 3601 }, TooLongLived},
		"valid for a year":                  {func(_, c parts) { c["exp"] = in(365 * 24 * time.Hour) }, TooLongLived},
		"no subject":                        {func(_, c parts) { delete(c, "sub") }, Malformed},
		"nobody":                            {func(_, c parts) { c["groups"] = "hunter2" }, NoGrant},
		"a large token":                     {func(_, c parts) { c["large"] = strings.Repeat("x", longestToken) }, Malformed},
		"claims that are a list, not a map": {func(h, _ parts) { h["text"] = "eyJhbGciOiJFUzI1NiJ9.W10.AAAA" }, Malformed},
		"another text":                      {func(h, _ parts) { h["text"] = "hunter2" }, Malformed},
		"an unsigned text with three parts": {func(h, _ parts) { h["text"] = "a.b.c" }, Malformed},
		"a JSON serialization":              {func(h, _ parts) { h["text"] = `{"payload":"e30","signatures":[]}` }, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header, claims := parts{"typ": "at+jwt"}, w.access()
			c.change(header, claims)
			var token string
			switch text, isText := header["text"].(string); {
			case isText:
				token = text
			case header["forged"] != nil:
				token = w.op.Forge(nil, claims)
			default:
				token = w.op.Sign(header, claims)
			}
			for range 2 { // a refusal is not remembered as a success, nor a success as something else
				identity, expires, err := w.Verify(t.Context(), token)
				refused(t, err, c.want)
				if err == nil && (identity.Subject != "ann-1" || expires.Add(-skew).Unix() != claims["exp"] || !slices.Equal(identity.Grants, []Grant{{OrganizationAdmin, "acme"}})) {
					t.Errorf("got %+v, %v", identity, expires)
				}
				if err != nil && (identity.Subject != "" || identity.Grants != nil) {
					t.Errorf("refused, with %+v", identity)
				}
			}
		})
	}
}

func TestAProviderWithoutAnAudienceHasNoAccessTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *ProviderSettings) { s.Audience = "" })
	claims := w.access()
	for _, audience := range []any{audience, "", []string{}} {
		claims["aud"] = audience
		_, _, err := w.Verify(t.Context(), w.op.Sign(nil, claims))
		refused(t, err, WrongAudience)
	}
}

func TestOnlyAlgorithmsOfTheSettingsAreAccepted(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, want := range map[string]Refusal{"RS256": "", "PS384": WrongAlgorithm} {
		w := newWorld(t)
		w.op.RotateTo(jose.SignatureAlgorithm(algorithm), key)
		_, _, err = w.Verify(t.Context(), w.op.Sign(nil, w.access()))
		refused(t, err, want)
		w.settings.Algorithms = []string{algorithm}
		if _, _, err := w.restart().Verify(t.Context(), w.op.Sign(nil, w.access())); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

func TestAVerifiedTokenIsRememberedForAMinuteAndNeverAfterItExpired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	verify := func(token string, want Refusal) {
		t.Helper()
		_, _, err := w.Verify(t.Context(), token)
		refused(t, err, want)
	}
	long, short := w.op.AccessToken("ann", audience, time.Hour), w.op.AccessToken("ann", audience, 30*time.Second)
	verify(long, "")
	verify(short, "")
	// Only the memory accepts them now: the process knows no keys, and has asked for them a short time ago.
	forget := func() {
		keys := w.byName["acme"].keys
		keys.value, keys.tried = nil, w.clock()
	}
	forget()
	verify(long, "")
	w.forward(40 * time.Second)
	forget()
	verify(short, WrongSignature) // the memory ends with the token, even within the skew
	verify(long, "")
	w.forward(21 * time.Second)
	forget()
	verify(long, WrongSignature)
}

func TestTheMemoryOfTokensHasALimit(t *testing.T) {
	t.Parallel()
	r := newRecent[int, int](10)
	for i := range 1000 {
		r.put(i, i)
		if n := len(r.newer) + len(r.old); n > 10 {
			t.Fatalf("it has %d", n)
		}
		if v, found := r.get(max(i-4, 0)); !found || v != max(i-4, 0) {
			t.Fatalf("at %d, the value before 4 others is lost", i)
		}
	}
}

func TestNewKeysAreFoundAndRemovedOnesForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := func() string { return w.op.Sign(nil, w.access()) }()
	if _, _, err := w.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	w.op.Rotate()
	w.forward(retryAfter)
	if _, _, err := w.Verify(t.Context(), w.op.Sign(nil, w.access())); err != nil {
		t.Errorf("the new key: %v", err)
	}
	w.forward(retryAfter)
	_, _, err := w.Verify(t.Context(), w.op.Forge(nil, w.access())) // its key id is known
	refused(t, err, WrongSignature)
	w.forward(2 * time.Minute)
	_, _, err = w.Verify(t.Context(), old)
	refused(t, err, WrongSignature)
	if n := w.op.Requests("/keys"); n != 3 {
		t.Errorf("the keys were fetched %d times", n)
	}
	// Without any unknown key id, too, a removed key is forgotten.
	token := w.op.Sign(nil, w.access())
	w.op.Rotate()
	w.forward(50 * time.Minute)
	if _, _, err := w.Verify(t.Context(), token); err != nil {
		t.Errorf("before the keys are old: %v", err)
	}
	w.forward(10*time.Minute + time.Second)
	_, _, err = w.Verify(t.Context(), token)
	refused(t, err, WrongSignature)
}

func TestUnknownKeyIDsCauseOneFetchInTenSeconds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := w.op.Sign(nil, w.access())
	if _, _, err := w.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	w.forward(retryAfter)
	unknown := w.op.Sign(map[string]any{"kid": "hunter2"}, w.access())
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			_, _, err := w.Verify(t.Context(), unknown)
			refused(t, err, WrongSignature)
		})
	}
	asking.Wait()
	if n := w.op.Requests("/keys"); n != 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
	w.forward(retryAfter)
	_, _, err := w.Verify(t.Context(), unknown)
	refused(t, err, WrongSignature)
	if n := w.op.Requests("/keys"); n != 3 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// gate lets requests for keys wait until it opens.
type gate struct {
	http.RoundTripper
	reached chan struct{}
	open    chan struct{}
}

func (g gate) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/keys" {
		g.reached <- struct{}{}
		<-g.open
	}
	return g.RoundTripper.RoundTrip(r)
}

// gated lets the next requests for keys wait.
func (w *world) gated() gate {
	g := gate{w.client.Transport, make(chan struct{}, 1), make(chan struct{})}
	w.client.Transport = g
	return g
}

func TestTokensOfKnownKeysDoNotWaitForAFetch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		later  time.Duration
		header map[string]any // of the token that causes the fetch
		want   Refusal
	}{
		"an unknown key id": {retryAfter, map[string]any{"kid": "unknown"}, WrongSignature},
		"old keys":          {freshKeys, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			token := func(id string, header map[string]any) string {
				claims := w.access()
				claims["iat"], claims["exp"], claims["jti"] = w.clock().Unix(), w.clock().Add(time.Minute).Unix(), id
				return w.op.Sign(header, claims)
			}
			if _, _, err := w.Verify(t.Context(), token("a", nil)); err != nil {
				t.Fatal(err)
			}
			w.forward(c.later)
			g := w.gated()
			var asking sync.WaitGroup
			asking.Go(func() {
				_, _, err := w.Verify(t.Context(), token("b", c.header))
				refused(t, err, c.want)
			})
			<-g.reached
			verified := make(chan error, 1)
			asking.Go(func() {
				_, _, err := w.Verify(t.Context(), token("c", nil))
				verified <- err
			})
			select {
			case err := <-verified:
				refused(t, err, "")
			case <-time.After(time.Minute):
				t.Error("it waits")
			}
			close(g.open)
			asking.Wait()
		})
	}
}

func TestAFetchOutlivesItsRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	g := w.gated()
	ctx, leave := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asking.Go(func() {
		_, _, err := w.Verify(ctx, w.op.Sign(nil, w.access()))
		refused(t, err, "")
	})
	<-g.reached
	leave()
	close(g.open)
	asking.Wait()
	if _, _, err := w.Verify(t.Context(), w.op.Sign(nil, w.access())); err != nil {
		t.Error(err)
	}
	if n := w.op.Requests("/keys"); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}
