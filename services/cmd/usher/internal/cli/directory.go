package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	directoryv1 "github.com/usher-scim/usher/gen/go/usher/directory/v1"
	identityv1 "github.com/usher-scim/usher/gen/go/usher/identity/v1"
	"github.com/usher-scim/usher/services/internal/fault"
	"github.com/usher-scim/usher/services/internal/rpc"
	"github.com/usher-scim/usher/services/internal/wait"
)

const (
	organizationColumns = "id display_name federated create_time"
	directoryColumns    = "id display_name state mode unique_group_names base_url create_time valid_key_count earliest_key_expire_time refused_count last_refusal_time last_refusal_reason"
	keyColumns          = "id display_name create_time created_by expire_time expiry_state revoke_time last_use_time last_use_address"
)

func organizationCommand(c *client) *cobra.Command {
	var name string
	var federated bool
	create := &cobra.Command{Use: "create ID", Short: "Add an organization.", Args: cobra.ExactArgs(1)}
	create.RunE = c.create(create, organizationColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string, requestID string) (proto.Message, error) {
		return directoryv1.NewOrganizationServiceClient(conn).CreateOrganization(ctx, &directoryv1.CreateOrganizationRequest{
			Organization: &directoryv1.Organization{Id: args[0], DisplayName: given(create, "name", &name), Federated: &federated}, RequestId: requestID,
		})
	})
	create.Flags().StringVar(&name, "name", "", "a name for people (default: the id)")
	create.Flags().BoolVar(&federated, "federated", false, "its users sign in through its IdP, so it may use SCIM")

	get := &cobra.Command{
		Use: "get ID", Short: "Show an organization.", Args: cobra.ExactArgs(1),
		RunE: c.call(organizationColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
			return directoryv1.NewOrganizationServiceClient(conn).GetOrganization(ctx, &directoryv1.GetOrganizationRequest{OrganizationId: args[0]})
		}),
	}
	list := listCommand("List organizations.", c, organizationColumns, nil, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
		r, err := directoryv1.NewOrganizationServiceClient(conn).ListOrganizations(ctx, &directoryv1.ListOrganizationsRequest{PageToken: token})
		return r, r.GetNextPageToken(), err
	})
	update := &cobra.Command{
		Use: "update ID", Short: "Change an organization.", Args: cobra.ExactArgs(1),
	}
	update.Flags().StringVar(&name, "name", "", "a name for people")
	update.Flags().BoolVar(&federated, "federated", false, "whether its users sign in through its IdP; if not, its directories are suspended")
	etag := etagFlag(update)
	update.RunE = c.call(organizationColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		values := &directoryv1.Organization{DisplayName: given(update, "name", &name), Federated: given(update, "federated", &federated)}
		if proto.Size(values) == 0 {
			return nil, errors.New("nothing to change: give --name or --federated")
		}
		values.Etag = *etag
		return directoryv1.NewOrganizationServiceClient(conn).UpdateOrganization(ctx,
			&directoryv1.UpdateOrganizationRequest{OrganizationId: args[0], Organization: values})
	})
	return noun("org", "Organizations: the vendor's customers.", create, get, list, update, eraseCommand(c))
}

func eraseCommand(c *client) *cobra.Command {
	var yes, untilGone bool
	erase := &cobra.Command{Use: "erase ID", Short: "Delete an organization and all its data for good.", Args: cobra.ExactArgs(1)}
	erase.Flags().BoolVar(&yes, "yes", false, "confirm that its data is not needed any more (required)")
	erase.Flags().BoolVar(&untilGone, "wait", false, "show the services that still have data of it, until none has")
	erase.RunE = func(cmd *cobra.Command, args []string) error {
		if !yes {
			return fmt.Errorf("this removes all directories, users, groups, rules, access and events of %q, and cannot be undone: add --yes", args[0])
		}
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		organizations := directoryv1.NewOrganizationServiceClient(conn)
		erased, err := organizations.EraseOrganization(ctx, &directoryv1.EraseOrganizationRequest{OrganizationId: args[0]})
		if err != nil {
			return answered(err)
		}
		for shown := ""; untilGone; {
			r, err := organizations.GetOrganization(ctx, &directoryv1.GetOrganizationRequest{OrganizationId: args[0]})
			if err != nil && rpc.Fault(err).Reason == fault.NotFound {
				cmd.PrintErrln("It is gone.")
				return nil
			}
			if err != nil {
				return answered(err)
			}
			if left := strings.Join(r.GetOrganization().GetErasingServices(), ", "); left != shown {
				cmd.PrintErrf("Still in: %s\n", left)
				shown = left
			}
			if !wait.Sleep(ctx, erasePoll) {
				return failed(ctx.Err())
			}
		}
		return c.print(cmd.OutOrStdout(), erased, "id erase_time erasing_services")
	}
	return erase
}

