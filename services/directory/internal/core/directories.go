package core

import (
	"context"
	"crypto/sha256"

	"github.com/usher-scim/usher/services/directory/internal/store"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/secret"
)

// DirectoryChange is what to change of a directory; nil leaves a field.
type DirectoryChange struct {
	DisplayName      *string
	Strict           *bool
	UniqueGroupNames *bool
}

// Replace says which deleted directory a new one replaces.
type Replace struct {
	ID   string // this one; empty: the only deleted one that none has replaced, if there is exactly one
	None bool   // none at all
}

// CreateDirectory adds a directory and its first key, whose secret it returns: of a call that is repeated, neither the key nor the
// secret. Its organization must be there (fault.NotFound), federated (fault.NotFederated) and not being erased (fault.Erasing), and what
// it replaces must be replaceable (fault.NotReplaceable).
func (c *Core) CreateDirectory(ctx context.Context, d store.Directory, replace Replace, r requestid.Request) (store.Directory, store.Key, secret.Text, error) {
	secret, now := bearer.APIKey.New(), c.now()
	d.ID, d.CreateTime, d.UpdateTime = ids.New(), now, now
	key := store.Key{
		OrganizationID: d.OrganizationID, DirectoryID: d.ID, ID: ids.New(), DisplayName: "first key",
		Digest: secret.Digest(), CreateTime: now,
	}
	// The organization is this one's: two that are created at once would choose the same directory to replace.
	err := c.store.Update(ctx, d.OrganizationID, func(ctx context.Context, tx store.Tx) error {
		o, err := changeable(ctx, tx)
		if err != nil {
			return err
		}
		return requestid.Once(ctx, tx, r, now, func(id string) (err error) {
			d, err = tx.Directory(ctx, id)
			key, secret = store.Key{}, ""
			return err
		}, func() (string, error) {
			if !o.Federated {
				return "", fault.New(fault.NotFederated, "organization %q is not federated: its sign-in must come from its IdP first", o.ID)
			}
			d.Federated = true
			if d.ReplacesID, err = replaced(ctx, tx, replace); err != nil {
				return "", err
			}
			if d.Revision, err = tx.CreateDirectory(ctx, d); err != nil {
				return "", err
			}
			return d.ID, tx.CreateKey(ctx, key)
		})
	})
	c.changed.Notify()
	return d, key, secret, err
}

// replaced finds the directory to replace: empty for none.
func replaced(ctx context.Context, tx store.Tx, replace Replace) (string, error) {
	if replace.None {
		return "", nil
	}
	candidates, err := tx.Replaceable(ctx, replace.ID, 2)
	switch {
	case err != nil:
		return "", err
	case len(candidates) == 1:
		return candidates[0], nil
	case replace.ID != "":
		return "", fault.New(fault.NotReplaceable,
			"directory %q cannot be replaced: it is not a deleted directory of this organization that none has replaced yet", replace.ID)
	default:
		return "", nil
	}
}

// Directory reads one.
func (c *Core) Directory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return c.store.Directory(ctx, organizationID, id)
}

// Directories lists an organization's by id. fault.NotFound: there is no such organization.
func (c *Core) Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]store.Directory, error) {
	if _, err := c.store.Organization(ctx, organizationID); err != nil {
		return nil, err
	}
	return c.store.Directories(ctx, organizationID, after, limit, deleted)
}

// Epoch is that of revisions.
func (c *Core) Epoch() string { return c.store.Epoch() }

// DirectoriesAfter lists every organization's by revision.
func (c *Core) DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]store.Directory, error) {
	return c.store.DirectoriesAfter(ctx, revision, limit)
}

// UpdateDirectory changes one, unless permit refuses with the directory as it is before. fault.Deleted: it was deleted.
func (c *Core) UpdateDirectory(ctx context.Context, organizationID, id string, change DirectoryChange, permit func(store.Directory) error) (d store.Directory, err error) {
	now := c.now()
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		before, err := undeleted(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := permit(before); err != nil {
			return err
		}
		d = before
		set(&d.DisplayName, change.DisplayName)
		set(&d.Strict, change.Strict)
		set(&d.UniqueGroupNames, change.UniqueGroupNames)
		if d == before {
			return nil
		}
		d.UpdateTime = now
		d.Revision, err = tx.PutDirectory(ctx, d)
		return err
	})
	c.changed.Notify()
	return d, err
}

// undeleted reads a directory, which must not be deleted.
func undeleted(ctx context.Context, tx store.Tx, id string) (store.Directory, error) {
	d, err := tx.Directory(ctx, id)
	if err == nil && d.Deleted() {
		err = fault.New(fault.Deleted, "directory %q was deleted", id)
	}
	return d, err
}

// DeleteDirectory deletes one, and returns once no lease lets anybody in any more. Deleting again changes nothing.
func (c *Core) DeleteDirectory(ctx context.Context, organizationID, id string) (d store.Directory, err error) {
	var digests [][sha256.Size]byte
	now := c.now()
	err = c.store.Update(ctx, organizationID, func(ctx context.Context, tx store.Tx) error {
		if d, err = tx.Directory(ctx, id); err != nil {
			return err
		}
		if !d.Deleted() {
			d.DeleteTime, d.UpdateTime = now, now
			if d.Revision, err = tx.PutDirectory(ctx, d); err != nil {
				return err
			}
		}
		// A key that is being created waits for this, and then finds the directory deleted.
		digests, err = tx.Digests(ctx, id)
		return err
	})
	if err != nil {
		return d, err
	}
	c.changed.Notify()
	return d, c.outlast(ctx, digests...)
}
