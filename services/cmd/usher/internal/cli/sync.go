package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	rulev1 "github.com/usher-scim/usher/gen/go/usher/rule/v1"

	"github.com/usher-scim/usher/services/internal/wait"
)

// syncPoll is how often a waiting command reads the progress of a sync.
const syncPoll = 200 * time.Millisecond

func syncCommand(c *client) *cobra.Command {
	var organization string
	var untilEnded bool
	const columns = "id state users_done users_set_aside access_added access_removed create_time end_time"
	start := &cobra.Command{Use: "start", Short: "Apply the rules again to all stored users.", Args: cobra.NoArgs}
	organizationFlag(start, &organization)
	start.Flags().BoolVar(&untilEnded, "wait", false, "show progress until it has ended")
	repeat := repeatableFlags(start)
	start.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		syncs := rulev1.NewSyncServiceClient(conn)
		started, err := syncs.StartSync(ctx, &rulev1.StartSyncRequest{OrganizationId: organization, RequestId: repeat.requestID()})
		if err != nil {
			return repeat.failed(err)
		}
		message := &rulev1.GetSyncResponse{Sync: started.GetSync()}
		for untilEnded && message.GetSync().GetState() == rulev1.SyncState_SYNC_STATE_RUNNING {
			if !wait.Sleep(ctx, syncPoll) {
				return failed(ctx.Err())
			}
			message, err = syncs.GetSync(ctx, &rulev1.GetSyncRequest{OrganizationId: organization, Id: started.GetSync().GetId()})
			if err != nil {
				return answered(err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "\r%d users, %d added, %d removed, %d users set aside", message.GetSync().GetUsersDone(),
				message.GetSync().GetAccessAdded(), message.GetSync().GetAccessRemoved(), message.GetSync().GetUsersSetAside())
		}
		if untilEnded {
			fmt.Fprintln(cmd.ErrOrStderr())
		}
		return c.print(cmd.OutOrStdout(), message, columns)
	}
	verb := func(use, short string, do func(ctx context.Context, syncs rulev1.SyncServiceClient, id string) (proto.Message, error)) *cobra.Command {
		cmd := &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1)}
		organizationFlag(cmd, &organization)
		cmd.RunE = c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			return do(ctx, rulev1.NewSyncServiceClient(conn), args[0])
		})
		return cmd
	}
	get := verb("get", "Show how far a sync is.", func(ctx context.Context, syncs rulev1.SyncServiceClient, id string) (proto.Message, error) {
		return syncs.GetSync(ctx, &rulev1.GetSyncRequest{OrganizationId: organization, Id: id})
	})
	stop := verb("cancel", "End a sync. A page that is not committed is discarded.", func(ctx context.Context, syncs rulev1.SyncServiceClient, id string) (proto.Message, error) {
		return syncs.CancelSync(ctx, &rulev1.CancelSyncRequest{OrganizationId: organization, Id: id})
	})
	list := listCommand("List an organization's syncs.", c, columns, func(cmd *cobra.Command) { organizationFlag(cmd, &organization) },
		func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			r, err := rulev1.NewSyncServiceClient(conn).ListSyncs(ctx, &rulev1.ListSyncsRequest{OrganizationId: organization, PageToken: token})
			return r, r.GetNextPageToken(), err
		})
	return noun("sync", "Rule syncs: Usher applies the rules again to all users.", start, get, list, stop)
}
