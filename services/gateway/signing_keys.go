package gateway

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// askForKeysEvery is how often directory is asked for signing keys at most: a lease that somebody forged names one that nobody knows.
const askForKeysEvery = time.Second

// SigningKeys are the keys that directory signs leases with. It is safe for concurrent use.
type SigningKeys struct {
	directory directoryv1.KeyLookupServiceClient
	now       func() time.Time

	mu    sync.Mutex
	keys  map[string]*directoryv1.SigningKey // by id
	asked time.Time
}

// NewSigningKeys makes it over a connection to directory as the gateway.
func NewSigningKeys(directory grpc.ClientConnInterface, now func() time.Time) *SigningKeys {
	return &SigningKeys{directory: directoryv1.NewKeyLookupServiceClient(directory), now: now}
}

// Verify is a keylease.Verify. A lease by a key that is not known, and can't be found out now, is not signed.
func (s *SigningKeys) Verify(ctx context.Context, digest keylease.Digest, l keylease.Lease) bool {
	key := s.key(ctx, l.Signature.KeyID)
	return key != nil && s.now().Before(key.GetExpireTime().AsTime()) && l.SignedBy(key.GetSecret(), digest)
}

// key gives a signing key, or nil. One who asks directory does not keep others waiting.
func (s *SigningKeys) key(ctx context.Context, id string) *directoryv1.SigningKey {
	s.mu.Lock()
	key, now := s.keys[id], s.now()
	if since := now.Sub(s.asked); key != nil || 0 <= since && since < askForKeysEvery {
		s.mu.Unlock()
		return key
	}
	s.asked = now
	s.mu.Unlock()

	ctx, cancel := context.WithTimeout(rpc.WithPrincipal(ctx, &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SYSTEM}), askTimeout)
	defer cancel()
	answer, err := s.directory.ListSigningKeys(ctx, &directoryv1.ListSigningKeysRequest{})
	if err != nil {
		return nil // directory is asked about the API key itself now, and that failure is told
	}
	keys := map[string]*directoryv1.SigningKey{}
	for _, k := range answer.GetSigningKeys() {
		keys[k.GetId()] = k
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = keys
	return keys[id]
}
