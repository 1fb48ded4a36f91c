package gateway

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/keylease"
)

const (
	// unknownLease is for how long an unknown key is remembered, so that who tries one over and over asks directory once
	// a second. It bounds how late a new key starts to work.
	unknownLease = time.Second
	// askTimeout is shorter than a lease: an answer that comes at all comes before its lease is over.
	askTimeout = 3 * time.Second
)

// LoadKeys asks the directory service about keys, over a connection as the gateway. It is what the wiring makes the key
// cache with: the cache is made outside, because in one process the directory service invalidates it.
func LoadKeys(directory grpc.ClientConnInterface, now func() time.Time) keylease.Load {
	client := directoryv1.NewKeyLookupServiceClient(directory)
	return func(ctx context.Context, digest keylease.Digest) (keylease.Lease, error) {
		asked := now()
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		answer, err := client.ResolveKey(ctx, &directoryv1.ResolveKeyRequest{KeyDigest: digest[:]})
		if err != nil {
			// The status is asked and not the fault: a server without this RPC is no word on the key.
			if status.Code(err) == codes.NotFound {
				return keylease.Lease{Unknown: true, Until: asked.Add(unknownLease)}, nil
			}
			return keylease.Lease{}, err
		}
		until := asked.Add(keylease.MaxLease)
		if said := answer.GetLeaseExpireTime().AsTime(); said.Before(until) {
			until = said
		}
		return keylease.Lease{
			OrganizationID: answer.GetOrganizationId(), DirectoryID: answer.GetDirectoryId(), KeyID: answer.GetApiKeyId(),
			Suspended: answer.GetSuspended(), Until: until,
		}, nil
	}
}
