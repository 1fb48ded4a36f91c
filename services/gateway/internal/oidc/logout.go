package oidc

import (
	"context"
	"time"
)

// mostLoggedOut is how many logout tokens are remembered. A token that was forgotten because of many newer ones could be used again until
// it expires: it would end sessions that began meanwhile, and give nothing.
const mostLoggedOut = 10_000

// Logout checks a logout token of a provider (OpenID Connect Back-Channel Logout 1.0), of at most 8 KiB, and returns which sessions end:
// those of the subject, or those of the session at the provider, or those of both. One of them may be empty. It refuses a token that this
// process has accepted before; another replica may accept it once more. If the caller could not end the sessions, it calls undo: then the
// provider can send the token again.
func (p *Providers) Logout(ctx context.Context, provider, text string) (subject, sid string, undo func(), err error) {
	one, known := p.byName[provider]
	if !known {
		return "", "", nil, UnknownProvider
	}
	t, err := parseToken(text, longestToken)
	if err == nil {
		err = t.requireType("logout+jwt")
	}
	if err == nil {
		err = one.check(ctx, t)
	}
	if err != nil {
		return "", "", nil, err
	}
	expires, err := t.claims.logoutToken(one.ClientID, p.now())
	if err != nil {
		return "", "", nil, err
	}
	subject, sid, err = t.claims.loggedOut()
	if err != nil {
		return "", "", nil, err
	}
	id, err := t.claims.text("jti")
	if err != nil || !printable.MatchString(id) {
		return "", "", nil, Malformed.because("the claim jti is not 1 to %d printable ASCII characters", longestText)
	}
	over := func(expires time.Time) bool { return p.now().After(expires.Add(skew)) }
	token := [2]string{provider, id}
	if !p.loggedOut.replace(token, expires, over) {
		return "", "", nil, Replayed
	}
	return subject, sid, func() { p.loggedOut.put(token, time.Time{}) }, nil
}

// loggedOut returns the claims sub and sid, at least one of which must be set.
func (c claims) loggedOut() (subject, sid string, err error) {
	if sid, err = c.sessionID(); err != nil {
		return "", "", err
	}
	if c.has("sub") || sid == "" {
		subject, err = c.subject()
	}
	return subject, sid, err
}