// erasePoll is how often a waiting command checks whether an organization has been erased.
const erasePoll = 500 * time.Millisecond

// given returns a flag's value, or nil if the flag was not given: an update changes only the given fields.
func given[T any](cmd *cobra.Command, flag string, value *T) *T {
	if cmd.Flags().Changed(flag) {
		return value
	}
	return nil
}

// listCommand creates a verb that reads all pages of a list and prints them as one.
func listCommand(short string, c *client, columns string, flags func(*cobra.Command), page func(ctx context.Context, conn grpc.ClientConnInterface, token string) (message proto.Message, next string, err error)) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: short, Args: cobra.NoArgs}
	if flags != nil {
		flags(cmd)
	}
	cmd.RunE = c.call(columns, func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		return allPages(ctx, conn, page)
	})
	return cmd
}

// allPages reads a list and merges its pages into one answer.
func allPages(ctx context.Context, conn grpc.ClientConnInterface, page func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error)) (proto.Message, error) {
	var all proto.Message
	for token := ""; ; {
		message, next, err := page(ctx, conn, token)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = message
		} else {
			proto.Merge(all, message)
		}
		if token = next; token == "" {
			if field := all.ProtoReflect().Descriptor().Fields().ByName("next_page_token"); field != nil {
				all.ProtoReflect().Clear(field)
			}
			return all, nil
		}
	}
}

