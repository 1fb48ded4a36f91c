package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

const (
	tenantColumns = "id display_name create_time"
	roleColumns   = "id display_name scope rank"
)

func tenantCommand(c *client) *cobra.Command {
	var organization, name string
	create := &cobra.Command{Use: "create ID", Short: "Add a tenant.", Args: cobra.ExactArgs(1)}
	organizationFlag(create, &organization)
	create.Flags().StringVar(&name, "name", "", "a name for people (default: the id)")
	create.RunE = c.create(create, tenantColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string, requestID string) (proto.Message, error) {
		return rulev1.NewTenantServiceClient(conn).CreateTenant(ctx, &rulev1.CreateTenantRequest{
			OrganizationId: organization, Tenant: &rulev1.Tenant{Id: args[0], DisplayName: given(create, "name", &name)}, RequestId: requestID,
		})
	})
	list := listCommand("List an organization's tenants.", c, tenantColumns, func(cmd *cobra.Command) { organizationFlag(cmd, &organization) },
		func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			r, err := rulev1.NewTenantServiceClient(conn).ListTenants(ctx, &rulev1.ListTenantsRequest{OrganizationId: organization, PageToken: token})
			return r, r.GetNextPageToken(), err
		})
	update := &cobra.Command{Use: "update ID", Short: "Give a tenant another name.", Args: cobra.ExactArgs(1)}
	organizationFlag(update, &organization)
	update.Flags().StringVar(&name, "name", "", "a name for people (required)")
	_ = update.MarkFlagRequired("name") // the flag exists
	etag := etagFlag(update)
	update.RunE = c.call(tenantColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return rulev1.NewTenantServiceClient(conn).UpdateTenant(ctx, &rulev1.UpdateTenantRequest{
			OrganizationId: organization, Id: args[0], Tenant: &rulev1.Tenant{DisplayName: &name, Etag: *etag},
		})
	})
	remove := &cobra.Command{Use: "delete ID", Short: "Remove a tenant that no rule and no access names.", Args: cobra.ExactArgs(1)}
	organizationFlag(remove, &organization)
	remove.RunE = c.call("", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return rulev1.NewTenantServiceClient(conn).DeleteTenant(ctx, &rulev1.DeleteTenantRequest{OrganizationId: organization, Id: args[0]})
	})
	return noun("tenant", "Tenants: instances of the vendor's product.", create, list, update, remove)
}

func roleCommand(c *client) *cobra.Command {
	var name string
	var rank int32
	var organizationWide bool
	create := &cobra.Command{Use: "create ID", Short: "Add a role to the catalogue.", Args: cobra.ExactArgs(1)}
	create.Flags().StringVar(&name, "name", "", "a name for people (default: the id)")
	create.Flags().Int32Var(&rank, "rank", 0, "its rank: a higher one may do more")
	create.Flags().BoolVar(&organizationWide, "organization-wide", false, "users hold it in the organization, and not in a tenant")
	create.RunE = c.create(create, roleColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string, requestID string) (proto.Message, error) {
		scope := rulev1.RoleScope_ROLE_SCOPE_TENANT
		if organizationWide {
			scope = rulev1.RoleScope_ROLE_SCOPE_ORGANIZATION
		}
		return rulev1.NewRoleServiceClient(conn).CreateRole(ctx, &rulev1.CreateRoleRequest{
			Role: &rulev1.Role{Id: args[0], DisplayName: name, Rank: rank, Scope: scope}, RequestId: requestID,
		})
	})
	list := &cobra.Command{
		Use: "list", Short: "List the catalogue.", Args: cobra.NoArgs,
		RunE: c.call(roleColumns, func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
			return rulev1.NewRoleServiceClient(conn).ListRoles(ctx, &rulev1.ListRolesRequest{})
		}),
	}
	remove := &cobra.Command{
		Use: "delete ID", Short: "Remove a role that no rule and no access names.", Args: cobra.ExactArgs(1),
		RunE: c.call("", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			return rulev1.NewRoleServiceClient(conn).DeleteRole(ctx, &rulev1.DeleteRoleRequest{Id: args[0]})
		}),
	}
	return noun("role", "Roles: positions that users can hold.", create, list, remove)
}

// grants parses "tenant:role" and, for a role in the whole organization, "role".
func grants(texts []string) ([]*rulev1.Grant, error) {
	var all []*rulev1.Grant
	for _, text := range texts {
		tenant, role, ok := strings.Cut(text, ":")
		if !ok {
			tenant, role = "", text
		}
		if role == "" {
			return nil, fmt.Errorf("--grant must be TENANT:ROLE, or ROLE for a role in the organization, not %q", text)
		}
		all = append(all, &rulev1.Grant{TenantId: tenant, RoleId: role})
	}
	return all, nil
}

