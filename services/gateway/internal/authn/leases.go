package authn

import (
	"context"
	"errors"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// leases asks what secrets open.
type leases struct {
	keys *keylease.Cache
	now  func() time.Time
}

// of looks a secret up. An answer that took so long that its lease is over by now is not used: it is asked for once more.
func (l leases) of(ctx context.Context, digest keylease.Digest) (keylease.Lease, error) {
	for range 2 {
		lease, err := l.keys.Lookup(ctx, digest)
		if err != nil {
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				err = fault.Wrap(err, fault.Deadline, "too little time was left to check the credential")
			}
			return keylease.Lease{}, err
		}
		if l.now().Before(lease.Until) {
			return lease, nil
		}
	}
	return keylease.Lease{}, fault.New(fault.Unavailable, "checking the credential takes too long").Retry(time.Second)
}
