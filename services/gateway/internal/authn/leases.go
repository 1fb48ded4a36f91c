package authn

import (
	"context"
	"errors"
	"net/netip"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// leases looks up what secrets open.
type leases struct {
	keys    *keylease.Cache
	unknown *UnknownKeys
	uses    *Uses // nil: uses are not noted
}

// from looks up a secret of a request from a source. The error is fault.Limit if the source sent too many unknown secrets.
func (l leases) from(ctx context.Context, source Source, digest keylease.Digest) (keylease.Lease, error) {
	if l.keys.Seen(digest) {
		return l.of(ctx, digest)
	}
	addr, err := l.unknown.take(source)
	if err != nil {
		return keylease.Lease{}, err
	}
	lease, err := l.of(ctx, digest)
	if err == nil && !lease.Unknown {
		l.unknown.giveBack(addr)
	}
	return lease, err
}

// address returns the address of a client; it is invalid if the connection has none.
func (l leases) address(source Source) netip.Addr {
	return source.Client(l.unknown.config.TrustedProxies)
}

// of looks up a secret.
func (l leases) of(ctx context.Context, digest keylease.Digest) (keylease.Lease, error) {
	lease, err := l.keys.Lookup(ctx, digest)
	return lease, late(err)
}

// lock looks up a secret, and makes a revocation in this process wait until release is called.
func (l leases) lock(ctx context.Context, digest keylease.Digest) (lease keylease.Lease, release func(), err error) {
	lease, release, err = l.keys.Acquire(ctx, digest)
	return lease, release, late(err)
}

func late(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Deadline, "too little time was left to check the credential")
	}
	return err
}
