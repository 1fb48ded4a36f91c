package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	// longestIDToken is how many bytes an ID token may have. The provider sends it directly.
	longestIDToken = 64 << 10
	// longestToken is how many bytes a token may have that anybody can send.
	longestToken = 8 << 10
)

// token is a parsed token. Its claims are not to be believed before its signature was verified.
type token struct {
	*jose.JSONWebSignature
	claims claims
}

// asymmetric are all algorithms that settings may allow.
var asymmetric = signatureAlgorithms(allowedAlgorithms)

func signatureAlgorithms(names []string) (all []jose.SignatureAlgorithm) {
	for _, name := range names {
		all = append(all, jose.SignatureAlgorithm(name))
	}
	return all
}

// parseToken reads a signed token in the compact form.
func parseToken(text string, longest int) (token, error) {
	if len(text) > longest {
		return token{}, Malformed.because("the token has %d bytes, and the limit is %d", len(text), longest)
	}
	jws, err := jose.ParseSignedCompact(text, asymmetric)
	var unexpected *jose.ErrUnexpectedSignatureAlgorithm
	switch {
	case errors.As(err, &unexpected):
		return token{}, WrongAlgorithm
	case err != nil || len(jws.Signatures) != 1:
		return token{}, Malformed.because("it is not a signed token")
	}
	parsed, err := parseClaims(jws.UnsafePayloadWithoutVerification())
	return token{jws, parsed}, err
}

// check requires that the token names this provider and one of its algorithms, and that one of the provider's keys verifies its signature.
func (p *provider) check(ctx context.Context, t token) error {
	if issuer, err := t.claims.text("iss"); err != nil || issuer != p.Issuer {
		return WrongIssuer
	}
	if !slices.Contains(p.Algorithms, t.Signatures[0].Header.Algorithm) {
		return WrongAlgorithm
	}
	return p.verify(ctx, t)
}

// requireType refuses a token whose header names another type. Many providers say JWT for each kind of token, or nothing.
func (t token) requireType(own string) error {
	value, present := t.Signatures[0].Header.ExtraHeaders[jose.HeaderType]
	name, isText := value.(string)
	if present && !isText {
		return Malformed.because("the header typ is not a text")
	}
	name = strings.TrimPrefix(strings.ToLower(name), "application/") // RFC 7515 §4.1.9
	if !slices.Contains([]string{"", "jwt", own}, name) {
		return WrongType.because("the header typ names another kind of token")
	}
	return nil
}

// verify checks the signature with the provider's keys. It asks the provider for new keys if none has the token's key id, at most once in
// retryAfter, because a stranger can invent key ids.
func (p *provider) verify(ctx context.Context, t token) error {
	keys, err := p.keys.get(ctx)
	if err != nil {
		return err
	}
	known, valid := t.verifiedBy(keys)
	if !known {
		if keys, err = p.keys.again(ctx); err != nil {
			return err
		}
		_, valid = t.verifiedBy(keys)
	}
	if !valid {
		return WrongSignature
	}
	return nil
}

// verifiedBy reports whether one of the keys verifies the signature, and whether the token's key is one of them. A token may name no key.
func (t token) verifiedBy(keys []jose.JSONWebKey) (known, valid bool) {
	header := t.Signatures[0].Header
	for _, key := range keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		known = known || header.KeyID != ""
		if _, err := t.Verify(key); err == nil {
			return true, true
		}
	}
	return known, false
}

// identity makes the identity of a person from the claims of a checked token.
func (p *provider) identity(c claims) (Identity, error) {
	subject, subjectErr := c.subject()
	sid, sidErr := c.sessionID()
	authTime, timeErr := c.time("auth_time")
	if err := errors.Join(subjectErr, sidErr, timeErr); err != nil {
		return Identity{}, err
	}
	all, _, err := grants(p.Mappings, c)
	if err != nil {
		return Identity{}, err
	}
	return Identity{
		Provider: p.Name, Issuer: p.Issuer, Subject: subject, SessionID: sid, AuthTime: authTime, Name: c.displayName(), Grants: all,
	}, nil
}
