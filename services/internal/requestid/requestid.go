// Package requestid makes a call that creates or starts something safe to repeat. The client gives the call a UUID, in the field
// `request_id` (AIP-155). The transaction that creates something also stores its id under this UUID. A repetition then creates
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

// MaxExpired is how many expired records a new record deletes. So an organization has at most the records of two days.
const MaxExpired = 100

// Request is a call that creates or starts something. The zero value is a call without a request_id.
type Request struct {
	Key
	Digest [sha256.Size]byte // of the request without its request_id
}

// Key identifies a call within an organization, or among the calls that belong to none.
type Key struct {
	Principal   string // the principal behind the call: kind and subject
	RequestType string // the full name of the request in the protos; each RPC has its own
	ID          string // the request_id in lower case; empty: the client gave none
}

// Record is the record of a Request that succeeded.
type Record struct {
	Request
	ResourceID string // of the created resource
	CreateTime time.Time
}

// Tx is the part of a transaction that stores records.
type Tx interface {
	// RequestRecord reads a record. If it is missing, the error is fault.NotFound.
	RequestRecord(ctx context.Context, key Key) (Record, error)
	// PutRequestRecord writes a record, in place of one with the same key, and deletes at most MaxExpired of the same organization that
	// are from before expired.
	PutRequestRecord(ctx context.Context, r Record, expired time.Time) error
}

// Of describes a principal's request.
func Of(principal *commonv1.Principal, request interface {
	proto.Message
	GetRequestId() string
}) Request {
	if request.GetRequestId() == "" {
		return Request{}
	}
	reflected := proto.Clone(request).ProtoReflect()
	reflected.Clear(reflected.Descriptor().Fields().ByName("request_id"))
	// Another binary may encode the fields in another order. Then the repetition is refused, and creates nothing.
	content, _ := proto.MarshalOptions{Deterministic: true}.Marshal(reflected.Interface()) // a request that was decoded can be encoded
	return Request{
		Key: Key{
			Principal:   strings.ToLower(strings.TrimPrefix(principal.GetKind().String(), "PRINCIPAL_KIND_")) + ":" + principal.GetSubject(),
			RequestType: string(reflected.Descriptor().FullName()),
			ID:          strings.ToLower(request.GetRequestId()),
		},
		Digest: sha256.Sum256(content),
	}
}

// Once creates something in a transaction, unless an earlier call with the same key did so. create returns the id of the new resource.
// After an earlier call, Once instead calls found with the id that it created. That resource may be deleted by now. A call with the same
// key and another content is fault.RequestIDReused.
//
// No other transaction with the same key may run at the same time.
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
