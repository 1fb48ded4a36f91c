// Package store is what the directory service keeps: organizations, directories, API keys and service credentials. Every engine means the
// same by this contract; package storetest checks it.
package store

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
)

// Organization is a customer.
type Organization struct {
	ID          string
	DisplayName string
	Federated   bool
	CreateTime  time.Time
	UpdateTime  time.Time
	EraseTime   time.Time // zero: it is not being erased
	Waiting     string    // services that have not confirmed its erasure, with a space between
}

// Erasing says whether the organization is being erased.
func (o Organization) Erasing() bool { return !o.EraseTime.IsZero() }

// Erasure is that of one organization.
type Erasure struct {
	OrganizationID string
	Revision       int64 // the newest of its directories; 0: it had none
	EraseTime      time.Time
	Waiting        string    // see Organization
	ClearTime      time.Time // when all that is left was the organization's own row; zero before
}

// Directory is one connection from an IdP.
type Directory struct {
	OrganizationID   string
	ID               string
	DisplayName      string
	Strict           bool
	UniqueGroupNames bool
	ReplacesID       string // empty: none
	CreateTime       time.Time
	UpdateTime       time.Time
	DeleteTime       time.Time // zero: not deleted
	Revision         int64     // increases with every change of any directory
	Federated        bool      // its organization's
}

// Deleted says whether the directory was deleted.
func (d Directory) Deleted() bool { return !d.DeleteTime.IsZero() }

// Key is an API key without its secret.
type Key struct {
	OrganizationID string
	DirectoryID    string
	ID             string
	DisplayName    string
	Digest         [sha256.Size]byte
	CreateTime     time.Time
	ExpireTime     time.Time // zero: never
	RevokeTime     time.Time // zero: not revoked
}

// ValidAt says whether the key works at a time, as far as the key itself goes.
func (k Key) ValidAt(t time.Time) bool { return validAt(k.ExpireTime, k.RevokeTime, t) }

// StillErasing is what a change of an organization gets that is being erased.
func StillErasing(id string) error {
	return fault.New(fault.Erasing, "organization %q is being erased", id)
}

func validAt(expire, revoke, t time.Time) bool {
	return revoke.IsZero() && (expire.IsZero() || t.Before(expire))
}

// Credential is a service credential without its secret.
type Credential struct {
	ID              string
	DisplayName     string
	OrganizationIDs []string // nil: all
	All             bool     // it opens all organizations
	Write           bool     // it may change what it opens
	Digest          [sha256.Size]byte
	CreateTime      time.Time
	ExpireTime      time.Time // zero: never
	RevokeTime      time.Time // zero: not revoked
}

// ValidAt says whether the credential works at a time.
func (c Credential) ValidAt(t time.Time) bool { return validAt(c.ExpireTime, c.RevokeTime, t) }

// SigningKey is what leases are signed by.
type SigningKey struct {
	ID         string
	Secret     []byte
	CreateTime time.Time
	ExpireTime time.Time
}

// OrganizationChange is what to change of an organization; nil leaves a field.
type OrganizationChange struct {
	DisplayName *string
	Federated   *bool
}

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

// MaxErasures is how many organizations may be erased at a time: all of them are in one answer.
const MaxErasures = 1000

// MaxValidKeys is how many keys of a directory may be valid at a time.
const MaxValidKeys = 20

// MaxValidCredentials is how many service credentials may be valid at a time.
const MaxValidCredentials = 200

