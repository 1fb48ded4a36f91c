package rule_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	commonv1 "github.com/usher-scim/usher/gen/go/usher/common/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/ids"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/scope"
)

func TestBadRequestsAreRefusedWithTheirReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.identity.AddUser(acme, b.dir)
	b.caughtUp()
	existing := b.valueRule("v", "developer")
	before, err := b.rules.GetRule(b.ctx(), &rulev1.GetRuleRequest{OrganizationId: acme, Id: existing})
	b.must(before, err)
	missing := ids.New()
	group := func(name string, grants ...*rulev1.Grant) *rulev1.Rule {
		return &rulev1.Rule{Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: name}}, Grants: grants}
	}
	developer := &rulev1.Grant{TenantId: tenant, RoleId: "developer"}
	create := func(r *rulev1.Rule) func(context.Context) (any, error) {
		return func(ctx context.Context) (any, error) {
			return b.rules.CreateRule(ctx, &rulev1.CreateRuleRequest{OrganizationId: acme, Rule: r})
		}
	}
	update := func(r *rulev1.Rule, paths ...string) func(context.Context) (any, error) {
		return func(ctx context.Context) (any, error) {
			return b.rules.UpdateRule(ctx, &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: existing, Rule: r,
				UpdateMask: &fieldmaskpb.FieldMask{Paths: paths}})
		}
	}
	var many []*rulev1.Grant
	for range 101 {
		many = append(many, developer)
	}
	for _, c := range []struct {
		name   string
		reason fault.Reason
		call   func(ctx context.Context) (any, error)
	}{
		{"a tenant of what can be no organization", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.tenants.CreateTenant(ctx, &rulev1.CreateTenantRequest{OrganizationId: "No Slug", Tenant: &rulev1.Tenant{Id: "x"}})
		}},
		{"a tenant whose id is no slug", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.tenants.CreateTenant(ctx, &rulev1.CreateTenantRequest{OrganizationId: acme, Tenant: &rulev1.Tenant{Id: "-x"}})
		}},
		{"a tenant that is there", fault.AlreadyExists, func(ctx context.Context) (any, error) {
			return b.tenants.CreateTenant(ctx, &rulev1.CreateTenantRequest{OrganizationId: acme, Tenant: &rulev1.Tenant{Id: tenant}})
		}},
		{"reading a missing tenant", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.tenants.GetTenant(ctx, &rulev1.GetTenantRequest{OrganizationId: acme, Id: "none"})
		}},
		{"another organization's tenant", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.tenants.GetTenant(ctx, &rulev1.GetTenantRequest{OrganizationId: "other", Id: tenant})
		}},
		{"renaming a missing tenant", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.tenants.UpdateTenant(ctx, &rulev1.UpdateTenantRequest{OrganizationId: acme, Id: "none", Tenant: &rulev1.Tenant{DisplayName: proto.String("x")}})
		}},
		{"an update of a tenant without one", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.tenants.UpdateTenant(ctx, &rulev1.UpdateTenantRequest{OrganizationId: acme, Id: tenant})
		}},
		{"an update of a tenant to an empty name", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.tenants.UpdateTenant(ctx, &rulev1.UpdateTenantRequest{OrganizationId: acme, Id: tenant, Tenant: &rulev1.Tenant{DisplayName: proto.String("")}})
		}},
		{"deleting a missing tenant", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.tenants.DeleteTenant(ctx, &rulev1.DeleteTenantRequest{OrganizationId: acme, Id: "none"})
		}},
		{"deleting a tenant that a rule names", fault.TenantInUse, func(ctx context.Context) (any, error) {
			return b.tenants.DeleteTenant(ctx, &rulev1.DeleteTenantRequest{OrganizationId: acme, Id: tenant})
		}},
		{"tenants by a made-up page token", fault.PageToken, func(ctx context.Context) (any, error) {
			return b.tenants.ListTenants(ctx, &rulev1.ListTenantsRequest{OrganizationId: acme, PageToken: "x"})
		}},
		{"a negative page", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.tenants.ListTenants(ctx, &rulev1.ListTenantsRequest{OrganizationId: acme, PageSize: -1})
		}},
		{"a role that is there", fault.AlreadyExists, func(ctx context.Context) (any, error) {
			return b.roles.CreateRole(ctx, &rulev1.CreateRoleRequest{Role: &rulev1.Role{Id: "designer"}})
		}},
		{"a role of too high a rank", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.roles.CreateRole(ctx, &rulev1.CreateRoleRequest{Role: &rulev1.Role{Id: "x", Rank: 1000001}})
		}},
		{"reading a missing role", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.roles.GetRole(ctx, &rulev1.GetRoleRequest{Id: "none"})
		}},
		{"deleting a missing role", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.roles.DeleteRole(ctx, &rulev1.DeleteRoleRequest{Id: "none"})
		}},
		{"deleting a role that a rule names", fault.RoleInUse, func(ctx context.Context) (any, error) {
			return b.roles.DeleteRole(ctx, &rulev1.DeleteRoleRequest{Id: "developer"})
		}},
		{"deleting organization-admin", fault.RoleInUse, func(ctx context.Context) (any, error) {
			return b.roles.DeleteRole(ctx, &rulev1.DeleteRoleRequest{Id: "organization-admin"})
		}},
		{"no rule", fault.InvalidRequest, create(nil)},
		{"a rule that matches nobody", fault.InvalidRequest, create(&rulev1.Rule{Grants: []*rulev1.Grant{developer}})},
		{"a rule of an empty group name", fault.InvalidRequest, create(group("", developer))},
		{"a rule that gives nothing", fault.InvalidRequest, create(group("x"))},
		{"a rule that gives too much", fault.InvalidRequest, create(group("x", many...))},
		{"a rule that gives the same twice", fault.InvalidRequest, create(group("x", developer, developer))},
		{"a rule with too long a name", fault.InvalidRequest, create(&rulev1.Rule{DisplayName: proto.String(strings.Repeat("é", 201)),
			Match: group("x").GetMatch(), Grants: []*rulev1.Grant{developer}})},
		{"a rule of a missing role", fault.NotFound, create(group("x", &rulev1.Grant{TenantId: tenant, RoleId: "none"}))},
		{"a rule of a missing tenant", fault.NotFound, create(group("x", &rulev1.Grant{TenantId: "none", RoleId: "developer"}))},
		{"a rule of a tenant's role in the organization", fault.RoleScope, create(group("x", &rulev1.Grant{RoleId: "developer"}))},
		{"a rule of the organization's role in a tenant", fault.RoleScope, create(group("x", &rulev1.Grant{TenantId: tenant, RoleId: "organization-admin"}))},
		{"a rule of what can be no organization", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.rules.CreateRule(ctx, &rulev1.CreateRuleRequest{OrganizationId: "No Slug", Rule: group("x", developer)})
		}},
		{"reading a missing rule", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.rules.GetRule(ctx, &rulev1.GetRuleRequest{OrganizationId: acme, Id: missing})
		}},
		{"a rule id that is none", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.rules.GetRule(ctx, &rulev1.GetRuleRequest{OrganizationId: acme, Id: "x"})
		}},
		{"rules by a made-up page token", fault.PageToken, func(ctx context.Context) (any, error) {
			return b.rules.ListRules(ctx, &rulev1.ListRulesRequest{OrganizationId: acme, PageToken: "x"})
		}},
		{"an update of what no rule has", fault.InvalidRequest, update(group("x"), "create_time")},
		{"an update without a rule", fault.InvalidRequest, update(nil, "enabled")},
		{"an update of enabled that is not set", fault.InvalidRequest, update(&rulev1.Rule{}, "enabled")},
		{"an update to an empty name", fault.InvalidRequest, update(&rulev1.Rule{DisplayName: proto.String("")})},
		{"an update of a group that is not set", fault.InvalidRequest, update(&rulev1.Rule{}, "group")},
		{"an update of a role value by a group", fault.InvalidRequest, update(group("x"), "role_value")},
		{"an update of a filter by a group", fault.InvalidRequest, update(group("x"), "filter")},
		{"an update to a filter that is none", fault.InvalidRequest, update(filter("x y"), "filter")},
		{"an update to an empty group name", fault.InvalidRequest, update(group(""), "group")},
		{"an update to no grants", fault.InvalidRequest, update(&rulev1.Rule{}, "grants")},
		{"an update to too long a name", fault.InvalidRequest, update(&rulev1.Rule{DisplayName: proto.String(strings.Repeat("x", 201))}, "display_name")},
		{"an update to a missing role", fault.NotFound, update(&rulev1.Rule{Grants: []*rulev1.Grant{{TenantId: tenant, RoleId: "none"}}}, "grants")},
		{"an update to a role in the wrong place", fault.RoleScope, update(&rulev1.Rule{Grants: []*rulev1.Grant{{RoleId: "developer"}}}, "grants")},
		{"an update of what has changed", fault.Conflict, update(&rulev1.Rule{Enabled: proto.Bool(true), Etag: "another"}, "enabled")},
		{"an update of a missing rule", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.rules.UpdateRule(ctx, &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: missing, Rule: &rulev1.Rule{Enabled: proto.Bool(true)}})
		}},
		{"enabling a missing rule", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.rules.EnableRule(ctx, &rulev1.EnableRuleRequest{OrganizationId: acme, Id: missing})
		}},
		{"disabling a missing rule", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.rules.DisableRule(ctx, &rulev1.DisableRuleRequest{OrganizationId: acme, Id: missing})
		}},
		{"deleting a missing rule", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.rules.DeleteRule(ctx, &rulev1.DeleteRuleRequest{OrganizationId: acme, Id: missing})
		}},
		{"a sync of what can be no organization", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.syncs.StartSync(ctx, &rulev1.StartSyncRequest{OrganizationId: "No Slug"})
		}},
		{"reading a missing sync", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.syncs.GetSync(ctx, &rulev1.GetSyncRequest{OrganizationId: acme, Id: missing})
		}},
		{"cancelling a missing sync", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.syncs.CancelSync(ctx, &rulev1.CancelSyncRequest{OrganizationId: acme, Id: missing})
		}},
		{"syncs by a made-up page token", fault.PageToken, func(ctx context.Context) (any, error) {
			return b.syncs.ListSyncs(ctx, &rulev1.ListSyncsRequest{OrganizationId: acme, PageToken: "x"})
		}},
		{"checking a user that has no id", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.access.CheckAccess(ctx, &rulev1.CheckAccessRequest{OrganizationId: acme, UserId: "x", RoleId: "developer"})
		}},
		{"access by a made-up page token", fault.PageToken, func(ctx context.Context) (any, error) {
			return b.access.ListAccess(ctx, &rulev1.ListAccessRequest{OrganizationId: acme, PageToken: "x"})
		}},
		{"granting to a missing user", fault.NotFound, func(context.Context) (any, error) { return b.grant(missing, "developer") }},
		{"granting a missing role", fault.NotFound, func(context.Context) (any, error) { return b.grant(user, "none") }},
		{"granting in a missing tenant", fault.NotFound, func(ctx context.Context) (any, error) {
			return b.access.GrantAccess(ctx, &rulev1.GrantAccessRequest{OrganizationId: acme, UserId: user, TenantId: "none", RoleId: "developer"})
		}},
		{"granting a tenant's role in the organization", fault.RoleScope, func(ctx context.Context) (any, error) {
			return b.access.GrantAccess(ctx, &rulev1.GrantAccessRequest{OrganizationId: acme, UserId: user, RoleId: "developer"})
		}},
		{"granting in what can be no organization", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.access.GrantAccess(ctx, &rulev1.GrantAccessRequest{OrganizationId: "No Slug", UserId: user, RoleId: "developer"})
		}},
		{"granting another role with keep", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.access.GrantAccess(ctx, &rulev1.GrantAccessRequest{OrganizationId: acme, UserId: user, TenantId: tenant, RoleId: "developer", Keep: true})
		}},
		{"granting a role of the organization in a tenant with keep", fault.RoleScope, func(ctx context.Context) (any, error) {
			return b.access.GrantAccess(ctx, &rulev1.GrantAccessRequest{
				OrganizationId: acme, UserId: user, TenantId: tenant, RoleId: "organization-admin", Keep: true,
			})
		}},
		{"revoking from a missing user", fault.NotFound, func(context.Context) (any, error) { return b.revoke(missing, "developer") }},
		{"revoking a missing role", fault.NotFound, func(context.Context) (any, error) { return b.revoke(user, "none") }},
		{"watching from a cursor that no feed gave out", fault.CursorInvalid, func(ctx context.Context) (any, error) {
			return b.firstOf(ctx, "x")
		}},
		{"watching from another epoch", fault.CursorExpired, func(ctx context.Context) (any, error) {
			return b.firstOf(ctx, "elsewhere.0.1")
		}},
		{"waiting for a negative time", fault.InvalidRequest, func(ctx context.Context) (any, error) {
			return b.access.WaitUntilCaughtUp(ctx, &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme, Timeout: durationpb.New(-1)})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.call(b.ctx())
			b.refused(c.reason, nil, err)
			if c.reason == fault.InvalidRequest && len(rpc.Fault(err).Fields) == 0 {
				t.Fatalf("the refusal names no field: %v", err)
			}
		})
	}
	// Nothing was stored.
	if rules, err := b.rules.ListRules(b.ctx(), &rulev1.ListRulesRequest{OrganizationId: acme}); err != nil || len(rules.GetRules()) != 1 || rules.GetRules()[0].GetEtag() != before.GetRule().GetEtag() {
		t.Fatalf("the rules are %v, %v", rules, err)
	}
}

