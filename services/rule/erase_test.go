package rule_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
)

// writes are calls that write to an organization.
var writes = map[string]func(b *bundle) error{
	"a tenant": func(b *bundle) error {
		return second(b.tenants.CreateTenant(b.ctx(), &rulev1.CreateTenantRequest{OrganizationId: acme, Tenant: &rulev1.Tenant{Id: "late"}}))
	},
	"a rule": func(b *bundle) error {
		return second(b.rules.CreateRule(b.ctx(), &rulev1.CreateRuleRequest{OrganizationId: acme, Rule: &rulev1.Rule{
			Match: &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: "v"}}, Grants: grants("organization-admin"),
		}}))
	},
	"a grant":      func(b *bundle) error { return second(b.grant(b.identity.AddUser(acme, b.dir), "organization-admin")) },
	"a suspension": func(b *bundle) error { return second(b.suspend(b.ctx(), b.identity.AddUser(acme, b.dir))) },
	"a sync": func(b *bundle) error {
		return second(b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme}))
	},
	"a setting": func(b *bundle) error {
		return second(b.access.UpdateAccessSettings(b.ctx(), &rulev1.UpdateAccessSettingsRequest{
			OrganizationId: acme, Settings: &rulev1.AccessSettings{WhenUnknown: rulev1.WhenUnknown_WHEN_UNKNOWN_SUSPEND},
		}))
	},
	"waiting for what will not come": func(b *bundle) error {
		return second(b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme}))
	},
}

func second[T any](_ T, err error) error { return err }

func TestAnOrganizationIsErasedAndItsIdIsFree(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) []*bundle{
		"SQLite": func(t *testing.T) []*bundle { return []*bundle{setup(t, slowUserRetries)} },
		"two processes on PostgreSQL": func(t *testing.T) []*bundle {
			b := setup(t, onPostgres(t), slowUserRetries)
			return []*bundle{b, b.beside()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			erased(t, start(t))
		})
	}
}

// erased erases an organization with several processes on one database.
func erased(t *testing.T, processes []*bundle) {
	b := processes[0]
	start := b.cursor()
	b.valueRule("dev", "developer", "designer")
	b.groupRule("Admins", "organization-admin")
	var users []string
	for range 5 {
		user := b.identity.AddUser(acme, b.dir)
		b.identity.SetRoles(user, "dev")
		users = append(users, user)
	}
	group := b.identity.AddGroup(acme, b.dir, "Admins", users[0])
	b.caughtUp()
	b.must(b.grant(users[1], "participant"))
	b.must(b.suspend(b.ctx(), users[2]))
	b.identity.SetBeyond(users[3], "too many groups")
	b.identity.SetRoles(users[3], "other")
	b.setAside()
	b.must(b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme}))
	b.must(b.tenants.CreateTenant(b.ctx(), &rulev1.CreateTenantRequest{OrganizationId: "other", Tenant: &rulev1.Tenant{Id: "theirs"}}))
	var before []string
	for _, a := range b.list("") {
		if a.GetEffective() {
			before = append(before, a.GetUserId()+" "+a.GetRoleId())
		}
	}
	// A transaction that was open meanwhile, of anybody, can delay records: the last one is that of the suspension.
	b.eventually("the feed has reported everything until now", func() bool {
		return slices.ContainsFunc(b.changes(start), func(c *rulev1.AccessChange) bool {
			return c.GetUserId() == users[2] && c.GetKind() == rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_REMOVED
		})
	})
	cursor := b.cursor()

	b.erasures.Erase(acme, time.Now())
	b.eventually("the service has confirmed that it keeps nothing", func() bool { return b.erasures.Confirmed(acme) })
	// On PostgreSQL, a transaction that began before a record, by anybody, delays that record while it is open.
	var removed []string
	b.eventually("the feed has reported what was held", func() bool {
		removed = nil
		for _, c := range b.changes(cursor) {
			if c.GetKind() != rulev1.AccessChangeKind_ACCESS_CHANGE_KIND_REMOVED || c.GetMessageId() != "" {
				t.Errorf("the feed tells %v", c)
			}
			removed = append(removed, c.GetUserId()+" "+c.GetRoleId())
		}
		return len(removed) >= len(before)
	})
	if !slices.Equal(sorted(removed), sorted(before)) || len(before) < 9 {
		t.Errorf("removed were %q, and held before %q", removed, before)
	}
	for _, user := range users {
		b.holds(user)
	}
	requireEmpty(b)
	for range 2 { // also after a restart
		for _, p := range processes {
			for what, write := range writes {
				err := write(p)
				if p.refused(fault.Erasing, nil, err); status.Code(err) != codes.FailedPrecondition {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
		processes[len(processes)-1].stop()
		processes[len(processes)-1].start()
	}
	// Identity's records of the organization cause no work, and no failure.
	for _, user := range users {
		b.identity.DeleteUser(user)
	}
	b.identity.DeleteGroup(group)
	b.erasures.End(acme)
	b.eventually("the id is free", func() bool {
		_, err := b.tenants.CreateTenant(b.ctx(), &rulev1.CreateTenantRequest{OrganizationId: acme, Tenant: &rulev1.Tenant{Id: tenant}})
		if err != nil {
			b.refused(fault.Erasing, nil, err)
		}
		return err == nil
	})
	b.valueRule("dev", "developer")
	newcomer := b.identity.AddUser(acme, b.dir)
	b.identity.SetRoles(newcomer, "dev")
	b.identity.AddGroup(acme, b.dir, "Admins", newcomer)
	for _, p := range processes {
		p.caughtUp()
		p.holds(newcomer, "developer")
		for _, user := range users {
			p.holds(user)
		}
		if n := p.failures(); n > 0 {
			t.Errorf("%d pieces of work failed", n)
		}
	}
	if all := b.list(""); len(all) != 1 {
		t.Errorf("access is %v", all)
	}
	theirs, err := b.tenants.ListTenants(b.ctx(), &rulev1.ListTenantsRequest{OrganizationId: "other"})
	if err != nil || len(theirs.GetTenants()) != 1 {
		t.Errorf("another organization's tenants are %v: %v", theirs, err)
	}
}

// requireEmpty fails the test unless all reads of acme find nothing.
func requireEmpty(b *bundle) {
	b.t.Helper()
	ctx := b.ctx()
	count := func(n int, err error) {
		b.t.Helper()
		if err != nil || n > 0 {
			b.t.Errorf("there are %d: %v", n, err)
		}
	}
	tenants, err := b.tenants.ListTenants(ctx, &rulev1.ListTenantsRequest{OrganizationId: acme})
	count(len(tenants.GetTenants()), err)
	rules, err := b.rules.ListRules(ctx, &rulev1.ListRulesRequest{OrganizationId: acme})
	count(len(rules.GetRules()), err)
	syncs, err := b.syncs.ListSyncs(ctx, &rulev1.ListSyncsRequest{OrganizationId: acme})
	count(len(syncs.GetSyncs()), err)
	suspended, err := b.access.ListSuspensions(ctx, &rulev1.ListSuspensionsRequest{OrganizationId: acme})
	count(len(suspended.GetSuspensions()), err)
	count(len(b.list("")), nil)
}

// failures returns how many pieces of work failed since the start of the service.
func (b *bundle) failures() (sum int64) {
	b.t.Helper()
	var all metricdata.ResourceMetrics
	if err := b.metrics.Collect(context.Background(), &all); err != nil {
		b.t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if data, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "usher_rule_turn_failures_total" {
				for _, point := range data.DataPoints {
					sum += point.Value
				}
			}
		}
	}
	return sum
}
