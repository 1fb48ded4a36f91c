package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
)

const groupColumns = "id display_name external_id directory_id detached"

func groupCommand(c *client) *cobra.Command {
	return noun("group", "Groups, as IdPs send them.", groupListCommand(c), groupGetCommand(c), groupMembersCommand(c), groupNestedCommand(c))
}

// groupID returns the id of a group, which is given by id or, if no other group has the same name, by displayName.
func groupID(ctx context.Context, conn grpc.ClientConnInterface, organization, group string) (string, error) {
	if _, err := uuid.Parse(group); err == nil {
		return group, nil
	}
	if group == "" {
		return "", errors.New("name a group by id or displayName")
	}
	r, err := identityv1.NewReadServiceClient(conn).FindGroups(ctx, &identityv1.FindGroupsRequest{OrganizationId: organization, DisplayName: group, PageSize: 2})
	if err != nil {
		return "", err
	}
	switch found := r.GetGroups(); len(found) {
	case 0:
		return "", failed(fmt.Errorf("there is no group %q", group))
	case 1:
		return found[0].GetId(), nil
	}
	return "", failed(fmt.Errorf("several groups have the name %q: name the group by its id, as group list shows it", group))
}

func groupListCommand(c *client) *cobra.Command {
	var organization, directory string
	cmd := &cobra.Command{Use: "list [QUERY]", Short: "List groups, or those whose displayName begins with QUERY.", Args: cobra.MaximumNArgs(1)}
	organizationFlag(cmd, &organization)
	cmd.Flags().StringVar(&directory, "directory", "", "list only groups of this directory")
	limit := limitFlag(cmd)
	cmd.RunE = c.call(groupColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return pages(*limit, func(size int32, token string) (*identityv1.SearchGroupsResponse, int, string, error) {
			r, err := identityv1.NewPeopleServiceClient(conn).SearchGroups(ctx, &identityv1.SearchGroupsRequest{
				OrganizationId: organization, Query: prefix(args), DirectoryId: directory, PageSize: size, PageToken: token,
			})
			return r, len(r.GetGroups()), r.GetNextPageToken(), err
		})
	})
	return cmd
}

func groupGetCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{Use: "get GROUP", Short: "Show a group and its size, by id or displayName.", Args: cobra.ExactArgs(1)}
	organizationFlag(cmd, &organization)
	columns := "group.id group.display_name group.external_id group.directory_id group.detached direct_users.count all_users.count all_users.at_least"
	cmd.RunE = c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		id, err := groupID(ctx, conn, organization, args[0])
		if err != nil {
			return nil, err
		}
		return identityv1.NewPeopleServiceClient(conn).GetGroup(ctx, &identityv1.GetGroupRequest{OrganizationId: organization, GroupId: id})
	})
	return cmd
}

func groupMembersCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{Use: "members GROUP", Short: "List the direct members of a group, by id or displayName.", Args: cobra.ExactArgs(1)}
	organizationFlag(cmd, &organization)
	names := cmd.Flags().Bool("names", false, "show the name and state of each member")
	limit := limitFlag(cmd)
	list := func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		id, err := groupID(ctx, conn, organization, args[0])
		if err != nil {
			return nil, err
		}
		return pages(*limit, func(size int32, token string) (*identityv1.ListMembersResponse, int, string, error) {
			r, err := identityv1.NewReadServiceClient(conn).ListMembers(ctx, &identityv1.ListMembersRequest{
				OrganizationId: organization, GroupId: id, Names: *names, PageSize: size, PageToken: token,
			})
			return r, len(r.GetMembers()), r.GetNextPageToken(), err
		})
	}
	cmd.RunE = c.show(func(cmd *cobra.Command, message proto.Message) error {
		columns := "id type carried"
		if *names {
			columns = "id type name display_name inactive carried"
		}
		return c.print(cmd.OutOrStdout(), message, columns)
	}, list)
	return cmd
}

func groupNestedCommand(c *client) *cobra.Command {
	var organization string
	cmd := &cobra.Command{
		Use: "nested GROUP", Short: "List the groups in a group, or those that it is in, by id or displayName.", Args: cobra.ExactArgs(1),
	}
	organizationFlag(cmd, &organization)
	members := cmd.Flags().Bool("members", false, "list the groups that are direct members")
	containers := cmd.Flags().Bool("containers", false, "list the groups that have it as a direct member")
	limit := limitFlag(cmd)
	cmd.RunE = c.call(groupColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		if *members == *containers {
			return nil, errors.New("one of --members and --containers must be set")
		}
		nesting := identityv1.Nesting_NESTING_MEMBERS
		if *containers {
			nesting = identityv1.Nesting_NESTING_CONTAINERS
		}
		id, err := groupID(ctx, conn, organization, args[0])
		if err != nil {
			return nil, err
		}
		return pages(*limit, func(size int32, token string) (*identityv1.ListNestedGroupsResponse, int, string, error) {
			r, err := identityv1.NewPeopleServiceClient(conn).ListNestedGroups(ctx, &identityv1.ListNestedGroupsRequest{
				OrganizationId: organization, GroupId: id, Nesting: nesting, PageSize: size, PageToken: token,
			})
			return r, len(r.GetGroups()), r.GetNextPageToken(), err
		})
	})
	return cmd
}
