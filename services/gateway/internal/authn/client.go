package authn

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/gateway/internal/oidc"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// Clients recognizes the clients of the admin REST API and the public gRPC API: the operator by its tokens, the vendor's services by their
// service credentials, and people by their sessions, or by access tokens of their identity provider. An API key opens neither API.
type Clients struct {
	operator *Operator
	people   *oidc.Providers // nil: no access token opens anything
	leases   leases
	lines    *rate.Limiter
	now      func() time.Time
}

// NewClients creates Clients on a cache of key leases. people may be nil.
func NewClients(operator *Operator, people *oidc.Providers, keys *keylease.Cache, unknown *UnknownKeys, now func() time.Time) Clients {
	return Clients{
		operator: operator, people: people, leases: leases{keys: keys, unknown: unknown}, lines: rate.NewLimiter(linesPerSecond, linesAtOnce), now: now,
	}
}

// Noting returns Clients that also note the uses of service credentials and sessions.
func (c Clients) Noting(uses *Uses) Clients {
	c.leases.uses = uses
	return c
}

// Client is the sender of a request.
type Client struct {
	Principal *commonv1.Principal

	token *operatorToken // of the operator; nil for others
	// The digest of a service credential or a session, or that of a person with an access token; and its lease.
	digest keylease.Digest
	lease  keylease.Lease
	// expires is until when the access token of a person is accepted; zero for others.
	expires time.Time
}

// opens reports whether a lease still opens something for the client.
func (c Client) opens(lease keylease.Lease) bool {
	if !c.expires.IsZero() {
		return !lease.Blocked // the person has an access token, and only a blocked person is in the directory service
	}
	return lease.Principal != nil
}

// checkExpiry returns an error if the access token of a person has expired.
func (c Client) checkExpiry(now time.Time) error {
	if !c.expires.IsZero() && !now.Before(c.expires) {
		return fault.New(fault.Unauthenticated, "the access token has expired")
	}
	return nil
}

// Bearer is a bearer token of a request.
type Bearer struct {
	// Authorization contains all Authorization values of the request.
	Authorization []string
	// Organization is the organization that the sender acts for, if an access token gives several. It may be empty.
	Organization string
}

// Authenticate returns the client of a request with a bearer token. The error is a Refusal; fault.Limit if too many unknown credentials came
// from the source; or another fault if the credential cannot be checked now.
func (c Clients) Authenticate(ctx context.Context, source Source, b Bearer) (Client, error) {
	token, ok := bearerToken(b.Authorization)
	if !ok {
		return Client{}, NoBearer
	}
	if t := c.operator.authenticate(token); t != nil {
		return Client{Principal: t.principal, token: t}, nil
	}
	if secret, ok := bearer.ServiceCredential.Parse(token); ok {
		return c.leased(ctx, source, secret.Digest())
	}
	if c.people != nil && oidc.LooksLikeToken(token) {
		return c.person(ctx, source, token, b.Organization)
	}
	return Client{}, Malformed
}

// leased returns the client with a secret that the directory service knows.
func (c Clients) leased(ctx context.Context, source Source, digest keylease.Digest) (Client, error) {
	lease, err := c.leases.from(ctx, source, digest)
	switch {
	case err != nil:
		return Client{}, err
	case lease.Principal == nil:
		return Client{}, Unknown
	}
	if len(lease.AddressRanges) > 0 {
		if address := c.leases.address(source); !lease.Admits(address) {
			return Client{}, known{OtherAddress, lease.Principal.GetSubject(), address}
		}
	}
	c.leases.uses.note(digest, source, "")
	return Client{Principal: lease.Principal, digest: digest, lease: lease}, nil
}
