package authn

import (
	"context"
	"strings"

	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// Refusal is why a request opens nothing. It is for metrics: a client is told the same for all but NoBearer.
type Refusal string

// The refusals.
const (
	NoBearer       Refusal = "no_bearer"       // no Authorization, several, or another scheme
	Malformed      Refusal = "malformed"       // not the form of a secret that could open this
	Unknown        Refusal = "unknown"         // no such secret, or it was revoked or has expired
	OtherDirectory Refusal = "other_directory" // a valid key of another directory
)

// Error makes a Refusal an error.
func (r Refusal) Error() string { return "the request opens nothing: " + string(r) }

// Directories recognises directories by their API keys. A service credential opens none.
type Directories struct{ leases leases }

// NewDirectories makes it on a cache of leases.
func NewDirectories(keys *keylease.Cache) Directories { return Directories{leases{keys}} }

// Authenticate gives the lease with which a request, by all its Authorization values, opens a directory. The error is a
// Refusal, or says that it cannot be told now.
func (d Directories) Authenticate(ctx context.Context, authorization []string, directoryID string) (keylease.Lease, error) {
	token, ok := bearerToken(authorization)
	if !ok {
		return keylease.Lease{}, NoBearer
	}
	secret, ok := bearer.APIKey.Parse(token)
	if !ok {
		return keylease.Lease{}, Malformed
	}
	lease, err := d.leases.of(ctx, secret.Digest())
	switch {
	case err != nil:
		return keylease.Lease{}, err
	case lease.Unknown || lease.Credential != nil:
		return keylease.Lease{}, Unknown
	case !strings.EqualFold(lease.DirectoryID, directoryID):
		return keylease.Lease{}, OtherDirectory
	}
	return lease, nil
}
