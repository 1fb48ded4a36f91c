package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
	"github.com/usher-scim/usher/services/internal/simulate"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// killer is a transport that restarts processes at given requests, while they are under way.
type killer struct {
	http.RoundTripper
	restart func(victim string)

	mu     sync.Mutex
	points map[int]string // the request, and whom to kill
	sent   int
	killed sync.WaitGroup
}

func (k *killer) RoundTrip(request *http.Request) (*http.Response, error) {
	k.mu.Lock()
	k.sent++
	victim, due := k.points[k.sent]
	k.mu.Unlock()
	if due {
		k.killed.Go(func() { k.restart(victim) })
	}
	return k.RoundTripper.RoundTrip(request)
}

// number is a setting of the tests themselves, for longer runs.
func number(t *testing.T, variable string, byDefault int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return byDefault
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s must be a number: %v", variable, err)
	}
	return n
}

// Processes are killed at points of an IdP's cycles and started again: in the end everything is as it would have been
// without, and no failed message is forgotten. E2E_ROUNDS is how often in all, E2E_SEED makes other points.
// Invariant 6.
func TestKilledAtAnyPoint(t *testing.T) {
	t.Parallel()
	rounds, seed := number(t, "E2E_ROUNDS", 20), number(t, "E2E_SEED", 20261123)
	type scenario struct {
		name    string
		idp     simulate.IdP
		deploy  func(t *testing.T) *deployment
		victims []string
		kills   int
	}
	scenarios := []scenario{
		{"one process", simulate.Entra, func(t *testing.T) *deployment { return deploy(t, plan{}) }, []string{"all"}, 5},
		{"a process a service", simulate.Okta, func(t *testing.T) *deployment { return deploy(t, plan{split: true}) }, []string{"identity"}, 5},
	}
	onPostgres := func(t *testing.T) *deployment {
		return deploy(t, plan{split: true, database: kit.StartPostgres(t).Database("app"), redis: kit.StartRedis(t).URL()})
	}
	for n := 10; n < rounds; n += 10 {
		scenarios = append(scenarios, scenario{
			fmt.Sprintf("on PostgreSQL, %d", n/10), []simulate.IdP{simulate.Entra, simulate.Okta}[n/10%2], onPostgres,
			[]string{"gateway", "directory", "identity", "rule", "failedevents"}, min(10, rounds-n),
		})
	}
	for i, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := c.deploy(t)
			d := p.newDirectory(nil)
			config := simulate.Config{IdP: c.idp, Users: 100, Groups: 10, Seed: uint64(seed + i), Cycles: 1}
			// The least that is sent is some 310 requests: the points fall all over the cycles.
			points, random := map[int]string{}, rand.New(rand.NewPCG(uint64(seed), uint64(i)))
			for len(points) < c.kills {
				points[20+random.IntN(280)] = c.victims[random.IntN(len(c.victims))]
			}
			t.Logf("seed %d, killed at requests %v", seed, points)
			k := &killer{RoundTripper: d.http.Transport, points: points, restart: func(victim string) { p.processes[victim].restart() }}
			unharmed := *d
			d.http = &http.Client{Transport: k}
			config.Retry = simulate.RetryPolicy{Attempts: 60}
			s := simulation(t, d, config)
			failed := unharmed.failMeanwhile(func() { run(t.Context(), t, s) })
			k.killed.Wait()
			if k.sent < 300 {
				t.Errorf("only %d requests were sent: not every point was reached", k.sent)
			}
			p.caughtUp()
			requireState(t, d, s.Expect())
			p.requireEvents(failed)
		})
	}
}

// failMeanwhile sends messages that must fail while something runs, and gives the IDs of those that were answered so.
func (d *directory) failMeanwhile(something func()) (messageIDs []string) {
	d.u.t.Helper()
	ctx, cancel := context.WithCancel(d.u.t.Context())
	var failing sync.WaitGroup
	failing.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			// Who was answered must be remembered: the request itself is not ended.
			a, err := d.try(d.u.t.Context(), "POST", "/Users", `{"userName":`)
			if err == nil && a.status == http.StatusBadRequest {
				messageIDs = append(messageIDs, a.messageID)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	something()
	cancel()
	failing.Wait()
	return messageIDs
}

// requireEvents waits until each message has its failed event, and fails when one has several.
func (u *usher) requireEvents(messageIDs []string) {
	u.t.Helper()
	if len(messageIDs) == 0 {
		u.t.Error("no message failed")
	}
	for _, id := range messageIDs {
		var found []*failedeventsv1.FailedEvent
		eventually(u.t, "message "+id+" has its failed event", func() bool {
			r, err := u.events().ListFailedEvents(u.ctx(), &failedeventsv1.ListFailedEventsRequest{OrganizationId: demo, MessageId: id})
			if err != nil {
				u.t.Fatal(err)
			}
			found = r.GetFailedEvents()
			return len(found) > 0
		})
		if len(found) != 1 {
			u.t.Errorf("message %s has %d events", id, len(found))
		}
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
	eventually(u.t, fmt.Sprintf("there are %d failed events", least), func() bool {
		r, err := u.events().ListFailedEvents(u.ctx(), &failedeventsv1.ListFailedEventsRequest{OrganizationId: demo, PageSize: 1000})
		if err != nil {
			u.t.Fatal(err)
		}
		events = r.GetFailedEvents()
		return len(events) >= least
	})
	return events
}
