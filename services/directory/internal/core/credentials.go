package core

import (
	"context"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/ids"
)

// CreateCredential adds a service credential and returns its secret.
func (c *Core) CreateCredential(ctx context.Context, cred store.Credential) (store.Credential, bearer.Secret, error) {
	secret := bearer.ServiceCredential.New()
	cred.ID, cred.Digest, cred.CreateTime = ids.New(), secret.Digest(), c.now()
	if err := checkExpiry(cred.ExpireTime, cred.CreateTime); err != nil {
		return store.Credential{}, bearer.Secret{}, err
	}
	return cred, secret, c.store.CreateCredential(ctx, cred)
}

// Credentials lists them, newest first.
func (c *Core) Credentials(ctx context.Context, before string, limit int) ([]store.Credential, error) {
	return c.store.Credentials(ctx, before, limit)
}

// RevokeCredential ends a credential, and returns once no lease lets anybody in with it any more.
func (c *Core) RevokeCredential(ctx context.Context, id string) (store.Credential, error) {
	cred, err := c.store.RevokeCredential(ctx, id, c.now())
	if err != nil {
		return cred, err
	}
	return cred, c.outlast(ctx, cred.Digest)
}

// resolveCredential says what a service credential opens now.
func (c *Core) resolveCredential(ctx context.Context, digest [32]byte, now time.Time) (Resolved, error) {
	cred, err := c.store.ResolveCredential(ctx, digest)
	if err != nil {
		return Resolved{}, err
	}
	if !cred.ValidAt(now) {
		return Resolved{}, opensNothing()
	}
	return Resolved{Credential: &cred, Until: c.leaseUntil(now, cred.ExpireTime)}, nil
}