func directoryCommand(c *client) *cobra.Command {
	var organization, name, replaces string
	var strict, unique, byName, afresh, deleted bool
	mode := func() directoryv1.DirectoryMode {
		if strict {
			return directoryv1.DirectoryMode_DIRECTORY_MODE_STRICT
		}
		return directoryv1.DirectoryMode_DIRECTORY_MODE_TOLERANT
	}
	create := &cobra.Command{Use: "create", Short: "Connect an IdP: prints the Base URL and, once, the API key.", Args: cobra.NoArgs}
	organizationFlag(create, &organization)
	create.Flags().StringVar(&name, "name", "", "a name for people (required)")
	create.Flags().BoolVar(&strict, "strict", false, "accept only what the RFCs allow, and no PATCH operations without a path")
	create.Flags().BoolVar(&unique, "unique-group-names", false, "refuse a second group of a name")
	create.Flags().StringVar(&replaces, "replaces", "", "the id of the deleted directory whose users and groups it adopts (default: the only one)")
	create.Flags().BoolVar(&byName, "adopt-by-name", false, "adopt users by userName and groups by displayName even if externalIds differ: for another IdP")
	create.Flags().BoolVar(&afresh, "replace-none", false, "adopt nothing")
	_ = create.MarkFlagRequired("name") // the flag exists
	repeat := repeatableFlags(create)
	create.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		r, err := directoryv1.NewDirectoryServiceClient(conn).CreateDirectory(ctx, &directoryv1.CreateDirectoryRequest{
			OrganizationId: organization, ReplaceNone: afresh, RequestId: repeat.requestID(),
			Directory: &directoryv1.Directory{DisplayName: &name, Mode: mode(), UniqueGroupNames: &unique, AdoptByName: &byName, ReplacesId: replaces},
		})
		if err != nil {
			return repeat.failed(err)
		}
		if c.output == "json" {
			return printJSON(cmd.OutOrStdout(), r)
		}
		cmd.Printf("Directory  %s\nBase URL   %s\n", r.GetDirectory().GetId(), r.GetDirectory().GetBaseUrl())
		if r.GetSecretOmitted() {
			cmd.Printf("\nA call before this one created it, and showed its API key. If that was lost, create another key and revoke that one.\n")
			return nil
		}
		cmd.Printf("API key    %s\n\nThe key is shown only now. Give both to the IdP.\n", r.GetSecret())
		return nil
	}
	get := &cobra.Command{Use: "get ID", Short: "Show a directory.", Args: cobra.ExactArgs(1)}
	organizationFlag(get, &organization)
	get.RunE = c.call(directoryColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return directoryv1.NewDirectoryServiceClient(conn).GetDirectory(ctx, &directoryv1.GetDirectoryRequest{OrganizationId: organization, Id: args[0]})
	})
	list := listCommand("List an organization's directories.", c, directoryColumns, func(cmd *cobra.Command) {
		organizationFlag(cmd, &organization)
		cmd.Flags().BoolVar(&deleted, "deleted", false, "list deleted directories, too")
	}, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
		r, err := directoryv1.NewDirectoryServiceClient(conn).ListDirectories(ctx,
			&directoryv1.ListDirectoriesRequest{OrganizationId: organization, PageToken: token, ShowDeleted: deleted})
		return r, r.GetNextPageToken(), err
	})
	update := &cobra.Command{Use: "update ID", Short: "Change a directory.", Args: cobra.ExactArgs(1)}
	organizationFlag(update, &organization)
	update.Flags().StringVar(&name, "name", "", "a name for people")
	update.Flags().BoolVar(&strict, "strict", false, "accept only what the RFCs allow, and no PATCH operations without a path")
	update.Flags().BoolVar(&unique, "unique-group-names", false, "refuse a second group of a name")
	update.Flags().BoolVar(&byName, "adopt-by-name", false, "adopt users by userName and groups by displayName even if externalIds differ: for another IdP")
	etag := etagFlag(update)
	update.RunE = c.call(directoryColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		values := &directoryv1.Directory{DisplayName: given(update, "name", &name), UniqueGroupNames: given(update, "unique-group-names", &unique), AdoptByName: given(update, "adopt-by-name", &byName)}
		if update.Flags().Changed("strict") {
			values.Mode = mode()
		}
		if proto.Size(values) == 0 {
			return nil, errors.New("nothing to change: give --name, --strict, --unique-group-names or --adopt-by-name")
		}
		values.Etag = *etag
		return directoryv1.NewDirectoryServiceClient(conn).UpdateDirectory(ctx,
			&directoryv1.UpdateDirectoryRequest{OrganizationId: organization, Id: args[0], Directory: values})
	})
	remove := &cobra.Command{Use: "delete ID", Short: "Disconnect the IdP. This takes no access away.", Args: cobra.ExactArgs(1)}
	organizationFlag(remove, &organization)
	remove.RunE = c.call(directoryColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return directoryv1.NewDirectoryServiceClient(conn).DeleteDirectory(ctx, &directoryv1.DeleteDirectoryRequest{OrganizationId: organization, Id: args[0]})
	})
	carried := &cobra.Command{Use: "carried ID", Short: "List memberships taken over from a replaced directory that the IdP has not confirmed.", Args: cobra.ExactArgs(1)}
	organizationFlag(carried, &organization)
	carried.RunE = c.call("group_id member.id member.type", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return allPages(ctx, conn, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			r, err := identityv1.NewAdoptionServiceClient(conn).ListCarriedMembers(ctx,
				&identityv1.ListCarriedMembersRequest{OrganizationId: organization, DirectoryId: args[0], PageToken: token})
			return r, r.GetNextPageToken(), err
		})
	})
	finish := &cobra.Command{Use: "finish-adoption ID", Short: "Remove the memberships that 'carried' lists.", Args: cobra.ExactArgs(1)}
	organizationFlag(finish, &organization)
	finish.RunE = c.call("removed_count", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return identityv1.NewAdoptionServiceClient(conn).FinishAdoption(ctx, &identityv1.FinishAdoptionRequest{OrganizationId: organization, DirectoryId: args[0]})
	})
	quirks := &cobra.Command{Use: "quirks ID", Short: "List the quirks of the IdP's messages (JSON output: ignored values and suggested schemas, too).", Args: cobra.ExactArgs(1)}
	organizationFlag(quirks, &organization)
	quirks.RunE = c.call("name message_count last_time specification meaning", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return identityv1.NewDialectServiceClient(conn).ListQuirks(ctx, &identityv1.ListQuirksRequest{OrganizationId: organization, DirectoryId: args[0]})
	})
	return noun("directory", "Directories: connections from IdPs.", create, get, list, update, remove, carried, finish, quirks,
		activityCommand(c), progressCommand(c), unadoptedCommand(c))
}

func progressCommand(c *client) *cobra.Command {
	var organization string
	progress := &cobra.Command{
		Use: "progress ID", Short: "Show which steps an IdP has taken, and which attributes its newest users have.", Args: cobra.ExactArgs(1),
	}
	organizationFlag(progress, &organization)
	progress.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel, conn, err := c.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer cancel()
		r, err := identityv1.NewProgressServiceClient(conn).GetDirectoryProgress(ctx, &identityv1.GetDirectoryProgressRequest{
			OrganizationId: organization, DirectoryId: args[0],
		})
		if err != nil {
			return answered(err)
		}
		if c.output == "json" {
			return printJSON(cmd.OutOrStdout(), r)
		}
		p := r.GetProgress()
		cmd.Printf("Users   %d\nGroups  %d\n\n", p.GetUserCount(), p.GetGroupCount())
		if err := c.print(cmd.OutOrStdout(), p, "kind first_time last_time message_count last_message_id"); err != nil {
			return err
		}
		cmd.Printf("\nOf the newest %d users, so many have:\n", r.GetSampledUserCount())
		return c.print(cmd.OutOrStdout(), r, "path user_count")
	}
	return progress
}

