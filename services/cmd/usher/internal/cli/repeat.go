package cli

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// repeatable is a call that creates something. It can be repeated safely with the same request id.
type repeatable struct{ id string }

// repeatableFlags adds --request-id.
func repeatableFlags(cmd *cobra.Command) *repeatable {
	r := &repeatable{}
	cmd.Flags().StringVar(&r.id, "request-id", "", "a UUID for this call; a repetition with the same UUID creates nothing more (default: a new UUID)")
	return r
}

// requestID returns the request id of the call.
func (r *repeatable) requestID() string {
	if r.id == "" {
		r.id = uuid.Must(uuid.NewV7()).String()
	}
	return r.id
}

// expiry returns the time after a duration. A repetition must be the same request, so the time counts from the first call, if the client
// made the request id: then the id contains that time.
func expiry(requestID string, after time.Duration) *timestamppb.Timestamp {
	from := time.Now()
	if id, err := uuid.Parse(requestID); err == nil && id.Version() == 7 {
		from = time.Unix(id.Time().UnixTime())
	}
	return timestamppb.New(from.Add(after))
}

// failed adds how to repeat a call whose answer did not arrive, because it may have been executed.
func (r *repeatable) failed(err error) error {
	err = answered(err)
	var f *failure
	if errors.As(err, &f) && noAnswer(f.answer) {
		f.advice = "Usher may have done it all the same. To see what it created, repeat the command with --request-id " + r.id
	}
	return err
}

// create creates the function of a command that makes one call, which creates something, and prints its answer, in a table with these
// columns.
func (c *client) create(cmd *cobra.Command, columns string,
	do func(ctx context.Context, conn grpc.ClientConnInterface, args []string, requestID string) (proto.Message, error)) func(*cobra.Command, []string) error {
	repeat := repeatableFlags(cmd)
	return func(cmd *cobra.Command, args []string) error {
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		message, err := do(ctx, conn, args, repeat.requestID())
		if err != nil {
			return repeat.failed(err)
		}
		return c.print(cmd.OutOrStdout(), message, columns)
	}
}

// etagFlag adds --etag.
func etagFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("etag", "", "change it only if this is its current etag, as JSON output shows it (default: change it in any case)")
}
