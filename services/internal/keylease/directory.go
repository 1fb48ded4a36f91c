package keylease

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/rpc"
)

const (
	// unknownLease is how long an unknown key is cached, so that repeated attempts ask directory once a second. It bounds the time
	// until a new key works.
	unknownLease = time.Second
	// askTimeout is shorter than a key lease: an answer in time is an answer whose lease is still valid.
	askTimeout = 3 * time.Second
	// listEvery limits how often the cache asks directory for signing keys: a forged lease may name an unknown key.
	listEvery = time.Second
)

// FromDirectory creates an empty cache that asks the directory service, over a connection as the gateway. It also reads leases that
// directory has signed from shared, and writes them to it. A nil shared is not used. now is the time of day.
//
// While directory does not answer, new keys are refused. The cache logs when that begins, with the cause, and when it ends.
func FromDirectory(conn grpc.ClientConnInterface, shared Shared, log *slog.Logger, now func() time.Time, options ...Option) *Cache {
	d := &directory{client: directoryv1.NewKeyLookupServiceClient(conn), sign: shared != nil, log: log, now: now}
	if shared != nil {
		options = append(options, WithShared(shared, d.verify))
	}
	return New(d.load, now, options...)
}

// directory is a client of the directory service, with its signing keys. It is safe for concurrent use.
type directory struct {
	client     directoryv1.KeyLookupServiceClient
	sign       bool // leases are shared, so ask for signed ones
	log        *slog.Logger
	now        func() time.Time
	unanswered atomic.Bool

	mu          sync.Mutex
	signingKeys map[string]*directoryv1.SigningKey // by id
	listed      time.Time
}

// load is a Load.
func (d *directory) load(ctx context.Context, digest Digest) (Lease, error) {
	asked := d.now()
	ctx, cancel := ownQuestion(ctx)
	defer cancel()
	answer, err := d.client.ResolveKey(ctx, &directoryv1.ResolveKeyRequest{KeyDigest: digest[:], Sign: d.sign})
	// Use the status and not the fault: a server without this RPC has not answered about the key.
	unknown := status.Code(err) == codes.NotFound
	if failed := err != nil && !unknown; d.unanswered.CompareAndSwap(!failed, failed) {
		if failed {
			d.log.WarnContext(ctx, "keys cannot be checked: the directory service gives no answer", slog.String("error", err.Error()))
		} else {
			d.log.InfoContext(ctx, "keys can be checked again")
		}
	}
	switch {
	case unknown:
		return Lease{Unknown: true, Until: asked.Add(unknownLease)}, nil
	case err != nil:
		return Lease{}, err
	}
	lease := Of(answer)
	if until := asked.Add(MaxLease); !lease.Until.Before(until) {
		lease.Until, lease.Signature = until, Signature{} // the signature is of another end
	}
	return lease, nil
}

// verify is a Verify. A lease with an unknown signing key, which directory does not confirm now, counts as unsigned.
func (d *directory) verify(ctx context.Context, digest Digest, l Lease) bool {
	key := d.signingKey(ctx, l.Signature.KeyID)
	return key != nil && d.now().Before(key.GetExpireTime().AsTime()) && l.SignedBy(key.GetSecret(), digest)
}

// signingKey returns a key, or nil. A caller that asks directory does not block others.
func (d *directory) signingKey(ctx context.Context, id string) *directoryv1.SigningKey {
	d.mu.Lock()
	key, now := d.signingKeys[id], d.now()
	if since := now.Sub(d.listed); key != nil || 0 <= since && since < listEvery {
		d.mu.Unlock()
		return key
	}
	d.listed = now
	d.mu.Unlock()

	ctx, cancel := ownQuestion(ctx)
	defer cancel()
	answer, err := d.client.ListSigningKeys(ctx, &directoryv1.ListSigningKeysRequest{})
	if err != nil {
		return nil // the cache now asks directory about the API key itself, and logs that failure
	}
	keys := map[string]*directoryv1.SigningKey{}
	for _, k := range answer.GetSigningKeys() {
		keys[k.GetId()] = k
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.signingKeys = keys
	return keys[id]
}

// ownQuestion makes the gateway the principal of a question, whoever sent the request that caused it.
func ownQuestion(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(rpc.WithPrincipal(ctx, &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM}), askTimeout)
}
