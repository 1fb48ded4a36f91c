// Package revocation tests that a key that was revoked lets nobody in, whatever Redis and the clocks do: with the real
// directory service, several gateways' caches of keys, and a real Redis between them.
package revocation

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	"github.com/usher-scim/usher/services/directory"
	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/rediskv"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const organization = "acme"

// world is a directory service and two gateways' caches. Each reaches Redis over a network of its own.
type world struct {
	t       *testing.T
	redis   *kit.RedisServer
	admin   *redis.Client // behind the scenes
	channel *rpc.InProcess
	keys    directoryv1.ApiKeyServiceClient
	client  *rediskv.Client // directory's
	network *kit.Proxy      // directory's

	directoryID  string
	good, doomed *directoryv1.CreateApiKeyResponse
	old          string // what Redis had on the doomed one
	gateways     []*node
}

// node is one gateway's cache, with its clocks.
type node struct {
	network *kit.Proxy
	client  *rediskv.Client
	cache   *keylease.Cache
	ahead   atomic.Int64 // of its time of day before the real one, in nanoseconds
	halted  atomic.Bool  // its monotonic clock stands still
	start   time.Time
}

func (n *node) now() time.Time { return time.Now().Add(time.Duration(n.ahead.Load())) }

func (n *node) elapsed() time.Duration {
	if n.halted.Load() {
		return time.Second
	}
	return time.Second + time.Since(n.start)
}

// newWorld makes it; wait is for how long revocations take: leases are a fifth shorter.
func newWorld(t *testing.T, wait time.Duration) *world {
	t.Helper()
	w := &world{t: t, redis: kit.StartRedis(t)}
	options, err := redis.ParseURL(w.redis.URL())
	must(t, err)
	w.admin = redis.NewClient(options)
	t.Cleanup(func() { _ = w.admin.Close() })
	w.channel, err = rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: tracenoop.NewTracerProvider()})
	must(t, err)
	w.client, w.network = w.connect()
	service, err := directory.New(t.Context(), directory.Config{
		Settings: directory.Defaults(), DatabasePath: filepath.Join(t.TempDir(), "directory.db"), PublicURL: "https://usher.test", AdminURL: "https://admin.usher.test", Lease: wait * 4 / 5, ClockSkew: wait / 5,
	}, directory.Dependencies{Invalidate: w.client.Invalidate, Tracing: tracenoop.NewTracerProvider(), Now: time.Now})
	must(t, err)
	t.Cleanup(func() { must(t, service.Close()) })
	service.Register(w.channel)
	conn := w.channel.As(commonv1.Caller_CALLER_GATEWAY)
	w.keys = directoryv1.NewApiKeyServiceClient(conn)
	for range 2 {
		n := &node{start: time.Now()}
		n.client, n.network = w.connect()
		n.cache = keylease.FromDirectory(conn, n.client.Leases(), slog.New(slog.DiscardHandler), n.now, keylease.WithElapsed(n.elapsed))
		ctx, cancel := context.WithCancel(context.Background())
		var following sync.WaitGroup
		following.Go(func() { _ = n.client.Follow(ctx, n.cache.Invalidate) })
		t.Cleanup(func() {
			cancel()
			following.Wait()
			n.cache.Close()
		})
		w.gateways = append(w.gateways, n)
	}
	_, err = directoryv1.NewOrganizationServiceClient(conn).CreateOrganization(w.operator(),
		&directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: organization, Federated: proto.Bool(true)}})
	must(t, err)
	made, err := directoryv1.NewDirectoryServiceClient(conn).CreateDirectory(w.operator(),
		&directoryv1.CreateDirectoryRequest{OrganizationId: organization, ReplaceNone: true, Directory: &directoryv1.Directory{DisplayName: proto.String("x")}})
	must(t, err)
	w.directoryID = made.GetDirectory().GetId()
	w.good, w.doomed = w.key(), w.key()
	return w
}

// connect opens a client of Redis over a network of its own.
func (w *world) connect() (*rediskv.Client, *kit.Proxy) {
	w.t.Helper()
	network := kit.StartProxy(w.t, "unix", w.redis.Path())
	client, err := rediskv.Open(w.t.Context(), rediskv.Config{URL: "redis://" + network.Addr(), Probe: 20 * time.Millisecond},
		rediskv.Dependencies{Log: slog.New(slog.DiscardHandler), Tracing: tracenoop.NewTracerProvider(), Meter: metricnoop.NewMeterProvider()})
	must(w.t, err)
	w.t.Cleanup(func() { must(w.t, client.Close()) })
	return client, network
}

