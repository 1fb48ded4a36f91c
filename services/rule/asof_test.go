package rule_test

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/rule/internal/identitytest"
)

func (b *bundle) asOf(organization, user string) time.Time {
	b.t.Helper()
	check := func() *rulev1.CheckAccessResponse {
		r, err := b.access.CheckAccess(b.ctx(), &rulev1.CheckAccessRequest{OrganizationId: organization, UserId: user, TenantId: tenant, RoleId: "developer"})
		b.must(r, err)
		return r
	}
	r := check()
	list, err := b.access.ListAccess(b.ctx(), &rulev1.ListAccessRequest{OrganizationId: organization, UserId: user})
	b.must(list, err)
	// A user who was set aside meanwhile has the AsOf of the beginning of that batch.
	if list.GetAsOfTime().AsTime().Before(r.GetAsOfTime().AsTime()) && check().GetUnknown() == r.GetUnknown() {
		b.t.Fatalf("a later list is as of %v, a check as of %v", list.GetAsOfTime(), r.GetAsOfTime())
	}
	return r.GetAsOfTime().AsTime()
}

// goesOn fails the test unless the AsOf of a user's access advances by itself.
func (b *bundle) goesOn(organization, user string) {
	b.t.Helper()
	from := time.Now()
	b.eventually("the time has gone on", func() bool { return b.asOf(organization, user).After(from) })
}

// standsStill runs fn, and fails the test if the AsOf of a user's access advances before other's does.
func (b *bundle) standsStill(user string, fn func()) {
	b.t.Helper()
	still := b.asOf(acme, user)
	fn()
	now := b.asOf(acme, user)
	if now.Before(still) {
		b.t.Fatalf("the time went back from %v to %v", still, now)
	}
	mark := time.Now()
	b.eventually("the gauge has grown", func() bool { return b.oldestChange() > time.Since(mark) && time.Since(mark) > 50*time.Millisecond })
	if again := b.asOf(acme, user); !again.Equal(now) {
		b.t.Fatalf("the time went on from %v to %v", now, again)
	}
}

// oldestChange returns the value of the gauge with that name.
func (b *bundle) oldestChange() time.Duration {
	b.t.Helper()
	var all metricdata.ResourceMetrics
	b.must(nil, b.metrics.Collect(b.t.Context(), &all))
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if gauge, ok := m.Data.(metricdata.Gauge[float64]); ok && m.Name == "usher_rule_oldest_change_age_seconds" {
				return time.Duration(gauge.DataPoints[0].Value * float64(time.Second))
			}
		}
	}
	b.t.Fatal("there is no such gauge")
	return 0
}

func TestAnswersHaveAnAsOf(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.valueRule("v", "developer")
	user := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	b.goesOn(acme, user)
	b.goesOn("never heard of", user)

	t.Run("it does not advance while the organization's changes wait", func(t *testing.T) {
		b.standsStill(user, func() {
			b.identity.Before(func(rpc string) error {
				if rpc == "StreamUserFacts" {
					return identitytest.Unavailable()
				}
				return nil
			})
			b.identity.SetRoles(user, "v")
			b.eventually("the change waits", func() bool {
				from := b.asOf(acme, user)
				return from.Before(time.Now().Add(-60 * time.Millisecond))
			})
		})
		b.goesOn("other", user)
		b.identity.Before(nil)
		b.caughtUp()
		b.goesOn(acme, user)
	})
	t.Run("it does not advance while an open transaction delays identity's feed", func(t *testing.T) {
		b.identity.Delay(true)
		b.standsStill(user, func() {
			b.eventually("it is delayed", func() bool { return b.asOf(acme, user).Before(time.Now().Add(-60 * time.Millisecond)) })
		})
		b.identity.Delay(false)
		b.goesOn(acme, user)
	})
	t.Run("it does not advance while identity is unreachable", func(t *testing.T) {
		b.identity.Before(func(string) error { return identitytest.Unavailable() })
		b.standsStill(user, func() {
			b.eventually("identity is away", func() bool { return b.asOf(acme, user).Before(time.Now().Add(-60 * time.Millisecond)) })
		})
		b.identity.Before(nil)
		b.goesOn(acme, user)
	})
	t.Run("it advances after a restart, even in an organization without changes", func(t *testing.T) {
		before := b.asOf(acme, user)
		b.stop()
		b.start()
		if now := b.asOf(acme, user); now.After(time.Now()) || now.Before(before.Add(-time.Minute)) {
			t.Fatalf("after the restart it is %v", now)
		}
		b.goesOn(acme, user)
		b.goesOn("never heard of", user)
	})
}
