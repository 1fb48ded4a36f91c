// Package store is the contract of the directory service's data: organizations, directories, API keys and service credentials. Every
// engine gives it the same meaning; package storetest checks it.
package store

import (
	"context"
	"crypto/sha256"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/scope"
)

// Organization is a customer.
type Organization struct {
	ID          string
	DisplayName string
	Federated   bool
	CreateTime  time.Time
	UpdateTime  time.Time

	// The following fields are set during an erasure; else they are zero.
	EraseTime     time.Time
	EraseRevision int64     // the newest of its directories; 0: it had none
	Waiting       string    // services that have not confirmed its erasure, separated by spaces
	ClearTime     time.Time // when everything except its own row was erased
}

// Erasing reports whether the organization is being erased.
func (o Organization) Erasing() bool { return !o.EraseTime.IsZero() }

// Directory is one connection from an IdP.
type Directory struct {
	OrganizationID   string
	ID               string
	DisplayName      string
	Strict           bool
	UniqueGroupNames bool
	AdoptByName      bool
	ReplacesID       string // empty: none
	CreateTime       time.Time
	UpdateTime       time.Time
	DeleteTime       time.Time // zero: not deleted
	Revision         int64     // increases with every change of any directory
	Federated        bool      // of its organization

	RefusedCount      int64 // requests with no key that opens it
	LastRefusalTime   time.Time
	LastRefusalReason directoryv1.RefusalReason
}

// Deleted reports whether the directory was deleted.
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
	ReplacedByID   string    // of the key that replaces it; empty: none
	CreatedBy      Creator
	LastUse        LastUse
}

// ValidAt reports whether the key is valid at a time. It does not consider the directory.
func (k Key) ValidAt(t time.Time) bool { return validAt(k.ExpireTime, k.RevokeTime, t) }

// KeySummary summarizes the valid keys of a directory.
type KeySummary struct {
	DirectoryID    string
	Valid          int
	EarliestExpiry time.Time // of those that no other key replaces; zero: none expires
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
	Scopes          scope.Set
	AddressRanges   []string // of clients that may use it, in the form of iprange; empty: any address
	Digest          [sha256.Size]byte
	CreateTime      time.Time
	ExpireTime      time.Time // zero: never
	RevokeTime      time.Time // zero: not revoked
	ReplacedByID    string    // of the credential that replaces it; empty: none
	LastUse         LastUse
}

// ValidAt reports whether the credential is valid at a time.
func (c Credential) ValidAt(t time.Time) bool { return validAt(c.ExpireTime, c.RevokeTime, t) }

// Session is a person who has signed in at an identity provider or with a portal link, without its secret.
type Session struct {
	OrganizationID  string // empty for the operator
	ID              string
	Digest          [sha256.Size]byte
	Kind            commonv1.PrincipalKind
	Scopes          scope.Set
	Provider        string // empty for a portal link
	Subject         string // at the provider; for a portal link, its id
	ProviderSession string // the id of the session at the provider, or empty
	OneDirectory    bool
	DirectoryID     string // empty: all, or with OneDirectory one that the session has yet to create
	Address         string // that signed in
	CreateTime      time.Time
	UseTime         time.Time // the last use, to the minute
	ExpireTime      time.Time
	RevokeTime      time.Time // zero: not revoked
}

// PortalLinkID returns the id of the link that opened the session, or an empty string.
func (s Session) PortalLinkID() string {
	if s.Provider == "" {
		return s.Subject
	}
	return ""
}

// PortalLink is a link that gives a session once, without its secret.
type PortalLink struct {
	OrganizationID string
	ID             string
	Digest         [sha256.Size]byte
	Scopes         scope.Set
	NewDirectory   bool
	DirectoryID    string // empty: all, or with NewDirectory one that the session has yet to create
	CreatedBy      string
	CreateTime     time.Time
	ExpireTime     time.Time
	UseTime        time.Time // zero: nobody has used it
	UseAddress     string
	RevokeTime     time.Time // zero: not revoked
}

