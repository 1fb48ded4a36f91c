package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// defaultRules are the rules that suit the group names of many customers.
var defaultRules = [...]struct{ group, role string }{
	{"Participants", "participant"},
	{"Designers", "designer"},
	{"Developers", "developer"},
	{"Automation Admins", "automation-admin"},
	{"Administrators", "global-admin"},
}

// defaultsCommand creates the default rules.
func defaultsCommand(c *client) *cobra.Command {
	var organization, tenant string
	cmd := &cobra.Command{
		Use: "defaults", Short: "Create the five default rules in a tenant, unless they exist.", Args: cobra.NoArgs,
		Long: "Create the five default rules in a tenant, unless they exist: the groups Participants, Designers, Developers, Automation\n" +
			"Admins and Administrators get the roles participant, designer, developer, automation-admin and global-admin. The command\n" +
			"says which rules it created. A rule exists if it matches the group and gives the role, whatever else it gives.",
	}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant (required)")
	_ = cmd.MarkFlagRequired("tenant") // the flag exists
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		message, rows, err := createDefaults(ctx, conn, organization, tenant)
		// What was created before an error is shown, too.
		var printing error
		if c.output == "json" {
			printing = printJSON(cmd.OutOrStdout(), message)
		} else {
			printing = printTable(cmd.OutOrStdout(), []string{"RESULT", "ID", "ENABLED", "GROUP", "GRANT"}, rows)
		}
		if err != nil {
			return answered(err)
		}
		return printing
	}
	return cmd
}

// createDefaults creates the missing default rules. It returns all of them, and a row for each.
func createDefaults(ctx context.Context, conn grpc.ClientConnInterface, organization, tenant string) (all *rulev1.ListRulesResponse, rows [][]string, err error) {
	all = &rulev1.ListRulesResponse{}
	existing, err := allRules(ctx, conn, organization)
	if err != nil {
		return all, nil, err
	}
	for _, d := range defaultRules {
		grant := &rulev1.Grant{TenantId: tenant, RoleId: d.role}
		result := "exists"
		at := slices.IndexFunc(existing, func(r *rulev1.Rule) bool {
			return strings.EqualFold(r.GetGroup().GetDisplayName(), d.group) &&
				slices.ContainsFunc(r.GetGrants(), func(g *rulev1.Grant) bool { return proto.Equal(g, grant) })
		})
		var rule *rulev1.Rule
		if at >= 0 {
			rule = existing[at]
		} else {
			result = "created"
			created, err := rulev1.NewRuleServiceClient(conn).CreateRule(ctx, &rulev1.CreateRuleRequest{OrganizationId: organization, Rule: &rulev1.Rule{
				DisplayName: proto.String(d.group), Match: &rulev1.Rule_Group{Group: &rulev1.GroupMatch{DisplayName: d.group}}, Grants: []*rulev1.Grant{grant},
			}})
			if err != nil {
				return all, rows, err
			}
			rule = created.GetRule()
		}
		all.Rules = append(all.Rules, rule)
		enabled := "true"
		if !rule.GetEnabled() {
			enabled = "false"
		}
		rows = append(rows, []string{result, rule.GetId(), enabled, rule.GetGroup().GetDisplayName(), tenant + ":" + d.role})
	}
	return all, rows, nil
}
