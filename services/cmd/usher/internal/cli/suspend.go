package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// suspendCommand suspends all access of a user. It does not look up a user who is given by id, so it works while identity cannot be
// reached.
func suspendCommand(c *client) *cobra.Command {
	var organization, user, reason string
	cmd := &cobra.Command{
		Use: "suspend", Short: "Take all effective access from a user at once, until you resume it.", Args: cobra.NoArgs,
		Long: "Take all effective access from a user at once, whatever its source. Usher keeps the access, and it counts again after\n" +
			"`usher access resume`. If identity cannot be reached, or the user is deleted, name the user by its id.",
	}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&user, "user", "", "the user: id or userName")
	cmd.Flags().StringVar(&reason, "reason", "", "the reason, for people who read it later")
	cmd.RunE = c.call("user_id reason suspended_by create_time", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		id, err := userIDOrAdvice(ctx, conn, organization, user)
		if err != nil {
			return nil, err
		}
		r, err := rulev1.NewAccessServiceClient(conn).SuspendAccess(ctx, &rulev1.SuspendAccessRequest{OrganizationId: organization, UserId: id, Reason: reason})
		if err != nil {
			return nil, err
		}
		if warning := r.GetWarning(); warning != "" {
			fmt.Fprintln(cmd.ErrOrStderr(), "usher: warning:", warning)
		}
		if c.output == "json" {
			return r, nil
		}
		return r.GetSuspension(), nil
	})
	return cmd
}

func resumeCommand(c *client) *cobra.Command {
	var organization, user string
	cmd := &cobra.Command{Use: "resume", Short: "End the suspension of a user's access.", Args: cobra.NoArgs}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&user, "user", "", "the user: id or userName")
	cmd.RunE = c.call("", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		id, err := userIDOrAdvice(ctx, conn, organization, user)
		if err != nil {
			return nil, err
		}
		return rulev1.NewAccessServiceClient(conn).ResumeAccess(ctx, &rulev1.ResumeAccessRequest{OrganizationId: organization, UserId: id})
	})
	return cmd
}

func suspensionsCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{Use: "suspensions", Short: "List the users whose access is suspended, and why.", Args: cobra.NoArgs}
	organizationFlag(cmd, &organization)
	cmd.RunE = c.call("user_id reason suspended_by create_time", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		return allPages(ctx, conn, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			r, err := rulev1.NewAccessServiceClient(conn).ListSuspensions(ctx, &rulev1.ListSuspensionsRequest{OrganizationId: organization, PageToken: token})
			return r, r.GetNextPageToken(), err
		})
	})
	return cmd
}

func accessStatusCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{Use: "status", Short: "Show how current access is, and which users are set aside.", Args: cobra.NoArgs}
	organizationFlag(cmd, &organization)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		r, err := rulev1.NewAccessServiceClient(conn).GetAccessStatus(ctx, &rulev1.GetAccessStatusRequest{OrganizationId: organization})
		if err != nil {
			return answered(err)
		}
		if c.output == "json" {
			return printJSON(cmd.OutOrStdout(), r)
		}
		known := "nothing is known yet"
		if r.GetAsOfTime() != nil {
			asOf := r.GetAsOfTime().AsTime()
			age := max(0, time.Since(asOf)) // by the clock of this machine, as a service computes it
			known = fmt.Sprintf("as of %s (%.1f s ago)", asOf.Format("2006-01-02T15:04:05.000Z07:00"), age.Seconds())
		}
		cmd.Printf("Access is known %s. Users set aside: %d.\n", known, r.GetSetAsideCount())
		if waiting := r.GetRulesWaitingCount(); waiting > 0 {
			cmd.Printf("Changed rules that wait for a rule sync: %d, the first since %s.\n", waiting, r.GetOldestWaitingTime().AsTime().Format(time.RFC3339))
		}
		if r.GetSetAsideCount() == 0 {
			return nil
		}
		return c.print(cmd.OutOrStdout(), r, "user_id as_of_time attempts retry_time detail")
	}
	return cmd
}

// organizationsAtOnce is how many organizations one call concerns.
const organizationsAtOnce = 100

// accessStatusesCommand shows how current the access of organizations is.
func accessStatusesCommand(c *client) *cobra.Command {
	cmd := &cobra.Command{
		Use: "statuses [ORGANIZATION...]", Short: "Show how current the access of organizations is. Without an organization, show all of them.",
	}
	columns := "organization_id oldest_change_age set_aside_count rules_waiting_count sync_running"
	cmd.RunE = c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, ids []string) (proto.Message, error) {
		if len(ids) == 0 {
			message, err := allPages(ctx, conn, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
				r, err := directoryv1.NewOrganizationServiceClient(conn).ListOrganizations(ctx, &directoryv1.ListOrganizationsRequest{PageToken: token})
				return r, r.GetNextPageToken(), err
			})
			if err != nil {
				return nil, err
			}
			for _, o := range message.(*directoryv1.ListOrganizationsResponse).GetOrganizations() {
				ids = append(ids, o.GetId())
			}
		}
		all := &rulev1.BatchGetAccessStatusResponse{}
		for some := range slices.Chunk(ids, organizationsAtOnce) {
			r, err := rulev1.NewAccessServiceClient(conn).BatchGetAccessStatus(ctx, &rulev1.BatchGetAccessStatusRequest{OrganizationIds: some})
			if err != nil {
				return nil, err
			}
			all.Statuses = append(all.Statuses, r.GetStatuses()...)
		}
		return all, nil
	})
	return cmd
}

func accessSettingsCommand(c *client) *cobra.Command {
	var organization, whenUnknown string
	cmd := &cobra.Command{
		Use: "settings", Short: "Show an organization's settings about access, or change them.", Args: cobra.NoArgs,
		Long: "Show an organization's settings about access, or change those that a flag names.\n\n" +
			"--when-unknown says what becomes of access that rules gave to a user while Usher cannot compute it: keep or suspend.\n" +
			"Users who are inactive or deleted lose such access at once in any case.",
	}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&whenUnknown, "when-unknown", "", "keep or suspend")
	etag := etagFlag(cmd)
	cmd.RunE = c.call("when_unknown", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		access := rulev1.NewAccessServiceClient(conn)
		if !cmd.Flags().Changed("when-unknown") {
			return access.GetAccessSettings(ctx, &rulev1.GetAccessSettingsRequest{OrganizationId: organization})
		}
		when := map[string]rulev1.WhenUnknown{
			"keep": rulev1.WhenUnknown_WHEN_UNKNOWN_KEEP, "suspend": rulev1.WhenUnknown_WHEN_UNKNOWN_SUSPEND,
		}[whenUnknown]
		if when == rulev1.WhenUnknown_WHEN_UNKNOWN_UNSPECIFIED {
			return nil, fmt.Errorf("--when-unknown must be keep or suspend, not %q", whenUnknown)
		}
		return access.UpdateAccessSettings(ctx, &rulev1.UpdateAccessSettingsRequest{
			OrganizationId: organization, Settings: &rulev1.AccessSettings{WhenUnknown: when, Etag: *etag},
		})
	})
	return cmd
}
