package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// whyCommand says why a user has a role, or has not.
func whyCommand(c *client) *cobra.Command {
	var organization, tenant, role string
	var granted []*rulev1.Access
	cmd := &cobra.Command{
		Use: "explain USER", Short: "Say why a user has a role, or why not: what each rule does for the user.", Args: cobra.ExactArgs(1),
		Long: "Say why a user has a role, or why not: what each rule does for the user, and who granted access manually. Name the user by\n" +
			"id or userName. With --role, the answer is about this role alone, and with --tenant about the role in this tenant.",
	}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&role, "role", "", "the role")
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant, with --role")
	text := func(cmd *cobra.Command, message proto.Message) error {
		if r, ok := message.(*rulev1.ExplainAccessResponse); ok {
			for _, line := range explained(r, granted) {
				cmd.Println(line)
			}
		}
		return nil
	}
	cmd.RunE = c.show(text, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		id, err := userIDOrAdvice(ctx, conn, organization, args[0])
		if err != nil {
			return nil, err
		}
		access := rulev1.NewAccessServiceClient(conn)
		message, err := allPages(ctx, conn, func(ctx context.Context, _ grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			r, err := access.ListAccess(ctx, &rulev1.ListAccessRequest{OrganizationId: organization, UserId: id, TenantId: tenant, RoleId: role, PageToken: token})
			return r, r.GetNextPageToken(), err
		})
		if err != nil {
			return nil, err
		}
		if list, ok := message.(*rulev1.ListAccessResponse); ok {
			granted = list.GetAccess()
		}
		return access.ExplainAccess(ctx, &rulev1.ExplainAccessRequest{OrganizationId: organization, UserId: id, TenantId: tenant, RoleId: role})
	})
	return cmd
}

// explained returns the lines that explain access.
func explained(r *rulev1.ExplainAccessResponse, access []*rulev1.Access) (lines []string) {
	for _, fact := range []struct {
		is   bool
		text string
	}{
		{!r.GetActive(), "The user is inactive: rules give nothing, and manual access counts only with --keep."},
		{r.GetDetached(), "The user is detached, because its directory was deleted: rules do not change its access any more."},
		{r.GetSuspension() != nil, "All access of the user is suspended: see usher access suspensions."},
		{r.GetSetAsideDetail() != "", "Usher cannot compute the user's access now: " + r.GetSetAsideDetail()},
	} {
		if fact.is {
			lines = append(lines, fact.text)
		}
	}
	for _, a := range access {
		for _, source := range a.GetSources() {
			if source.GetKind() == rulev1.SourceKind_SOURCE_KIND_MANUAL {
				lines = append(lines, fmt.Sprintf("%s: %s.", roleIn(a), because(source, nil)))
			}
		}
	}
	for _, e := range r.GetRules() {
		lines = append(lines, ruleExplained(e))
	}
	if len(lines) == 0 {
		lines = append(lines, "No rule gives this, and nobody has granted it.")
	}
	return lines
}

// roleIn names a role with its tenant.
func roleIn(g interface {
	GetTenantId() string
	GetRoleId() string
}) string {
	return g.GetRoleId() + " in " + cmp.Or(g.GetTenantId(), "the organization")
}

// ruleExplained returns a sentence about what a rule does.
func ruleExplained(e *rulev1.RuleExplanation) string {
	var roles []string
	for _, g := range e.GetGrants() {
		roles = append(roles, roleIn(g))
	}
	what := strings.Join(roles, ", ")
	rule := fmt.Sprintf("rule %q", e.GetDisplayName())
	if e.GetDisplayName() == "" {
		rule = "a rule that was deleted (" + e.GetRuleId() + ")"
	}
	switch e.GetFinding() {
	case rulev1.Finding_FINDING_GIVES:
		return fmt.Sprintf("%s: by %s, because %s.", what, rule, matched(e))
	case rulev1.Finding_FINDING_WAITS_FOR_SYNC:
		return fmt.Sprintf("%s: not yet, but by %s after a rule sync or with the next change of the user, because %s.", what, rule, matched(e))
	case rulev1.Finding_FINDING_STILL_GIVES:
		return fmt.Sprintf("%s: still by %s, which does not give it now. It ends with a rule sync or with the next change of the user, "+
			"unless the user is detached or the last Organization Admin.", what, rule)
	default:
		return fmt.Sprintf("%s: not by %s, because %s.", what, rule, unmatched(e))
	}
}

// matched says why a rule matches.
func matched(e *rulev1.RuleExplanation) string {
	switch {
	case e.GetRoleValue() != "":
		return fmt.Sprintf("the user has the role value %q", e.GetRoleValue())
	case e.GetGroupName() == "":
		return "the user matches " + cmp.Or(e.GetFilter(), "a filter") // it is empty if the token may not read it
	}
	text := fmt.Sprintf("the user is in the group %q", e.GetGroupName())
	for i, step := range e.GetThrough() {
		word := ", through "
		if i > 0 {
			word = ", then "
		}
		text += word + fmt.Sprintf("%q", step.GetDisplayName())
	}
	return text
}

// unmatched says why a rule gives nothing.
func unmatched(e *rulev1.RuleExplanation) string {
	switch e.GetFinding() {
	case rulev1.Finding_FINDING_DISABLED:
		return "the rule is disabled"
	case rulev1.Finding_FINDING_NO_GROUP:
		return fmt.Sprintf("the user's directory has not sent a group %q", e.GetGroupName())
	case rulev1.Finding_FINDING_GROUP_DELETED:
		return fmt.Sprintf("the group %q was deleted, and the rule waits for a new group with this name", e.GetGroupName())
	case rulev1.Finding_FINDING_NOT_IN_GROUP:
		return fmt.Sprintf("the user is not in the group %q", e.GetGroupName())
	case rulev1.Finding_FINDING_NO_ROLE_VALUE:
		return fmt.Sprintf("the user does not have the role value %q", e.GetRoleValue())
	case rulev1.Finding_FINDING_FILTER_DOES_NOT_MATCH:
		return "the user does not match " + cmp.Or(e.GetFilter(), "a filter")
	case rulev1.Finding_FINDING_USER_INACTIVE:
		return "the user is inactive"
	case rulev1.Finding_FINDING_USER_DETACHED:
		return "the user is detached"
	case rulev1.Finding_FINDING_UNKNOWN:
		return "Usher cannot compute the user's access now"
	default:
		return "of a reason that this version of usher does not know"
	}
}