// BlockedSubject is a person who cannot sign in.
type BlockedSubject struct {
	Provider   string
	Subject    string
	Digest     [sha256.Size]byte // of both
	CreateTime time.Time
	BlockedBy  string
}

// SigningKey is a key that signs key leases.
type SigningKey struct {
	ID         string
	Secret     []byte
	CreateTime time.Time
	ExpireTime time.Time
}

// ErrUnknownKey is the error for a digest that opens nothing, whether or not a key or a service credential has it.
var ErrUnknownKey error = fault.New(fault.NotFound, "no key has this digest").With("resource", "key")

// Store stores the directory service's data. It reads and writes rows, and decides nothing. The caller sets the times. They have
// microsecond precision.
//
// A missing record is fault.NotFound. If a write method returns no error, the write is durable. If it returns a fault, nothing was
// written. After another error, the write may have happened.
type Store interface {
	// Epoch returns the epoch of revisions: that of this database, until a restore.
	Epoch() string

	// Update runs fn in a transaction with exclusive access to the organization: no other Update of it runs at the same time, in any
	// process. If fn fails, Update changes nothing and returns that error. fn may run more than once, and must use only tx. For a
	// missing organization all reads find nothing.
	Update(ctx context.Context, organizationID string, fn func(ctx context.Context, tx Tx) error) error
	// UpdateAll is Update for what belongs to no organization. Only one runs at a time.
	UpdateAll(ctx context.Context, fn func(ctx context.Context, tx AllTx) error) error

	Organization(ctx context.Context, id string) (Organization, error)
	// Organizations lists organizations by id, after one, at most limit.
	Organizations(ctx context.Context, after string, limit int) ([]Organization, error)
	// Erasures lists the organizations that are being erased, the oldest EraseTime first.
	Erasures(ctx context.Context) ([]Organization, error)
	// FreeErased erases the row of an organization with a ClearTime: its id is free again.
	FreeErased(ctx context.Context, organizationID string) error

	Directory(ctx context.Context, organizationID, id string) (Directory, error)
	// Directories lists directories by id, after one, at most limit.
	Directories(ctx context.Context, organizationID, after string, limit int, deleted bool) ([]Directory, error)
	// DirectoriesAfter lists the directories of all organizations by revision, above one, at most limit. It skips none: a revision
	// that becomes visible later is higher than all that were visible before.
	DirectoriesAfter(ctx context.Context, revision int64, limit int) ([]Directory, error)

	// Keys lists a directory's newest keys, newest first, at most limit.
	Keys(ctx context.Context, organizationID, directoryID string, limit int) ([]Key, error)
	// KeySummaries summarizes the keys of directories that are valid at a time, in one statement. It has one result for each id, also for one
	// without a directory, in any order.
	KeySummaries(ctx context.Context, organizationID string, directoryIDs []string, at time.Time) ([]KeySummary, error)
	// Resolve reads a key by its digest, with its directory, whatever their state, in one statement. It is the only read without an
	// organization: an IdP presents only a digest. None: ErrUnknownKey.
	Resolve(ctx context.Context, digest [sha256.Size]byte) (Key, Directory, error)

	// Credentials lists credentials by id, newest first: below one, or from the newest if it is empty, at most limit.
	Credentials(ctx context.Context, before string, limit int) ([]Credential, error)
	// ResolveCredential reads a credential by its digest, whatever its state. None: ErrUnknownKey.
	ResolveCredential(ctx context.Context, digest [sha256.Size]byte) (Credential, error)

	// ResolveSession reads a session by its digest, whatever its state. None: ErrUnknownKey.
	ResolveSession(ctx context.Context, digest [sha256.Size]byte) (Session, error)
	// Sessions lists the sessions of an organization, or all sessions if it is empty, newest first: below an id, or from the newest if
	// that is empty, at most limit.
	Sessions(ctx context.Context, organizationID, before string, limit int) ([]Session, error)

	// DeleteSessions deletes at most limit sessions that have expired before a time, and returns how many. On PostgreSQL, it can skip
	// those that a transaction is changing.
	DeleteSessions(ctx context.Context, expired time.Time, limit int) (int, error)

	// ResolvePortalLink reads a link by its digest, whatever its state. None: ErrUnknownKey.
	ResolvePortalLink(ctx context.Context, digest [sha256.Size]byte) (PortalLink, error)
	// PortalLinks lists the links of an organization, newest first: below an id, or from the newest if that is empty, at most limit.
	PortalLinks(ctx context.Context, organizationID, before string, limit int) ([]PortalLink, error)

	// DeletePortalLinks is DeleteSessions for portal links.
	DeletePortalLinks(ctx context.Context, expired time.Time, limit int) (int, error)

	// ResolveBlockedSubject reads a blocked subject by its digest. None: ErrUnknownKey.
	ResolveBlockedSubject(ctx context.Context, digest [sha256.Size]byte) (BlockedSubject, error)
	// BlockedSubjects lists blocked subjects by provider and subject, after one, at most limit.
	BlockedSubjects(ctx context.Context, provider, subject string, limit int) ([]BlockedSubject, error)

	// SigningKeys lists all signing keys, newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)

	// Expiring counts the keys and the credentials that have expired after a time and until now, that expire until late, and that expire
	// until early, in two rows. It leaves out those that are revoked or replaced, and the keys of deleted directories.
	Expiring(ctx context.Context, expired, now, late, early time.Time) ([]Expiring, error)
	// RecordUses writes the LastUse of keys and credentials, and the UseTime of sessions, if it is later than the stored one. It adds the
	// refusals of directories, at most one for each. It ignores those that do not exist. It changes no revision. It can skip those that an Update is changing.
	RecordUses(ctx context.Context, uses []Use, refusals []Refusals) error

	Close() error
}

