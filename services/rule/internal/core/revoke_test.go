package core_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/requestid"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
	"github.com/usher-scim/usher/services/rule/internal/remote"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// A detached user is adopted just before its access is revoked. Rules decide again about its access, so in the end the user holds what
// they give, whether or not rule has noticed the adoption. Nobody asks identity: it is unreachable.
func TestARevocationAfterAnAdoptionRemovesNoAccessFromRules(t *testing.T) {
	t.Parallel()
	for name, noticed := range map[string]bool{"noticed": true, "not noticed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			revokeAfterAdoption(t, noticed)
		})
	}
}

func revokeAfterAdoption(t *testing.T, noticed bool) {
	ctx := t.Context()
	channel, err := rpc.NewInProcess(rpc.Telemetry{Log: slog.New(slog.DiscardHandler), Tracing: tracenoop.NewTracerProvider()})
	if err != nil {
		t.Fatal(err)
	}
	identity := identitytest.New()
	identity.Register(channel)
	s := openSQLite(t)
	c, err := core.New(core.Config{Workers: 1, FeedRetention: time.Hour, Tuning: core.Tuning{
		BatchSize: 10, BatchesPerTurn: 1, SyncPageSize: 10, LeaseDuration: time.Second, CallTimeout: 5 * time.Second,
		RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond, BookmarkInterval: time.Second, SweepInterval: 100 * time.Millisecond,
		RecheckInterval: 10 * time.Millisecond, UserRetryDelay: time.Millisecond, MaxUserRetryDelay: time.Second,
	}}, s, remote.NewIdentity(channel.As(commonv1.Caller_CALLER_RULE)), &choosy{}, slog.New(slog.DiscardHandler), tracenoop.NewTracerProvider(), noop.NewMeterProvider(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- c.Run(running) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Stop()
	}()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	caughtUp := func() {
		t.Helper()
		_, err := c.WaitUntilCaughtUp(ctx, acme, identity.Cursor(), 5*time.Second)
		must(err)
	}
	_, err = c.CreateTenant(ctx, acme, "prod", "", requestid.Request{})
	must(err)
	grant := store.Grant{TenantID: "prod", RoleID: "designer"}
	_, err = c.CreateRule(ctx, store.Rule{
		OrganizationID: acme, Enabled: true, Match: store.Match{Kind: store.MatchGroup, Value: "Designers"}, Grants: []store.Grant{grant},
	}, requestid.Request{})
	must(err)
	user := identity.AddUser(acme, "d1")
	group := identity.AddGroup(acme, "d1", "Designers", user)
	caughtUp()
	identity.Detach(acme, "d1")
	caughtUp()
	allowed := func() bool {
		t.Helper()
		a, err := c.CheckAccess(ctx, acme, user, grant)
		must(err)
		return a.Allowed
	}
	if !allowed() {
		t.Fatal("the directory was deleted, and access went with it")
	}
	if noticed {
		identity.Adopt(group, "d2")
		identity.Adopt(user, "d2")
		caughtUp()
	}
	identity.Before(func(string) error { return identitytest.Unavailable() })
	if !noticed {
		identity.Adopt(group, "d2")
		identity.Adopt(user, "d2")
	}
	_, err = c.RevokeAccess(ctx, acme, user, grant, false)
	must(err)
	if allowed() != noticed {
		t.Errorf("after the revocation the user holds the role: %v", allowed())
	}
	identity.Before(nil)
	caughtUp()
	if !allowed() {
		t.Error("the user is in the group and its rule gives nothing")
	}
}
