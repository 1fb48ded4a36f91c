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
	// unknownLease is for how long an unknown key is remembered, so that who tries one over and over asks directory once
	// a second. It bounds how late a new key starts to work.
	unknownLease = time.Second
	// askTimeout is shorter than a lease: an answer that comes at all comes before its lease is over.
	askTimeout = 3 * time.Second
	// listEvery is how often directory is asked for signing keys at most: a lease that somebody forged names one that
	// nobody knows.
	listEvery = time.Second
)

// FromDirectory makes an empty cache that asks the directory service, over a connection as the gateway. Leases that directory
// has signed are looked for in, and put into, what processes share; nil is nothing. now is the time of day.
//
// While directory gives no answer nobody new is let in: that is logged when it begins, with the cause, and when it ends.
func FromDirectory(conn grpc.ClientConnInterface, shared Shared, log *slog.Logger, now func() time.Time, options ...Option) *Cache {
	d := &directory{client: directoryv1.NewKeyLookupServiceClient(conn), sign: shared != nil, log: log, now: now}
	if shared != nil {
		options = append(options, WithShared(shared, d.verify))
	}
	return New(d.load, now, options...)
}

// directory is the directory service, and the keys that it signs leases with. It is safe for concurrent use.
type directory struct {
	client     directoryv1.KeyLookupServiceClient
	sign       bool // leases are shared
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
	// The status is asked and not the fault: a server without this RPC is no word on the key.
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
		lease.Until, lease.Signature = until, Signature{} // it is not what was signed any more
	}
	return lease, nil
}

// verify is a Verify. A lease by a key that is not known, and can't be found out now, is not signed.
func (d *directory) verify(ctx context.Context, digest Digest, l Lease) bool {
	key := d.signingKey(ctx, l.Signature.KeyID)
	return key != nil && d.now().Before(key.GetExpireTime().AsTime()) && l.SignedBy(key.GetSecret(), digest)
}

// signingKey gives one, or nil. One who asks directory does not keep others waiting.
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
		return nil // directory is asked about the API key itself now, and that failure is told
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

// ownQuestion gives the context of a question, which is the gateway's own, whoever the request is for that it comes up in.
func ownQuestion(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(rpc.WithPrincipal(ctx, &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM}), askTimeout)
}
