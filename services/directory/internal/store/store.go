// Package store is what the directory service keeps: organizations, directories, API keys and service credentials. Every engine means the
// same by this contract; package storetest checks it.
package store

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
)

// Organization is a customer.
type Organization struct {
	ID          string
	DisplayName string
	Federated   bool
	CreateTime  time.Time
	UpdateTime  time.Time

	// Of one that is being erased; zero else.
	EraseTime     time.Time
	EraseRevision int64     // the newest of its directories; 0: it had none
	Waiting       string    // services that have not confirmed its erasure, with a space between
	ClearTime     time.Time // when all that was left of it was its own row
}

// Erasing says whether the organization is being erased.
func (o Organization) Erasing() bool { return !o.EraseTime.IsZero() }

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

// ErrUnknownKey is the one answer about a digest that opens nothing, whether or not it is one of a key or a service credential.
var ErrUnknownKey error = fault.New(fault.NotFound, "no key has this digest").With("resource", "key")

// Store keeps the directory service's data. It reads and writes rows, and decides nothing. Times come from the caller and are kept
// to the microsecond.
//
// What is not there is fault.NotFound. A write has happened, durably, when its method returns without error, and has not
// happened when it returns a fault; after another error it may have.
type Store interface {
	// Epoch is that of revisions: of this database, until it is restored.
	Epoch() string

	// Update runs fn in a transaction that has the organization to itself: no other Update of it runs meanwhile, in any process.
	// When fn returns an error nothing is kept, and Update returns that error. fn may run more than once, and must use tx alone.
	// In one of an organization that is not there nothing is found.
	Update(ctx context.Context, organizationID string, fn func(ctx context.Context, tx Tx) error) error
	// UpdateAll is Update for what belongs to no organization. No two run at once.
	UpdateAll(ctx context.Context, fn func(ctx context.Context, tx AllTx) error) error

	Organization(ctx context.Context, id string) (Organization, error)
	// Organizations lists by id those after one, at most limit.
	Organizations(ctx context.Context, after string, limit int) ([]Organization, error)
	// Erasures lists the organizations that are being erased, the oldest EraseTime first.
	Erasures(ctx context.Context) ([]Organization, error)
	// FreeErased removes an organization that has a ClearTime: its id may be taken again.
	FreeErased(ctx context.Context, organizationID string) error

	Directory(ctx context.Context, organizationID, id string) (Directory, error)
	// Directories lists by id those after one, at most limit.
	Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]Directory, error)
	// DirectoriesAfter lists all organizations' directories by revision, those above one, at most limit. It skips none:
	// a revision that shows later is higher than all that showed before.
	DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]Directory, error)

	// Keys lists a directory's newest keys, newest first, at most limit.
	Keys(ctx context.Context, organizationID, directoryID string, limit int) ([]Key, error)
	// Resolve finds a key by its digest, with its directory, whatever their state. It is the one look-up without an
	// organization: a digest is what an IdP presents. It is one statement. None: ErrUnknownKey.
	Resolve(ctx context.Context, digest [sha256.Size]byte) (Key, Directory, error)

	// Credentials lists all by id, the newest first: those below one, or from the newest when it is empty, at most limit.
	Credentials(ctx context.Context, before string, limit int) ([]Credential, error)
	// ResolveCredential finds one by its digest, whatever its state. None: ErrUnknownKey.
	ResolveCredential(ctx context.Context, digest [sha256.Size]byte) (Credential, error)

	// SigningKeys lists all, the newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)

	Close() error
}

// Tx is a transaction on one organization.
type Tx interface {
	Organization(ctx context.Context) (Organization, error)
	// PutOrganization writes all of it but its id and CreateTime. With a ClearTime, nothing that was removed is in the database's
	// files any more once FreeErased has returned.
	PutOrganization(ctx context.Context, o Organization) error
	// CountErasures counts the organizations that are being erased.
	CountErasures(ctx context.Context) (int, error)

	Directory(ctx context.Context, id string) (Directory, error)
	// CreateDirectory adds one with the next revision, which it returns. A revision is higher than all that were committed before.
	CreateDirectory(ctx context.Context, d Directory) (revision int64, err error)
	// PutDirectory writes all of it but its id, ReplacesID and CreateTime, with the next revision, which it returns.
	PutDirectory(ctx context.Context, d Directory) (revision int64, err error)
	// Replaceable lists the ids of deleted directories that none has replaced, at most limit: of the one with this id alone,
	// unless it is empty.
	Replaceable(ctx context.Context, id string, limit int) ([]string, error)
	// MarkDeleted gives all directories that have none this DeleteTime and UpdateTime.
	MarkDeleted(ctx context.Context, now time.Time) error
	// Revise gives each directory a new revision, so that who follows learns of its new state, and returns the newest; 0 where
	// there is none.
	Revise(ctx context.Context) (newest int64, err error)
	// RemoveDirectories removes at most limit, whose keys are gone, and says how many.
	RemoveDirectories(ctx context.Context, limit int) (int, error)

	Key(ctx context.Context, directoryID, id string) (Key, error)
	CreateKey(ctx context.Context, k Key) error
	// PutKey writes its RevokeTime.
	PutKey(ctx context.Context, k Key) error
	// CountKeys counts the keys of a directory that are valid at a time.
	CountKeys(ctx context.Context, directoryID string, at time.Time) (int, error)
	// Digests are those of all keys of a directory, or of all directories when directoryID is empty.
	Digests(ctx context.Context, directoryID string) ([][sha256.Size]byte, error)
	// RemoveKeys removes at most limit, and says how many.
	RemoveKeys(ctx context.Context, limit int) (int, error)

	// Credentials are those whose scope names the organization.
	Credentials(ctx context.Context) ([]Credential, error)
	// PutScope writes the OrganizationIDs of a credential.
	PutScope(ctx context.Context, c Credential) error
	RemoveCredential(ctx context.Context, id string) error

	requestid.Tx
	// RemoveRequestRecords removes at most limit, and says how many.
	RemoveRequestRecords(ctx context.Context, limit int) (int, error)
}

// AllTx is a transaction on what belongs to no organization.
type AllTx interface {
	// Organizations are those of these ids that are there. No Update of them commits before the transaction has ended.
	Organizations(ctx context.Context, ids []string) ([]Organization, error)
	// CreateOrganization adds one, unless its id is taken.
	CreateOrganization(ctx context.Context, o Organization) (created bool, err error)

	Credential(ctx context.Context, id string) (Credential, error)
	CreateCredential(ctx context.Context, c Credential) error
	// PutCredential writes its RevokeTime.
	PutCredential(ctx context.Context, c Credential) error
	// CountCredentials counts those that are valid at a time.
	CountCredentials(ctx context.Context, at time.Time) (int, error)

	// SigningKeys lists all, the newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	AddSigningKey(ctx context.Context, k SigningKey) error
	// RemoveSigningKeys removes those that have expired by a time.
	RemoveSigningKeys(ctx context.Context, now time.Time) error

	requestid.Tx
}
