package core

import (
	"context"
	"fmt"
	"slices"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/secret"
)

// maxValidCredentials is how many service credentials may be valid at a time.
const maxValidCredentials = 200

// CreateCredential adds a service credential and returns its secret. A repeated call returns an empty secret. Without an ExpireTime, the
// credential expires after a default time, unless neverExpires is true. fault.InvalidRequest: an organization of it is missing or is being
// erased; the field names its index in `organization_ids`. fault.Limit: there are already maxValidCredentials valid ones.
func (c *Core) CreateCredential(ctx context.Context, cred store.Credential, neverExpires bool, r requestid.Request) (store.Credential, secret.Text, error) {
	secret := bearer.ServiceCredential.New()
	cred.ID, cred.Digest, cred.CreateTime = ids.New(), secret.Digest(), c.now()
	if cred.ExpireTime.IsZero() && !neverExpires {
		cred.ExpireTime = cred.CreateTime.Add(defaultLifetime)
	}
	// Concurrent creations would each count too few.
	err := c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) error {
		return requestid.Once(ctx, tx, r, cred.CreateTime, func(id string) (err error) {
			cred, err = tx.Credential(ctx, id)
			secret = ""
			return err
		}, func() (string, error) {
			if err := checkExpiry("service_credential", cred.ExpireTime, cred.CreateTime); err != nil {
				return "", err
			}
			return addCredential(ctx, tx, cred)
		})
	})
	return cred, secret, err
}

// addCredential adds a service credential, if its organizations exist, unless there are already maxValidCredentials valid ones. It returns
// the id.
func addCredential(ctx context.Context, tx store.AllTx, cred store.Credential) (string, error) {
	if err := checkScope(ctx, tx, cred.OrganizationIDs); err != nil {
		return "", err
	}
	valid, err := tx.CountCredentials(ctx, cred.CreateTime)
	if err != nil {
		return "", err
	}
	if valid >= maxValidCredentials {
		return "", fault.New(fault.Limit, "%d service credentials are valid already: revoke one first", valid)
	}
	return cred.ID, tx.CreateCredential(ctx, cred)
}

// checkScope checks that a new credential may open these organizations. Until the transaction ends, their erasure cannot begin.
func checkScope(ctx context.Context, tx store.AllTx, organizationIDs []string) error {
	if len(organizationIDs) == 0 {
		return nil
	}
	existing, err := tx.Organizations(ctx, organizationIDs)
	if err != nil {
		return err
	}
	for i, id := range organizationIDs {
		found := slices.IndexFunc(existing, func(o store.Organization) bool { return o.ID == id })
		if found < 0 {
			return fault.Invalid(fmt.Sprintf("service_credential.organization_ids[%d]", i), "organization %q does not exist", id)
		}
		if existing[found].Erasing() {
			return fault.Invalid(fmt.Sprintf("service_credential.organization_ids[%d]", i), "organization %q is being erased", id)
		}
	}
	return nil
}

// Credentials lists service credentials, newest first.
func (c *Core) Credentials(ctx context.Context, before string, limit int) ([]store.Credential, error) {
	return c.store.Credentials(ctx, before, limit)
}

// RevokeCredential revokes a service credential. It returns after all its leases have ended. A second call changes nothing.
func (c *Core) RevokeCredential(ctx context.Context, id string) (cred store.Credential, err error) {
	now := c.now()
	err = c.store.UpdateAll(ctx, func(ctx context.Context, tx store.AllTx) error {
		if cred, err = tx.Credential(ctx, id); err != nil || !cred.RevokeTime.IsZero() {
			return err
		}
		cred.RevokeTime = now
		return tx.PutCredential(ctx, cred)
	})
	if err != nil {
		return cred, err
	}
	return cred, c.outlast(ctx, cred.Digest)
}

// resolveCredential returns what a service credential opens now.
func (c *Core) resolveCredential(ctx context.Context, digest [32]byte, now time.Time) (Resolved, error) {
	cred, err := c.store.ResolveCredential(ctx, digest)
	if err != nil {
		return Resolved{}, err
	}
	if !cred.ValidAt(now) {
		return Resolved{}, store.ErrUnknownKey
	}
	return Resolved{Principal: &commonv1.Principal{
		Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: cred.ID,
		OrganizationIds: cred.OrganizationIDs, AllOrganizations: cred.All, Scopes: uint32(cred.Scopes),
	}, AddressRanges: cred.AddressRanges, Until: c.leaseUntil(now, cred.ExpireTime)}, nil
}
