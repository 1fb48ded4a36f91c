package rule_test

import (
	"sync/atomic"
	"testing"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/rule"
)

// A rule sync of many users runs in pages between which changes are dealt with, of its own organization and of others, also
// where one worker has them all: nobody waits for its end.
func TestALargeSyncDelaysNobody(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]func(*rule.Config){"SQLite": func(*rule.Config) {}, "PostgreSQL": onPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const users = 3000
			b := newBench(t, engine, func(c *rule.Config) { c.Workers, c.SyncPageSize = 1, 1 })
			b.valueRule("dev", "developer")
			var all []string
			for range users {
				all = append(all, b.identity.AddUser(acme, b.dir))
			}
			b.caughtUp()
			const other = "other"
			b.must(b.tenants.CreateTenant(b.ctx(), &rulev1.CreateTenantRequest{OrganizationId: other, Id: tenant}))
			b.must(b.rules.CreateRule(b.ctx(), &rulev1.CreateRuleRequest{OrganizationId: other, Rule: &rulev1.Rule{
				DisplayName: "dev", Enabled: true, Match: &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: "dev"}},
				Grants: []*rulev1.Grant{{TenantId: tenant, RoleId: "developer"}},
			}}))
			elsewhere := b.identity.AddUser(other, "directory-2")

			var pages atomic.Int32
			begun := make(chan struct{})
			b.identity.Before(func(rpc string) error {
				if rpc == "ListUserIds" && pages.Add(1) == 2 {
					close(begun)
				}
				return nil
			})
			started, err := b.syncs.StartSync(b.ctx(), &rulev1.StartSyncRequest{OrganizationId: acme})
			b.must(started, err)
			<-begun
			// The last that the sync would come to, and somebody whom it does not concern.
			for organization, user := range map[string]string{acme: all[users-1], other: elsewhere} {
				b.identity.SetRoles(user, "dev")
				b.must(b.access.WaitUntilCaughtUp(b.ctx(), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: organization}))
				r, err := b.access.CheckAccess(b.ctx(), &rulev1.CheckAccessRequest{
					OrganizationId: organization, UserId: user, TenantId: tenant, RoleId: "developer",
				})
				b.must(r, err)
				if !r.GetAllowed() {
					t.Errorf("%s: the change has had no effect", organization)
				}
			}
			r, err := b.syncs.CancelSync(b.ctx(), &rulev1.CancelSyncRequest{OrganizationId: acme, Id: started.GetSync().GetId()})
			b.must(r, err)
			t.Logf("the sync had come to %d of %d users", r.GetSync().GetUsersDone(), users)
			if r.GetSync().GetUsersDone() >= users {
				t.Error("the changes waited for the sync")
			}
		})
	}
}
