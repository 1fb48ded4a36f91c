package e2e

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/testkit"
)

// newKey makes another key of a directory, and gives the directory as who has that key sees it, and the key's id.
func (d *directory) newKey() (with *directory, id string) {
	d.u.t.Helper()
	made, err := d.u.keys().CreateApiKey(d.u.ctx(), &directoryv1.CreateApiKeyRequest{OrganizationId: demo, DirectoryId: d.id})
	if err != nil {
		d.u.t.Fatalf("creating a key: %v", err)
	}
	other := *d
	other.key = made.GetSecret()
	return &other, made.GetApiKey().GetId()
}

func (d *directory) revokeKey(id string) {
	d.u.t.Helper()
	if _, err := d.u.keys().RevokeApiKey(d.u.ctx(), &directoryv1.RevokeApiKeyRequest{OrganizationId: demo, DirectoryId: d.id, Id: id}); err != nil {
		d.u.t.Fatalf("revoking a key: %v", err)
	}
}

func (d *directory) delete() {
	d.u.t.Helper()
	if _, err := d.u.directories().DeleteDirectory(d.u.ctx(), &directoryv1.DeleteDirectoryRequest{OrganizationId: demo, Id: d.id}); err != nil {
		d.u.t.Fatalf("deleting a directory: %v", err)
	}
}

// A key is revoked, then a directory deleted, while 32 clients write through two gateways. Whatever starts after the
// answer is refused, on both.
func TestNothingGetsInAfterARevocationUnderLoad(t *testing.T) {
	t.Parallel()
	p := twoGateways(t, time.Second)
	p.redis = testkit.StartRedis(t).URL()
	p.each = map[string][]string{"gateway-2": {"USHER_REDIS_URL="}} // the second hears of no revocation, and its leases have to run out
	u := deploy(t, p)
	second := u.gateway(1)
	var number atomic.Int64
	create := func() (method, path, body string) {
		return "POST", "/Users", fmt.Sprintf(`{"userName":"load-%d"}`, number.Add(1))
	}
	for _, c := range []struct {
		name string
		end  func(d *directory, key string)
	}{
		{"a key is revoked", func(d *directory, key string) { d.revokeKey(key) }},
		{"a directory is deleted", func(d *directory, _ string) { d.delete() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := u.newDirectory(&directoryv1.CreateDirectoryRequest{DisplayName: c.name})
			here, key := whole.newKey()
			there := here.at(second)
			var both []*directory
			for range 16 {
				both = append(both, here, there)
			}
			load := startClients(t, 0, create, both...)
			begun := time.Now()
			eventually(t, "the load is under way", func() bool {
				return len(load.since(begun, here)) >= 50 && len(load.since(begun, there)) >= 50
			})
			before := time.Now()
			c.end(whole, key)
			answered := time.Now()
			eventually(t, "much was sent afterwards", func() bool {
				return len(load.since(answered, here)) >= 64 && len(load.since(answered, there)) >= 64
			})
			for _, s := range load.end() {
				switch {
				case s.err != nil:
					t.Errorf("a connection to %s failed: %v", s.to.u.addrs.SCIM, s.err)
				case s.start.After(answered) && s.status != http.StatusUnauthorized:
					t.Errorf("what started %s after the answer got %d at %s", s.start.Sub(answered), s.status, s.to.u.addrs.SCIM)
				case s.start.Add(s.took).Before(before) && s.status != http.StatusCreated:
					t.Errorf("what ended before got %d at %s", s.status, s.to.u.addrs.SCIM)
				}
			}
			if c.name == "a key is revoked" {
				whole.send("GET", "/Users?count=1", "", http.StatusOK)
				whole.at(second).send("GET", "/Users?count=1", "", http.StatusOK)
			}
		})
	}
}
