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
		Use: "erase USER", Short: "Delete a detached user and its access for good.",
		Long: "Delete a user for good, with its memberships and all its access. Name the user by id or userName. Its directory must\n" +
			"be deleted, and no other directory may have adopted the user. Only the IdP deletes users of other directories.",
		Args: cobra.ExactArgs(1),
	}
	organizationFlag(erase, &organization)
	erase.RunE = c.call("change_cursor", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		id, err := userID(ctx, conn, organization, args[0])
		if err != nil {
			return nil, err
		}
		return identityv1.NewDetachedUserServiceClient(conn).EraseUser(ctx, &identityv1.EraseUserRequest{OrganizationId: organization, UserId: id})
	})
	return noun("user", "Users, as IdPs send them.", userListCommand(c), get, userDocumentCommand(c), userGroupsCommand(c),
		userUpdateCommand(c), userDeactivateCommand(c), erase, roleValuesCommand(c))
}
