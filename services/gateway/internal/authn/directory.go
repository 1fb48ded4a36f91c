package authn

import (
	"context"
	"errors"
	"strings"

	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// Directories recognises directories by their API keys. A service credential opens none.
type Directories struct{ leases leases }

// NewDirectories creates Directories on a cache of key leases.
func NewDirectories(keys *keylease.Cache, unknown *UnknownKeys) Directories {
	return Directories{leases{keys: keys, unknown: unknown}}
}

// Noting returns Directories that also note the uses of API keys, and the refusals of directories.
func (d Directories) Noting(uses *Uses) Directories {
	d.leases.uses = uses
	return d
}

// Opened is a directory that an API key opens.
type Opened struct {
	keylease.Lease
	digest keylease.Digest
}

// Authenticate returns the directory that a request opens, from all its Authorization values. The error is a Refusal; fault.Limit if too
// many unknown keys came from the source; or another fault if the key cannot be checked now.
func (d Directories) Authenticate(ctx context.Context, source Source, authorization []string, directoryID string) (Opened, error) {
	opened, err := d.authenticate(ctx, source, authorization, directoryID)
	var refusal Refusal
	switch {
	case err == nil:
		d.leases.uses.note(opened.digest, source, opened.DirectoryID)
	case errors.As(err, &refusal):
		d.leases.uses.refuse(directoryID, refusal)
	}
	return opened, err
}

func (d Directories) authenticate(ctx context.Context, source Source, authorization []string, directoryID string) (Opened, error) {
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

// refuse returns the reason why a lease does not open a directory.
func refuse(lease keylease.Lease, err error, directoryID string) error {
	switch {
	case err != nil:
		return err
	case lease.Unknown || lease.Principal != nil:
		return Unknown
	case !strings.EqualFold(lease.DirectoryID, directoryID):
		return OtherDirectory
	}
	return nil
}

// Recheck authenticates a request again, before a step that changes something, because the key may have been revoked meanwhile. A
// revocation in this process waits until release is called; release is never nil. The errors are those of Authenticate.
func (d Directories) Recheck(ctx context.Context, o Opened) (again Opened, release func(), err error) {
	again.digest = o.digest
	again.Lease, release, err = d.leases.lock(ctx, o.digest)
	return again, release, refuse(again.Lease, err, o.DirectoryID)
}