func (w *world) operator() context.Context {
	return rpc.WithPrincipal(w.t.Context(), rpc.Operator("operator"))
}

func (w *world) key() *directoryv1.CreateApiKeyResponse {
	w.t.Helper()
	made, err := w.keys.CreateApiKey(w.operator(), &directoryv1.CreateApiKeyRequest{OrganizationId: organization, DirectoryId: w.directoryID, ApiKey: &directoryv1.ApiKey{DisplayName: "x"}})
	must(w.t, err)
	return made
}

func (w *world) revoke(key *directoryv1.CreateApiKeyResponse) {
	w.t.Helper()
	if _, err := w.keys.RevokeApiKey(w.operator(), &directoryv1.RevokeApiKeyRequest{
		OrganizationId: organization, DirectoryId: w.directoryID, Id: key.GetApiKey().GetId(),
	}); err != nil {
		w.t.Error(err)
	}
}

// opens says whether a gateway lets a key in.
func (n *node) opens(key *directoryv1.CreateApiKeyResponse) (bool, error) {
	lease, err := n.cache.Lookup(context.Background(), digest(key))
	return err == nil && !lease.Unknown, err
}

// knocking has both keys tried at each gateway, over and over, until end is called. The good one gets in: it is never
// refused, and "not now" is what at most a tenth of the tries are told, on a machine too busy for such short leases. The
// doomed one may get in until it is revoked; no try that begins later may.
func (w *world) knocking() (revoked *atomic.Bool, end func()) {
	revoked = &atomic.Bool{}
	ctx, cancel := context.WithCancel(context.Background())
	var trying sync.WaitGroup
	for i, n := range w.gateways {
		trying.Go(func() {
			every := time.NewTicker(time.Millisecond)
			defer every.Stop()
			tries, notNow := 0, 0
			for ; ctx.Err() == nil; tries++ {
				in, err := n.opens(w.good)
				switch {
				case fault.Is(err, fault.Unavailable):
					notNow++
				case !in || err != nil:
					w.t.Errorf("gateway %d keeps a good key out: %v", i, err)
					return
				}
				late := revoked.Load()
				if in, err := n.opens(w.doomed); in && late || err != nil && !fault.Is(err, fault.Unavailable) {
					w.t.Errorf("gateway %d lets a revoked key in: %v, %v", i, in, err)
					return
				}
				<-every.C
			}
			if 10*notNow > tries {
				w.t.Errorf("gateway %d could not tell in %d of %d tries", i, notNow, tries)
			}
		})
	}
	return revoked, func() {
		cancel()
		trying.Wait()
	}
}

func digest(key *directoryv1.CreateApiKeyResponse) keylease.Digest {
	secret, _ := bearer.APIKey.Parse(key.GetSecret())
	return secret.Digest()
}

// until polls.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline, every := time.After(20*time.Second), time.NewTicker(time.Millisecond)
	defer every.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Errorf("it never came about that %s", what)
			return
		case <-every.C:
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// leaseKey is where Redis has a key's lease.
func leaseKey(key *directoryv1.CreateApiKeyResponse) string {
	return fmt.Sprintf("usher:lease:%x", digest(key))
}

// shortWait is for how long revocations take, where a test need not wait for the default.
const shortWait = time.Second

// mishap is what happens around a revocation.
type mishap struct {
	wait                  time.Duration // for how long revocations take; 0: shortWait
	before, during, after func(w *world)
}

