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

// DirectoryChange contains new values for a directory. A nil field does not change.
type DirectoryChange struct {
	DisplayName      *string
	Strict           *bool
	UniqueGroupNames *bool
	AdoptByName      *bool
}

// Replace selects the deleted directory that a new directory replaces.
type Replace struct {
	ID   string // this one; empty: the only deleted directory that no other one has replaced, if there is exactly one
	None bool   // replace none
}

// CreateDirectory adds a directory and its first key, and returns that key with its secret. A repeated call returns neither. Its
// organization must exist (fault.NotFound), be federated (fault.NotFederated), and not be in erasure (fault.Erasing). The
// directory that it replaces must be replaceable (fault.NotReplaceable).
//
// If the principal is the session of a portal link that opens one directory, linkID is the id of the link: the new directory is the one that
// it opens from then on (fault.NotAllowed if it has one).
func (c *Core) CreateDirectory(ctx context.Context, d store.Directory, by store.Creator, replace Replace, linkID string, r requestid.Request) (store.Directory, store.Key, secret.Text, error) {
	secret, now := bearer.APIKey.New(), c.now()
	d.ID, d.CreateTime, d.UpdateTime = ids.New(), now, now
	key := store.Key{
		OrganizationID: d.OrganizationID, DirectoryID: d.ID, ID: ids.New(), DisplayName: "first key",
		Digest: secret.Digest(), CreateTime: now, CreatedBy: by,
	}
	var sessions []store.Session // of the link
	// Use the organization's transaction: two concurrent creations would select the same directory to replace.
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
			if linkID != "" {
				if sessions, err = bindLink(ctx, tx, linkID, d.ID, now); err != nil {
					return "", err
				}
			}
			if d.Revision, err = tx.CreateDirectory(ctx, d); err != nil {
				return "", err
			}
			return d.ID, tx.CreateKey(ctx, key)
		})
	})
	c.changed.Notify()
	if err == nil && len(sessions) > 0 {
		_ = c.outlast(ctx, digestsOf(sessions)...) // an older lease does not open the directory; if it ends later, nothing is lost
	}
	return d, key, secret, err
}

// replaced returns the id of the directory to replace; empty for none.
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

// Directory reads one directory.
func (c *Core) Directory(ctx context.Context, organizationID, id string) (store.Directory, error) {
	return c.store.Directory(ctx, organizationID, id)
}

// Directories lists an organization's directories by id. fault.NotFound: the organization is missing.
func (c *Core) Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]store.Directory, error) {
	if _, err := c.store.Organization(ctx, organizationID); err != nil {
		return nil, err
	}
	return c.store.Directories(ctx, organizationID, after, limit, deleted)
}

// Epoch returns the epoch of revisions.
func (c *Core) Epoch() string { return c.store.Epoch() }

// DirectoriesAfter lists the directories of all organizations by revision.
func (c *Core) DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]store.Directory, error) {
	return c.store.DirectoriesAfter(ctx, revision, limit)
}

// UpdateDirectory changes a directory, unless permit refuses the old directory. fault.Deleted: it was deleted.
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
		set(&d.AdoptByName, change.AdoptByName)
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

// undeleted reads a directory. It fails with fault.Deleted if the directory was deleted.
func undeleted(ctx context.Context, tx store.Tx, id string) (store.Directory, error) {
	d, err := tx.Directory(ctx, id)
	if err == nil && d.Deleted() {
		err = fault.New(fault.Deleted, "directory %q was deleted", id)
	}
	return d, err
}

// DeleteDirectory deletes a directory. It returns after all leases of its keys have ended. A second call changes nothing.
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
		// A concurrent creation of a key waits for this transaction, and then finds the directory deleted.
		digests, err = tx.Digests(ctx, id)
		return err
	})
	if err != nil {
		return d, err
	}
	c.changed.Notify()
	return d, c.outlast(ctx, digests...)
}
