package app

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/gateway"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

// The demo data: one organization with two tenants, and the five default rules in the first tenant.
const (
	demoOrganization = "demo"
	demoTenant       = "production"
)

// demoRules maps groups to roles.
var demoRules = [...]struct{ group, role string }{
	{"Participants", "participant"},
	{"Designers", "designer"},
	{"Developers", "developer"},
	{"Automation Admins", "automation-admin"},
	{"Administrators", "global-admin"},
}

// seedDemo writes the demo data as the operator.
func seedDemo(ctx context.Context, to gateway.Connections) error {
	return SeedDemo(rpc.WithPrincipal(ctx, rpc.Operator("demo data")), to.Directory, to.Rule)
}

// SeedDemo writes the demo data as the operator, who is the caller in the context. It does not change existing data.
func SeedDemo(ctx context.Context, toDirectory, toRule grpc.ClientConnInterface) error {
	_, err := directoryv1.NewOrganizationServiceClient(toDirectory).CreateOrganization(ctx,
		&directoryv1.CreateOrganizationRequest{Organization: &directoryv1.Organization{Id: demoOrganization, DisplayName: proto.String("Demo"), Federated: proto.Bool(true)}})
	if err := unlessExists(err); err != nil {
		return err
	}
	for id, name := range map[string]string{demoTenant: "Production", "staging": "Staging"} {
		_, err := rulev1.NewTenantServiceClient(toRule).CreateTenant(ctx,
			&rulev1.CreateTenantRequest{OrganizationId: demoOrganization, Tenant: &rulev1.Tenant{Id: id, DisplayName: proto.String(name)}})
		if err := unlessExists(err); err != nil {
			return err
		}
	}
	rules := rulev1.NewRuleServiceClient(toRule)
	existing, err := rules.ListRules(ctx, &rulev1.ListRulesRequest{OrganizationId: demoOrganization})
	if err != nil {
		return err
	}
	for _, r := range demoRules[min(len(existing.GetRules()), len(demoRules)):] {
		if _, err := rules.CreateRule(ctx, &rulev1.CreateRuleRequest{OrganizationId: demoOrganization, Rule: &rulev1.Rule{
			DisplayName: proto.String(r.group),
			Match:       &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: r.group}},
			Grants:      []*rulev1.Grant{{TenantId: demoTenant, RoleId: r.role}},
		}}); err != nil {
			return err
		}
	}
	return nil
}

func unlessExists(err error) error {
	if f := rpc.Fault(err); f != nil && f.Reason == fault.AlreadyExists {
		return nil
	}
	return err
}
