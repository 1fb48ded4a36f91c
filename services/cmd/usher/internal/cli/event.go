package cli

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
)

func eventCommand(c *client) *cobra.Command {
	var organization, directory, message string
	var open bool
	const columns = "id fail_time operation resource_id status reason message_id acknowledge_time detail"
	list := listCommand("List failed events, newest first.", c, columns, func(cmd *cobra.Command) {
		organizationFlag(cmd, &organization)
		cmd.Flags().StringVar(&directory, "directory", "", "list only failed events of this directory")
		cmd.Flags().StringVar(&message, "message", "", "list only failed events of the message with this ID")
		cmd.Flags().BoolVar(&open, "open", false, "list only failed events that nobody has acknowledged")
	}, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
		r, err := failedeventsv1.NewFailedEventServiceClient(conn).ListFailedEvents(ctx, &failedeventsv1.ListFailedEventsRequest{
			OrganizationId: organization, DirectoryId: directory, MessageId: message, OpenOnly: open, PageToken: token,
		})
		return r, r.GetNextPageToken(), err
	})
	get := &cobra.Command{Use: "get ID", Short: "Show a failed event.", Args: cobra.ExactArgs(1)}
	organizationFlag(get, &organization)
	get.RunE = c.call(columns+" remedy trace_id", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return failedeventsv1.NewFailedEventServiceClient(conn).GetFailedEvent(ctx, &failedeventsv1.GetFailedEventRequest{OrganizationId: organization, Id: args[0]})
	})
	acknowledge := &cobra.Command{Use: "acknowledge ID", Short: "Record that somebody has dealt with a failed event.", Args: cobra.ExactArgs(1)}
	organizationFlag(acknowledge, &organization)
	acknowledge.RunE = c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return failedeventsv1.NewFailedEventServiceClient(conn).AcknowledgeFailedEvent(ctx, &failedeventsv1.AcknowledgeFailedEventRequest{OrganizationId: organization, Id: args[0]})
	})
	return noun("event", "Failed events: messages that Usher could not carry out.", list, get, acknowledge)
}