// firstOf watches and returns the first response.
func (b *bundle) firstOf(ctx context.Context, after string) (*rulev1.WatchAccessResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := b.access.WatchAccess(ctx, &rulev1.WatchAccessRequest{OrganizationId: acme, AfterCursor: after})
	if err != nil {
		return nil, err
	}
	return stream.Recv()
}

func TestTenantsAndRoles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	depot, err := b.tenants.CreateTenant(b.ctx(), &rulev1.CreateTenantRequest{OrganizationId: acme, Tenant: &rulev1.Tenant{Id: "depot"}})
	b.must(depot, err)
	if got := depot.GetTenant(); got.GetDisplayName() != "depot" || got.GetOrganizationId() != acme || got.GetCreateTime() == nil {
		t.Fatalf("created %v", got)
	}
	b.must(b.tenants.UpdateTenant(b.ctx(), &rulev1.UpdateTenantRequest{OrganizationId: acme, Id: "depot", Tenant: &rulev1.Tenant{DisplayName: proto.String("The Depot")}}))
	page, err := b.tenants.ListTenants(b.ctx(), &rulev1.ListTenantsRequest{OrganizationId: acme, PageSize: 1})
	b.must(page, err)
	if page.GetTenants()[0].GetDisplayName() != "The Depot" {
		t.Fatalf("listed %v", page)
	}
	page, err = b.tenants.ListTenants(b.ctx(), &rulev1.ListTenantsRequest{OrganizationId: acme, PageSize: 1, PageToken: page.GetNextPageToken()})
	b.must(page, err)
	if len(page.GetTenants()) != 1 || page.GetTenants()[0].GetId() != tenant || page.GetNextPageToken() != "" {
		t.Fatalf("listed %v", page)
	}
	b.must(b.tenants.DeleteTenant(b.ctx(), &rulev1.DeleteTenantRequest{OrganizationId: acme, Id: "depot"}))

	role, err := b.roles.CreateRole(b.ctx(), &rulev1.CreateRoleRequest{Role: &rulev1.Role{Id: "auditor", Rank: 7}})
	b.must(role, err)
	if got := role.GetRole(); got.GetScope() != rulev1.RoleScope_ROLE_SCOPE_TENANT || got.GetDisplayName() != "auditor" {
		t.Fatalf("created %v", got)
	}
	b.must(b.roles.GetRole(b.ctx(), &rulev1.GetRoleRequest{Id: "auditor"}))
	catalogue, err := b.roles.ListRoles(b.ctx(), &rulev1.ListRolesRequest{})
	b.must(catalogue, err)
	var order []string
	for _, r := range catalogue.GetRoles() {
		order = append(order, r.GetId())
	}
	if !slices.Equal(order, []string{"auditor", "participant", "designer", "developer", "automation-admin", "global-admin", "organization-admin"}) {
		t.Fatalf("the catalogue is %v", order)
	}
	b.must(b.roles.DeleteRole(b.ctx(), &rulev1.DeleteRoleRequest{Id: "auditor"}))
}

