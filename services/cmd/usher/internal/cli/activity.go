package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
)

func activityCommand(c *client) *cobra.Command {
	var organization string
	var days bool
	var since time.Duration
	cmd := &cobra.Command{
		Use: "activity [ID]", Short: "Show how many messages directories sent, and when (JSON output: by period, too).", Args: cobra.MaximumNArgs(1),
	}
	organizationFlag(cmd, &organization)
	cmd.Flags().DurationVar(&since, "since", 24*time.Hour, "count messages from this long ago on: 720h (30 days) at most")
	cmd.Flags().BoolVar(&days, "days", false, "count by day in UTC, and not by hour")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		ask := &failedeventsv1.ListActivityRequest{OrganizationId: organization, StartTime: timestamppb.New(time.Now().Add(-since))}
		if len(args) > 0 {
			ask.DirectoryId = args[0]
		}
		if days {
			ask.Period = failedeventsv1.ActivityPeriod_ACTIVITY_PERIOD_DAY
		}
		all, err := allPages(ctx, conn, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			ask.PageToken = token
			r, err := failedeventsv1.NewActivityServiceClient(conn).ListActivity(ctx, ask)
			return r, r.GetNextPageToken(), err
		})
		if err != nil {
			return answered(err)
		}
		if c.output == "json" {
			return printJSON(cmd.OutOrStdout(), all)
		}
		return printActivity(cmd, all.(*failedeventsv1.ListActivityResponse).GetActivity()) //nolint:forcetypeassert // it is what allPages merged
	}
	return cmd
}

// printActivity prints a line for each directory, with the sums of its periods.
func printActivity(cmd *cobra.Command, all []*failedeventsv1.DirectoryActivity) error {
	rows := [][]string{}
	for _, a := range all {
		var accepted, failed, rateLimited int64
		for _, count := range a.GetCounts() {
			accepted, failed, rateLimited = accepted+count.GetAcceptedCount(), failed+count.GetFailedCount(), rateLimited+count.GetRateLimitedCount()
		}
		rows = append(rows, []string{
			a.GetDirectoryId(), fmt.Sprint(accepted), fmt.Sprint(failed), fmt.Sprint(rateLimited),
			timeText(a.GetLastMessageTime()), timeText(a.GetLastAcceptedTime()), timeText(a.GetLastFailedTime()),
		})
	}
	return printTable(cmd.OutOrStdout(), []string{
		"DIRECTORY ID", "ACCEPTED", "FAILED", "RATE LIMITED", "LAST MESSAGE TIME", "LAST ACCEPTED TIME", "LAST FAILED TIME",
	}, rows)
}
