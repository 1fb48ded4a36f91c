package authn

import (
	"context"
	"net/netip"
	"slices"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/gateway/internal/oidc"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/scope"
)

// person returns the client with an access token of an identity provider.
func (c Clients) person(ctx context.Context, source Source, token, organization string) (Client, error) {
	identity, expires, err := c.verify(ctx, source, token)
	if err != nil {
		return Client{}, err
	}
	refused := func(r Refusal) error {
		return known{r, keylease.Subject(identity.Provider, identity.Subject), c.leases.address(source)}
	}
	grant, refusal := chosen(identity.Grants, organization)
	if refusal != "" {
		return Client{}, refused(refusal)
	}
	client := Client{
		Principal: PrincipalOf(identity, grant), digest: keylease.SubjectDigest(identity.Provider, identity.Subject), expires: expires,
	}
	if client.lease, err = c.leases.of(ctx, client.digest); err != nil {
		return Client{}, err
	}
	if !client.opens(client.lease) {
		return Client{}, refused(Blocked)
	}
	return client, nil
}

// verify checks an access token. A token that was never accepted is only checked if its source has not sent too many that open nothing,
// because each check takes time.
func (c Clients) verify(ctx context.Context, source Source, token string) (oidc.Identity, time.Time, error) {
	known := c.people.Knows(token)
	var addr netip.Addr
	if !known {
		var err error
		if addr, err = c.leases.unknown.take(source); err != nil {
			return oidc.Identity{}, time.Time{}, err
		}
	}
	identity, expires, err := c.people.Verify(ctx, token)
	if err != nil {
		return oidc.Identity{}, time.Time{}, tokenRefused(err)
	}
	if !known {
		c.leases.unknown.giveBack(addr)
	}
	return identity, expires, nil
}

// tokenRefused returns the refusal of an access token.
func tokenRefused(err error) error { return Refusal("token_" + string(oidc.RefusalOf(err))) }

// chosen returns what a person acts as.
func chosen(grants []oidc.Grant, organization string) (oidc.Grant, Refusal) {
	if organization == "" {
		if len(grants) == 1 {
			return grants[0], ""
		}
		return oidc.Grant{}, NoOrganization
	}
	i := slices.IndexFunc(grants, func(g oidc.Grant) bool { return g.OrganizationID == organization })
	if i < 0 && grants[0].Principal == oidc.Operator {
		i = 0 // who may do everything in every organization
	}
	if i < 0 {
		return oidc.Grant{}, OtherOrganization
	}
	return grants[i], ""
}

// KindOf returns the kind of principal of a grant.
func KindOf(g oidc.Grant) commonv1.PrincipalKind {
	switch g.Principal {
	case oidc.Operator:
		return commonv1.PrincipalKind_PRINCIPAL_KIND_OPERATOR
	case oidc.OrganizationAdmin:
		return commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_ADMIN
	default:
		return commonv1.PrincipalKind_PRINCIPAL_KIND_ORGANIZATION_VIEWER
	}
}

// PrincipalOf returns the principal of a person with a grant.
func PrincipalOf(identity oidc.Identity, g oidc.Grant) *commonv1.Principal {
	kind := KindOf(g)
	return &commonv1.Principal{
		Kind: kind, OrganizationId: g.OrganizationID, Subject: keylease.Subject(identity.Provider, identity.Subject), Scopes: uint32(scope.Most(kind)),
	}
}
