package authn

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/usher-scim/usher/services/internal/bearer"
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
type Directories struct {
	keys *keylease.Cache
	now  func() time.Time
}

// NewDirectories makes it on a cache of leases.
func NewDirectories(keys *keylease.Cache, now func() time.Time) Directories {
	return Directories{keys: keys, now: now}
}

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

// lease looks a key up. An answer that took so long that its lease is over by now is not used: it is asked for once more.
func (d Directories) lease(ctx context.Context, digest keylease.Digest) (keylease.Lease, error) {
	for range 2 {
		lease, err := d.keys.Lookup(ctx, digest)
		if err != nil {
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				err = fault.Wrap(err, fault.Deadline, "too little time was left to check the API key")
			}
			return keylease.Lease{}, err
		}
		if d.now().Before(lease.Until) {
			return lease, nil
		}
	}
	return keylease.Lease{}, fault.New(fault.Unavailable, "checking the API key takes too long").Retry(time.Second)
}
