package oidc

import (
	"context"
	"errors"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/usher-scim/usher/services/internal/secret"
)

// Begin begins to sign a person in at a provider: by the authorization code flow with PKCE, a state and a nonce. The browser goes to
// authURL, and keeps the attempt. The provider sends the person back to redirectURL, which it must know. Finish needs the same one.
func (p *Providers) Begin(ctx context.Context, provider, redirectURL, returnTo string) (authURL string, attempt Attempt, err error) {
	one, known := p.byName[provider]
	if !known {
		return "", Attempt{}, UnknownProvider
	}
	if err := CheckReturnTo(returnTo); err != nil {
		return "", Attempt{}, err
	}
	m, err := one.metadata.get(ctx)
	if err != nil {
		return "", Attempt{}, err
	}
	attempt = Attempt{
		Provider: provider, State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier(),
		Begun: p.now().Unix(), ReturnTo: returnTo,
	}
	client := one.oauth(m, redirectURL, "")
	return client.AuthCodeURL(attempt.State, oauth2.S256ChallengeOption(attempt.Verifier), oidc.Nonce(attempt.Nonce)), attempt, nil
}

// oauth returns the client of the provider's endpoints.
func (p *provider) oauth(m metadata, redirectURL string, clientSecret secret.Text) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: clientSecret.Reveal(), Endpoint: m.endpoint, RedirectURL: redirectURL, Scopes: p.Scopes,
	}
}

// Finish ends an attempt with the parameters that the provider sent the person back with, and returns who the person is. The error has a
// Refusal; it is a *NoGrantError if the provider is sure who this is, but the mappings give the person nothing.
func (p *Providers) Finish(ctx context.Context, attempt Attempt, redirectURL string, answer url.Values) (Identity, error) {
	one, known := p.byName[attempt.Provider]
	if !known {
		return Identity{}, UnknownProvider
	}
	if attempt.expired(p.now()) {
		return Identity{}, AttemptExpired
	}
	m, err := one.metadata.get(ctx)
	if err != nil {
		return Identity{}, err
	}
	code, err := one.code(m, attempt, answer)
	if err != nil {
		return Identity{}, err
	}
	text, err := one.exchange(ctx, m, redirectURL, code, attempt.Verifier)
	if err != nil {
		return Identity{}, err
	}
	t, err := parseToken(text, longestIDToken)
	if err != nil {
		return Identity{}, err
	}
	if err := one.check(ctx, t); err != nil {
		return Identity{}, err
	}
	if err := t.claims.idToken(one.ClientID, p.now()); err != nil {
		return Identity{}, err
	}
	if nonce, err := t.claims.text("nonce"); err != nil || !same(nonce, attempt.Nonce) {
		return Identity{}, WrongNonce
	}
	return one.identity(t.claims)
}

// longestCode is how many bytes a code may have.
const longestCode = 4 << 10

// code returns the code in an answer to this attempt.
func (p *provider) code(m metadata, attempt Attempt, answer url.Values) (string, error) {
	for _, name := range []string{"state", "iss", "error", "code"} {
		if len(answer[name]) > 1 {
			return "", Malformed.because("the parameter %s is repeated", name) // RFC 6749 §3.1
		}
	}
	code, issuer := answer.Get("code"), answer.Get("iss")
	switch {
	case !same(answer.Get("state"), attempt.State):
		return "", WrongState
	case (m.sendsIssuer || answer.Has("iss")) && issuer != p.Issuer: // RFC 9207 §2.4
		return "", WrongIssuer
	case answer.Has("error"):
		return "", providerError(answer.Get("error"))
	case code == "" || len(code) > longestCode:
		return "", Malformed.because("the code has %d bytes, and it needs 1 to %d", len(code), longestCode)
	}
	return code, nil
}

// exchange gives the provider the code for an ID token.
func (p *provider) exchange(ctx context.Context, m metadata, redirectURL, code, verifier string) (idToken string, err error) {
	var clientSecret secret.Text
	if p.ClientSecretFile != "" {
		if clientSecret, err = readSecret(p.ClientSecretFile); err != nil {
			return "", SecretUnreadable.because("%w", err)
		}
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), answerWithin)
	defer cancel()
	tokens, err := p.oauth(m, redirectURL, clientSecret).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	var refused *oauth2.RetrieveError
	var network *url.Error
	switch {
	case errors.As(err, &refused):
		return "", providerError(refused.ErrorCode)
	case errors.As(err, &network):
		return "", ProviderUnreachable.because("%w", err)
	case err != nil:
		return "", ProviderError.because("its tokens cannot be read")
	}
	idToken, ok := tokens.Extra("id_token").(string)
	if !ok {
		return "", ProviderError.because("it sent no ID token")
	}
	return idToken, nil
}
