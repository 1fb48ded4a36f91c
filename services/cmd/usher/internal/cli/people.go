package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

// limitFlag adds the number of results after which a list ends: an organization can have a million users.
func limitFlag(cmd *cobra.Command) *int {
	return cmd.Flags().Int("limit", 100, "list at most this many; 0 for all")
}

// pages merges the pages of a list until it has at least limit items. next returns a page, and the items in it.
func pages[T proto.Message](limit int, next func(size int32, token string) (page T, items int, following string, err error)) (all T, err error) {
	for left, token := limit, ""; ; {
		size := 200
		if limit > 0 {
			size = min(size, left)
		}
		page, items, following, err := next(int32(size), token)
		if err != nil {
			return all, err
		}
		if token == "" {
			all = page
		} else {
			proto.Merge(all, page)
		}
		if left -= items; following == "" || limit > 0 && left <= 0 {
			return all, nil
		}
		token = following
	}
}

// prefix returns the optional argument of a search.
func prefix(args []string) string { return strings.Join(args, "") }

func userListCommand(c *client) *cobra.Command {
	var organization, directory, state string
	list := &cobra.Command{
		Use: "list [QUERY]", Short: "List users, or those whose userName, displayName or e-mail address begins with QUERY.",
		Args: cobra.MaximumNArgs(1),
	}
	organizationFlag(list, &organization)
	list.Flags().StringVar(&directory, "directory", "", "list only users of this directory")
	list.Flags().StringVar(&state, "state", "", "list only users that are active, inactive or detached")
	limit := limitFlag(list)
	list.RunE = c.call("id user_name display_name email active detached", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		of, ok := map[string]identityv1.UserState{
			"": identityv1.UserState_USER_STATE_UNSPECIFIED, "active": identityv1.UserState_USER_STATE_ACTIVE,
			"inactive": identityv1.UserState_USER_STATE_INACTIVE, "detached": identityv1.UserState_USER_STATE_DETACHED,
		}[state]
		if !ok {
			return nil, fmt.Errorf("--state must be active, inactive or detached, not %q", state)
		}
		return pages(*limit, func(size int32, token string) (*identityv1.SearchUsersResponse, int, string, error) {
			r, err := identityv1.NewPeopleServiceClient(conn).SearchUsers(ctx, &identityv1.SearchUsersRequest{
				OrganizationId: organization, Query: prefix(args), DirectoryId: directory, State: of, PageSize: size, PageToken: token,
			})
			return r, len(r.GetUsers()), r.GetNextPageToken(), err
		})
	})
	return list
}

func userDocumentCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{Use: "document USER", Short: "Show a user's SCIM document, by id or userName.", Args: cobra.ExactArgs(1)}
	organizationFlag(cmd, &organization)
	cmd.RunE = c.show(func(cmd *cobra.Command, message proto.Message) error {
		if r, ok := message.(*identityv1.GetUserResponse); ok {
			fmt.Fprintln(cmd.OutOrStdout(), r.GetDocument())
		}
		return nil
	}, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		id, err := userID(ctx, conn, organization, args[0])
		if err != nil {
			return nil, err
		}
		return identityv1.NewPeopleServiceClient(conn).GetUser(ctx, &identityv1.GetUserRequest{OrganizationId: organization, UserId: id})
	})
	return cmd
}

func userGroupsCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{
		Use: "groups USER", Short: "List the groups that a user is in, and through which others, by id or userName.", Args: cobra.ExactArgs(1),
	}
	organizationFlag(cmd, &organization)
	limit := limitFlag(cmd)
	cmd.RunE = c.call("group.id group.display_name through.display_name carried", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		id, err := userID(ctx, conn, organization, args[0])
		if err != nil {
			return nil, err
		}
		return pages(*limit, func(size int32, token string) (*identityv1.ListUserGroupsResponse, int, string, error) {
			r, err := identityv1.NewPeopleServiceClient(conn).ListUserGroups(ctx, &identityv1.ListUserGroupsRequest{
				OrganizationId: organization, UserId: id, PageSize: size, PageToken: token,
			})
			return r, len(r.GetGroups()), r.GetNextPageToken(), err
		})
	})
	return cmd
}

// updatedUser are the columns of a changed user.
const updatedUser = "user.id user.user_name user.display_name user.email user.external_id user.active user.revision change_cursor"

func userUpdateCommand(c *client) *cobra.Command {
	var organization, userName, displayName, email, externalID string
	var active bool
	var revision int64
	cmd := &cobra.Command{
		Use: "update USER", Short: "Change a detached user, by id or userName.",
		Long: "Change a user whose directory is deleted, and that no other directory has adopted. Only the flags that are given\n" +
			"change something; an empty text removes the attribute. Only the IdP changes users of other directories.",
		Args: cobra.ExactArgs(1),
	}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&userName, "user-name", "", "the userName")
	cmd.Flags().StringVar(&displayName, "display-name", "", "the displayName")
	cmd.Flags().StringVar(&email, "email", "", "the primary e-mail address")
	cmd.Flags().StringVar(&externalID, "external-id", "", "the externalId, by which a directory adopts the user")
	cmd.Flags().BoolVar(&active, "active", false, "whether the user is active")
	cmd.Flags().Int64Var(&revision, "revision", 0, "change it only if this is its revision, as JSON output shows it (default: change it in any case)")
	cmd.RunE = c.call(updatedUser, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		change := &identityv1.DetachedUser{
			UserName: given(cmd, "user-name", &userName), DisplayName: given(cmd, "display-name", &displayName),
			Email: given(cmd, "email", &email), ExternalId: given(cmd, "external-id", &externalID), Active: given(cmd, "active", &active),
		}
		return updateUser(ctx, conn, organization, args[0], change, revision)
	})
	return cmd
}

func userDeactivateCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{
		Use: "deactivate USER", Short: "Make a detached user inactive, by id or userName: it soon has no access.", Args: cobra.ExactArgs(1),
	}
	organizationFlag(cmd, &organization)
	cmd.RunE = c.call(updatedUser, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return updateUser(ctx, conn, organization, args[0], &identityv1.DetachedUser{Active: new(bool)}, 0)
	})
	return cmd
}

func updateUser(ctx context.Context, conn grpc.ClientConnInterface, organization, user string, change *identityv1.DetachedUser, revision int64) (proto.Message, error) {
	id, err := userID(ctx, conn, organization, user)
	if err != nil {
		return nil, err
	}
	return identityv1.NewDetachedUserServiceClient(conn).UpdateUser(ctx, &identityv1.UpdateUserRequest{
		OrganizationId: organization, UserId: id, User: change, Revision: revision,
	})
}

func roleValuesCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{
		Use: "role-values [PREFIX]", Short: "List the different values of users' SCIM roles that begin with PREFIX, and how many users have each.",
		Args: cobra.MaximumNArgs(1),
	}
	organizationFlag(cmd, &organization)
	limit := limitFlag(cmd)
	cmd.RunE = c.call("value users.count users.at_least", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return pages(*limit, func(size int32, token string) (*identityv1.ListRoleValuesResponse, int, string, error) {
			r, err := identityv1.NewPeopleServiceClient(conn).ListRoleValues(ctx, &identityv1.ListRoleValuesRequest{
				OrganizationId: organization, Query: prefix(args), PageSize: size, PageToken: token,
			})
			return r, len(r.GetValues()), r.GetNextPageToken(), err
		})
	})
	return cmd
}
