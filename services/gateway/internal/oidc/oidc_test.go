package oidc

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/usher-scim/usher/services/internal/test/oidctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	redirectURL  = "http://127.0.0.1/sign-in/acme/callback"
	clientSecret = "the client's secret"
	audience     = "https://usher.example"
)

// world is Usher's side and a real provider with the users ann, an admin of acme, and bob, who is nothing.
type world struct {
	t        *testing.T
	op       *oidctest.Provider
	settings ProviderSettings
	*Providers
	ahead atomic.Int64 // how far Usher's clock is ahead, in nanoseconds
}

func newWorld(t *testing.T, change ...func(*ProviderSettings)) *world {
	t.Helper()
	w := &world{t: t, op: oidctest.Start(t, oidctest.Client{ID: "usher", Secret: clientSecret, Redirects: []string{redirectURL}})}
	w.op.SetUser("ann", map[string]any{"sub": "ann-1", "name": "Ann \n Example", "groups": []string{"staff", "admins"}, "org": "acme"})
	w.op.SetUser("bob", map[string]any{"groups": []string{"staff"}, "secret": "hunter2"})
	w.settings = ProviderSettings{
		Name: "acme", Issuer: w.op.Issuer, ClientID: "usher", ClientSecretFile: secretFile(t, clientSecret, 0o600), Audience: audience,
		Mappings: []Mapping{{Claim: []string{"groups"}, Value: "admins", Principal: OrganizationAdmin, OrganizationClaim: []string{"org"}}},
	}
	for _, one := range change {
		one(&w.settings)
	}
	w.Providers = w.restart()
	return w
}

// restart returns the providers of another process with the same settings.
func (w *world) restart() *Providers {
	w.t.Helper()
	p, err := New([]ProviderSettings{w.settings}, w.clock)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Close)
	return p
}

func (w *world) clock() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// forward moves Usher's clock.
func (w *world) forward(d time.Duration) { w.ahead.Add(int64(d)) }

// begin begins a sign-in, and lets a user sign in at the provider.
func (w *world) begin(login string) (Attempt, url.Values) {
	w.t.Helper()
	authURL, attempt, err := w.Begin(w.t.Context(), "acme", redirectURL, "/")
	if err != nil {
		w.t.Fatal(err)
	}
	back := w.op.SignIn(login, authURL)
	if !strings.HasPrefix(back.String(), redirectURL+"?") {
		w.t.Fatalf("the provider redirects to %s", back)
	}
	return attempt, back.Query()
}

func secretFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused checks the refusal in an error, and that the error reveals no value of a claim and no token.
func refused(t *testing.T, err error, want Refusal) {
	t.Helper()
	if got := RefusalOf(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
	if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "eyJ")) {
		t.Errorf("it reveals something: %v", err)
	}
}

func TestAPersonSignsIn(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*ProviderSettings){
		"a confidential client": func(*ProviderSettings) {},
		"a public client":       func(s *ProviderSettings) { s.ClientSecretFile = "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, change)
			if w.settings.ClientSecretFile == "" {
				w.op = oidctest.Start(t, oidctest.Client{ID: "usher", Redirects: []string{redirectURL}})
				w.op.SetUser("ann", map[string]any{"sub": "ann-1", "name": "Ann Example", "groups": "admins", "org": "acme"})
				w.settings.Issuer = w.op.Issuer
				w.Providers = w.restart()
			}
			attempt, answer := w.begin("ann")
			decoded, err := DecodeAttempt(attempt.Encode())
			if err != nil {
				t.Fatal(err)
			}
			// Any replica can finish it.
			got, err := w.restart().Finish(t.Context(), decoded, redirectURL, answer)
			if err != nil {
				t.Fatal(err)
			}
			if got.Provider != "acme" || got.Issuer != w.op.Issuer || got.Subject != "ann-1" || got.Name != "Ann Example" || got.SessionID == "" ||
				time.Since(got.AuthTime).Abs() > time.Hour || !slices.Equal(got.Grants, []Grant{{OrganizationAdmin, "acme"}}) {
				t.Errorf("got %+v", got)
			}
			// A code works once.
			_, err = w.Finish(t.Context(), attempt, redirectURL, answer)
			refused(t, err, ProviderError)
		})
	}
}

