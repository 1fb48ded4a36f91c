package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
)

// stranger sends requests as directories and services do.
type stranger struct {
	t    *testing.T
	api  http.Handler
	path string
}

func (s stranger) send(secret secret.Text, remote, forwarded string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, s.path, nil)
	r.RemoteAddr = remote
	r.Header.Set("Authorization", "Bearer "+secret.Reveal())
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	answer := httptest.NewRecorder()
	s.api.ServeHTTP(answer, r)
	return answer
}

// unknown sends a number of unknown keys, and counts the answers.
func (s stranger) unknown(kind bearer.Kind, count int, remote, forwarded string) (counts map[int]int, last *httptest.ResponseRecorder) {
	s.t.Helper()
	counts = map[int]int{}
	for range count {
		last = s.send(kind.New(), remote, forwarded)
		counts[last.Code]++
	}
	return counts, last
}

// started returns a gateway whose clock does not move. It looks up 10 unknown keys at once from an address, and 30 in all.
func started(t *testing.T) (*others, *gateway.Gateway) {
	t.Helper()
	o := newOthers()
	d, now := o.dependencies(t), time.Now()
	d.Now = func() time.Time { return now }
	c := config(t.TempDir())
	c.UnknownKeysPerAddress, c.UnknownKeys = 1, 3
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	g := start(t, c, d)
	t.Cleanup(func() { _ = g.Close() })
	return o, g
}

func TestLookUpsOfUnknownKeysAreLimitedPerAddress(t *testing.T) {
	t.Parallel()
	o, g := started(t)
	scim := stranger{t, g.SCIM(), "/scim/v2/" + directory + "/ServiceProviderConfig"}
	const here, there = "192.0.2.1:1000", "192.0.2.2:1000"
	if a := scim.send(o.key, here, ""); a.Code != http.StatusOK {
		t.Fatalf("the key: %d: %s", a.Code, a.Body)
	}
	counts, _ := scim.unknown(bearer.APIKey, 10, here, "")
	if counts[401] != 10 || o.lookups.Load() != 11 { // the valid key does not count
		t.Errorf("as many as may be: %v, %d look-ups", counts, o.lookups.Load())
	}
	counts, last := scim.unknown(bearer.APIKey, 1000, here, "203.0.113.9") // the sender is not a trusted proxy, so its header is not believed
	if counts[429] != 1000 || o.lookups.Load() != 11 {
		t.Errorf("one too many: %v, %d look-ups", counts, o.lookups.Load())
	}
	if last.Header().Get("Retry-After") != "1" || !strings.Contains(last.Body.String(), "Too many unknown keys were sent from this address: 1 a second are looked up.") {
		t.Errorf("it says %v %s", last.Header(), last.Body)
	}
	if a := scim.send(o.key, here, ""); a.Code != http.StatusOK {
		t.Errorf("the key, from the same address: %d: %s", a.Code, a.Body)
	}
	counts, _ = scim.unknown(bearer.APIKey, 10, there, "")
	if counts[401] != 10 {
		t.Errorf("from another address: %v", counts)
	}
	// All APIs count together.
	admin := stranger{t, g.Admin(), "/api/v1/organizations/acme"}
	counts, last = admin.unknown(bearer.ServiceCredential, 3, here, "")
	if counts[429] != 3 || last.Header().Get("Retry-After") != "1" || !strings.Contains(last.Body.String(), `"LIMIT"`) {
		t.Errorf("at the admin REST: %v: %v %s", counts, last.Header(), last.Body)
	}
}

func TestLookUpsOfUnknownKeysAreLimitedInAll(t *testing.T) {
	t.Parallel()
	o, g := started(t)
	scim := stranger{t, g.SCIM(), "/scim/v2/" + directory + "/ServiceProviderConfig"}
	if a := scim.send(o.key, "192.0.2.1:1", ""); a.Code != http.StatusOK {
		t.Fatalf("the key: %d: %s", a.Code, a.Body)
	}
	for _, client := range []struct {
		name, remote, forwarded string
		lookedUp                int
	}{
		{"one network", "[2001:db8::1]:1", "", 10},
		{"the same network", "[2001:db8::2]:1", "", 0},
		{"behind a proxy", "10.0.0.1:1", "198.51.100.1", 10},
		{"behind it too, with an invented address before", "10.0.0.1:1", "192.0.2.77, 198.51.100.1", 0},
		{"another one behind two proxies", "10.0.0.1:1", "198.51.100.2, 10.0.0.2", 10},
		{"one more", "192.0.2.3:1", "", 0}, // thirty is the total
	} {
		counts, last := scim.unknown(bearer.APIKey, 12, client.remote, client.forwarded)
		if counts[401] != client.lookedUp || counts[429] != 12-client.lookedUp {
			t.Errorf("%s: %v: %s", client.name, counts, last.Body)
		}
	}
	if a := scim.send(o.key, "192.0.2.1:1", ""); a.Code != http.StatusOK || o.lookups.Load() != 31 {
		t.Errorf("the key: %d, %d look-ups", a.Code, o.lookups.Load())
	}
}

func TestLookUpsOfUnknownCredentialsAreLimitedOverGRPC(t *testing.T) {
	t.Parallel()
	o, g := started(t)
	client := dialPublic(t, g)
	call := func(secret secret.Text) error {
		_, err := directoryv1.NewOrganizationServiceClient(client).GetOrganization(
			metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+secret.Reveal()),
			&directoryv1.GetOrganizationRequest{OrganizationId: "acme"})
		return err
	}
	if err := call(o.credential); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := call(bearer.ServiceCredential.New()); status.Code(err) != codes.Unauthenticated {
			t.Errorf("as many as may be: %v", err)
		}
	}
	err := call(bearer.ServiceCredential.New())
	if f := rpc.Fault(err); status.Code(err) != codes.ResourceExhausted || f.Reason != fault.Limit || f.RetryAfter != time.Second || o.lookups.Load() != 11 {
		t.Errorf("one too many: %v, after %d look-ups", err, o.lookups.Load())
	}
	if err := call(o.credential); err != nil {
		t.Errorf("one that is known: %v", err)
	}
}
