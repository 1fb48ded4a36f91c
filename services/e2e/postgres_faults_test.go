package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/test/kit"
)

// traffic is clients that send messages until they are told to stop, and what became of these.
type traffic struct {
	d        *directory
	allowed  func(a answer) error // says what is wrong with an answer
	slowest  time.Duration        // that a message may take
	sent     atomic.Int64
	refused  atomic.Int64
	mu       sync.Mutex
	users    map[string]bool // userNames that were acknowledged
	ctx      context.Context //nolint:containedctx // it says when to stop
	stopping context.CancelFunc
	clients  sync.WaitGroup
}

// start starts clients, each of which creates a user, reads and changes it, lists, and begins again.
func (d *directory) start(clients int, slowest time.Duration, allowed func(a answer) error) *traffic {
	d.u.t.Helper()
	x := &traffic{d: d, allowed: allowed, slowest: slowest, users: map[string]bool{}}
	x.ctx, x.stopping = context.WithCancel(d.u.t.Context())
	d.u.t.Cleanup(x.stop)
	for client := range clients {
		x.clients.Go(func() {
			for n := 0; x.ctx.Err() == nil; n++ {
				x.round(fmt.Sprintf("traffic-%d-%d-%d", time.Now().UnixNano(), client, n))
			}
		})
	}
	return x
}

func (x *traffic) round(name string) {
	made := x.send("POST", "/Users", fmt.Sprintf(`{"userName":%q}`, name))
	if made.status != http.StatusCreated {
		return
	}
	x.mu.Lock()
	x.users[name] = true
	x.mu.Unlock()
	path := "/Users/" + made.str("id")
	x.send("PATCH", path, patchBody("replace", "title", name))
	x.send("GET", path, "")
	x.send("GET", "/Users?count=2", "")
	x.send("GET", `/Users?filter=userName+eq+%22`+name+`%22`, "")
}

// send sends one message to its end, also when the clients are told to stop meanwhile.
func (x *traffic) send(method, path, body string) answer {
	began := time.Now()
	a, err := x.d.try(x.d.u.t.Context(), method, path, body)
	took := time.Since(began)
	x.sent.Add(1)
	switch {
	case err != nil:
		x.d.u.t.Errorf("%s %s after %s: %v", method, path, took, err)
	case a.status >= 300:
		x.refused.Add(1)
		if err := x.allowed(a); err != nil {
			x.d.u.t.Errorf("%s %s after %s: %v: %d %s", method, path, took, err, a.status, a.raw)
		}
	}
	if took > x.slowest {
		x.d.u.t.Errorf("%s %s took %s", method, path, took)
	}
	return a
}

func (x *traffic) stop() {
	x.stopping()
	x.clients.Wait()
}

// until waits until so many more messages were sent.
func (x *traffic) until(more int64) {
	x.d.u.t.Helper()
	began := x.sent.Load()
	eventually(x.d.u.t, fmt.Sprintf("%d more messages were sent", more), func() bool { return x.sent.Load() >= began+more })
}

// requireUsers fails when a user is not there whose creation was acknowledged.
func (x *traffic) requireUsers() {
	x.d.u.t.Helper()
	there := map[string]bool{}
	for _, user := range x.d.all("/Users") {
		there[user["userName"].(string)] = true
	}
	for name := range x.users {
		if !there[name] {
			x.d.u.t.Errorf("%s was acknowledged and is not there", name)
		}
	}
	if len(x.users) == 0 {
		x.d.u.t.Error("nothing was acknowledged")
	}
}

// unavailable is the only failure that a fault of the database may show as.
func unavailable(a answer) error {
	if a.status != http.StatusServiceUnavailable {
		return fmt.Errorf("a fault must show as 503")
	}
	if a.header.Get("Retry-After") == "" {
		return fmt.Errorf("503 without Retry-After")
	}
	return nil
}

// While PostgreSQL is restarted, frozen, or has no connection to give, messages are answered in time, with success or with
// 503 and Retry-After. Nothing that was acknowledged is lost, and nothing has to be restarted afterwards.
func TestPostgresFaults(t *testing.T) {
	t.Parallel()
	const timeout = 3 * time.Second
	server := kit.StartPostgres(t)
	u := deploy(t, plan{split: true, database: server.Database("app"), env: []string{"USHER_GATEWAY__REQUEST_TIMEOUT=" + timeout.String()}})
	d := u.newDirectory(nil)
	for _, fault := range []struct {
		name       string
		begin, end func()
		lasts      time.Duration
	}{
		{"it is killed and started again", server.Restart, func() {}, 0},
		{"it is frozen for 10 seconds", server.Freeze, server.Thaw, 10 * time.Second},
		{"it has no connection left", func() {
			server.Execute(`ALTER ROLE app CONNECTION LIMIT 0`)
			server.Execute(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'`)
		}, func() { server.Execute(`ALTER ROLE app CONNECTION LIMIT -1`) }, 3 * time.Second},
	} {
		t.Run(fault.name, func(t *testing.T) {
			x := d.start(8, timeout+2*time.Second, unavailable)
			x.until(50)
			fault.begin()
			over := time.NewTimer(fault.lasts)
			<-over.C
			refused := x.refused.Load()
			fault.end()
			// It goes on by itself: for a while nothing is refused any more.
			eventually(t, "messages are taken again", func() bool {
				before := x.refused.Load()
				x.until(50)
				return x.refused.Load() == before
			})
			x.stop()
			t.Logf("%d messages, of which %d were refused, %d while it lasted", x.sent.Load(), x.refused.Load(), refused)
			if fault.lasts > 0 && refused == 0 {
				t.Error("nothing was refused: the fault was not there")
			}
			x.requireUsers()
			u.caughtUp()
		})
	}
	ann := d.user("ann")
	d.group("Designers", ann)
	u.caughtUp()
	if !u.allowed(ann, "designer") {
		t.Error("access is not what it should be")
	}
}