func unadoptedCommand(c *client) *cobra.Command {
	var organization string
	unadopted := &cobra.Command{
		Use: "unadopted ID", Short: "List the users and groups of replaced directories that this directory has not adopted.", Args: cobra.ExactArgs(1),
	}
	organizationFlag(unadopted, &organization)
	unadopted.RunE = c.call("id resource_type directory_id name external_id", func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return allPages(ctx, conn, func(ctx context.Context, conn grpc.ClientConnInterface, token string) (proto.Message, string, error) {
			r, err := identityv1.NewAdoptionServiceClient(conn).ListUnadopted(ctx,
				&identityv1.ListUnadoptedRequest{OrganizationId: organization, DirectoryId: args[0], PageToken: token})
			return r, r.GetNextPageToken(), err
		})
	})
	return unadopted
}

func keyCommand(c *client) *cobra.Command {
	var organization, directory, name string
	var expires time.Duration
	flags := func(cmd *cobra.Command) {
		organizationFlag(cmd, &organization)
		cmd.Flags().StringVar(&directory, "directory", "", "id of the directory (required)")
		_ = cmd.MarkFlagRequired("directory") // the flag exists
	}
	create := &cobra.Command{Use: "create", Short: "Add an API key: prints its secret once.", Args: cobra.NoArgs}
	flags(create)
	create.Flags().StringVar(&name, "name", "", "a name for people")
	create.Flags().DurationVar(&expires, "expires-in", 0, "stop working after this long (default: never)")
	create.RunE = c.create(create, "api_key.id secret secret_omitted", func(ctx context.Context, conn grpc.ClientConnInterface, _ []string, requestID string) (proto.Message, error) {
		key := &directoryv1.ApiKey{DisplayName: name}
		if expires != 0 {
			key.ExpireTime = expiry(requestID, expires)
		}
		return directoryv1.NewApiKeyServiceClient(conn).CreateApiKey(ctx,
			&directoryv1.CreateApiKeyRequest{OrganizationId: organization, DirectoryId: directory, ApiKey: key, RequestId: requestID})
	})
	list := &cobra.Command{Use: "list", Short: "List a directory's keys.", Args: cobra.NoArgs}
	flags(list)
	list.RunE = c.call(keyColumns, func(ctx context.Context, conn grpc.ClientConnInterface, _ []string) (proto.Message, error) {
		return directoryv1.NewApiKeyServiceClient(conn).ListApiKeys(ctx, &directoryv1.ListApiKeysRequest{OrganizationId: organization, DirectoryId: directory})
	})
	var overlap time.Duration
	rotate := &cobra.Command{Use: "rotate ID", Short: "Replace a key: prints the new secret once. The old key works for a while.", Args: cobra.ExactArgs(1)}
	flags(rotate)
	overlapFlag(rotate, &overlap)
	rotate.Flags().StringVar(&name, "name", "", "a name for people (default: that of the old key)")
	rotate.RunE = c.create(rotate, "api_key.id secret secret_omitted old_api_key.expire_time", func(ctx context.Context, conn grpc.ClientConnInterface, args []string, requestID string) (proto.Message, error) {
		return directoryv1.NewApiKeyServiceClient(conn).RotateApiKey(ctx, &directoryv1.RotateApiKeyRequest{
			OrganizationId: organization, DirectoryId: directory, Id: args[0], DisplayName: name, Overlap: durationpb.New(overlap), RequestId: requestID,
		})
	})
	revoke := &cobra.Command{Use: "revoke ID", Short: "End a key.", Args: cobra.ExactArgs(1)}
	flags(revoke)
	revoke.RunE = c.call(keyColumns, func(ctx context.Context, conn grpc.ClientConnInterface, args []string) (proto.Message, error) {
		return directoryv1.NewApiKeyServiceClient(conn).RevokeApiKey(ctx, &directoryv1.RevokeApiKeyRequest{OrganizationId: organization, DirectoryId: directory, Id: args[0]})
	})
	return noun("key", "API keys: how an IdP signs in to its directory.", create, list, rotate, revoke)
}
