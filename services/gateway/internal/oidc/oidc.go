// Package oidc lets people sign in at identity providers that speak OpenID Connect, and accepts access tokens of these providers. It checks
// what a provider says about a person, and maps it to principals. It knows nothing of sessions and cookies: the caller stores the attempt
// to sign in, and makes a session from the identity.
package oidc

import (
	"fmt"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Principal is the kind of principal that a mapping gives.
type Principal string

// The principals.
const (
	Operator           Principal = "operator"
	OrganizationAdmin  Principal = "organization_admin"
	OrganizationViewer Principal = "organization_viewer"
)

// Grant is one thing that a person may sign in as.
type Grant struct {
	Principal Principal
	// OrganizationID is empty for the operator.
	OrganizationID string
}

// Identity is what a provider says about a person.
type Identity struct {
	// Provider is the name of the provider in the settings.
	Provider string
	// Issuer and Subject together identify the person.
	Issuer, Subject string
	// SessionID is the session at the provider (claim sid), or empty. Back-channel logout can name it.
	SessionID string
	// AuthTime is when the person signed in at the provider, or zero if the provider does not say.
	AuthTime time.Time
	// Name is for display only: a personal attribute, which no log may contain.
	Name string
	// Grants has one element or more: all that the person may sign in as, in the order of the mappings. It is the operator alone, or
	// different organizations.
	Grants []Grant
}

// Providers are the configured providers. New creates it.
type Providers struct {
	now      func() time.Time
	client   *http.Client
	byName   map[string]*provider
	byIssuer map[string]*provider
	verified *recent[[32]byte, verified]
	// loggedOut are the logout tokens that were accepted, by provider and token id, with the time when they expire.
	loggedOut *recent[[2]string, time.Time]
}

// provider is one provider.
type provider struct {
	ProviderSettings
	client   *http.Client
	metadata *document[metadata]
	keys     *document[[]jose.JSONWebKey]
}

// New creates the providers from valid settings. It asks no provider yet, so it succeeds while they are down. Close ends it.
func New(settings []ProviderSettings, now func() time.Time) (*Providers, error) {
	if err := Check(settings).Err(); err != nil {
		return nil, fmt.Errorf("the identity providers: %w", err)
	}
	p := &Providers{
		now: now, client: newClient(), byName: map[string]*provider{}, byIssuer: map[string]*provider{},
		verified: newRecent[[32]byte, verified](mostVerified), loggedOut: newRecent[[2]string, time.Time](mostLoggedOut),
	}
	for _, s := range settings {
		one := &provider{ProviderSettings: s.withDefaults(), client: p.client}
		one.metadata = newDocument(one.discover, freshMetadata, now)
		one.keys = newDocument(one.fetchKeys, freshKeys, now)
		p.byName[s.Name], p.byIssuer[s.Issuer] = one, one
	}
	return p, nil
}

// Close closes the connections to providers that are not in use.
func (p *Providers) Close() { p.client.CloseIdleConnections() }
