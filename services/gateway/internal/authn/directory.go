package authn

import (
	"context"
	"strings"

	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// Refusal is the reason why a request opens nothing. It is for metrics: except for NoBearer, a client gets the same answer for all of them.
type Refusal string

// The refusals.
const (
	NoBearer       Refusal = "no_bearer"       // no Authorization, several, or another scheme
	Malformed      Refusal = "malformed"       // not the form of a secret that could open this
	Unknown        Refusal = "unknown"         // the secret does not exist, was revoked or has expired
	OtherDirectory Refusal = "other_directory" // a valid key of another directory

	NoOrganization    Refusal = "no_organization"    // an access token that gives several organizations, without the choice of one
	OtherOrganization Refusal = "other_organization" // an access token that does not give the chosen organization
	Blocked           Refusal = "blocked"            // the operator has blocked the person
	CrossSite         Refusal = "cross_site"         // a session, used by a page of another site
	NoCSRFToken       Refusal = "no_csrf_token"      //nolint:gosec // a change by a session without its CSRF token; the text is no secret
)

// Error returns the text of a Refusal.
func (r Refusal) Error() string { return "the request opens nothing: " + string(r) }

// Directories recognises directories by their API keys. A service credential opens none.
type Directories struct{ leases leases }

// NewDirectories creates Directories on a cache of key leases.
func NewDirectories(keys *keylease.Cache, unknown *UnknownKeys) Directories {
	return Directories{leases{keys, unknown}}
}

// Opened is a directory that an API key opens.
type Opened struct {
	keylease.Lease
	digest keylease.Digest
}

// Authenticate returns the directory that a request opens, from all its Authorization values. The error is a Refusal; fault.Limit if too
// many unknown keys came from the source; or another fault if the key cannot be checked now.
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
