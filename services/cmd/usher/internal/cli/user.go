package cli

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

func userCommand(c *client) *cobra.Command {
	var organization string
	get := &cobra.Command{Use: "get USER", Short: "Show a user, by id or userName.", Args: cobra.ExactArgs(1)}
	organizationFlag(get, &organization)
	get.RunE = c.call("id user_name active detached directory_id group_ids role_values", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		id, err := userID(ctx, conn, organization, args[0])
		if err != nil {
			return nil, err
		}
		return identityv1.NewReadServiceClient(conn).LookupUser(ctx, &identityv1.LookupUserRequest{
			OrganizationId: organization, By: &identityv1.LookupUserRequest_Id{Id: id},
		})
	})
	erase := &cobra.Command{
		Use: "erase USER", Short: "Remove a detached user for good, with its access.",
		Long: "Remove a user, by id or userName, whose directory was deleted and which no other has adopted: for good, with its\n" +
			"memberships and all its access. A user of a directory that is not deleted is the IdP's to delete.",
		Args: cobra.ExactArgs(1),
	}
	organizationFlag(erase, &organization)
	erase.RunE = c.call("change_cursor", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		id, err := userID(ctx, conn, organization, args[0])
		if err != nil {
			return nil, err
		}
		return identityv1.NewErasureServiceClient(conn).EraseUser(ctx, &identityv1.EraseUserRequest{OrganizationId: organization, UserId: id})
	})
	return noun("user", "Users, as IdPs sent them.", get, erase)
}
