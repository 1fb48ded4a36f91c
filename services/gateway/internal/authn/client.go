package authn

import (
	"context"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// Clients recognizes the clients of the admin REST API and the public gRPC API: the operator by its tokens, and the vendor's services
// by their service credentials. An API key opens neither API.
type Clients struct {
	operator *Operator
	leases   leases
}

// NewClients creates Clients on a cache of key leases.
func NewClients(operator *Operator, keys *keylease.Cache, unknown *UnknownKeys) Clients {
	return Clients{operator: operator, leases: leases{keys, unknown}}
}

// Client is the sender of a request.
type Client struct {
	Principal *commonv1.Principal

	token *operatorToken // of the operator; nil for others
	// For a service credential: its digest, and the lease that says until when it is valid.
	digest keylease.Digest
	lease  keylease.Lease
}

// Authenticate returns the client of a request, from all its Authorization values. The error is a Refusal; fault.Limit if too many unknown
// credentials came from the source; or another fault if the credential cannot be checked now.
func (c Clients) Authenticate(ctx context.Context, source Source, authorization []string) (Client, error) {
	token, ok := bearerToken(authorization)
	if !ok {
		return Client{}, NoBearer
	}
	if t := c.operator.authenticate(token); t != nil {
		return Client{Principal: t.principal, token: t}, nil
	}
	secret, ok := bearer.ServiceCredential.Parse(token)
	if !ok {
		return Client{}, Malformed
	}
	lease, err := c.leases.from(ctx, source, secret.Digest())
	switch {
	case err != nil:
		return Client{}, err
	case lease.Principal == nil:
		return Client{}, Unknown
	}
	return Client{Principal: lease.Principal, digest: secret.Digest(), lease: lease}, nil
}
