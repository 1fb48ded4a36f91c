package e2e

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/test/kit"
)

// A gateway is frozen with fresh leases, something is revoked through the other gateway, and requests are sent to the
// frozen one. When it wakes it refuses them all, and what is still good gets in.
// Invariant 4.
func TestAFrozenGatewayLetsNothingInWhenItWakes(t *testing.T) {
	t.Parallel()
	p := twoGateways(t, time.Second)
	p.redis = kit.StartRedis(t).URL()
	p.each = map[string][]string{"gateway-2": {"USHER_REDIS_URL="}} // the frozen one hears of no revocation, and its leases have to run out
	u := deploy(t, p)
	frozen, process := u.gateway(1), u.processes["gateway-2"]

	good := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String("good")}}).at(frozen)
	good.send("GET", "/Users?count=1", "", http.StatusOK)
	for _, c := range []struct {
		name string
		end  func(d *directory, key string)
	}{
		{"a key is revoked", func(d *directory, key string) { d.revokeKey(key) }},
		{"a directory is deleted", func(d *directory, _ string) { d.delete() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := u.newDirectory(&directoryv1.CreateDirectoryRequest{Directory: &directoryv1.Directory{DisplayName: proto.String(c.name)}})
			with, key := whole.newKey()
			bad := with.at(frozen)
			bad.send("GET", "/Users?count=1", "", http.StatusOK)
			const many = 8
			idle := warm(t, bad, many)
			fresh := *bad
			fresh.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			// Some of these are under way when it freezes.
			load := startClients(t, 0, listing, bad, bad, bad, bad)
			begun := time.Now()
			eventually(t, "the load is under way", func() bool { return len(load.since(begun, bad)) >= 20 })

			process.freeze()
			c.end(whole, key)
			answered := time.Now()
			var late []<-chan sent
			for _, d := range []*directory{idle, &fresh, good} {
				for range many {
					late = append(late, written(t, d))
				}
			}
			process.thaw()

			for _, request := range late {
				s, want := <-request, http.StatusUnauthorized
				if s.to == good {
					want = http.StatusOK
				}
				if s.err != nil || s.status != want {
					t.Errorf("of what was sent while it was frozen one got %d, want %d: %v", s.status, want, s.err)
				}
			}
			eventually(t, "much was sent afterwards", func() bool { return len(load.since(answered, bad)) >= 20 })
			load.end()
			for _, s := range load.since(answered, bad) {
				if s.err != nil || s.status != http.StatusUnauthorized {
					t.Errorf("what was sent afterwards got %d: %v", s.status, s.err)
				}
			}
		})
	}

	t.Run("a service credential is revoked", func(t *testing.T) {
		s := u.service(&directoryv1.CreateServiceCredentialRequest{ServiceCredential: &directoryv1.ServiceCredential{OrganizationIds: []string{demo}}})
		outgoing := make(payloads, 1000)
		dial := func() *grpc.ClientConn {
			conn, err := grpc.NewClient("dns:///"+frozen.addrs.GRPC,
				grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStatsHandler(outgoing))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		call := func(ctx context.Context, conn *grpc.ClientConn) error {
			_, err := rulev1.NewTenantServiceClient(conn).ListTenants(ctx, &rulev1.ListTenantsRequest{OrganizationId: demo}, grpc.WaitForReady(true))
			return err
		}
		idle := dial()
		if err := call(s.ctx(), idle); err != nil {
			t.Fatal(err)
		}
		watch, err := rulev1.NewAccessServiceClient(idle).WatchAccess(s.ctx(), &rulev1.WatchAccessRequest{OrganizationId: demo})
		if err != nil {
			t.Fatal(err)
		}
		process.freeze()
		if _, err := u.credentials().RevokeServiceCredential(u.ctx(), &directoryv1.RevokeServiceCredentialRequest{Id: s.id}); err != nil {
			t.Fatal(err)
		}
		for len(outgoing) > 0 {
			<-outgoing
		}
		const many = 8
		late, operators := make(chan error, 2*many), make(chan error, many)
		for range many {
			go func() { late <- call(s.ctx(), idle) }()
			go func() { operators <- call(u.ctx(), idle) }()
		}
		for range 2 * many {
			<-outgoing // it is on its way
		}
		for range many {
			go func() { late <- call(s.ctx(), dial()) }()
		}
		process.thaw()
		for range 2 * many {
			requireReason(t, "a call that was sent while it was frozen", <-late, fault.Unauthenticated)
		}
		for range many {
			if err := <-operators; err != nil {
				t.Errorf("the operator: %v", err)
			}
		}
		for err = nil; err == nil; {
			_, err = watch.Recv()
		}
		requireReason(t, "the watch", err, fault.Unauthenticated)
	})
}

// warm is the directory with so many connections of its own that are open and idle.
func warm(t *testing.T, d *directory, connections int) *directory {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	t.Cleanup(transport.CloseIdleConnections)
	other := *d
	other.http = &http.Client{Transport: transport}
	var all sync.WaitGroup
	for range connections {
		all.Go(func() { other.send("GET", "/Users?count=1", "", http.StatusOK) })
	}
	all.Wait()
	return &other
}

// written sends a request, and returns once all of it has been handed to the system.
func written(t *testing.T, d *directory) <-chan sent {
	t.Helper()
	out, ended := make(chan struct{}), make(chan sent, 1)
	var once sync.Once
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { once.Do(func() { close(out) }) },
	})
	go func() {
		s := sent{to: d, start: time.Now()}
		a, err := d.try(ctx, "GET", "/Users?count=1", "")
		s.status, s.err = a.status, err
		ended <- s
	}()
	select {
	case <-out:
	case <-time.After(30 * time.Second):
		t.Fatal("a request could not be sent")
	}
	return ended
}

// payloads tells of each request that a gRPC connection sends.
type payloads chan struct{}

func (p payloads) HandleRPC(_ context.Context, event stats.RPCStats) {
	if _, ok := event.(*stats.OutPayload); ok {
		p <- struct{}{}
	}
}
func (payloads) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (payloads) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (payloads) HandleConn(context.Context, stats.ConnStats)                       {}
