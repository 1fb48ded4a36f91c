package core_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/rule/internal/core"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
	"github.com/usher-scim/usher/services/rule/internal/remote"
	"github.com/usher-scim/usher/services/rule/internal/store"
)

// interrupted lets something happen right after a user was read for a call that carries the mark.
type interrupted struct {
	core.Identity
	then func()
}

type mark struct{}

func (i *interrupted) Users(ctx context.Context, organizationID string, ids, filters []string) (map[string]core.User, error) {
	users, err := i.Identity.Users(ctx, organizationID, ids, filters)
	if then := i.then; then != nil && ctx.Value(mark{}) != nil {
		i.then = nil
		then()
	}
	return users, err
}

// A detached user is adopted, and reconciled, between the look of a revocation and its write. Its rules give it access
// again, so the revocation must leave what they gave.
func TestARevocationThatAnAdoptionOvertakesTakesNothingOfRules(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	channel, err := rpc.NewInProcess(slog.New(slog.DiscardHandler), tracenoop.NewTracerProvider())
	if err != nil {
		t.Fatal(err)
	}
	identity := identitytest.New()
	identity.Register(channel)
	s := openSQLite(t)
	reads := &interrupted{Identity: remote.NewIdentity(channel.As(commonv1.Caller_CALLER_RULE))}
	c, err := core.New(core.Config{
		Workers: 1, BatchSize: 10, BatchesPerTurn: 1, SyncPageSize: 10, LeaseDuration: time.Second, CallTimeout: 5 * time.Second,
		RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond, BookmarkEvery: time.Second, SweepEvery: 100 * time.Millisecond,
		FeedRetention: time.Hour, RecheckInterval: 10 * time.Millisecond,
	}, s, reads, &choosy{}, slog.New(slog.DiscardHandler), tracenoop.NewTracerProvider(), noop.NewMeterProvider(), time.Now)
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
	_, err = c.CreateTenant(ctx, acme, "prod", "")
	must(err)
	grant := store.Grant{TenantID: "prod", RoleID: "designer"}
	_, err = c.CreateRule(ctx, store.Rule{
		OrganizationID: acme, Enabled: true, Match: store.Match{Kind: store.MatchGroup, Value: "Designers"}, Grants: []store.Grant{grant},
	})
	must(err)
	user := identity.AddUser(acme, "d1")
	group := identity.AddGroup(acme, "d1", "Designers", user)
	caughtUp()
	identity.Detach("d1")
	caughtUp()
	reads.then = func() {
		identity.Adopt(group, "d2")
		identity.Adopt(user, "d2")
		caughtUp()
	}
	_, err = c.RevokeAccess(context.WithValue(ctx, mark{}, true), acme, user, grant)
	must(err)
	if reads.then != nil {
		t.Fatal("the adoption did not come in between")
	}
	caughtUp()
	allowed, err := c.CheckAccess(ctx, acme, user, grant)
	must(err)
	if !allowed {
		t.Error("the user is in the group and its rule gives nothing")
	}
}