func ruleCommand(c *client) *cobra.Command {
	var organization, name, group, value, filter string
	var give []string
	var disabled bool
	const columns = "id display_name enabled group.display_name role_value.value filter.filter grants.tenant_id grants.role_id group.pins.state"
	create := &cobra.Command{Use: "create", Short: "Add a rule. It affects users with their next message, or when a rule sync runs.", Args: cobra.NoArgs}
	organizationFlag(create, &organization)
	parts := func(cmd *cobra.Command) {
		cmd.Flags().StringVar(&name, "name", "", "a name for people")
		cmd.Flags().StringVar(&group, "group", "", "match the users in this group")
		cmd.Flags().StringVar(&value, "role-value", "", "match the users with this value among their SCIM roles")
		cmd.Flags().StringVar(&filter, "filter", "", "match the users that this SCIM filter matches, such as 'userType eq \"Employee\"'")
		cmd.Flags().StringArrayVar(&give, "grant", nil, "TENANT:ROLE, or ROLE for a role in the organization; repeat the flag for several")
	}
	errMatch := errors.New("give one of --group, --role-value and --filter")
	// read creates a rule from the given flags.
	read := func(cmd *cobra.Command) (*rulev1.Rule, error) {
		rule, matches := &rulev1.Rule{DisplayName: given(cmd, "name", &name)}, 0
		if cmd.Flags().Changed("group") {
			rule.Match, matches = &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: group}}, matches+1
		}
		if cmd.Flags().Changed("role-value") {
			rule.Match, matches = &rulev1.Rule_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: value}}, matches+1
		}
		if cmd.Flags().Changed("filter") {
			rule.Match, matches = &rulev1.Rule_Filter{Filter: &rulev1.FilterMatch{Filter: filter}}, matches+1
		}
		if matches > 1 {
			return nil, errMatch
		}
		var err error
		rule.Grants, err = grants(give)
		return rule, err
	}
	parts(create)
	create.Flags().BoolVar(&disabled, "disabled", false, "do not apply it yet")
	create.RunE = c.create(create, columns, func(ctx context.Context, conn grpc.ClientConnInterface, _ []string, requestID string) (proto.Message, error) {
		rule, err := read(create)
		if err != nil {
			return nil, err
		}
		if rule.GetMatch() == nil {
			return nil, errMatch
		}
		if disabled {
			rule.Enabled = proto.Bool(false)
		}
		return rulev1.NewRuleServiceClient(conn).CreateRule(ctx, &rulev1.CreateRuleRequest{OrganizationId: organization, Rule: rule, RequestId: requestID})
	})
	update := &cobra.Command{Use: "update ID", Short: "Change a rule. It affects users with their next message, or when a rule sync runs.", Args: cobra.ExactArgs(1)}
	organizationFlag(update, &organization)
	parts(update)
	update.Flags().Lookup("grant").Usage += "; they replace the previous ones"
	etag := etagFlag(update)
	update.RunE = func(cmd *cobra.Command, args []string) error {
		rule, err := read(cmd)
		if err != nil {
			return err
		}
		if proto.Size(rule) == 0 {
			return errors.New("nothing to change: give --name, --group, --role-value, --filter or --grant")
		}
		rule.Etag = *etag
		return c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			return rulev1.NewRuleServiceClient(conn).UpdateRule(ctx, &rulev1.UpdateRuleRequest{OrganizationId: organization, Id: args[0], Rule: rule})
		})(cmd, args)
	}
	list := listCommand("List an organization's rules.", c, columns, func(cmd *cobra.Command) { organizationFlag(cmd, &organization) },
		func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			r, err := rulev1.NewRuleServiceClient(conn).ListRules(ctx, &rulev1.ListRulesRequest{OrganizationId: organization, PageToken: token})
			return r, r.GetNextPageToken(), err
		})
	verb := func(use, short string, do func(ctx context.Context, rules rulev1.RuleServiceClient, id string) (proto.Message, error)) *cobra.Command {
		cmd := &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1)}
		organizationFlag(cmd, &organization)
		cmd.RunE = c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			return do(ctx, rulev1.NewRuleServiceClient(conn), args[0])
		})
		return cmd
	}
	get := verb("get", "Show a rule.", func(ctx context.Context, rules rulev1.RuleServiceClient, id string) (proto.Message, error) {
		return rules.GetRule(ctx, &rulev1.GetRuleRequest{OrganizationId: organization, Id: id})
	})
	enable := verb("enable", "Make a rule apply.", func(ctx context.Context, rules rulev1.RuleServiceClient, id string) (proto.Message, error) {
		return rules.EnableRule(ctx, &rulev1.EnableRuleRequest{OrganizationId: organization, Id: id})
	})
	disable := verb("disable", "Make a rule not apply.", func(ctx context.Context, rules rulev1.RuleServiceClient, id string) (proto.Message, error) {
		return rules.DisableRule(ctx, &rulev1.DisableRuleRequest{OrganizationId: organization, Id: id})
	})
	remove := verb("delete", "Remove a rule. Users keep its access until their next message, or until a rule sync.", func(ctx context.Context, rules rulev1.RuleServiceClient, id string) (proto.Message, error) {
		return rules.DeleteRule(ctx, &rulev1.DeleteRuleRequest{OrganizationId: organization, Id: id})
	})
	return noun("rule", "Rules: users that match a rule get its roles.", create, get, list, update, enable, disable, remove,
		problemsCommand(c), matchesCommand(c), previewCommand(c), defaultsCommand(c))
}
