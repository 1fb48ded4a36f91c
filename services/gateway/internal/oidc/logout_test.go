package oidc

import (
	"strings"
	"testing"
	"time"
)

func TestALogoutTokenIsAcceptedOrRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	type parts = map[string]any
	for name, c := range map[string]struct {
		change func(header, claims parts)
		want   Refusal
	}{
		"a subject and a session":         {func(_, _ parts) {}, ""},
		"a subject":                       {func(_, c parts) { delete(c, "sid") }, ""},
		"a session":                       {func(_, c parts) { delete(c, "sub") }, ""},
		"neither":                         {func(_, c parts) { delete(c, "sub"); delete(c, "sid") }, Malformed},
		"typ JWT":                         {func(h, _ parts) { h["typ"] = "JWT" }, ""},
		"no typ":                          {func(h, _ parts) { delete(h, "typ") }, ""},
		"typ of an access token":          {func(h, _ parts) { h["typ"] = "at+jwt" }, WrongType},
		"no signature":                    {func(h, _ parts) { h["alg"] = "none" }, WrongAlgorithm},
		"signed with the client's secret": {func(h, _ parts) { h["alg"] = "HS256" }, WrongAlgorithm},
		"a key of somebody else":          {func(h, _ parts) { h["forged"] = true }, WrongSignature},
		"another issuer":                  {func(_, c parts) { c["iss"] = "https://evil.example" }, WrongIssuer},
		"one of several audiences":        {func(_, c parts) { c["aud"] = []string{"x", "usher"} }, ""},
		"another audience":                {func(_, c parts) { c["aud"] = audience }, WrongAudience},
		"no event":                        {func(_, c parts) { delete(c, "events") }, WrongType},
		"another event":                   {func(_, c parts) { c["events"] = parts{"x": parts{}} }, WrongType},
		"an event that is no object":      {func(_, c parts) { c["events"] = parts{logoutEvent: true} }, WrongType},
		"a nonce":                         {func(_, c parts) { c["nonce"] = "n" }, WrongType},
		"a nonce that is null":            {func(_, c parts) { c["nonce"] = nil }, WrongType},
		"no id":                           {func(_, c parts) { delete(c, "jti") }, Malformed},
		"a long id":                       {func(_, c parts) { c["jti"] = strings.Repeat("j", 256) }, Malformed},
		"no exp":                          {func(_, c parts) { delete(c, "exp") }, Malformed},
		"no iat":                          {func(_, c parts) { delete(c, "iat") }, Malformed},
		"it has expired":                  {func(_, c parts) { c["iat"], c["exp"] = in(-3*time.Minute), in(-61*time.Second) }, Expired},
		"issued in the future":            {func(_, c parts) { c["iat"] = in(70 * time.Second) }, NotYetValid},
		"valid for too long":              {func(_, c parts) { c["exp"] = in(longestLogout + time.Minute) }, TooLongLived},
		"a large token":                   {func(_, c parts) { c["large"] = strings.Repeat("x", longestToken) }, Malformed},
		"a long session":                  {func(_, c parts) { c["sid"] = strings.Repeat("s", 256) }, Malformed},
		"a session that is a number":      {func(_, c parts) { c["sid"] = 1 }, Malformed},
		"a subject that is empty":         {func(_, c parts) { c["sub"] = "" }, Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := parts{"typ": "logout+jwt"}
			claims := parts{
				"iss": w.op.Issuer, "aud": "usher", "sub": "ann-1", "sid": "session", "iat": in(0), "exp": in(2 * time.Minute), "jti": name,
				"events": parts{logoutEvent: parts{}},
			}
			c.change(header, claims)
			token := w.op.Sign(header, claims)
			if header["forged"] != nil {
				token = w.op.Forge(nil, claims)
			}
			subject, sid, _, err := w.Logout(t.Context(), "acme", token)
			refused(t, err, c.want)
			wantSubject, _ := claims["sub"].(string)
			wantSID, _ := claims["sid"].(string)
			if err == nil && (subject != wantSubject || sid != wantSID) || err != nil && subject+sid != "" {
				t.Errorf("got %q, %q", subject, sid)
			}
		})
	}
}

func TestALogoutTokenWorksOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.op.LogoutToken("ann", "")
	if subject, sid, _, err := w.Logout(t.Context(), "acme", token); err != nil || subject != "ann-1" || sid != "" {
		t.Errorf("got %q, %q, %v", subject, sid, err)
	}
	_, _, _, err := w.Logout(t.Context(), "acme", token)
	refused(t, err, Replayed)
	if subject, sid, _, err := w.Logout(t.Context(), "acme", w.op.LogoutToken("ann", "s")); err != nil || subject != "ann-1" || sid != "s" {
		t.Errorf("another one: got %q, %q, %v", subject, sid, err)
	}
	_, _, _, err = w.Logout(t.Context(), "acme", w.op.AccessToken("ann", "usher", time.Minute))
	refused(t, err, WrongType)
}
