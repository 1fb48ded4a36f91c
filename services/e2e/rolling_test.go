package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/test/kit"
)

// balancer is a transport that sends requests to the gateways that say they are ready, in turns, as a load balancer does.
type balancer struct {
	http.RoundTripper
	gateways []*balanced
	next     atomic.Uint64
}

// balanced is a gateway as its balancer sees it.
type balanced struct {
	scim  string
	ready atomic.Bool
}

// balance sends a directory's messages through all gateways of a deployment. It looks every 50 ms whether they are ready.
func (d *directory) balance(u *deployment, gateways int) *balancer {
	d.u.t.Helper()
	b := &balancer{RoundTripper: d.http.Transport}
	for i := range gateways {
		p := u.processes[replica("gateway", i)]
		g, ops := &balanced{scim: p.addrs.SCIM}, "http://"+p.addrs.Ops+"/readyz"
		b.gateways = append(b.gateways, g)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				g.look(ctx, ops)
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		}()
		d.u.t.Cleanup(func() {
			cancel()
			<-done
		})
	}
	d.http = &http.Client{Transport: b}
	b.allReady(d.u.t)
	return b
}

// allReady waits until every gateway is taken for ready, as a rollout does before it goes on.
func (b *balancer) allReady(t *testing.T) {
	t.Helper()
	eventually(t, "all gateways are ready", func() bool {
		return !slices.ContainsFunc(b.gateways, func(g *balanced) bool { return !g.ready.Load() })
	})
}

func (g *balanced) look(ctx context.Context, url string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		response.Body.Close()
	}
	g.ready.Store(err == nil && response.StatusCode == http.StatusOK)
}

func (b *balancer) RoundTrip(request *http.Request) (*http.Response, error) {
	turn := b.next.Add(1)
	for i := range uint64(len(b.gateways)) {
		g := b.gateways[(turn+i)%uint64(len(b.gateways))]
		if g.ready.Load() {
			request.URL.Host = g.scim
			return b.RoundTripper.RoundTrip(request)
		}
	}
	return nil, errors.New("no gateway is ready")
}

// Each process of every service is stopped and started again while messages come, and once more after the schema became a
// newer one, which the old binary bears: no message fails.
func TestARollingRestart(t *testing.T) {
	t.Parallel()
	server := kit.StartPostgres(t)
	two := map[string]int{"gateway": 2, "directory": 2, "identity": 2, "rule": 2, "failedevents": 2}
	u := deploy(t, plan{
		split: true, database: server.Database("app"), redis: kit.StartRedis(t).URL(), replicas: two,
		env: []string{"USHER_SHUTDOWN_DELAY=500ms", "USHER_MIGRATE=false"},
		each: map[string][]string{
			"directory": {"USHER_MIGRATE=true"}, "identity": {"USHER_MIGRATE=true"}, "rule": {"USHER_MIGRATE=true"}, "failedevents": {"USHER_MIGRATE=true"},
		},
	})
	d := u.newDirectory(nil)
	balancer := d.balance(u, 2)
	ann := d.user("ann")
	group := d.group("Designers", ann)
	x := d.start(4, 10*time.Second, func(answer) error { return errors.New("a message failed") })
	roll := func() {
		for _, service := range append(append([]string{}, backend...), "gateway") {
			for i := range 2 {
				p := u.processes[replica(service, i)]
				x.until(20)
				if err := p.terminate(); err != nil {
					t.Errorf("%s ended with %v", p.name, err)
				}
				x.until(20)
				if err := p.start(); err != nil {
					t.Fatal(err)
				}
				balancer.allReady(t)
			}
		}
		x.until(50)
	}
	roll()
	for schema, table := range map[string]string{
		"usher_directory": "directories", "usher_identity": "users", "usher_rule": "rules", "usher_failedevents": "events",
	} {
		// What an expanding migration of the next version does.
		server.ExecuteIn("app", fmt.Sprintf(`ALTER TABLE %s.%s ADD COLUMN of_the_next_version text`, schema, table))
		server.ExecuteIn("app", fmt.Sprintf(`INSERT INTO %s.goose_db_version (version_id, is_applied) VALUES (99, true)`, schema))
	}
	roll()
	x.stop()
	x.requireUsers()
	d.patch("/Groups/"+group, "remove", fmt.Sprintf("members[value eq %q]", ann), nil, http.StatusNoContent)
	u.connect() // the gateway that it was connected to is another process now
	u.caughtUp()
	if u.allowed(ann, "designer") {
		t.Error("access was not taken away")
	}
}
