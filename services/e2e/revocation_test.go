package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// newKey makes another key of a directory, and gives the directory as who has that key sees it, and the key's id.
func (d *directory) newKey() (with *directory, id string) {
	d.u.t.Helper()
	made, err := d.u.keys().CreateApiKey(d.u.ctx(), &directoryv1.CreateApiKeyRequest{OrganizationId: demo, DirectoryId: d.id, ApiKey: &directoryv1.ApiKey{}})
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

// A key is revoked, then a directory deleted, while clients write, one by one, by Bulk, and with bodies that take their time.
// Whatever starts after the answer is refused, and nothing is written any more of what began before.
// Invariant 4.
func TestNothingGetsInAfterARevocationUnderLoad(t *testing.T) {
	t.Parallel()
	t.Run("two gateways", func(t *testing.T) {
		t.Parallel()
		p := twoGateways(t, time.Second)
		p.redis = kit.StartRedis(t).URL()
		p.each = map[string][]string{"gateway-2": {"USHER_REDIS_URL="}} // the second hears of no revocation, and its leases have to run out
		u := deploy(t, p)
		endUnderLoad(t, u.usher, u.gateway(1))
	})
	t.Run("one process", func(t *testing.T) {
		t.Parallel()
		u := startUsher(t, topology{}, nil)
		endUnderLoad(t, u, u)
	})
}

// endUnderLoad ends a key and a directory of an Usher that is reached in two places.
func endUnderLoad(t *testing.T, first, second *usher) {
	var number atomic.Int64
	create := func() (method, path, body string) {
		n := number.Add(1)
		if n%16 > 0 {
			return "POST", "/Users", fmt.Sprintf(`{"userName":"load-%d"}`, n)
		}
		var operations []string
		for i := range 20 {
			operations = append(operations, fmt.Sprintf(`{"method":"POST","path":"/Users","bulkId":"%d","data":{"userName":"bulk-%d-%d"}}`, i, n, i))
		}
		return "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + strings.Join(operations, ",") + `]}`
	}
	for _, c := range []struct {
		name string
		end  func(d *directory, key string)
	}{
		{"a key is revoked", func(d *directory, key string) { d.revokeKey(key) }},
		{"a directory is deleted", func(d *directory, _ string) { d.delete() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := first.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String(c.name)}})
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
			slow := []*slowBody{here.startSlowly("/Users", `{"userName":"slow-1"}`), there.startSlowly("/Groups", `{"displayName":"slow-2"}`)}
			before := time.Now()
			c.end(whole, key)
			answered := time.Now()
			written := func() int { return -1 } // nobody can look into a deleted directory
			if c.name == "a key is revoked" {
				written = func() int { return whole.total("/Users") + whole.total("/Groups") }
			}
			then := written()
			eventually(t, "much was sent afterwards", func() bool {
				return len(load.since(answered, here)) >= 64 && len(load.since(answered, there)) >= 64
			})
			for _, s := range slow {
				if status := s.finish(); status != http.StatusUnauthorized {
					t.Errorf("a body that ended after the answer got %d", status)
				}
			}
			for _, s := range load.end() {
				switch {
				case s.err != nil:
					t.Errorf("a connection to %s failed: %v", s.to.u.addrs.SCIM, s.err)
				case s.start.After(answered) && s.status != http.StatusUnauthorized:
					t.Errorf("what started %s after the answer got %d at %s", s.start.Sub(answered), s.status, s.to.u.addrs.SCIM)
				case s.start.Add(s.took).Before(before) && s.status != http.StatusCreated && s.status != http.StatusOK:
					t.Errorf("what ended before got %d at %s", s.status, s.to.u.addrs.SCIM)
				}
			}
			if now := written(); now != then {
				t.Errorf("%d were there when the answer came, and %d in the end", then, now)
			}
		})
	}
}

// total is how many resources a list has.
func (d *directory) total(path string) int {
	d.u.t.Helper()
	total, _ := d.send("GET", path+"?count=0", "", http.StatusOK).body["totalResults"].(float64)
	return int(total)
}

// slowBody is a POST whose body has begun.
type slowBody struct {
	rest   string
	pipe   *io.PipeWriter
	status chan int
}

// startSlowly sends the head and the first bytes of a message.
func (d *directory) startSlowly(path, body string) *slowBody {
	d.u.t.Helper()
	reader, writer := io.Pipe()
	s := &slowBody{rest: body[9:], pipe: writer, status: make(chan int, 1)}
	request, err := http.NewRequestWithContext(d.u.t.Context(), http.MethodPost, d.baseURL+path, reader)
	if err != nil {
		d.u.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+d.key)
	request.Header.Set("Content-Type", "application/scim+json")
	go func() {
		status := 0
		if response, err := d.http.Do(request); err == nil {
			status = response.StatusCode
			_ = response.Body.Close()
		}
		s.status <- status
	}()
	if _, err := writer.Write([]byte(body[:9])); err != nil {
		d.u.t.Fatal(err)
	}
	return s
}

// finish sends the rest, and gives the answer's status.
func (s *slowBody) finish() int {
	_, _ = s.pipe.Write([]byte(s.rest)) // it may have been refused already
	_ = s.pipe.Close()
	return <-s.status
}