// Tx is a transaction on one organization.
type Tx interface {
	Organization(ctx context.Context) (Organization, error)
	// PutOrganization writes all fields except the id and CreateTime. If ClearTime is set, the database's files contain nothing of the
	// erased data any more after FreeErased has returned.
	PutOrganization(ctx context.Context, o Organization) error
	// CountErasures counts the organizations that are being erased.
	CountErasures(ctx context.Context) (int, error)

	Directory(ctx context.Context, id string) (Directory, error)
	// CreateDirectory adds a directory with the next revision, and returns it. The revision is higher than all committed ones.
	CreateDirectory(ctx context.Context, d Directory) (revision int64, err error)
	// PutDirectory writes all fields except the id, ReplacesID and CreateTime, with the next revision, and returns it.
	PutDirectory(ctx context.Context, d Directory) (revision int64, err error)
	// Replaceable lists the ids of deleted directories that no other one has replaced, at most limit. If id is not empty, it considers
	// only that directory.
	Replaceable(ctx context.Context, id string, limit int) ([]string, error)
	// MarkDeleted sets DeleteTime and UpdateTime of all directories without a DeleteTime.
	MarkDeleted(ctx context.Context, now time.Time) error
	// Revise gives each directory a new revision, so that followers read its new state. It returns the newest revision; 0 if there
	// is no directory.
	Revise(ctx context.Context) (newest int64, err error)
	// EraseDirectories erases at most limit directories without keys, and returns how many.
	EraseDirectories(ctx context.Context, limit int) (int, error)

	Key(ctx context.Context, directoryID, id string) (Key, error)
	CreateKey(ctx context.Context, k Key) error
	// PutKey writes the ExpireTime, the RevokeTime and the ReplacedByID of a key.
	PutKey(ctx context.Context, k Key) error
	// CountKeys counts the keys of a directory that are valid at a time.
	CountKeys(ctx context.Context, directoryID string, at time.Time) (int, error)
	// Digests lists the digests of all keys of a directory, or of all directories if directoryID is empty.
	Digests(ctx context.Context, directoryID string) ([][sha256.Size]byte, error)
	// EraseKeys erases at most limit keys, and returns how many.
	EraseKeys(ctx context.Context, limit int) (int, error)

	// Credentials lists the credentials whose OrganizationIDs contain the organization.
	Credentials(ctx context.Context) ([]Credential, error)
	// PutScope writes the OrganizationIDs of a credential.
	PutScope(ctx context.Context, c Credential) error
	DeleteCredential(ctx context.Context, id string) error

	// SessionDigests lists the digests of all sessions of the organization.
	SessionDigests(ctx context.Context) ([][sha256.Size]byte, error)
	// RevokeSessions sets RevokeTime of all sessions of the organization without one.
	RevokeSessions(ctx context.Context, now time.Time) error
	// EraseSessions erases at most limit sessions, and returns how many.
	EraseSessions(ctx context.Context, limit int) (int, error)

	PortalLink(ctx context.Context, id string) (PortalLink, error)
	CreatePortalLink(ctx context.Context, l PortalLink) error
	// PutPortalLink writes DirectoryID, UseTime, UseAddress and RevokeTime of a link.
	PutPortalLink(ctx context.Context, l PortalLink) error
	// CountOpenPortalLinks counts the links that can be used at a time.
	CountOpenPortalLinks(ctx context.Context, at time.Time) (int, error)
	// ErasePortalLinks erases at most limit links, and returns how many.
	ErasePortalLinks(ctx context.Context, limit int) (int, error)

	SessionTx
	requestid.Tx
	// EraseRequestRecords erases at most limit records, and returns how many.
	EraseRequestRecords(ctx context.Context, limit int) (int, error)
}