func TestRules(t *testing.T) {
	t.Parallel()
	b := setup(t)
	get := func(id string) *rulev1.Rule {
		t.Helper()
		r, err := b.rules.GetRule(b.ctx(), &rulev1.GetRuleRequest{OrganizationId: acme, Id: id})
		b.must(r, err)
		return r.GetRule()
	}
	one, two := b.groupRule(strings.Repeat("n", 300), "developer", "organization-admin"), b.valueRule("v", "designer")
	if r := get(one); len(r.GetDisplayName()) != 200 || !r.GetEnabled() || len(r.GetGrants()) != 2 || r.GetGrants()[1].GetRoleId() != "organization-admin" {
		t.Fatalf("created %v", r)
	}
	etag := get(two).GetEtag()
	b.must(b.rules.EnableRule(b.ctx(), &rulev1.EnableRuleRequest{OrganizationId: acme, Id: two}))
	if r := get(two); r.GetEtag() != etag || r.GetDisplayName() != "Role value v" {
		t.Fatalf("enabling an enabled rule made it %v", r)
	}
	b.must(b.rules.DisableRule(b.ctx(), &rulev1.DisableRuleRequest{OrganizationId: acme, Id: two}))
	disabled := get(two).GetEtag()
	if r := get(two); disabled == etag || r.GetEnabled() {
		t.Fatalf("disabled %v", r)
	}
	updated, err := b.rules.UpdateRule(b.ctx(), &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: two, Rule: &rulev1.Rule{Etag: disabled,
		Match: &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: "w"}}}})
	b.must(updated, err)
	if r := updated.GetRule(); r.GetEtag() == disabled || r.GetRoleValue().GetValue() != "w" || r.GetDisplayName() != "Role value v" || r.GetEnabled() || r.GetGrants()[0].GetRoleId() != "designer" {
		t.Fatalf("an update of the match made it %v", r)
	}
	updated, err = b.rules.UpdateRule(b.ctx(), &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: two, Rule: &rulev1.Rule{
		Match: &rulev1.Rule_Filter{Filter: &rulev1.FilterMatch{Filter: `title pr`}}, DisplayName: proto.String("Titled"), Enabled: proto.Bool(true)},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"filter", "display_name"}}})
	b.must(updated, err)
	if r := updated.GetRule(); r.GetEtag() == "" || r.GetFilter().GetFilter() != `title pr` || r.GetDisplayName() != "Titled" || r.GetEnabled() {
		t.Fatalf("an update to a filter made it %v", r)
	}
	page, err := b.rules.ListRules(b.ctx(), &rulev1.ListRulesRequest{OrganizationId: acme, PageSize: 1})
	b.must(page, err)
	rest, err := b.rules.ListRules(b.ctx(), &rulev1.ListRulesRequest{OrganizationId: acme, PageSize: 1, PageToken: page.GetNextPageToken()})
	b.must(rest, err)
	if page.GetRules()[0].GetId() != one || rest.GetRules()[0].GetId() != two || rest.GetNextPageToken() != "" {
		t.Fatalf("listed %v, then %v", page, rest)
	}
	b.must(b.rules.DeleteRule(b.ctx(), &rulev1.DeleteRuleRequest{OrganizationId: acme, Id: one}))
}

func TestOnlyAllowedCallersMayCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin := func(organization string) context.Context {
		return rpc.WithPrincipal(t.Context(), rpc.OrganizationAdmin(organization, "anna"))
	}
	service := func(organizations ...string) context.Context {
		return rpc.WithPrincipal(t.Context(), &commonv1.Principal{
			Kind: commonv1.PrincipalKind_PRINCIPAL_KIND_SERVICE, OrganizationIds: organizations,
			Scopes: uint32(scope.Of(commonv1.Scope_SCOPE_READ_ACCESS)),
		})
	}
	list := &rulev1.ListAccessRequest{OrganizationId: acme}
	b.must(b.access.ListAccess(service("other", acme), list))
	_, err := b.access.ListAccess(admin("other"), list)
	b.refused(fault.NotAllowed, nil, err)
	_, err = b.access.ListAccess(service("other"), list)
	b.refused(fault.NotAllowed, nil, err)
	_, err = b.rules.CreateRule(service(acme), &rulev1.CreateRuleRequest{OrganizationId: acme, Rule: &rulev1.Rule{}})
	b.refused(fault.ScopeMissing, nil, err)
	_, err = b.tenants.CreateTenant(service(acme), &rulev1.CreateTenantRequest{OrganizationId: acme, Tenant: &rulev1.Tenant{Id: "qa"}})
	b.refused(fault.ScopeMissing, nil, err)
	// An admin's call makes the service itself the principal in identity's feed.
	b.must(b.access.WaitUntilCaughtUp(admin(acme), &rulev1.WaitUntilCaughtUpRequest{OrganizationId: acme}))
}

func TestFarTooManyGrantsGetAShortError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rule := &rulev1.Rule{}
	for range 10_000 {
		rule.Grants = append(rule.Grants, &rulev1.Grant{})
	}
	_, err := b.rules.UpdateRule(b.ctx(), &rulev1.UpdateRuleRequest{OrganizationId: acme, Id: b.valueRule("v", "developer"), Rule: rule})
	if f := rpc.Fault(err); f == nil || f.Reason != fault.InvalidRequest || len(f.Fields) > 250 {
		t.Errorf("the error names %d fields: %v", len(f.Fields), f.Message)
	}
}
