package rediskv

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-scim/usher/services/internal/bearer"
	"github.com/usher-scim/usher/services/internal/keylease"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// heard collects what a follower was told to invalidate.
type heard struct {
	mu  sync.Mutex
	all map[keylease.Digest]bool
}

func (h *heard) invalidate(digests ...keylease.Digest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, digest := range digests {
		h.all[digest] = true
	}
}

func (h *heard) of(digest keylease.Digest) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[digest]
}

func (b *bundle) follow() *heard {
	h := &heard{all: map[keylease.Digest]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() {
		if err := b.Follow(ctx, h.invalidate); err != nil {
			b.t.Error(err)
		}
	})
	b.t.Cleanup(func() {
		cancel()
		following.Wait()
	})
	return h
}

func TestARevocationReachesFollowers(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	proxy := kit.StartProxy(t, "unix", server.Path())
	directory, near, far := open(t, server.URL(), impatient), open(t, server.URL(), impatient), open(t, "redis://"+proxy.Addr(), impatient)
	followers := map[string]*heard{"near": near.follow(), "far": far.follow()}
	// Each repeatedly announces its own keys: an announcement before the subscription reaches nobody.
	reaches := func(when, who string) {
		t.Helper()
		one, two := bearer.APIKey.New().Digest(), bearer.APIKey.New().Digest()
		until(t, who+" hears "+when, func() bool {
			directory.Invalidate(t.Context(), one, two)
			return followers[who].of(one) && followers[who].of(two)
		})
	}
	reaches("at first", "near")
	reaches("at first", "far")
	proxy.Cut()
	reaches("while the other is cut off", "near")
	unheard := bearer.APIKey.New().Digest()
	directory.Invalidate(t.Context(), unheard)
	proxy.Mend()
	reaches("after it was cut off", "far")
	if followers["far"].of(unheard) {
		t.Error("what was cut off was heard")
	}
	server.Restart()
	reaches("after a restart", "near")
	reaches("after a restart", "far")
	server.Freeze()
	directory.ask()
	directory.becomes(false)
	server.Thaw()
	directory.becomes(true)
	reaches("after it was frozen", "near")
	reaches("after it was frozen", "far")
}

func TestSilenceIsNoReasonToReconnect(t *testing.T) {
	t.Parallel()
	server := kit.StartRedis(t)
	admin := raw(t, server.URL())
	b := openWith(t, Config{URL: server.URL(), Timeout: patient, Probe: 300 * time.Millisecond})
	follower, first := b.follow(), bearer.APIKey.New().Digest()
	until(t, "it follows", func() bool {
		b.Invalidate(t.Context(), first)
		return follower.of(first)
	})
	says := func(args ...any) string {
		text, err := admin.Do(t.Context(), args...).Text()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	connection := func() string {
		id, _, _ := strings.Cut(says("client", "list", "type", "pubsub"), " ")
		return id
	}
	before := connection()
	until(t, "it asks twice", func() bool { return strings.Contains(says("info", "commandstats"), "cmdstat_ping:calls=2,") })
	if after := connection(); after != before {
		t.Errorf("the connection was %s and is %s", before, after)
	}
}

func TestARevocationDeletesSharedLeases(t *testing.T) {
	t.Parallel()
	b := open(t, kit.Redis(t), patient)
	digest := bearer.APIKey.New().Digest()
	b.Leases().Set(t.Context(), digest, of(time.Minute), b.Leases().Get(t.Context(), digest).Time.Add(time.Minute))
	if b.Leases().Get(t.Context(), digest).Left <= 0 {
		t.Fatal("it is not shared")
	}
	left, cancel := context.WithCancel(t.Context())
	cancel() // the revocation does not wait for the caller
	b.Invalidate(left, digest)
	if found := b.Leases().Get(t.Context(), digest); found.Left > 0 {
		t.Errorf("it is still shared: %+v", found)
	}
}
