// Package core is the directory service's domain: what may be created, what a key opens, and how a revocation becomes
// certain. It knows no SQL and no transport.
package core

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/feed"
	"github.com/usher-scim/usher/services/internal/ids"
)

// Invalidator forgets keys wherever leases on them are kept. It says whether that is certain: no lease on them is left.
type Invalidator func(ctx context.Context, digests ...[sha256.Size]byte) (certain bool)

// Config is what the domain can be told.
type Config struct {
	// Lease is for how long an answer about a key or a service credential may be used.
	Lease time.Duration
	// ClockSkew is how much longer a revocation waits, for clocks that differ by up to that.
	ClockSkew time.Duration
	// Invalidate is called after each revocation.
	Invalidate Invalidator
	Now        func() time.Time
}

// Core is the domain over a store.
type Core struct {
	store   store.Store
	config  Config
	changed feed.Signal
	signing signing
}

// New makes the domain.
func New(s store.Store, c Config) *Core { return &Core{store: s, config: c} }

// Changed gives a channel that closes at the next change of any directory made by this process.
func (c *Core) Changed() <-chan struct{} { return c.changed.Wait() }

// CreateOrganization adds an organization.
func (c *Core) CreateOrganization(ctx context.Context, o store.Organization) (store.Organization, error) {
	now := c.now()
	o.CreateTime, o.UpdateTime = now, now
	if o.DisplayName == "" {
		o.DisplayName = o.ID
	}
	return o, c.store.CreateOrganization(ctx, o)
}

// Organization reads one.
func (c *Core) Organization(ctx context.Context, id string) (store.Organization, error) {
	return c.store.Organization(ctx, id)
}

// Organizations lists them by id.
func (c *Core) Organizations(ctx context.Context, after string, limit int) ([]store.Organization, error) {
	return c.store.Organizations(ctx, after, limit)
}

// UpdateOrganization changes one.
func (c *Core) UpdateOrganization(ctx context.Context, id string, change store.OrganizationChange) (store.Organization, error) {
	o, err := c.store.UpdateOrganization(ctx, id, change, c.now())
	c.changed.Notify()
	return o, err
}

// CreateDirectory adds a directory and its first key, whose secret it returns.
func (c *Core) CreateDirectory(ctx context.Context, d store.Directory, replace store.Replace) (store.Directory, store.Key, bearer.Secret, error) {
	secret, now := bearer.APIKey.New(), c.now()
	d.ID, d.CreateTime, d.UpdateTime = ids.New(), now, now
	key := store.Key{
		OrganizationID: d.OrganizationID, DirectoryID: d.ID, ID: ids.New(), DisplayName: "first key",
		Digest: secret.Digest(), CreateTime: now,
	}
	d, err := c.store.CreateDirectory(ctx, d, key, replace)
	c.changed.Notify()
	return d, key, secret, err
}

// Directory reads one.
func (c *Core) Directory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return c.store.Directory(ctx, organizationID, id)
}

// Directories lists an organization's by id.
func (c *Core) Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]store.Directory, error) {
	return c.store.Directories(ctx, organizationID, after, limit, deleted)
}

// Epoch is that of revisions.
func (c *Core) Epoch() string { return c.store.Epoch() }

// DirectoriesAfter lists every organization's by revision.
func (c *Core) DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]store.Directory, error) {
	return c.store.DirectoriesAfter(ctx, revision, limit)
}

// UpdateDirectory changes one.
func (c *Core) UpdateDirectory(ctx context.Context, organizationID, id string, change store.DirectoryChange) (store.Directory, error) {
	d, err := c.store.UpdateDirectory(ctx, organizationID, id, change, c.now())
	c.changed.Notify()
	return d, err
}

// DeleteDirectory deletes one, and returns once no lease lets anybody in any more.
func (c *Core) DeleteDirectory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	d, digests, err := c.store.DeleteDirectory(ctx, organizationID, id, c.now())
	if err != nil {
		return d, err
	}
	c.changed.Notify()
	return d, c.outlast(ctx, digests...)
}

