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
func NewDirectories(keys *keylease.Cache, unknown *UnknownKeys) Directories {
	return Directories{leases{keys, unknown}}
}

// Opened is a directory that an API key opens.
type Opened struct {
	keylease.Lease
	digest keylease.Digest
}

// Authenticate gives what a request, by all its Authorization values, opens. The error is a Refusal, or says that it cannot be
// told now; fault.Limit: too many unknown keys came from the source.
func (d Directories) Authenticate(ctx context.Context, source Source, authorization []string, directoryID string) (Opened, error) {
	token, ok := bearerToken(authorization)
	if !ok {
		return Opened{}, NoBearer
	}
	secret, ok := bearer.APIKey.Parse(token)
	if !ok {
		return Opened{}, Malformed
	}
	opened := Opened{digest: secret.Digest()}
	var err error
	opened.Lease, err = d.leases.from(ctx, source, opened.digest)
	return opened, refuse(opened.Lease, err, directoryID)
}

// refuse says why a lease does not open a directory.
func refuse(lease keylease.Lease, err error, directoryID string) error {
	switch {
	case err != nil:
		return err
	case lease.Unknown || lease.Credential != nil:
		return Unknown
	case !strings.EqualFold(lease.DirectoryID, directoryID):
		return OtherDirectory
	}
	return nil
}

// Again authenticates a request once more, before a step of it that changes something: the key may have been revoked since. A
// revocation in this process waits until release is called, which is not nil. Errors are those of Authenticate.
func (d Directories) Again(ctx context.Context, o Opened) (again Opened, release func(), err error) {
	again.digest = o.digest
	again.Lease, release, err = d.leases.hold(ctx, o.digest)
	return again, release, refuse(again.Lease, err, o.DirectoryID)
}
