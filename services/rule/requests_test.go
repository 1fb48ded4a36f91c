package rule_test

import (
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/secret"
	"github.com/usher-scim/usher/services/internal/test/kit"
	"github.com/usher-scim/usher/services/rule"
)

func TestACallThatIsRepeatedCreatesOnce(t *testing.T) {
	t.Parallel()
	onPostgres := func(c *rule.Config) {
		c.DatabasePath, c.DatabaseURL = "", secret.Text(kit.Postgres(t, "rule", rule.Migrate))
	}
	for engine, choose := range map[string]func(*rule.Config){"sqlite": func(*rule.Config) {}, "postgres": onPostgres} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := setup(t, choose)
			for what, create := range map[string]func(requestID, name string) (string, error){
				"tenant": func(requestID, name string) (string, error) {
					r, err := b.tenants.CreateTenant(b.ctx(), &rulev1.CreateTenantRequest{
						OrganizationId: acme, Tenant: &rulev1.Tenant{Id: name}, RequestId: requestID})
					return r.GetTenant().GetId(), err
				},
				"role": func(requestID, name string) (string, error) {
					r, err := b.roles.CreateRole(b.ctx(), &rulev1.CreateRoleRequest{Role: &rulev1.Role{Id: name}, RequestId: requestID})
					return r.GetRole().GetId(), err
				},
				"rule": func(requestID, name string) (string, error) {
					r, err := b.rules.CreateRule(b.ctx(), &rulev1.CreateRuleRequest{OrganizationId: acme, RequestId: requestID, Rule: &rulev1.Rule{
						Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: name}}, Grants: []*rulev1.Grant{{TenantId: tenant, RoleId: "developer"}},
					}})
					return r.GetRule().GetId(), err
				},
			} {
				requestID := ids.New()
				told, mu, calls := map[string]bool{}, sync.Mutex{}, sync.WaitGroup{}
				for range 4 {
					calls.Go(func() {
						id, err := create(requestID, "first")
						if err != nil {
							t.Errorf("%s: %v", what, err)
						}
						mu.Lock()
						defer mu.Unlock()
						told[id] = true
					})
				}
				calls.Wait()
				if len(told) != 1 {
					t.Errorf("%s: the answers tell of %v", what, told)
				}
				if _, err := create(requestID, "second"); rpc.Fault(err) == nil || rpc.Fault(err).Reason != fault.RequestIDReused {
					t.Errorf("%s for something else: %v", what, err)
				}
				b.late.Store(int64(25 * time.Hour))
				if _, err := create(requestID, "second"); err != nil {
					t.Errorf("%s a day later: %v", what, err)
				}
				b.late.Store(0)
			}
			rules, err := b.rules.ListRules(b.ctx(), &rulev1.ListRulesRequest{OrganizationId: acme})
			if b.must(rules, err); len(rules.GetRules()) != 2 {
				t.Errorf("there are the rules %v", rules)
			}
		})
	}
}

func TestASyncThatIsRepeatedStartsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	request := &rulev1.StartSyncRequest{OrganizationId: acme, RequestId: ids.New()}
	first, err := b.syncs.StartSync(b.ctx(), request)
	b.must(first, err)
	b.eventually("the sync has ended", func() bool {
		r, err := b.syncs.GetSync(b.ctx(), &rulev1.GetSyncRequest{OrganizationId: acme, Id: first.GetSync().GetId()})
		b.must(r, err)
		return r.GetSync().GetState() == rulev1.SyncState_SYNC_STATE_DONE
	})
	again, err := b.syncs.StartSync(b.ctx(), request)
	b.must(again, err)
	if again.GetSync().GetId() != first.GetSync().GetId() || again.GetSync().GetState() != rulev1.SyncState_SYNC_STATE_DONE {
		t.Errorf("the repetition tells of %v, and %v was started", again, first)
	}
}

func TestAnUpdateWithAnOldEtagIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refused := func(what string, err error) {
		t.Helper()
		if rpc.Fault(err) == nil || rpc.Fault(err).Reason != fault.Conflict {
			t.Errorf("%s: %v", what, err)
		}
	}
	read, err := b.tenants.GetTenant(b.ctx(), &rulev1.GetTenantRequest{OrganizationId: acme, Id: tenant})
	b.must(read, err)
	rename := func(etag, name string) error {
		_, err := b.tenants.UpdateTenant(b.ctx(), &rulev1.UpdateTenantRequest{
			OrganizationId: acme, Id: tenant, Tenant: &rulev1.Tenant{DisplayName: proto.String(name), Etag: etag}})
		return err
	}
	b.must(nil, rename(read.GetTenant().GetEtag(), "new"))
	refused("a tenant that has changed", rename(read.GetTenant().GetEtag(), "lost"))

	settings, err := b.access.GetAccessSettings(b.ctx(), &rulev1.GetAccessSettingsRequest{OrganizationId: acme})
	b.must(settings, err)
	set := func(etag string, when rulev1.WhenUnknown) error {
		_, err := b.access.UpdateAccessSettings(b.ctx(), &rulev1.UpdateAccessSettingsRequest{
			OrganizationId: acme, Settings: &rulev1.AccessSettings{WhenUnknown: when, Etag: etag}})
		return err
	}
	b.must(nil, set(settings.GetSettings().GetEtag(), rulev1.WhenUnknown_WHEN_UNKNOWN_SUSPEND))
	refused("settings that have changed", set(settings.GetSettings().GetEtag(), rulev1.WhenUnknown_WHEN_UNKNOWN_KEEP))

	// Usher sets the pins of a rule. They do not change what clients choose.
	made, err := b.rules.CreateRule(b.ctx(), &rulev1.CreateRuleRequest{OrganizationId: acme, Rule: &rulev1.Rule{
		Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: "later"}}, Grants: []*rulev1.Grant{{TenantId: tenant, RoleId: "developer"}}}})
	b.must(made, err)
	b.identity.AddGroup(acme, b.dir, "later")
	b.caughtUp()
	b.eventually("the rule has a pin", func() bool {
		r, err := b.rules.GetRule(b.ctx(), &rulev1.GetRuleRequest{OrganizationId: acme, Id: made.GetRule().GetId()})
		b.must(r, err)
		if r.GetRule().GetEtag() != made.GetRule().GetEtag() {
			t.Errorf("the etag of %v became that of %v", made, r)
		}
		return len(r.GetRule().GetGroup().GetPins()) == 1
	})
}
