package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
)

func accessCommand(c *client) *cobra.Command {
	var organization, user, tenant, role, cursor string
	target := func(cmd *cobra.Command) {
		organizationFlag(cmd, &organization)
		cmd.Flags().StringVar(&user, "user", "", "the user: id or userName")
		cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant")
		cmd.Flags().StringVar(&role, "role", "", "the role")
	}
	const columns = "user_id tenant_id role_id effective sources.kind kept"
	check := &cobra.Command{Use: "check", Short: "Say whether a user effectively holds a role.", Args: cobra.NoArgs}
	target(check)
	check.RunE = c.call("allowed as_of_time unknown suspended kept", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		id, err := userIDOrAdvice(ctx, conn, organization, user)
		if err != nil {
			return nil, err
		}
		return rulev1.NewAccessServiceClient(conn).CheckAccess(ctx, &rulev1.CheckAccessRequest{OrganizationId: organization, UserId: id, TenantId: tenant, RoleId: role})
	})
	list := &cobra.Command{Use: "list", Short: "List which user holds which role in which tenant, and why.", Args: cobra.NoArgs}
	target(list)
	list.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		request := &rulev1.ListAccessRequest{OrganizationId: organization, TenantId: tenant, RoleId: role}
		if user != "" {
			if request.UserId, err = userIDOrAdvice(ctx, conn, organization, user); err != nil {
				return answered(err)
			}
		}
		var asOf *timestamppb.Timestamp
		message, err := allPages(ctx, conn, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			request.PageToken = token
			r, err := rulev1.NewAccessServiceClient(conn).ListAccess(ctx, request)
			if page := r.GetAsOfTime(); token == "" || page == nil || asOf != nil && page.AsTime().Before(asOf.AsTime()) {
				asOf = proto.CloneOf(page)
			}
			return r, r.GetNextPageToken(), err
		})
		if err != nil {
			return answered(err)
		}
		all := message.(*rulev1.ListAccessResponse)
		all.AsOfTime = asOf // that of the oldest page: merging took the last one's
		if c.output == "json" {
			return printJSON(cmd.OutOrStdout(), all)
		}
		return answered(explainAccess(ctx, conn, cmd, organization, all.GetAccess()))
	}
	var keep bool
	grant := &cobra.Command{Use: "grant", Short: "Grant a role manually.", Args: cobra.NoArgs}
	target(grant)
	grant.Flags().BoolVar(&keep, "keep", false, "let the role organization-admin count even if the IdP deactivates the user")
	grant.RunE = c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		id, err := userID(ctx, conn, organization, user)
		if err != nil {
			return nil, err
		}
		return rulev1.NewAccessServiceClient(conn).GrantAccess(ctx, &rulev1.GrantAccessRequest{OrganizationId: organization, UserId: id, TenantId: tenant, RoleId: role, Keep: keep})
	})
	revoke := &cobra.Command{Use: "revoke", Short: "Take a manual grant back.", Args: cobra.NoArgs}
	target(revoke)
	revoke.RunE = c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		id, err := userIDOrAdvice(ctx, conn, organization, user)
		if err != nil {
			return nil, err
		}
		return rulev1.NewAccessServiceClient(conn).RevokeAccess(ctx, &rulev1.RevokeAccessRequest{OrganizationId: organization, UserId: id, TenantId: tenant, RoleId: role})
	})
	watch := &cobra.Command{Use: "watch", Short: "Print each access change, as a line of JSON, when it happens.", Args: cobra.NoArgs}
	organizationFlag(watch, &organization)
	watch.Flags().StringVar(&cursor, "after", "", "the cursor to start after (default: now)")
	watch.RunE = func(cmd *cobra.Command, _ []string) error { return watchAccess(cmd, c, organization, cursor) }

	var patience time.Duration
	wait := &cobra.Command{Use: "wait", Short: "Wait until access includes everything that IdPs have sent.", Args: cobra.NoArgs}
	organizationFlag(wait, &organization)
	wait.Flags().StringVar(&cursor, "cursor", "", "a change cursor to wait for (default: the newest)")
	wait.Flags().DurationVar(&patience, "for", 30*time.Second, "how long to wait, up to a minute")
	wait.RunE = c.call("change_cursor", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		return rulev1.NewAccessServiceClient(conn).WaitUntilCaughtUp(ctx, &rulev1.WaitUntilCaughtUpRequest{
			OrganizationId: organization, ChangeCursor: cursor, Timeout: durationpb.New(patience),
		})
	})
	return noun("access", "Access: which user holds which role in which tenant.", check, list, whyCommand(c), changesCommand(c), grant, revoke, watch, wait,
		suspendCommand(c), resumeCommand(c), suspensionsCommand(c), accessStatusCommand(c), accessStatusesCommand(c), accessSettingsCommand(c))
}