// CreateKey adds a key and returns its secret.
func (c *Core) CreateKey(ctx context.Context, k store.Key) (store.Key, bearer.Secret, error) {
	secret := bearer.APIKey.New()
	k.ID, k.Digest, k.CreateTime = ids.New(), secret.Digest(), c.now()
	if err := checkExpiry(k.ExpireTime, k.CreateTime); err != nil {
		return store.Key{}, bearer.Secret{}, err
	}
	return k, secret, c.store.CreateKey(ctx, k)
}

func checkExpiry(expire, create time.Time) error {
	if !expire.IsZero() && !expire.After(create) {
		return fault.Invalid("expire_time", "must be in the future")
	}
	return nil
}

// maxKeysListed is how many keys a list shows: beyond, only the newest matter to anybody.
const maxKeysListed = 1000

// Keys lists a directory's keys, newest first.
func (c *Core) Keys(ctx context.Context, organizationID, directoryID string) ([]store.Key, error) {
	return c.store.Keys(ctx, organizationID, directoryID, maxKeysListed)
}

// RevokeKey ends a key, and returns once no lease lets anybody in with it any more.
func (c *Core) RevokeKey(ctx context.Context, organizationID, directoryID, id string) (store.Key, error) {
	k, err := c.store.RevokeKey(ctx, organizationID, directoryID, id, c.now())
	if err != nil {
		return k, err
	}
	return k, c.outlast(ctx, k.Digest)
}

// outlast makes a revocation that has been committed certain: it invalidates, and unless that is sure waits for every lease
// given before the commit to run out. Such a lease was asked for before the wait begins. So it ends in time by the
// gateway's time of day, if that is at most ClockSkew behind the clock of the process that gave the lease; and by the
// gateway's monotonic clock, whatever the times of day are, if the wait is no shorter than keylease.MaxLease.
//
// A repeated revocation waits as well, however long ago the first was. The first may have been cut short; and the time
// that it carries, from before the commit, says little of when that came: nothing bounds a commit.
func (c *Core) outlast(ctx context.Context, digests ...[sha256.Size]byte) error {
	timer := time.NewTimer(c.config.Lease + c.config.ClockSkew)
	defer timer.Stop()
	if c.config.Invalidate(ctx, digests...) {
		return nil
	}
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Resolved is what a secret opens, until when: an API key's a directory, a service credential's its scope.
type Resolved struct {
	Key        store.Key
	Directory  store.Directory
	Credential *store.Credential // nil: it is an API key
	Until      time.Time
}

// ResolveKey says what a secret opens now. Whatever does not open anything is fault.NotFound, without saying why.
func (c *Core) ResolveKey(ctx context.Context, digest [sha256.Size]byte) (Resolved, error) {
	// The lease counts from before the look: what is revoked after the look has been waited for.
	now := c.now()
	k, d, err := c.store.Resolve(ctx, digest)
	switch {
	case fault.Is(err, fault.NotFound):
		return c.resolveCredential(ctx, digest, now)
	case err != nil:
		return Resolved{}, err
	case !k.ValidAt(now) || d.Deleted():
		return Resolved{}, opensNothing()
	}
	return Resolved{Key: k, Directory: d, Until: c.leaseUntil(now, k.ExpireTime)}, nil
}

// opensNothing is the one answer about a secret that is not valid. The stores say the same of one that is unknown.
func opensNothing() error {
	return fault.New(fault.NotFound, "no key has this digest").With("resource", "key")
}

// leaseUntil is the end of a lease from now, on what expires.
func (c *Core) leaseUntil(now, expire time.Time) time.Time {
	until := now.Add(c.config.Lease)
	if !expire.IsZero() && expire.Before(until) {
		until = expire
	}
	return until
}

// now is the time as the store keeps it.
func (c *Core) now() time.Time { return c.config.Now().UTC().Truncate(time.Microsecond) }