func TestTwoProvidersAreToldApart(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t, func(s *ProviderSettings) { s.Name = "other" })
	both, err := New([]ProviderSettings{w.settings, other.settings}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(both.Close)
	identity, _, err := both.Verify(t.Context(), other.op.AccessToken("ann", audience, time.Minute))
	if err != nil || identity.Provider != "other" {
		t.Errorf("got %+v, %v", identity, err)
	}
	// An answer of one provider does not finish an attempt at the other one.
	attempt, answer := w.begin("ann")
	attempt.Provider = "other"
	_, err = both.Finish(t.Context(), attempt, redirectURL, answer)
	refused(t, err, ProviderError)
	_, _, _, err = both.Logout(t.Context(), "other", w.op.LogoutToken("ann", ""))
	refused(t, err, WrongIssuer)
}

func TestAnUnknownProviderIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, _, err := w.Begin(t.Context(), "nobody", redirectURL, "/")
	refused(t, err, UnknownProvider)
	_, err = w.Finish(t.Context(), Attempt{Provider: "nobody"}, redirectURL, nil)
	refused(t, err, UnknownProvider)
	_, _, _, err = w.Logout(t.Context(), "nobody", "")
	refused(t, err, UnknownProvider)
}

func TestAnAnswerOfTheProviderIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		answer  func(url.Values)
		attempt func(*Attempt)
		want    Refusal
	}{
		"another state":              {func(v url.Values) { v.Set("state", "x") }, nil, WrongState},
		"no state":                   {func(v url.Values) { v.Del("state") }, nil, WrongState},
		"another issuer":             {func(v url.Values) { v.Set("iss", "https://evil.example") }, nil, WrongIssuer},
		"an empty issuer":            {func(v url.Values) { v.Set("iss", "") }, nil, WrongIssuer},
		"an error":                   {func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") }, nil, ProviderError},
		"an error of its own":        {func(v url.Values) { v.Set("error", "hunter2") }, nil, ProviderError},
		"an error and another state": {func(v url.Values) { v.Set("error", "access_denied"); v.Set("state", "x") }, nil, WrongState},
		"no code":                    {func(v url.Values) { v.Del("code") }, nil, Malformed},
		"a long code":                {func(v url.Values) { v.Set("code", strings.Repeat("x", 4097)) }, nil, Malformed},
		"a code of nobody":           {func(v url.Values) { v.Set("code", "x") }, nil, ProviderError},
		"two codes":                  {func(v url.Values) { v.Add("code", "x") }, nil, Malformed},
		"two states":                 {func(v url.Values) { v.Add("state", "x") }, nil, Malformed},
		"an old attempt":             {nil, func(a *Attempt) { a.Begun -= 601 }, AttemptExpired},
		"an attempt of the future":   {nil, func(a *Attempt) { a.Begun += 90 }, AttemptExpired},
		"another verifier":           {nil, func(a *Attempt) { a.Verifier = strings.Repeat("v", 43) }, ProviderError},
		"another nonce":              {nil, func(a *Attempt) { a.Nonce = "x" }, WrongNonce},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attempt, answer := w.begin("ann")
			if c.answer != nil {
				c.answer(answer)
			}
			if c.attempt != nil {
				c.attempt(&attempt)
			}
			_, err := w.Finish(t.Context(), attempt, redirectURL, answer)
			refused(t, err, c.want)
		})
	}
}

func TestAnAnswerMustNameTheIssuerIfTheProviderSaysSo(t *testing.T) {
	t.Parallel()
	p := &provider{ProviderSettings: ProviderSettings{Issuer: "https://a.example"}}
	answer := url.Values{"state": {"s"}, "code": {"c"}}
	if _, err := p.code(metadata{}, Attempt{State: "s"}, answer); err != nil {
		t.Error(err)
	}
	_, err := p.code(metadata{sendsIssuer: true}, Attempt{State: "s"}, answer)
	refused(t, err, WrongIssuer)
	answer.Set("iss", "https://a.example")
	if _, err := p.code(metadata{sendsIssuer: true}, Attempt{State: "s"}, answer); err != nil {
		t.Error(err)
	}
}

