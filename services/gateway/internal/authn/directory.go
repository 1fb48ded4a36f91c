package authn

import (
	"context"
	"errors"
	"strings"

	"github.com/usher-scim/usher/services/internal/apikey"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// Refusal is why a request opens no directory. It is for metrics: a client is told the same for all but NoBearer.
type Refusal string

// The refusals.
const (
	NoBearer       Refusal = "no_bearer"       // no Authorization, several, or another scheme
	Malformed      Refusal = "malformed"       // not the form of an API key
	Unknown        Refusal = "unknown"         // no such key, or it was revoked or has expired
	OtherDirectory Refusal = "other_directory" // a valid key of another directory
)

// Error makes a Refusal an error.
func (r Refusal) Error() string { return "the request opens no directory: " + string(r) }

// Directories recognises directories by their API keys.
type Directories struct{ keys *keylease.Cache }

// NewDirectories makes it on a cache of leases.
func NewDirectories(keys *keylease.Cache) Directories { return Directories{keys: keys} }

// Authenticate gives the lease with which a request, by all its Authorization values, opens a directory. The error is a
// Refusal, or says that it cannot be told now.
func (d Directories) Authenticate(ctx context.Context, authorization []string, directoryID string) (keylease.Lease, error) {
	token, ok := bearer(authorization)
	if !ok {
		return keylease.Lease{}, NoBearer
	}
	secret, ok := apikey.Parse(token)
	if !ok {
		return keylease.Lease{}, Malformed
	}
	lease, err := d.lease(ctx, secret.Digest())
	switch {
	case err != nil:
		return keylease.Lease{}, err
	case lease.Unknown:
		return keylease.Lease{}, Unknown
	case !strings.EqualFold(lease.DirectoryID, directoryID):
		return keylease.Lease{}, OtherDirectory
	}
	return lease, nil
}

func (d Directories) lease(ctx context.Context, digest keylease.Digest) (keylease.Lease, error) {
	lease, err := d.keys.Lookup(ctx, digest)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = fault.Wrap(err, fault.Deadline, "too little time was left to check the API key")
	}
	return lease, err
}
