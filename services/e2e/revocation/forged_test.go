package revocation

import (
	"encoding/json"
	"testing"
	"time"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// Whoever can write to Redis lets nobody in, and gives no key more than it has.
func TestForgedLeasesLetNobodyIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shortWait)
	one, other := w.gateways[0], w.gateways[1]
	read := func() (l keylease.Lease) {
		t.Helper()
		until(t, "the lease is shared", func() bool {
			if in, err := one.opens(w.good); !in {
				t.Fatalf("the key opens nothing: %v", err)
			}
			return json.Unmarshal([]byte(w.admin.Get(t.Context(), leaseKey(w.good)).Val()), &l) == nil && l.KeyID != "" && time.Until(l.Until) > shortWait/2
		})
		return l
	}
	for name, forge := range map[string]func(l *keylease.Lease){
		"a copy of another key's": func(*keylease.Lease) {},
		"no signature":            func(l *keylease.Lease) { l.Signature = keylease.Signature{} },
		"a signature of nothing":  func(l *keylease.Lease) { l.Signature.MAC = nil },
		"a key of the forger's": func(l *keylease.Lease) {
			l.Signature.KeyID = "forged"
			l.Signature.MAC = keylease.MAC([]byte("mine"), keylease.Digest{}, *l)
		},
		"a credential that may all": func(l *keylease.Lease) {
			*l = keylease.Lease{Principal: rpc.Operator("x"), Until: l.Until, Signature: l.Signature}
		},
	} {
		made := bearer.APIKey.New()
		lease := read()
		forge(&lease)
		value, err := json.Marshal(lease)
		must(t, err)
		key := &directoryv1.CreateApiKeyResponse{Secret: made.Reveal()}
		w.plant(key, string(value))
		for i, n := range w.gateways {
			if in, err := n.opens(key); in || err != nil {
				t.Errorf("%s: gateway %d lets it in, or says %v", name, i, err)
			}
		}
	}
	// A real one whose end or place was changed is not looked at: directory is asked instead, and what it says counts.
	for name, forge := range map[string]func(l *keylease.Lease){
		"a later end":           func(l *keylease.Lease) { l.Until = time.Now().Add(4 * time.Second) },
		"another directory":     func(l *keylease.Lease) { l.DirectoryID = "d" },
		"a suspended directory": func(l *keylease.Lease) { l.Suspended = true },
	} {
		lease := read()
		forge(&lease)
		value, err := json.Marshal(lease)
		must(t, err)
		other.cache.Invalidate(digest(w.good))
		w.plant(w.good, string(value))
		got, err := other.cache.Lookup(t.Context(), digest(w.good))
		if err != nil || got.DirectoryID != w.directoryID || got.Suspended || time.Until(got.Until) > shortWait {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// What directory has signed is shared, by whoever reads it.
	before := other.cache.Counts().Shared
	until(t, "a lease of one gateway serves the other", func() bool {
		read()
		other.cache.Invalidate(digest(w.good))
		_, _ = other.opens(w.good)
		return other.cache.Counts().Shared > before
	})
}
