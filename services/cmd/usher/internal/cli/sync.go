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
			// Spaces cover the end of a longer line before.
			fmt.Fprintf(cmd.ErrOrStderr(), "\r%-100s", syncLine(message.GetSync(), time.Now()))
		}
		if untilEnded {
			fmt.Fprintln(cmd.ErrOrStderr())
		}
		if c.output == "json" {
			return printJSON(cmd.OutOrStdout(), message)
		}
		return showSyncs(cmd, message)
	}
	verb := func(use, short string, do func(ctx context.Context, syncs rulev1.SyncServiceClient, id string) (proto.Message, error)) *cobra.Command {
		cmd := &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1)}
		organizationFlag(cmd, &organization)
		cmd.RunE = c.show(showSyncs, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
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
	list := &cobra.Command{Use: "list", Short: "List an organization's syncs.", Args: cobra.NoArgs}
	organizationFlag(list, &organization)
	list.RunE = c.show(showSyncs, func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		return allPages(ctx, conn, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			r, err := rulev1.NewSyncServiceClient(conn).ListSyncs(ctx, &rulev1.ListSyncsRequest{OrganizationId: organization, PageToken: token})
			return r, r.GetNextPageToken(), err
		})
	})
	return noun("sync", "Rule syncs: Usher applies the rules again to all users.", start, get, list, stop)
}

// showSyncs prints an answer with rule syncs.
func showSyncs(cmd *cobra.Command, message proto.Message) error {
	var rows [][]string
	for _, resource := range resources(message.ProtoReflect()) {
		s, ok := resource.Interface().(*rulev1.Sync)
		if !ok {
			continue
		}
		rows = append(rows, []string{
			s.GetId(), enumName(s.GetState().Descriptor(), s.GetState().Number()), syncProgress(s), timeLeft(s, time.Now()),
			fmt.Sprint(s.GetUsersSetAside()), fmt.Sprint(s.GetAccessAdded()), fmt.Sprint(s.GetAccessRemoved()), s.GetStartedBy(),
			timeText(s.GetCreateTime()), timeText(s.GetEndTime()),
		})
	}
	return printTable(cmd.OutOrStdout(), []string{
		"ID", "STATE", "USERS DONE", "TIME LEFT", "USERS SET ASIDE", "ACCESS ADDED", "ACCESS REMOVED", "STARTED BY", "CREATE TIME", "END TIME",
	}, rows)
}

// syncLine describes a running rule sync in one line.
func syncLine(s *rulev1.Sync, now time.Time) string {
	line := fmt.Sprintf("%s users, %d added, %d removed, %d set aside", syncProgress(s), s.GetAccessAdded(), s.GetAccessRemoved(), s.GetUsersSetAside())
	if left := timeLeft(s, now); left != "" {
		line += ", " + left + " left"
	}
	return line
}

// syncProgress says how many users are done. The total is not exact, so a running rule sync has at most 99 %.
func syncProgress(s *rulev1.Sync) string {
	if s.GetUsersTotal() == 0 || s.GetState() == rulev1.SyncState_SYNC_STATE_DONE {
		return fmt.Sprint(s.GetUsersDone())
	}
	return fmt.Sprintf("%d of %d (%d %%)", s.GetUsersDone(), s.GetUsersTotal(), min(99, s.GetUsersDone()*100/s.GetUsersTotal()))
}

// timeLeft returns the estimated rest of a rule sync; empty if there is no estimate.
func timeLeft(s *rulev1.Sync, now time.Time) string {
	if s.GetEstimatedEndTime() == nil {
		return ""
	}
	return max(0, s.GetEstimatedEndTime().AsTime().Sub(now)).Round(time.Second).String()
}
