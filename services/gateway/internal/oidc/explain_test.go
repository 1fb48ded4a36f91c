package oidc

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestATokenIsExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	idToken := func(change func(claims map[string]any)) string {
		claims := w.access()
		claims["aud"] = "usher"
		change(claims)
		return w.op.Sign(nil, claims)
	}
	text := func(claims map[string]any) string {
		text, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	const acme = "organization_admin of acme"
	for name, c := range map[string]struct{ text, checked, lines, grants string }{
		"an ID token": {
			idToken(func(map[string]any) {}), "The signature is valid, and Usher would accept this ID token.",
			"mappings[0], claim groups: it matches, and gives " + acme, acme,
		},
		"an access token, with spaces around": {
			"\n " + w.op.Sign(nil, w.access()) + " \n", "The signature is valid, and Usher would accept this access token.",
			"mappings[0], claim groups: it matches, and gives " + acme, acme,
		},
		"an expired token": {
			idToken(func(c map[string]any) { c["exp"] = 1 }), "The signature is valid, but Usher would refuse this ID token: expired.",
			"mappings[0], claim groups: it matches, and gives " + acme, acme,
		},
		"a token of somebody else": {
			w.op.Forge(nil, w.access()), "Usher would refuse this access token: wrong_signature.", "mappings[0], claim groups: it matches, and gives " + acme, acme,
		},
		"a token that gives nothing": {
			idToken(func(c map[string]any) { c["groups"] = "hunter2" }), "The signature is valid, and Usher would accept this ID token.",
			"mappings[0], claim groups: it has another value", "",
		},
		"claims": {
			text(map[string]any{"iss": w.op.Issuer, "groups": "admins", "org": "acme"}), "These are claims without a signature. Usher checked only the mappings.",
			"mappings[0], claim groups: it matches, and gives " + acme, acme,
		},
		"claims without an issuer": {
			`{"groups": "admins"}`, "These are claims without a signature. Usher checked only the mappings.",
			"mappings[0], claim org: the token does not have it, and it must name the organization", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := Explain(t.Context(), []ProviderSettings{w.settings}, time.Now, []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var grants []string
			for _, g := range e.Grants {
				grants = append(grants, g.String())
			}
			if e.Provider != "acme" || e.Checked != c.checked || e.Lines[0].String() != c.lines || strings.Join(grants, " ") != c.grants || (e.Refusal == nil) != (c.grants != "") {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestATokenIsExplainedWhileTheProviderIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.op.SetDown(true)
	for want, claims := range map[string]map[string]any{
		"The provider cannot be reached, so the signature of this access token was not checked.": w.access(),
		"The provider cannot be reached, so the signature was not checked. Usher would refuse this ID token in any case: wrong_audience.": {
			"iss": w.op.Issuer, "aud": "x", "iat": time.Now().Unix(), "exp": time.Now().Unix(), "sub": "s",
		},
	} {
		e, err := Explain(t.Context(), []ProviderSettings{w.settings}, time.Now, []byte(w.op.Sign(nil, claims)))
		if err != nil || e.Checked != want {
			t.Errorf("got %+v, %v, want %q", e, err, want)
		}
	}
}

func TestATextThatIsNoTokenIsNotExplained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.settings
	other.Name, other.Issuer = "other", "https://login.example.com"
	for text, want := range map[string]Refusal{
		"": Malformed, "hunter2": Malformed, "{": Malformed, `{"iss": 1}`: Malformed, `{"iss": "https://x"}`: WrongIssuer, `{}`: WrongIssuer,
		w.op.Sign(map[string]any{"alg": "none"}, w.access()): WrongAlgorithm, "{" + strings.Repeat(" ", longestIDToken): Malformed,
	} {
		_, err := Explain(t.Context(), []ProviderSettings{w.settings, other}, time.Now, []byte(text))
		refused(t, err, want)
		if want == WrongIssuer && !strings.Contains(err.Error(), "and the settings have "+w.op.Issuer+", https://login.example.com") {
			t.Errorf("got %v", err)
		}
	}
}
