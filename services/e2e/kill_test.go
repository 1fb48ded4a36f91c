package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/internal/simulate"
)

// killer is a transport that restarts the server at given requests, while they are under way.
type killer struct {
	http.RoundTripper
	restart func()

	mu     sync.Mutex
	points map[int]bool
	sent   int
	killed sync.WaitGroup
}

func (k *killer) RoundTrip(request *http.Request) (*http.Response, error) {
	k.mu.Lock()
	k.sent++
	due := k.points[k.sent]
	k.mu.Unlock()
	if due {
		k.killed.Go(k.restart)
	}
	return k.RoundTripper.RoundTrip(request)
}

// The process is killed at ten points of an IdP's cycles and started again; in the end everything is as it would have
// been without.
func TestKilledAtAnyPoint(t *testing.T) {
	t.Parallel()
	const seed = 20261123
	for i, c := range []struct {
		idp    simulate.IdP
		split  bool
		victim string
	}{
		{simulate.Entra, false, "all"},
		{simulate.Okta, true, "identity"},
	} {
		t.Run(string(c.idp), func(t *testing.T) {
			t.Parallel()
			p := deploy(t, plan{split: c.split})
			d := p.newDirectory(nil)
			config := simulate.Config{IdP: c.idp, Users: 100, Groups: 10, Seed: uint64(i), Cycles: 1}
			// The least that is sent is some 310 requests: the points fall all over the cycles.
			points, random := map[int]bool{}, rand.New(rand.NewPCG(seed, uint64(i)))
			for len(points) < 5 {
				points[20+random.IntN(280)] = true
			}
			t.Logf("seed %d, killed at requests %v", seed, points)
			k := &killer{RoundTripper: d.http.Transport, restart: p.processes[c.victim].restart, points: points}
			d.http = &http.Client{Transport: k}
			config.Retry = simulate.RetryPolicy{Attempts: 40}
			s := simulation(t, d, config)
			run(t.Context(), t, s)
			k.killed.Wait()
			if k.sent < 300 {
				t.Errorf("only %d requests were sent: not every point was reached", k.sent)
			}
			p.caughtUp()
			requireState(t, d, s.Expect())
		})
	}
}

// failedevents is unreachable while messages fail, and then the gateway is killed. Each failure is there afterwards, once,
// under the message ID that the IdP was told.
func TestFailedEventsSurvive(t *testing.T) {
	t.Parallel()
	for name, topology := range topologies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refuse := filepath.Join(t.TempDir(), "refuse")
			p := deploy(t, plan{split: topology.split, env: []string{refuseVariable + "=" + refuse}})
			gateway := p.processes["all"]
			if topology.split {
				gateway = p.processes["gateway"]
			}
			d := p.newDirectory(nil)
			d.user("taken")
			if err := os.WriteFile(refuse, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			messages := map[string]int{}
			fail := func(method, path, body string, status int) {
				t.Helper()
				messages[d.send(method, path, body, status).messageID] = status
			}
			for i := range 20 {
				fail("POST", "/Users", `{"userName":"TAKEN"}`, http.StatusConflict)
				fail("POST", "/Users", `{"userName":`, http.StatusBadRequest)
				fail("PATCH", fmt.Sprintf("/Groups/0198%04d-0000-7000-8000-000000000000", i), patchBody("remove", "members", nil), http.StatusNotFound)
				if i == 10 {
					gateway.restart()
				}
			}
			if len(messages) != 60 {
				t.Fatalf("%d message IDs for 60 messages", len(messages))
			}
			d.send("GET", "/Users/nobody", "", http.StatusNotFound) // no failure
			gateway.kill()
			if err := os.Remove(refuse); err != nil {
				t.Fatal(err)
			}
			if err := gateway.start(); err != nil {
				t.Fatal(err)
			}
			events := p.waitForEvents(len(messages))
			if len(events) != len(messages) {
				t.Errorf("%d events, want %d", len(events), len(messages))
			}
			for _, e := range events {
				if messages[e.GetMessageId()] != int(e.GetStatus()) {
					t.Errorf("an event nobody was told of: %v", e)
				}
				delete(messages, e.GetMessageId())
				if len(e.GetTraceId()) != 32 || e.GetDirectoryId() != d.id || e.GetReason() == "" || e.GetRemedy() == "" {
					t.Errorf("an event lacks something: %v", e)
				}
			}
			if len(messages) > 0 {
				t.Errorf("lost: %v", messages)
			}
		})
	}
}

// waitForEvents asks until there are at least so many.
func (u *usher) waitForEvents(least int) (events []*failedeventsv1.FailedEvent) {
	u.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		r, err := u.events().ListEvents(u.ctx(), &failedeventsv1.ListEventsRequest{OrganizationId: demo, PageSize: 1000})
		if err != nil {
			u.t.Fatal(err)
		}
		if events = r.GetEvents(); len(events) >= least {
			break
		}
	}
	return events
}
