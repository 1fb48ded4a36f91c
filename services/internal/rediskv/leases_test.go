package rediskv

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/test/kit"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
)

// of returns a key lease that ends after so long.
func of(term time.Duration) keylease.Lease {
	return keylease.Lease{
		OrganizationID: "acme", DirectoryID: "d", KeyID: "k", Suspended: true, Until: time.Now().Add(term).UTC().Truncate(time.Microsecond),
		Principal:     &commonv1.Principal{Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, Subject: "c", OrganizationIds: []string{"acme"}, Scopes: 2},
		AddressRanges: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")},
		Signature:     keylease.Signature{KeyID: "s", MAC: []byte{1, 2}},
	}
}

func TestALeaseIsSharedUntilItsEnd(t *testing.T) {
	t.Parallel()
	url := kit.Redis(t)
	one, other := open(t, url, patient).Leases(), open(t, url, patient).Leases()
	digest, lease := bearer.APIKey.New().Digest(), of(time.Hour)
	found := one.Get(t.Context(), digest)
	if found.Left > 0 || found.Time.IsZero() {
		t.Errorf("of an unknown key it has %+v", found)
	}
	one.Set(t.Context(), digest, lease, found.Time.Add(time.Second))
	found = other.Get(t.Context(), digest)
	if !reflect.DeepEqual(found.Lease, lease) || found.Left <= 0 || found.Left > time.Second {
		t.Errorf("got %+v, want %+v", found, lease)
	}
	until(t, "it is gone", func() bool { return other.Get(t.Context(), digest).Left <= 0 })
}

func TestALeaseIsKeptUnderItsDigest(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	leases, secret := open(t, server.URL(), patient).Leases(), bearer.APIKey.New()
	digest := secret.Digest()
	leases.Set(t.Context(), digest, of(time.Minute), leases.Get(t.Context(), digest).Time.Add(time.Minute))
	keys, err := raw(t, server.URL()).Keys(t.Context(), "usher:lease:*").Result()
	if err != nil || len(keys) != 1 || keys[0] != "usher:lease:"+hex.EncodeToString(digest[:]) {
		t.Errorf("the keys are %q, %v", keys, err)
	}
}

func TestALateLeaseIsNotStored(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	leases, digest := open(t, server.URL(), impatient), bearer.APIKey.New().Digest()
	asked := leases.Leases().Get(t.Context(), digest).Time
	leases.Leases().Set(t.Context(), digest, of(time.Hour), asked.Add(-time.Millisecond))
	if found := leases.Leases().Get(t.Context(), digest); found.Left > 0 {
		t.Errorf("late from the start: %+v", found)
	}
	// Redis receives the SET while it is frozen, and executes it when it wakes.
	asked = leases.Leases().Get(t.Context(), digest).Time
	server.Freeze()
	leases.Leases().Set(t.Context(), digest, of(time.Hour), asked.Add(impatient))
	server.Thaw()
	leases.becomes(true)
	if found := leases.Leases().Get(t.Context(), digest); found.Time.IsZero() || found.Left > 0 {
		t.Errorf("late after it woke: %+v", found)
	}
}

func TestAnInvalidValueIsAMissAndIsReplaced(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	b, admin := open(t, server.URL(), patient), raw(t, server.URL())
	good, err := json.Marshal(of(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	set := func(value string) func(key string) error {
		return func(key string) error { return admin.Set(t.Context(), key, value, time.Minute).Err() }
	}
	for name, spoil := range map[string]func(key string) error{
		"nothing":          set(""),
		"no JSON":          set("\x00\xff"),
		"cut short":        set(string(good[:len(good)-1])),
		"more behind it":   set(string(good) + "{}"),
		"an unknown field": set(`{"Scope":"all",` + string(good[1:])),
		"a wrong type":     set(`{"OrganizationID":1}`),
		"a list":           func(key string) error { return admin.RPush(t.Context(), key, "x").Err() },
		"no time to live":  func(key string) error { return admin.Set(t.Context(), key, good, 0).Err() },
	} {
		digest, leases := bearer.APIKey.New().Digest(), b.Leases()
		if err := spoil(leaseKey(digest)); err != nil {
			t.Fatal(err)
		}
		found := leases.Get(t.Context(), digest)
		if found.Left > 0 || found.Time.IsZero() {
			t.Errorf("%s: got %+v", name, found)
		}
		lease := of(time.Second)
		leases.Set(t.Context(), digest, lease, found.Time.Add(time.Minute))
		if found := leases.Get(t.Context(), digest); !reflect.DeepEqual(found.Lease, lease) || found.Left <= 0 {
			t.Errorf("%s: after a Set it is %+v", name, found)
		}
	}
	b.is("afterwards", true)
	if err := admin.Set(t.Context(), leaseKey(keylease.Digest{1}), good, time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if found := b.Leases().Get(t.Context(), keylease.Digest{1}); found.Left <= 0 {
		t.Errorf("the value that was spoilt is none itself: %+v", found)
	}
}
