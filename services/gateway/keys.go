package gateway

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// unknownLease is for how long an unknown key is remembered, so that who tries one over and over asks directory once
	// a second. It bounds how late a new key starts to work.
	unknownLease = time.Second
	// askTimeout is shorter than a lease: an answer that comes at all comes before its lease is over.
	askTimeout = 3 * time.Second
)

// LoadKeys asks the directory service about keys and service credentials, over a connection as the gateway. It is what the
// wiring makes the key cache with: the cache is made outside, because in one process the directory service invalidates it.
// While it gets no answer nobody new is let in: that is logged when it begins, with the cause, and when it ends. Where answers are
// to be shared, it asks for signed ones.
func LoadKeys(directory grpc.ClientConnInterface, log *slog.Logger, now func() time.Time, shared bool) keylease.Load {
	client := directoryv1.NewKeyLookupServiceClient(directory)
	var unanswered atomic.Bool
	return func(ctx context.Context, digest keylease.Digest) (keylease.Lease, error) {
		asked := now()
		// The question is the gateway's own, whoever the request is for that it comes up in.
		ctx = rpc.WithPrincipal(ctx, &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM})
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		answer, err := client.ResolveKey(ctx, &directoryv1.ResolveKeyRequest{KeyDigest: digest[:], Sign: shared})
		// The status is asked and not the fault: a server without this RPC is no word on the key.
		unknown := status.Code(err) == codes.NotFound
		if failed := err != nil && !unknown; unanswered.CompareAndSwap(!failed, failed) {
			if failed {
				log.WarnContext(ctx, "keys cannot be checked: the directory service gives no answer", slog.String("error", err.Error()))
			} else {
				log.InfoContext(ctx, "keys can be checked again")
			}
		}
		switch {
		case unknown:
			return keylease.Lease{Unknown: true, Until: asked.Add(unknownLease)}, nil
		case err != nil:
			return keylease.Lease{}, err
		}
		lease := keylease.Of(answer)
		if until := asked.Add(keylease.MaxLease); !lease.Until.Before(until) {
			lease.Until, lease.Signature = until, keylease.Signature{} // it is not what was signed any more
		}
		return lease, nil
	}
}
