package oidc

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"
)

const (
	// verifiedLasts is for how long Usher remembers that a token is valid.
	verifiedLasts = time.Minute
	// mostVerified is how many tokens it remembers.
	mostVerified = 10_000
)

// verified is a token that was verified a short time ago.
type verified struct {
	identity Identity
	expires  time.Time // of the token
	until    time.Time // of this memory
}

// Verify checks an access token of a provider, a JWT of at most 8 KiB, and returns whose it is, and until when it is accepted: for one
// minute more than it says, because clocks differ. The issuer in the token names the provider, which must have an audience in its
// settings. The identity is shared: it must not be changed. A token whose key the provider has removed may be accepted for one hour and one
// minute more, and for a day more while the provider does not answer.
func (p *Providers) Verify(ctx context.Context, text string) (_ Identity, until time.Time, _ error) {
	digest, now := sha256.Sum256([]byte(text)), p.now()
	if v, found := p.verified.get(digest); found && now.Before(v.until) {
		return v.identity, v.expires.Add(skew), nil
	}
	identity, expires, err := p.verify(ctx, text, now)
	if err != nil {
		return Identity{}, time.Time{}, err
	}
	remembered := now.Add(verifiedLasts)
	if expires.Before(remembered) {
		remembered = expires
	}
	p.verified.put(digest, verified{identity, expires, remembered})
	return identity, expires.Add(skew), nil
}

// LooksLikeToken reports whether a text has the form of a signed JWT: three parts between dots.
func LooksLikeToken(text string) bool { return strings.Count(text, ".") == 2 }

// Knows reports whether Verify has accepted a token before, even if it would refuse the token now.
func (p *Providers) Knows(text string) bool {
	_, found := p.verified.get(sha256.Sum256([]byte(text)))
	return found
}

func (p *Providers) verify(ctx context.Context, text string, now time.Time) (identity Identity, expires time.Time, err error) {
	t, err := parseToken(text, longestToken)
	if err != nil {
		return identity, expires, err
	}
	issuer, _ := t.claims["iss"].(string)
	one, known := p.byIssuer[issuer]
	if !known {
		return identity, expires, WrongIssuer
	}
	if err := t.requireType("at+jwt"); err != nil {
		return identity, expires, err
	}
	if err := one.check(ctx, t); err != nil {
		return identity, expires, err
	}
	if expires, err = t.claims.accessToken(one.ProviderSettings, now); err != nil {
		return identity, expires, err
	}
	identity, err = one.identity(t.claims)
	return identity, expires, err
}