// AllTx is a transaction on what belongs to no organization.
type AllTx interface {
	// Organizations reads the existing organizations with these ids. No Update of them commits before the transaction ends.
	Organizations(ctx context.Context, ids []string) ([]Organization, error)
	// CreateOrganization adds an organization, unless its id exists.
	CreateOrganization(ctx context.Context, o Organization) (created bool, err error)

	Credential(ctx context.Context, id string) (Credential, error)
	CreateCredential(ctx context.Context, c Credential) error
	// PutCredential writes the ExpireTime, the RevokeTime and the ReplacedByID of a credential.
	PutCredential(ctx context.Context, c Credential) error
	// CountCredentials counts the credentials that are valid at a time.
	CountCredentials(ctx context.Context, at time.Time) (int, error)

	BlockedSubject(ctx context.Context, provider, subject string) (BlockedSubject, error)
	CreateBlockedSubject(ctx context.Context, b BlockedSubject) error
	DeleteBlockedSubject(ctx context.Context, provider, subject string) error
	CountBlockedSubjects(ctx context.Context) (int, error)

	SessionTx
	// SigningKeys lists all signing keys, newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)
	AddSigningKey(ctx context.Context, k SigningKey) error
	// DeleteSigningKeys deletes the keys that have expired by a time.
	DeleteSigningKeys(ctx context.Context, now time.Time) error

	requestid.Tx
}

// SessionTx is the part of both transactions that concerns sessions.
type SessionTx interface {
	CreateSession(ctx context.Context, s Session) error
	// Session reads a session. A transaction on an organization finds only those of the organization.
	Session(ctx context.Context, id string) (Session, error)
	// PutSession writes DirectoryID and RevokeTime of a session, unless they are set already: a transaction on an organization and one on
	// all can write the same session, and neither may undo the revocation of the other.
	PutSession(ctx context.Context, s Session) error
	// SessionsOfSubject lists the sessions of a subject that are neither revoked nor expired, oldest first. The subject of a portal link
	// is its id, and its provider is empty.
	SessionsOfSubject(ctx context.Context, provider, subject string, now time.Time) ([]Session, error)
	// SessionsOfProviderSession lists the same for a session at the provider.
	SessionsOfProviderSession(ctx context.Context, provider, session string, now time.Time) ([]Session, error)
}
