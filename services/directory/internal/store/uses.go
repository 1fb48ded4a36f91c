package store

import (
	"crypto/sha256"
	"time"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
)

// Creator is the principal that created something.
type Creator struct {
	Kind    commonv1.PrincipalKind
	Subject string
}

// LastUse is when and from where a key or a credential was used last.
type LastUse struct {
	Time    time.Time // to the minute; zero: never
	Address string    // empty: not known
}

// Use is the last use of a key or a credential at one gateway.
type Use struct {
	Digest [sha256.Size]byte
	LastUse
}

// Refusals are the requests that one gateway refused for one directory.
type Refusals struct {
	DirectoryID string
	Count       int64
	LastTime    time.Time
	LastReason  directoryv1.RefusalReason
}

// Expiring counts the keys or the credentials that somebody should replace.
type Expiring struct {
	Kind                 string // api_key or service_credential
	Expired, Late, Early int64
}
