package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	failedeventsv1 "github.com/usher-scim/usher/gen/go/usher/failedevents/v1"
)

func eventCommand(c *client) *cobra.Command {
	var organization string
	const columns = "id fail_time operation resource_id subject status reason message_id acknowledge_time detail"
	filters := &eventFilters{}
	list := listCommand("List failed events, newest first.", c, columns, filters.flags,
		func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			return filters.page(ctx, conn, token)
		})
	get := &cobra.Command{Use: "get ID", Short: "Show a failed event.", Args: cobra.ExactArgs(1)}
	organizationFlag(get, &organization)
	get.RunE = c.call(columns+" conflicting_name conflicting_resource_id remedy admin_action trace_id", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return failedeventsv1.NewFailedEventServiceClient(conn).GetFailedEvent(ctx, &failedeventsv1.GetFailedEventRequest{OrganizationId: organization, Id: args[0]})
	})
	return noun("event", "Failed events: messages that Usher could not carry out.",
		list, get, countEvents(c), acknowledgeEvents(c, columns), exportEvents(c))
}

// eventFilters are the flags that select failed events.
type eventFilters struct {
	organization, directory, message, reason, since, until string
	open                                                   bool
}

func (f *eventFilters) flags(cmd *cobra.Command) {
	organizationFlag(cmd, &f.organization)
	cmd.Flags().StringVar(&f.directory, "directory", "", "only failed events of this directory")
	cmd.Flags().StringVar(&f.message, "message", "", "only failed events of the message with this ID")
	cmd.Flags().StringVar(&f.reason, "reason", "", "only failed events with this reason, such as SCIM_UNIQUENESS")
	cmd.Flags().StringVar(&f.since, "since", "", "only failed events from this time on, such as 2026-01-31T12:00:00Z, or 24h for the last 24 hours")
	cmd.Flags().StringVar(&f.until, "until", "", "only failed events before this time, in the same form")
	cmd.Flags().BoolVar(&f.open, "open", false, "only failed events that nobody has acknowledged")
}

// page reads a page of the selected failed events.
func (f *eventFilters) page(ctx context.Context, conn grpc.ClientConnInterface, token string) (*failedeventsv1.ListFailedEventsResponse, string, error) {
	request := &failedeventsv1.ListFailedEventsRequest{
		OrganizationId: f.organization, DirectoryId: f.directory, MessageId: f.message, OpenOnly: f.open, Reason: f.reason,
		PageSize: 1000, PageToken: token,
	}
	var err error
	if request.StartTime, err = f.moment("--since", &f.since); err != nil {
		return nil, "", err
	}
	if request.EndTime, err = f.moment("--until", &f.until); err != nil {
		return nil, "", err
	}
	r, err := failedeventsv1.NewFailedEventServiceClient(conn).ListFailedEvents(ctx, request)
	return r, r.GetNextPageToken(), err
}

// moment returns the time that a flag names. It replaces a duration by its time, because all pages of a list must have the same filters.
func (*eventFilters) moment(flag string, value *string) (*timestamppb.Timestamp, error) {
	if *value == "" {
		return nil, nil //nolint:nilnil // no limit
	}
	if ago, err := time.ParseDuration(*value); err == nil {
		*value = time.Now().Add(-ago).Format(time.RFC3339Nano)
	}
	at, err := time.Parse(time.RFC3339Nano, *value)
	if err != nil {
		return nil, fmt.Errorf("%s must be a time such as 2026-01-31T12:00:00Z, or a duration such as 24h, not %q", flag, *value)
	}
	return timestamppb.New(at), nil
}

func countEvents(c *client) *cobra.Command {
	var organization, directory string
	var all bool
	cmd := &cobra.Command{Use: "counts", Short: "Count failed events by reason.", Args: cobra.NoArgs}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&directory, "directory", "", "count only failed events of this directory")
	cmd.Flags().BoolVar(&all, "all", false, "count acknowledged failed events, too")
	cmd.RunE = c.call("reason count at_least newest_fail_time", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		return failedeventsv1.NewFailedEventServiceClient(conn).CountFailedEvents(ctx, &failedeventsv1.CountFailedEventsRequest{
			OrganizationId: organization, DirectoryId: directory, OpenOnly: !all,
		})
	})
	return cmd
}

func acknowledgeEvents(c *client, columns string) *cobra.Command {
	var organization, directory, reason string
	cmd := &cobra.Command{
		Use: "acknowledge [ID]", Short: "Record that somebody has dealt with a failed event, or with all of a reason.", Args: cobra.MaximumNArgs(1),
	}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&reason, "reason", "", "acknowledge all open failed events with this reason that happened until now, instead of one")
	cmd.Flags().StringVar(&directory, "directory", "", "with --reason, acknowledge only failed events of this directory")
	one := c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return failedeventsv1.NewFailedEventServiceClient(conn).AcknowledgeFailedEvent(ctx, &failedeventsv1.AcknowledgeFailedEventRequest{OrganizationId: organization, Id: args[0]})
	})
	ofReason := c.call("acknowledged_count", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		request := &failedeventsv1.AcknowledgeFailedEventsRequest{
			OrganizationId: organization, DirectoryId: directory, Reason: reason, EndTime: timestamppb.Now(),
		}
		var sum int32
		for {
			r, err := failedeventsv1.NewFailedEventServiceClient(conn).AcknowledgeFailedEvents(ctx, request)
			if err != nil {
				return nil, err
			}
			sum += r.GetAcknowledgedCount()
			if r.AcknowledgedCount = sum; !r.GetIncomplete() {
				return r, nil
			}
		}
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case (len(args) == 1) == (reason != ""):
			return errors.New("name either the id of one failed event, or --reason")
		case reason != "":
			return ofReason(cmd, args)
		case directory != "":
			return errors.New("--directory is for --reason")
		}
		return one(cmd, args)
	}
	return cmd
}

// exportEvents creates a verb that prints each page before it reads the next, so that it needs little memory. Each page has the whole
// time for a call.
func exportEvents(c *client) *cobra.Command {
	cmd := &cobra.Command{Use: "export", Short: "Print all failed events, newest first, as JSON, one in a line.", Args: cobra.NoArgs}
	filters := &eventFilters{}
	filters.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		for token := ""; ; {
			ctx, cancel, conn, err := c.dial(cmd.Context())
			if err != nil {
				return err
			}
			page, next, err := filters.page(ctx, conn, token)
			cancel()
			if err != nil {
				return answered(err)
			}
			for _, event := range page.GetFailedEvents() {
				if err := printLine(cmd.OutOrStdout(), event); err != nil {
					return failed(err)
				}
			}
			if token = next; token == "" {
				return nil
			}
		}
	}
	return cmd
}

// printLine writes a message with all its fields as one line of JSON.
func printLine(out io.Writer, message proto.Message) error {
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(message)
	if err != nil {
		return err
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err = line.WriteTo(out)
	return err
}
