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
	return lease, late(err)
}

// hold looks a secret up, and keeps a revocation in this process waiting until release is called.
func (l leases) hold(ctx context.Context, digest keylease.Digest) (lease keylease.Lease, release func(), err error) {
	lease, release, err = l.keys.Hold(ctx, digest)
	return lease, release, late(err)
}

func late(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Deadline, "too little time was left to check the credential")
	}
	return err
}