func TestAnIDTokenIsRefused(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for name, c := range map[string]struct {
		change func(header, claims map[string]any)
		want   Refusal
	}{
		"nothing is wrong":                 {func(_, _ map[string]any) {}, ""},
		"another nonce":                    {func(_, c map[string]any) { c["nonce"] = "x" }, WrongNonce},
		"no nonce":                         {func(_, c map[string]any) { delete(c, "nonce") }, WrongNonce},
		"another issuer":                   {func(_, c map[string]any) { c["iss"] = "https://evil.example" }, WrongIssuer},
		"another issuer in capitals":       {func(_, c map[string]any) { c["ISS"] = c["iss"]; delete(c, "iss") }, WrongIssuer},
		"another audience":                 {func(_, c map[string]any) { c["aud"] = "another" }, WrongAudience},
		"no audience":                      {func(_, c map[string]any) { delete(c, "aud") }, Malformed},
		"several audiences":                {func(_, c map[string]any) { c["aud"] = []string{"x", "usher"}; c["azp"] = "usher" }, ""},
		"several audiences without azp":    {func(_, c map[string]any) { c["aud"] = []string{"x", "usher"}; delete(c, "azp") }, WrongAudience},
		"another authorized party":         {func(_, c map[string]any) { c["azp"] = "x" }, WrongAudience},
		"no signature":                     {func(h, _ map[string]any) { h["alg"] = "none" }, WrongAlgorithm},
		"signed with the client's secret":  {func(h, _ map[string]any) { h["alg"] = "HS256" }, WrongAlgorithm},
		"a key that nobody knows":          {func(h, _ map[string]any) { h["kid"] = "hunter2" }, WrongSignature},
		"a key of somebody else":           {func(h, _ map[string]any) { h["forged"] = true }, WrongSignature},
		"it has expired":                   {func(_, c map[string]any) { c["exp"] = in(-61 * time.Second) }, Expired},
		"it has expired within the skew":   {func(_, c map[string]any) { c["exp"] = in(-50 * time.Second) }, ""},
		"it never expires":                 {func(_, c map[string]any) { delete(c, "exp") }, Malformed},
		"it expires on a text":             {func(_, c map[string]any) { c["exp"] = "tomorrow" }, Malformed},
		"it expires in ten thousand years": {func(_, c map[string]any) { c["exp"] = 1e300 }, Malformed},
		"issued in the future":             {func(_, c map[string]any) { c["iat"] = in(70 * time.Second) }, NotYetValid},
		"issued within the skew":           {func(_, c map[string]any) { c["iat"] = in(50 * time.Second) }, ""},
		"not issued":                       {func(_, c map[string]any) { delete(c, "iat") }, Malformed},
		"not valid yet":                    {func(_, c map[string]any) { c["nbf"] = in(70 * time.Second) }, NotYetValid},
		"no subject":                       {func(_, c map[string]any) { delete(c, "sub") }, Malformed},
		"a long subject":                   {func(_, c map[string]any) { c["sub"] = strings.Repeat("s", 256) }, Malformed},
		"a subject of control characters":  {func(_, c map[string]any) { c["sub"] = "a\nb" }, Malformed},
		"a subject that is a number":       {func(_, c map[string]any) { c["sub"] = 1 }, Malformed},
		"a session that is a list":         {func(_, c map[string]any) { c["sid"] = []int{1} }, Malformed},
		"a logout token":                   {func(_, c map[string]any) { c["events"] = map[string]any{logoutEvent: map[string]any{}} }, WrongType},
		"nobody":                           {func(_, c map[string]any) { c["groups"] = "hunter2" }, NoGrant},
		"a large token":                    {func(_, c map[string]any) { c["large"] = strings.Repeat("x", longestIDToken) }, Malformed},
		"no token":                         {func(h, _ map[string]any) { h["text"] = "hunter2" }, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.op.Tamper(func(header, claims map[string]any) string {
				c.change(header, claims)
				if text, ok := header["text"].(string); ok {
					return text
				}
				if header["forged"] != nil {
					return w.op.Forge(nil, claims)
				}
				return w.op.Sign(header, claims)
			})
			attempt, answer := w.begin("ann")
			_, err := w.Finish(t.Context(), attempt, redirectURL, answer)
			refused(t, err, c.want)
		})
	}
}

func TestThePersonLearnsWhyNothingIsGranted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	attempt, answer := w.begin("bob")
	_, err := w.Finish(t.Context(), attempt, redirectURL, answer)
	refused(t, err, NoGrant)
	lines := linesOf(err)
	if len(lines) != 1 || lines[0].String() != "mappings[0], claim groups: it has another value" {
		t.Errorf("got %v", lines)
	}
}

func TestTheClientSecretIsReadForEachSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	try := func() error {
		attempt, answer := w.begin("ann")
		_, err := w.Finish(t.Context(), attempt, redirectURL, answer)
		return err
	}
	if err := try(); err != nil {
		t.Fatal(err)
	}
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(w.settings.ClientSecretFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(w.settings.ClientSecretFile, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("another secret", 0o600)
	refused(t, try(), ProviderError)
	write(clientSecret, 0o604)
	refused(t, try(), SecretUnreadable)
	write("", 0o600)
	refused(t, try(), SecretUnreadable)
	write(clientSecret+"\n", 0o640)
	if err := try(); err != nil {
		t.Error(err)
	}
}
