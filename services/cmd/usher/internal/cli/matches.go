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

// problemsCommand lists what is wrong with the rules.
func problemsCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{
		Use: "problems", Short: "List what is wrong with the rules: groups that are missing, duplicates, and changes that wait for a rule sync.", Args: cobra.NoArgs,
	}
	organizationFlag(cmd, &organization)
	cmd.RunE = c.call("rule_id kind directory_id group_id other_rule_id since_time", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		return rulev1.NewRuleServiceClient(conn).ListRuleProblems(ctx, &rulev1.ListRuleProblemsRequest{OrganizationId: organization})
	})
	return cmd
}

// rulesAtOnce is how many rules one call counts.
const rulesAtOnce = 20

// matchesCommand counts whom rules match.
func matchesCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{Use: "matches [ID...]", Short: "Count whom rules match now. Without an id, count for all rules."}
	organizationFlag(cmd, &organization)
	cmd.RunE = c.show(showMatches, func(ctx context.Context, conn grpc.ClientConnInterface, ids []string) (proto.Message, error) {
		if len(ids) == 0 {
			all, err := allRules(ctx, conn, organization)
			if err != nil {
				return nil, err
			}
			for _, rule := range all {
				ids = append(ids, rule.GetId())
			}
		}
		all := &rulev1.CountRuleMatchesResponse{}
		for len(ids) > 0 {
			some := ids[:min(len(ids), rulesAtOnce)]
			r, err := rulev1.NewRuleServiceClient(conn).CountRuleMatches(ctx, &rulev1.CountRuleMatchesRequest{OrganizationId: organization, Ids: some})
			if err != nil {
				return nil, err
			}
			all.Counts = append(all.Counts, r.GetCounts()...)
			if len(r.GetCounts()) == 0 { // there was no time for any
				all.RemainingIds = append(all.RemainingIds, r.GetRemainingIds()...)
				ids = ids[len(some):]
				continue
			}
			ids = append(r.GetRemainingIds(), ids[len(some):]...)
		}
		return all, nil
	})
	return cmd
}

func showMatches(cmd *cobra.Command, message proto.Message) error {
	r, ok := message.(*rulev1.CountRuleMatchesResponse)
	if !ok {
		return errors.New("this is not an answer with counts")
	}
	var rows [][]string
	for _, one := range r.GetCounts() {
		rows = append(rows, []string{one.GetRuleId(), countText(one.GetCount()), timeText(one.GetCount().GetCountTime())})
	}
	for _, id := range r.GetRemainingIds() {
		rows = append(rows, []string{id, "not counted in time", ""})
	}
	return printTable(cmd.OutOrStdout(), []string{"RULE ID", "USERS", "COUNT TIME"}, rows)
}

// countText says how many users match.
func countText(count *rulev1.MatchCount) string {
	if looked := count.GetLookedAt(); looked > 0 && count.GetAtLeast() {
		return fmt.Sprintf("%d of the first %d", count.GetUsers(), looked)
	}
	if count.GetAtLeast() {
		return fmt.Sprintf("%d+", count.GetUsers())
	}
	return fmt.Sprint(count.GetUsers())
}

// previewCommand counts whom a rule would match.
func previewCommand(c *client) *cobra.Command {
	var organization, group, value, filter string
	cmd := &cobra.Command{Use: "preview", Short: "Count whom a rule would match, without creating it.", Args: cobra.NoArgs}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&group, "group", "", "match the users in this group")
	cmd.Flags().StringVar(&value, "role-value", "", "match the users with this value among their SCIM roles")
	cmd.Flags().StringVar(&filter, "filter", "", "match the users that this SCIM filter matches")
	cmd.MarkFlagsMutuallyExclusive("group", "role-value", "filter")
	cmd.MarkFlagsOneRequired("group", "role-value", "filter")
	text := func(cmd *cobra.Command, message proto.Message) error {
		r, ok := message.(*rulev1.PreviewRuleResponse)
		if !ok {
			return errors.New("this is not a preview")
		}
		if cmd.Flags().Changed("group") {
			cmd.Printf("Groups: %d. ", len(r.GetGroupIds()))
		}
		cmd.Printf("Users: %s.\n", countText(r.GetCount()))
		if examples := r.GetCount().GetExampleUserIds(); len(examples) > 0 {
			cmd.Printf("Some of them: %s.\n", strings.Join(examples, ", "))
		}
		return nil
	}
	cmd.RunE = c.show(text, func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		r := &rulev1.PreviewRuleRequest{OrganizationId: organization}
		switch {
		case cmd.Flags().Changed("group"):
			r.Match = &rulev1.PreviewRuleRequest_Group{Group: &rulev1.GroupMatch{DisplayName: group}}
		case cmd.Flags().Changed("role-value"):
			r.Match = &rulev1.PreviewRuleRequest_RoleValue{RoleValue: &rulev1.RoleValueMatch{Value: value}}
		default:
			r.Match = &rulev1.PreviewRuleRequest_Filter{Filter: &rulev1.FilterMatch{Filter: filter}}
		}
		return rulev1.NewRuleServiceClient(conn).PreviewRule(ctx, r)
	})
	return cmd
}

// allRules reads all rules of an organization.
func allRules(ctx context.Context, conn grpc.ClientConnInterface, organization string) ([]*rulev1.Rule, error) {
	message, err := allPages(ctx, conn, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
		r, err := rulev1.NewRuleServiceClient(conn).ListRules(ctx, &rulev1.ListRulesRequest{OrganizationId: organization, PageToken: token})
		return r, r.GetNextPageToken(), err
	})
	if err != nil {
		return nil, err
	}
	return message.(*rulev1.ListRulesResponse).GetRules(), nil
}