// watchAccess prints changes until it is interrupted.
func watchAccess(cmd *cobra.Command, c *client, organization, cursor string) error {
	timed, cancel, conn, err := c.dial(cmd.Context())
	if err != nil {
		return err
	}
	defer cancel()
	access := rulev1.NewAccessServiceClient(conn)
	if cursor == "" {
		r, err := access.GetAccessCursor(timed, &rulev1.GetAccessCursorRequest{OrganizationId: organization})
		if err != nil {
			return answered(err)
		}
		cursor = r.GetCursor()
	}
	// The watch has no deadline, so it uses the credentials of the call without its time-out.
	ctx, stop := context.WithCancel(context.WithoutCancel(timed))
	defer stop()
	defer context.AfterFunc(cmd.Context(), stop)()
	stream, err := access.WatchAccess(ctx, &rulev1.WatchAccessRequest{OrganizationId: organization, AfterCursor: cursor})
	if err != nil {
		return answered(err)
	}
	for {
		response, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) || cmd.Context().Err() != nil:
			return nil
		case err != nil:
			return answered(err)
		case response.GetChange() == nil:
			continue // a bookmark
		}
		line, err := protojson.Marshal(response.GetChange())
		if err != nil {
			return failed(err)
		}
		cmd.Println(string(line))
	}
}

// explainAccess prints access with names of users and groups in place of ids, if the services that know the names answer. The access itself
// has already been read.
func explainAccess(ctx context.Context, conn grpc.ClientConnInterface, cmd *cobra.Command, organization string, access []*rulev1.Access) error {
	names, err := userNames(ctx, conn, organization, access)
	if err = idsInstead(cmd, "users", err); err != nil {
		return err
	}
	rules, err := rulesByID(ctx, conn, organization)
	if err = idsInstead(cmd, "rules", err); err != nil {
		return err
	}
	var rows [][]string
	for _, a := range access {
		var why []string
		for _, source := range a.GetSources() {
			why = append(why, because(source, rules))
		}
		name := names[a.GetUserId()]
		if name == "" {
			name = a.GetUserId()
		}
		if a.GetSuspended() {
			why = append(why, "suspended: see usher access suspensions")
		}
		if a.GetKept() {
			why = append(why, "the user is inactive, and the grant is marked keep")
		}
		if a.GetUnknown() {
			why = append(why, "cannot be computed now: see usher access status")
		}
		rows = append(rows, []string{name, a.GetTenantId(), a.GetRoleId(), fmt.Sprint(a.GetEffective()), strings.Join(why, "; ")})
	}
	return printTable(cmd.OutOrStdout(), []string{"USER", "TENANT", "ROLE", "EFFECTIVE", "BECAUSE"}, rows)
}

// idsInstead warns that names could not be looked up because a service did not answer. It returns any other error.
func idsInstead(cmd *cobra.Command, of string, err error) error {
	if !noAnswer(err) {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "usher: warning: %s are shown by their ids: their names cannot be looked up now (%s)\n",
		of, fault.ReasonName(rpc.Fault(err).Reason))
	return nil
}

// rulesByID reads the rules of an organization. It returns nil for a client that may read access but not rules, such as a service.
func rulesByID(ctx context.Context, conn grpc.ClientConnInterface, organization string) (map[string]*rulev1.Rule, error) {
	all, err := allRules(ctx, conn, organization)
	if f := rpc.Fault(err); f != nil && f.Reason == fault.NotAllowed {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rules := map[string]*rulev1.Rule{}
	for _, rule := range all {
		rules[rule.GetId()] = rule
	}
	return rules, nil
}

func because(source *rulev1.Source, rules map[string]*rulev1.Rule) string {
	if source.GetKind() == rulev1.SourceKind_SOURCE_KIND_MANUAL {
		if source.GetKeep() {
			return "granted with keep by " + source.GetGrantedBy()
		}
		return "granted by " + source.GetGrantedBy()
	}
	rule := rules[source.GetRuleId()]
	switch {
	case rules == nil:
		return "rule " + source.GetRuleId()
	case rule == nil:
		return "a rule that was deleted: " + source.GetRuleId()
	case rule.GetGroup() != nil:
		return fmt.Sprintf("rule %q: in group %q", rule.GetDisplayName(), rule.GetGroup().GetDisplayName())
	case rule.GetFilter() != nil: // it is empty if the token may not read it
		return fmt.Sprintf("rule %q: matches %s", rule.GetDisplayName(), cmp.Or(rule.GetFilter().GetFilter(), "a filter"))
	default:
		return fmt.Sprintf("rule %q: role value %q", rule.GetDisplayName(), rule.GetRoleValue().GetValue())
	}
}

// namesAtOnce is how many users one look-up may contain.
const namesAtOnce = 1000

// userNames looks up the names of users. With an error, it returns the names that it found before.
func userNames(ctx context.Context, conn grpc.ClientConnInterface, organization string, access []*rulev1.Access) (map[string]string, error) {
	names := map[string]string{}
	for _, a := range access {
		names[a.GetUserId()] = ""
	}
	var ids []string
	for id := range names {
		ids = append(ids, id)
	}
	for len(ids) > 0 {
		some := ids[:min(len(ids), namesAtOnce)]
		r, err := identityv1.NewReadServiceClient(conn).BatchGetUsers(ctx, &identityv1.BatchGetUsersRequest{OrganizationId: organization, Ids: some})
		if err != nil {
			return names, err
		}
		for _, user := range r.GetUsers() {
			names[user.GetId()] = user.GetUserName()
		}
		ids = append(ids[len(some):], r.GetRemainingIds()...)
	}
	return names, nil
}
