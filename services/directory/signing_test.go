package directory_test

import (
	"crypto/sha256"
	"testing"
	"time"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/keylease"
)

// signingKeys lists the signing keys.
func (b *bundle) signingKeys() []*directoryv1.SigningKey {
	b.Helper()
	r, err := b.lookup.ListSigningKeys(b.Context(), &directoryv1.ListSigningKeysRequest{})
	must(b, err)
	return r.GetSigningKeys()
}

func TestSharedKeyLeasesAreSigned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.organization("acme")
	made := b.directory()
	resolve := func(sign bool) *directoryv1.ResolveKeyResponse {
		t.Helper()
		digest := sha256.Sum256([]byte(made.GetSecret()))
		r, err := b.lookup.ResolveKey(t.Context(), &directoryv1.ResolveKeyRequest{KeyDigest: digest[:], Sign: sign})
		must(t, err)
		return r
	}
	if r := resolve(false); r.GetSignature() != nil || len(b.signingKeys()) != 0 {
		t.Errorf("nobody asked for a signature: %v", r)
	}
	var signed []string
	for _, c := range []struct {
		after time.Duration
		keys  int // how many keys are valid then
		again bool
	}{{0, 1, false}, {23 * time.Hour, 1, true}, {time.Hour, 2, false}, {23 * time.Hour, 2, true}, {time.Hour, 2, false}} {
		b.clock.advance(c.after)
		r := resolve(true)
		keys := b.signingKeys()
		if len(keys) != c.keys || keys[0].GetId() != r.GetSignature().GetSigningKeyId() {
			t.Fatalf("%v later the keys are %v, and it is signed by %v", c.after, keys, r.GetSignature())
		}
		if lease := keylease.Of(r); !lease.SignedBy(keys[0].GetSecret(), sha256.Sum256([]byte(made.GetSecret()))) {
			t.Errorf("%v later it is not signed by %s", c.after, keys[0].GetId())
		}
		if n := len(signed); n > 0 && (signed[n-1] == keys[0].GetId()) != c.again {
			t.Errorf("%v later the key is %s, after %v", c.after, keys[0].GetId(), signed)
		}
		signed = append(signed, keys[0].GetId())
		for _, k := range keys {
			if len(k.GetSecret()) != 32 || !b.clock.Now().Before(k.GetExpireTime().AsTime()) {
				t.Errorf("a key is %v", k)
			}
		}
	}
}
