// Package requestid makes a call that creates or starts something safe to repeat. The client gives the call a UUID, the field
// `request_id` (AIP-155). What the call created is kept under this UUID, in the transaction that creates it. A repetition then creates
// nothing.
package requestid

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// KeptFor is how long a repetition is recognized.
const KeptFor = 24 * time.Hour

// MaxExpired is how many expired records are removed when one is added. So an organization has no more of them than it has calls in
// a day, and those of a day before.
const MaxExpired = 100

// Request is a call that creates or starts something. The zero value is a call without a request_id.
type Request struct {
	Key
	Digest [sha256.Size]byte // of the request without its request_id
}

// Key names a call within an organization, or among those that belong to none.
type Key struct {
	Principal   string // on whose behalf the call is made: its kind and subject
	RequestType string // the full name of the request in the protos; each RPC has its own
	ID          string // the request_id in lower case; empty: the client gave none
}

// Record is what is kept of a Request that was carried out.
type Record struct {
	Request
	ResourceID string // of what it created
	CreateTime time.Time
}

// Tx is the part of a transaction that keeps records.
type Tx interface {
	// RequestRecord reads a record. A missing one is fault.NotFound.
	RequestRecord(ctx context.Context, key Key) (Record, error)
	// PutRequestRecord writes a record in place of one with the same key, and removes at most MaxExpired of the same organization that
	// are from before expired.
	PutRequestRecord(ctx context.Context, r Record, expired time.Time) error
}

// Of describes a request that a principal made.
func Of(principal *commonv1.Principal, request interface {
	proto.Message
	GetRequestId() string
}) Request {
	if request.GetRequestId() == "" {
		return Request{}
	}
	reflected := proto.Clone(request).ProtoReflect()
	reflected.Clear(reflected.Descriptor().Fields().ByName("request_id"))
	// The fields of a message that another binary wrote may be in another order. Such a repetition is refused, and creates nothing.
	content, _ := proto.MarshalOptions{Deterministic: true}.Marshal(reflected.Interface()) // a message that came over the wire marshals
	return Request{
		Key: Key{
			Principal:   strings.ToLower(strings.TrimPrefix(principal.GetKind().String(), "PRINCIPAL_KIND_")) + ":" + principal.GetSubject(),
			RequestType: string(reflected.Descriptor().FullName()),
			ID:          strings.ToLower(request.GetRequestId()),
		},
		Digest: sha256.Sum256(content),
	}
}

// Once creates something in a transaction, unless an earlier call with the same key did so. create returns the id of what it created.
// found is called with the id of what the earlier call created, in place of create; it is gone where it was deleted since. A call with
// the same key that asks for something else is fault.RequestIDReused.
//
// No other transaction with the same key may run meanwhile.
func Once(ctx context.Context, tx Tx, r Request, now time.Time, found func(id string) error, create func() (id string, err error)) error {
	if r.ID == "" {
		_, err := create()
		return err
	}
	expired := now.Add(-KeptFor)
	earlier, err := tx.RequestRecord(ctx, r.Key)
	switch {
	case err == nil && earlier.CreateTime.After(expired):
		if earlier.Digest != r.Digest {
			return fault.New(fault.RequestIDReused, "another request used the request_id %q: use a new one for each request", r.ID)
		}
		return found(earlier.ResourceID)
	case err != nil && !fault.Is(err, fault.NotFound):
		return err
	}
	id, err := create()
	if err != nil {
		return err
	}
	return tx.PutRequestRecord(ctx, Record{Request: r, ResourceID: id, CreateTime: now}, expired)
}
