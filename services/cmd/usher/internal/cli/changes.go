package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"
)

// changesCommand lists what changed for a user or by a rule sync.
func changesCommand(c *client) *cobra.Command {
	var organization, user, sync string
	var most int
	cmd := &cobra.Command{
		Use: "changes", Short: "List the changes of a user's access, or those of a rule sync, newest first.", Args: cobra.NoArgs,
		Long: "List the changes of a user's access, or those of a rule sync, newest first. Usher keeps them as long as the access feed:\n" +
			"see the setting rule.feed_retention.",
	}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&user, "user", "", "the user: id or userName")
	cmd.Flags().StringVar(&sync, "sync", "", "the id of the rule sync")
	cmd.Flags().IntVar(&most, "limit", 100, "how many changes to list at most")
	show := c.call("change_time kind user_id tenant_id role_id message_id sync_id", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		r := &rulev1.ListAccessChangesRequest{OrganizationId: organization, Of: &rulev1.ListAccessChangesRequest_SyncId{SyncId: sync}}
		if user != "" {
			id, err := userIDOrAdvice(ctx, conn, organization, user)
			if err != nil {
				return nil, err
			}
			r.Of = &rulev1.ListAccessChangesRequest_UserId{UserId: id}
		}
		all := &rulev1.ListAccessChangesResponse{}
		for {
			r.PageSize = int32(min(most-len(all.GetChanges()), 1000)) //nolint:gosec // at most 1,000
			page, err := rulev1.NewAccessServiceClient(conn).ListAccessChanges(ctx, r)
			if err != nil {
				return nil, err
			}
			all.Changes = append(all.Changes, page.GetChanges()...)
			if r.PageToken = page.GetNextPageToken(); r.GetPageToken() == "" || len(all.GetChanges()) >= most {
				return all, nil
			}
		}
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case (user == "") == (sync == ""):
			return errors.New("give one of --user and --sync")
		case most < 1:
			return errors.New("--limit must be at least 1")
		}
		return show(cmd, args)
	}
	return cmd
}
