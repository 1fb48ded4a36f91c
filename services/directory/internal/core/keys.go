package core

import (
	"context"
	"crypto/sha256"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/secret"
)

// maxValidKeys is how many keys of a directory may be valid at a time.
const maxValidKeys = 20

// CreateKey adds a key and returns its secret. A repeated call returns an empty secret. fault.Deleted: its directory was deleted.
// fault.Limit: there are already maxValidKeys valid ones.
func (c *Core) CreateKey(ctx context.Context, k store.Key, r requestid.Request) (store.Key, secret.Text, error) {
	secret := bearer.APIKey.New()
	k.ID, k.Digest, k.CreateTime = ids.New(), secret.Digest(), c.now()
	// Concurrent creations would each count too few, and a key could outlive its directory.
	err := c.store.Update(ctx, k.OrganizationID, func(ctx context.Context, tx store.Tx) error {
		d, err := undeleted(ctx, tx, k.DirectoryID)
		if err != nil {
			return err
		}
		return requestid.Once(ctx, tx, r, k.CreateTime, func(id string) (err error) {
			k, err = tx.Key(ctx, d.ID, id)
			secret = ""
			return err
		}, func() (string, error) {
			if err := checkExpiry("api_key", k.ExpireTime, k.CreateTime); err != nil {
				return "", err
			}
			return addKey(ctx, tx, k)
		})
	})
	return k, secret, err
}

// addKey adds a key, unless there are already maxValidKeys valid ones. It returns the id.
func addKey(ctx context.Context, tx store.Tx, k store.Key) (string, error) {
	valid, err := tx.CountKeys(ctx, k.DirectoryID, k.CreateTime)
	if err != nil {
		return "", err
	}
	if valid >= maxValidKeys {
		return "", fault.New(fault.Limit, "directory %q has %d valid keys already: revoke one first", k.DirectoryID, valid)
	}
	return k.ID, tx.CreateKey(ctx, k)
}

// KeySummaries summarizes the valid keys of directories, by id. A deleted directory has none.
func (c *Core) KeySummaries(ctx context.Context, organizationID string, directories []store.Directory) (map[string]store.KeySummary, error) {
	var ids []string
	for _, d := range directories {
		if !d.Deleted() {
			ids = append(ids, d.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	all, err := c.store.KeySummaries(ctx, organizationID, ids, c.now())
	by := make(map[string]store.KeySummary, len(all))
	for _, k := range all {
		by[k.DirectoryID] = k
	}
	return by, err
}

// maxKeysListed is how many keys a list contains: older ones are not useful.
const maxKeysListed = 1000

// Keys lists a directory's keys, newest first. fault.NotFound: the directory is missing.
func (c *Core) Keys(ctx context.Context, organizationID, directoryID string) ([]store.Key, error) {
	if _, err := c.store.Directory(ctx, organizationID, directoryID); err != nil {
		return nil, err
	}
	return c.store.Keys(ctx, organizationID, directoryID, maxKeysListed)
}

// RevokeKey revokes a key. It returns after all its leases have ended. A second call changes nothing.
func (c *Core) RevokeKey(ctx context.Context, organizationID, directoryID, id string) (k store.Key, err error) {
	now := c.now()
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if k, err = tx.Key(ctx, directoryID, id); err != nil || !k.RevokeTime.IsZero() {
			return err
		}
		k.RevokeTime = now
		return tx.PutKey(ctx, k)
	})
	if err != nil {
		return k, err
	}
	return k, c.outlast(ctx, k.Digest)
}

// Resolved is what a secret opens, and until when: the directory of an API key, or the public API for a principal.
type Resolved struct {
	Key       store.Key
	Directory store.Directory
	Principal *commonv1.Principal // nil for an API key
	Blocked   bool                // the digest is that of a blocked person
	// AddressRanges are the addresses of clients that may use the secret; empty: any address.
	AddressRanges []string
	Until         time.Time
}

// ResolveKey returns what a secret opens now. If it opens nothing, the error is fault.NotFound, without a reason.
func (c *Core) ResolveKey(ctx context.Context, digest [sha256.Size]byte) (Resolved, error) {
	// The lease counts from before the read: a revocation that this read does not see waits for the lease.
	now := c.now()
	k, d, err := c.store.Resolve(ctx, digest)
	switch {
	case fault.Is(err, fault.NotFound):
		return c.resolvePrincipal(ctx, digest, now)
	case err != nil:
		return Resolved{}, err
	case !k.ValidAt(now) || d.Deleted():
		return Resolved{}, store.ErrUnknownKey
	}
	return Resolved{Key: k, Directory: d, Until: c.leaseUntil(now, k.ExpireTime)}, nil
}

// resolvePrincipal returns what a secret that is no API key opens now.
func (c *Core) resolvePrincipal(ctx context.Context, digest [sha256.Size]byte, now time.Time) (Resolved, error) {
	for _, resolve := range []func(context.Context, [sha256.Size]byte, time.Time) (Resolved, error){
		c.resolveCredential, c.resolveSession, c.resolveBlocked,
	} {
		if r, err := resolve(ctx, digest, now); !fault.Is(err, fault.NotFound) {
			return r, err
		}
	}
	return Resolved{}, store.ErrUnknownKey
}

// leaseUntil returns the end of a lease that begins now, for a key that expires at expire.
func (c *Core) leaseUntil(now, expire time.Time) time.Time {
	until := now.Add(c.config.Lease)
	if !expire.IsZero() && expire.Before(until) {
		until = expire
	}
	return until
}
