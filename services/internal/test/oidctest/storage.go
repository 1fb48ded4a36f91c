package oidctest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// tokensLast is how long the tokens of the provider are valid.
const tokensLast = 5 * time.Minute

// storage is what the provider stores: one client, users, sign-ins that have begun, and a key. It implements op.Storage, and refuses
// everything that the authorization code flow does not need.
type storage struct {
	issuer string

	mu     sync.Mutex
	client Client
	users  map[string]map[string]any // claims, by login
	key    signingKey
	begun  map[string]*signIn // by id
	codes  map[string]string  // ids of sign-ins, by code
	last   int
}

func newStorage(client Client, issuer string) *storage {
	return &storage{
		issuer: issuer, client: client, users: map[string]map[string]any{}, key: newKey("first"), begun: map[string]*signIn{}, codes: map[string]string{},
	}
}

// newID returns an id that the provider did not use before.
func (s *storage) newID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	return fmt.Sprintf("id-%d", s.last)
}

var (
	errMissing     = errors.New("the provider does not know it")
	errUnsupported = errors.New("the provider does not support it")
)

// signIn is a request of a client to sign a person in. It implements op.AuthRequest.
type signIn struct {
	oidc.AuthRequest
	id, sid string
	claims  map[string]any // of the user; nil until one is chosen
	at      time.Time
}

func (r *signIn) GetID() string                      { return r.id }
func (r *signIn) GetACR() string                     { return "" }
func (r *signIn) GetAMR() []string                   { return []string{"pwd"} }
func (r *signIn) GetAudience() []string              { return []string{r.ClientID} }
func (r *signIn) GetAuthTime() time.Time             { return r.at }
func (r *signIn) GetClientID() string                { return r.ClientID }
func (r *signIn) GetNonce() string                   { return r.Nonce }
func (r *signIn) GetScopes() []string                { return r.Scopes }
func (r *signIn) Done() bool                         { return r.claims != nil }
func (r *signIn) GetResponseMode() oidc.ResponseMode { return r.ResponseMode }

func (r *signIn) GetSubject() string {
	subject, _ := r.claims["sub"].(string)
	return subject
}

func (r *signIn) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// signIn chooses the user of a sign-in.
func (s *storage) signIn(id, login string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	request, claims := s.begun[id], s.users[login]
	if request == nil || claims == nil {
		return fmt.Errorf("sign-in %q of user %q: %w", id, login, errMissing)
	}
	request.claims, request.at = claims, time.Now()
	return nil
}

func (s *storage) CreateAuthRequest(_ context.Context, request *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if request.CodeChallenge == "" || request.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is required")
	}
	begun := &signIn{AuthRequest: *request, id: s.newID(), sid: s.newID()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun[begun.id] = begun
	return begun, nil
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if begun, found := s.begun[id]; found {
		return begun, nil
	}
	return nil, errMissing
}

func (s *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.AuthRequestByID(ctx, id)
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.begun, id)
	return nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return s.newID(), time.Now().Add(tokensLast), nil
}

func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.key, nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []jose.SignatureAlgorithm{s.key.algorithm}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []op.Key{publicKey{s.key}}, nil
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != s.client.ID {
		return nil, errMissing
	}
	return registration{s.client}, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != s.client.ID || secret != s.client.Secret {
		return errMissing
	}
	return nil
}

// SetUserinfoFromRequest puts the claims of the user and the session into an ID token.
func (s *storage) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, request op.IDTokenRequest, _ []string) error {
	begun, ok := request.(*signIn)
	if !ok {
		return errUnsupported
	}
	for name, value := range begun.claims {
		if name != "sub" {
			info.AppendClaims(name, value)
		}
	}
	info.Subject = begun.GetSubject()
	info.AppendClaims("sid", begun.sid)
	return nil
}

func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{}, nil
}

func (s *storage) Health(context.Context) error { return nil }

// The rest is for other flows.

func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errUnsupported
}

func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errUnsupported
}

func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return oidc.ErrInvalidRequest()
}

func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *storage) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return errUnsupported
}

func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnsupported
}

func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnsupported
}

func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnsupported
}

// registration is a client as the provider sees it. It implements op.Client.
type registration struct{ client Client }

func (r registration) GetID() string                     { return r.client.ID }
func (r registration) RedirectURIs() []string            { return r.client.Redirects }
func (r registration) PostLogoutRedirectURIs() []string  { return r.client.AfterLogout }
func (registration) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (registration) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (registration) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (registration) LoginURL(id string) string            { return loginPath + "?id=" + id }
func (registration) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (registration) IDTokenLifetime() time.Duration       { return tokensLast }
func (registration) DevMode() bool                        { return true } // redirects to http
func (registration) IsScopeAllowed(string) bool           { return true }
func (registration) IDTokenUserinfoClaimsAssertion() bool { return true }
func (registration) ClockSkew() time.Duration             { return 0 }

func (r registration) AuthMethod() oidc.AuthMethod {
	if r.client.Secret == "" {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func (registration) RestrictAdditionalIdTokenScopes() func([]string) []string     { return every }
func (registration) RestrictAdditionalAccessTokenScopes() func([]string) []string { return every }

func every(scopes []string) []string { return scopes }