// Invariant 4.
func TestARevokedKeyLetsNobodyInWhateverHappens(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]mishap{
		"nothing":                      {},
		"Redis is killed":              {before: func(w *world) { w.redis.Stop() }, after: func(w *world) { w.redis.Restart() }},
		"Redis is restarted empty":     {before: func(w *world) { w.redis.Restart() }},
		"Redis is restarted meanwhile": {during: func(w *world) { w.redis.Restart() }},
		"Redis is frozen":              {before: func(w *world) { w.redis.Freeze() }, after: func(w *world) { w.redis.Thaw() }},
		"Redis is frozen and thaws meanwhile": {
			before: func(w *world) { w.redis.Freeze() },
			during: func(w *world) {
				until(w.t, "directory gives it up", func() bool { return !w.client.Up() })
				w.redis.Thaw()
			},
		},
		"Redis is split from one gateway": {
			before: func(w *world) { w.gateways[1].network.Cut() }, after: func(w *world) { w.gateways[1].network.Mend() },
		},
		"Redis is split from directory": {before: func(w *world) { w.network.Cut() }, after: func(w *world) { w.network.Mend() }},
		"Redis is split from all": {
			before: func(w *world) {
				w.network.Cut()
				w.gateways[0].network.Cut()
				w.gateways[1].network.Cut()
			},
			after: func(w *world) {
				w.gateways[0].network.Mend()
				w.gateways[1].network.Mend()
			},
		},
		"an old copy of Redis comes back": {
			before: func(w *world) {
				until(w.t, "the lease is shared", func() bool {
					w.old = w.admin.Get(w.t.Context(), leaseKey(w.doomed)).Val()
					return w.old != ""
				})
			},
			after: func(w *world) { w.plant(w.doomed, w.old) },
		},
		"values are corrupted": {
			before: func(w *world) {
				w.plant(w.good, `{"Until":"9999-01-01T00:00:00Z"}`)
				w.plant(w.doomed, `{"Until":"9999-01-01T00:00:00Z"}`)
			},
			after: func(w *world) { w.plant(w.doomed, `{"DirectoryID":"d","KeyID`) },
		},
		"a gateway's clock is behind": {before: func(w *world) { w.gateways[1].ahead.Store(-int64(shortWait / 10)) }},
		"a gateway's clock is ahead":  {before: func(w *world) { w.gateways[1].ahead.Store(int64(shortWait / 10)) }},
		"a gateway was suspended":     {before: func(w *world) { w.gateways[1].halted.Store(true) }},
		// By default the wait is as long as no lease can be by the gateway's monotonic clock.
		"a gateway's clock was set back": {
			wait: keylease.MaxLease, before: func(w *world) { w.gateways[1].ahead.Store(-int64(time.Hour)) },
		},
		"a gateway's clock is set back meanwhile": {
			wait: keylease.MaxLease,
			during: func(w *world) {
				until(w.t, "directory has invalidated it", func() bool {
					return w.admin.Exists(w.t.Context(), leaseKey(w.doomed)).Val() == 0
				})
				w.gateways[1].ahead.Store(-int64(time.Hour))
			},
		},
		"clocks are apart and Redis is split from directory": {
			wait: keylease.MaxLease,
			before: func(w *world) {
				w.network.Cut()
				w.gateways[0].ahead.Store(-int64(2 * time.Second))
				w.gateways[1].ahead.Store(-int64(time.Hour))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if m.wait == 0 {
				m.wait = shortWait
			}
			w := newWorld(t, m.wait)
			for _, n := range w.gateways {
				if in, err := n.opens(w.doomed); !in {
					t.Fatalf("the key opens nothing at first: %v", err)
				}
			}
			revoked, end := w.knocking()
			w.happens(m.before)
			var meanwhile sync.WaitGroup
			meanwhile.Go(func() { w.happens(m.during) })
			w.revoke(w.doomed)
			revoked.Store(true)
			meanwhile.Wait()
			if m.after != nil {
				m.after(w)
				until(t, "all is well again", func() bool { return w.gateways[0].client.Up() && w.gateways[1].client.Up() })
				w.revoke(w.doomed) // for as long as a lease is
			}
			end()
			for i, n := range w.gateways {
				until(t, fmt.Sprintf("gateway %d lets the good key in", i), func() bool {
					in, _ := n.opens(w.good)
					return in
				})
				until(t, fmt.Sprintf("gateway %d keeps the revoked key out", i), func() bool {
					in, err := n.opens(w.doomed)
					if in {
						t.Errorf("gateway %d lets the revoked key in", i)
					}
					return err == nil
				})
			}
		})
	}
}

func (w *world) happens(what func(*world)) {
	if what != nil {
		what(w)
	}
}

// plant puts a value where a key's lease is.
func (w *world) plant(key *directoryv1.CreateApiKeyResponse, value string) {
	if err := w.admin.Set(w.t.Context(), leaseKey(key), value, time.Hour).Err(); err != nil {
		w.t.Error(err)
	}
}

// Where Redis works, a revocation is known everywhere long before it is answered.
func TestWordOfARevocationIsQuick(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keylease.MaxLease)
	until(t, "both follow", func() bool {
		return w.admin.PubSubNumSub(t.Context(), "usher:revocations").Val()["usher:revocations"] == 2
	})
	for _, n := range w.gateways {
		if in, err := n.opens(w.doomed); !in {
			t.Fatal(err)
		}
	}
	var revoking sync.WaitGroup
	answered := &atomic.Bool{}
	revoking.Go(func() {
		w.revoke(w.doomed)
		answered.Store(true)
	})
	for _, n := range w.gateways {
		until(t, "the key is out", func() bool {
			in, _ := n.opens(w.doomed)
			return !in
		})
	}
	if answered.Load() {
		t.Error("it was known no sooner than it was answered")
	}
	revoking.Wait()
}