// Store keeps the directory service's data. Times come from the caller and are kept to the microsecond.
//
// What is not there is fault.NotFound. A write has happened, durably, when its method returns without error, and has not
// happened when it returns a fault; after another error it may have.
type Store interface {
	// Epoch is that of revisions: of this database, until it is restored.
	Epoch() string

	// CreateOrganization adds one. fault.AlreadyExists: the id is taken.
	CreateOrganization(ctx context.Context, o Organization) error
	Organization(ctx context.Context, id string) (Organization, error)
	// Organizations lists by id those after one, at most limit.
	Organizations(ctx context.Context, after string, limit int) ([]Organization, error)
	// UpdateOrganization changes one. A change of Federated gives each directory of it a new revision. fault.Erasing: it is
	// being erased.
	UpdateOrganization(ctx context.Context, id string, change OrganizationChange, now time.Time) (Organization, error)

	// EraseOrganization begins the erasure of one, and marks its directories deleted. It returns it with the digests of all its
	// keys. services are those that have to confirm. Erasing again changes nothing. fault.Limit: MaxErasures are under way.
	EraseOrganization(ctx context.Context, id string, services []string, now time.Time) (Organization, [][sha256.Size]byte, error)
	// Erasures lists those under way, the oldest first.
	Erasures(ctx context.Context) ([]Erasure, error)
	// ConfirmErasure notes that a service keeps nothing of an organization any more. fault.NotFound: it is not being erased.
	ConfirmErasure(ctx context.Context, organizationID, service string) error
	// ClearErased removes at most limit of the keys and directories of an organization whose erasure all services have confirmed,
	// and once none is left its name and its place in service credentials. One that is of this organization alone is removed.
	// Then it is cleared, and digests are those of these credentials.
	ClearErased(ctx context.Context, organizationID string, limit int, now time.Time) (cleared bool, digests [][sha256.Size]byte, err error)
	// FreeErased removes a cleared organization: its id may be taken again.
	FreeErased(ctx context.Context, organizationID string) error

	// CreateDirectory adds a directory with its first key, in one transaction that checks its organization (fault.NotFound,
	// fault.NotFederated, fault.Erasing) and what it replaces (fault.NotReplaceable). It returns it with ReplacesID and Revision set.
	CreateDirectory(ctx context.Context, d Directory, first Key, replace Replace) (Directory, error)
	Directory(ctx context.Context, organizationID, id string) (Directory, error)
	// Directories lists by id those after one, at most limit. fault.NotFound: there is no such organization.
	Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]Directory, error)
	// UpdateDirectory changes one. fault.Deleted: it was deleted.
	UpdateDirectory(ctx context.Context, organizationID, id string, change DirectoryChange, now time.Time) (Directory, error)
	// DeleteDirectory marks one deleted, and returns it with the digests of all its keys. Deleting again changes nothing.
	DeleteDirectory(ctx context.Context, organizationID, id string, now time.Time) (Directory, [][sha256.Size]byte, error)
	// DirectoriesAfter lists all organizations' directories by revision, those above one, at most limit. It skips none:
	// a revision that shows later is higher than all that showed before.
	DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]Directory, error)

	// CreateKey adds a key. fault.Deleted: its directory was deleted. fault.Limit: MaxValidKeys are valid at its CreateTime.
	CreateKey(ctx context.Context, k Key) error
	// Keys lists a directory's newest keys, newest first, at most limit.
	Keys(ctx context.Context, organizationID, directoryID string, limit int) ([]Key, error)
	// RevokeKey marks a key revoked. Revoking again changes nothing.
	RevokeKey(ctx context.Context, organizationID, directoryID, id string, now time.Time) (Key, error)
	// Resolve finds a key by its digest, with its directory, whatever their state. It is the one look-up without an
	// organization: a digest is what an IdP presents.
	Resolve(ctx context.Context, digest [sha256.Size]byte) (Key, Directory, error)

	// CreateCredential adds a service credential. fault.InvalidRequest: an organization of its scope is not there, or is being erased; the field
	// is its place in `organization_ids`. fault.Limit: MaxValidCredentials are valid at its CreateTime.
	CreateCredential(ctx context.Context, c Credential) error
	// Credentials lists all by id, the newest first: those below one, or from the newest when it is empty, at most limit.
	Credentials(ctx context.Context, before string, limit int) ([]Credential, error)
	// RevokeCredential marks one revoked. Revoking again changes nothing.
	RevokeCredential(ctx context.Context, id string, now time.Time) (Credential, error)
	// ResolveCredential finds one by its digest, whatever its state.
	ResolveCredential(ctx context.Context, digest [sha256.Size]byte) (Credential, error)

	// SigningKeys lists all, the newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	// AddSigningKey adds one, unless there is one that was created after a time, and removes those that have expired by
	// then. Several processes may try at once: one key is added.
	AddSigningKey(ctx context.Context, k SigningKey, after time.Time) error

	Close() error
}
