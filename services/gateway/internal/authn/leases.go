package authn

import (
	"context"
	"errors"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// leases asks what secrets open.
type leases struct{ keys *keylease.Cache }

// of looks a secret up.
func (l leases) of(ctx context.Context, digest keylease.Digest) (keylease.Lease, error) {
	lease, err := l.keys.Lookup(ctx, digest)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = fault.Wrap(err, fault.Deadline, "too little time was left to check the credential")
	}
	return lease, err
}
