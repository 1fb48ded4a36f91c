package core

import (
	"cmp"
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/secret"
)

// DefaultOverlap is how long a rotated key or credential stays valid if the client does not choose.
const DefaultOverlap = 7 * day

// RotateKey creates a key that replaces another one, and returns both and the new secret. Without a name, it has that of the other one. The old key expires after the overlap. A repeated
// call returns an empty secret. It returns after the leases have ended that could outlive the old key. fault.Deleted: the directory was
// deleted. fault.CredentialEnded: the old key is not valid, or was rotated before. fault.Limit: there are already maxValidKeys valid ones.
func (c *Core) RotateKey(ctx context.Context, organizationID, directoryID, id, name string, overlap time.Duration, by store.Creator, r requestid.Request) (key, old store.Key, secret secret.Text, err error) {
	secret = bearer.APIKey.New()
	now := c.now()
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		d, err := undeleted(ctx, tx, directoryID)
		if err != nil {
			return err
		}
		if old, err = tx.Key(ctx, d.ID, id); err != nil {
			return err
		}
		return requestid.Once(ctx, tx, r, now, func(id string) (err error) {
			key, err = tx.Key(ctx, d.ID, id)
			secret = ""
			return err
		}, func() (string, error) {
			if err := checkRotation(old.ValidAt(now), old.ReplacedByID); err != nil {
				return "", err
			}
			key = store.Key{
				OrganizationID: old.OrganizationID, DirectoryID: old.DirectoryID, ID: ids.New(), DisplayName: cmp.Or(name, old.DisplayName),
				Digest: secret.Digest(), CreateTime: now, CreatedBy: by,
			}
			if !old.ExpireTime.IsZero() {
				key.ExpireTime = now.Add(old.ExpireTime.Sub(old.CreateTime))
			}
			old.ExpireTime, old.ReplacedByID = overlapEnd(old.ExpireTime, now, overlap), key.ID
			if err := tx.PutKey(ctx, old); err != nil {
				return "", err
			}
			return addKey(ctx, tx, key)
		})
	})
	if err != nil {
		return key, old, "", err
	}
	return key, old, secret, c.outlastOverlap(ctx, old.ExpireTime, old.Digest)
}

// RotateCredential is RotateKey for a service credential. The new one expires after the default lifetime. fault.InvalidRequest: an
// organization of the old one is being erased.
func (c *Core) RotateCredential(ctx context.Context, id string, overlap time.Duration, r requestid.Request) (cred, old store.Credential, secret secret.Text, err error) {
	secret = bearer.ServiceCredential.New()
	now := c.now()
	err = c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) (err error) {
		if old, err = tx.Credential(ctx, id); err != nil {
			return err
		}
		return requestid.Once(ctx, tx, r, now, func(id string) (err error) {
			cred, err = tx.Credential(ctx, id)
			secret = ""
			return err
		}, func() (string, error) {
			if err := checkRotation(old.ValidAt(now), old.ReplacedByID); err != nil {
				return "", err
			}
			cred = store.Credential{
				ID: ids.New(), DisplayName: old.DisplayName, OrganizationIDs: old.OrganizationIDs, All: old.All, Scopes: old.Scopes,
				AddressRanges: old.AddressRanges, Digest: secret.Digest(), CreateTime: now, ExpireTime: now.Add(defaultLifetime),
			}
			old.ExpireTime, old.ReplacedByID = overlapEnd(old.ExpireTime, now, overlap), cred.ID
			if err := tx.PutCredential(ctx, old); err != nil {
				return "", err
			}
			return addCredential(ctx, tx, cred)
		})
	})
	if err != nil {
		return cred, old, "", err
	}
	return cred, old, secret, c.outlastOverlap(ctx, old.ExpireTime, old.Digest)
}

// checkRotation refuses the rotation of a key or a credential that another one replaces already: its lifetime is that of the overlap.
func checkRotation(valid bool, replacedByID string) error {
	switch {
	case replacedByID != "":
		return fault.New(fault.CredentialEnded, "it was rotated before: %s replaces it", replacedByID)
	case !valid:
		return fault.New(fault.CredentialEnded, "it is revoked or has expired")
	}
	return nil
}

// overlapEnd returns when a rotated key or credential expires.
func overlapEnd(expire, now time.Time, overlap time.Duration) time.Time {
	if end := now.Add(overlap); expire.IsZero() || end.Before(expire) {
		return end
	}
	return expire
}

// safeOverlap is longer than any lease.
const safeOverlap = time.Minute

// outlastOverlap makes the end of a rotated key or credential certain, as a revocation does. A lease from before the commit ends before a
// long overlap does.
func (c *Core) outlastOverlap(ctx context.Context, expire time.Time, digest [sha256.Size]byte) error {
	if expire.After(c.now().Add(safeOverlap)) {
		return nil
	}
	return c.outlast(ctx, digest)
}
